#include "table_check.h"

#include <pybind11/stl.h>

#include "config.h"
#include "writebehind/table_check.h"

namespace py = pybind11;

namespace writebehind::bindings {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Hashes = std::vector<std::pair<std::string, std::optional<Pairs>>>;

// The callables of the options are Python's: what calls them takes the GIL itself, and they are let go of with it.
struct Check {
  explicit Check(const py::dict& config) : table(PipelineOptionsOf(config, &callables)) {}
  ~Check() {
    for (const auto& callable : callables) callable->LetGo();
  }
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;

  Callables callables;
  TableCheck table;
};

const char* KindText(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::kEqual: return "equal";
    case Finding::Kind::kDiffers: return "differs";
    case Finding::Kind::kMissing: return "missing";
    case Finding::Kind::kExtra: return "extra";
    case Finding::Kind::kRefused: return "refused";
    case Finding::Kind::kDropped: return "dropped";
  }
  return "";
}

py::list Compare(Check& self, const Hashes& hashes) {
  std::vector<std::vector<Field>> fields;
  std::vector<HashState> states;
  for (const auto& [key, pairs] : hashes) {
    auto& own = fields.emplace_back();
    if (pairs) {
      for (const auto& [name, value] : *pairs) own.push_back({name, value, true});
    }
    states.push_back({key, own, !pairs.has_value()});
  }
  std::vector<Finding> findings;
  Unlocked([&] { return self.table.Compare(states, &findings); });
  py::list answer;
  for (const Finding& one : findings) answer.append(py::make_tuple(KindText(one.kind), one.column, one.redis, one.table));
  return answer;
}

py::list NextPage(Check& self, std::size_t rows) {
  std::vector<std::string> keys;
  Unlocked([&] { return self.table.NextPage(rows, &keys); });
  py::list answer;
  for (const std::string& key : keys) answer.append(py::bytes(key));
  return answer;
}

}  // namespace

void DefineTableCheck(py::module_& module) {
  py::class_<Check>(module, "TableCheck")
      .def(py::init<const py::dict&>(), py::arg("config"))
      .def("open", [](Check& self) { Unlocked([&] { return self.table.Open(); }); })
      .def("compare", &Compare, py::arg("hashes"))
      .def("next_page", &NextPage, py::arg("rows"));
}

}  // namespace writebehind::bindings
