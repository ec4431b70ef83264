// The Python extension writebehind._core: thin. All that can block releases the GIL.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "config.h"
#include "table_check.h"
#include "writebehind/logging.h"
#include "writebehind/pipeline.h"

namespace py = pybind11;

namespace writebehind::bindings {
namespace {

// Destroying a pipeline waits for threads that may want the GIL. Those that hang for longer are left to
// themselves, but not with what they would call.
struct Unlock {
  void operator()(Pipeline* pipeline) const {
    {
      const py::gil_scoped_release unlocked;
      delete pipeline;  // Python owned it
    }
    for (const auto& callable : callables) callable->LetGo();
  }
  Callables callables;
};
using Handle = std::unique_ptr<Pipeline, Unlock>;

Handle MakePipeline(const py::dict& config) {
  Callables callables;
  PipelineOptions options = PipelineOptionsOf(config, &callables);
  return {new Pipeline(std::move(options)), Unlock{std::move(callables)}};
}

py::dict StatusOf(const Pipeline& pipeline) {
  const StatusBoard::Snapshot now = pipeline.board().Get();
  const Counters& counters = pipeline.board().counters;
  py::dict status;
  status["state"] = StateText(now.state);
  status["message"] = now.message;
  status["settled_id"] = now.settled.ToString();
  status["lag_ms"] = pipeline.lag().count();
  status["written"] = counters.written.load();
  status["coalesced"] = counters.coalesced.load();
  status["filtered"] = counters.filtered.load();
  status["rejected"] = counters.rejected.load();
  status["skipped"] = counters.skipped.load();
  status["batches"] = counters.batches.load();
  status["retries"] = counters.retries.load();
  status["bytes"] = counters.bytes.load();
  return status;
}

LogLevel LevelOf(const std::string& name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  throw py::value_error("no log level '" + name + "': debug, info, warning or error");
}

}  // namespace

PYBIND11_MODULE(_core, module) {
  module.doc() = "The C++ core of writebehind.";
  module.attr("__version__") = WB_VERSION;

  module.def("sink_kinds", &SinkKinds);
  module.def(
      "schema_sql",
      [](const std::string& kind, const std::string& json, const std::string& exactly_once_table) {
        Definition definition;
        Raise(Definition::Parse(json, 0, &definition));
        std::vector<std::string> all;
        for (const Output& output : definition.outputs) Raise(SchemaSql(kind, output, exactly_once_table, &all));
        return all;
      },
      py::arg("kind"), py::arg("definition"), py::arg("exactly_once_table"));
  module.def(
      "explain",
      [](const py::dict& sink, const std::string& definition) {
        Callables callables;
        const SinkOptions options = SinkOptionsOf(sink, &callables);
        std::vector<std::string> statements;
        Unlocked([&] { return Explain(options, definition, &statements); });
        return statements;
      },
      py::arg("sink"), py::arg("definition"));
  module.def(
      "set_logging", [](const std::string& level, bool json) { SetLogging(LevelOf(level), json); }, py::arg("level"), py::arg("json"));

  py::class_<Pipeline, Handle>(module, "Pipeline")
      .def(py::init(&MakePipeline), py::arg("config"))
      .def(
          "check",
          [](Pipeline& self, const std::string& definition) {
            std::vector<std::string> warnings;
            Unlocked([&] { return self.Check(definition, &warnings); });
            return warnings;
          },
          py::arg("definition"))
      .def("start", [](Pipeline& self) { Unlocked([&] { return self.Start(); }); })
      .def(
          "stop", [](Pipeline& self, std::int64_t timeout_ms) { return self.Stop(std::chrono::milliseconds(timeout_ms)); },
          py::arg("timeout_ms"), py::call_guard<py::gil_scoped_release>())
      .def(
          "wait", [](Pipeline& self, std::int64_t timeout_ms) { return self.Wait(std::chrono::milliseconds(timeout_ms)); },
          py::arg("timeout_ms"), py::call_guard<py::gil_scoped_release>())
      .def("status", [](const Pipeline& self) { return StatusOf(self); });
  DefineTableCheck(module);
}

}  // namespace writebehind::bindings
