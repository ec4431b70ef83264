#include "python_sink.h"

#include <pybind11/stl.h>

#include <iomanip>
#include <map>
#include <sstream>
#include <utility>

#include "convert.h"

namespace py = pybind11;

namespace writebehind::bindings {
namespace {

using namespace py::literals;

const std::map<std::string, TypeKind>& Kinds() {
  static const std::map<std::string, TypeKind> kinds = {
      {"boolean", TypeKind::kBoolean},     {"integer", TypeKind::kInteger}, {"numeric", TypeKind::kNumeric}, {"float", TypeKind::kFloat},
      {"text", TypeKind::kText},           {"bytes", TypeKind::kBytes},     {"date", TypeKind::kDate},       {"time", TypeKind::kTime},
      {"timestamp", TypeKind::kTimestamp}, {"uuid", TypeKind::kUuid},       {"json", TypeKind::kJson},       {"enum", TypeKind::kEnum},
      {"other", TypeKind::kOther}};
  return kinds;
}

template <class T>
void Take(const py::dict& from, const char* key, T* to) {
  if (from.contains(key)) *to = from[key].cast<T>();
}

Column ColumnOf(const py::dict& given) {
  Column column;
  Take(given, "name", &column.name);
  Take(given, "nullable", &column.nullable);
  Take(given, "has_default", &column.has_default);
  Take(given, "generated", &column.generated);
  Take(given, "primary_key", &column.primary_key);
  ColumnType& type = column.type;
  type.kind = Kinds().at(given["kind"].cast<std::string>());
  Take(given, "type", &type.name);
  Take(given, "bits", &type.bits);
  Take(given, "precision", &type.precision);
  Take(given, "scale", &type.scale);
  Take(given, "is_unsigned", &type.is_unsigned);
  Take(given, "boolean_words", &type.boolean_words);
  Take(given, "is_year", &type.is_year);
  Take(given, "as_double", &type.as_double);
  Take(given, "max_length", &type.max_length);
  Take(given, "max_bytes", &type.max_bytes);
  Take(given, "pads", &type.pads);
  Take(given, "max_hours", &type.max_hours);
  Take(given, "with_zone", &type.with_zone);
  Take(given, "labels", &type.labels);
  Take(given, "is_set", &type.is_set);
  Take(given, "allows_nan", &type.allows_nan);
  Take(given, "allows_infinity", &type.allows_infinity);
  Take(given, "allows_nul", &type.allows_nul);
  Take(given, "ignores_spaces", &type.ignores_spaces);
  Take(given, "case_insensitive", &type.case_insensitive);
  Take(given, "reads_numbers", &type.reads_numbers);
  Take(given, "has_spellings", &type.has_spellings);
  return column;
}

const char* KindName(TypeKind kind) {
  for (const auto& [name, known] : Kinds()) {
    if (known == kind) return name.c_str();
  }
  return "other";
}

py::list ColumnsOf(const std::vector<Column>& columns) {
  py::list made;
  for (const Column& column : columns) made.append(py::make_tuple(column.name, KindName(column.type.kind), column.type.with_zone));
  return made;
}

py::object PlanOf(const TablePlan& plan) {
  return py::module_::import("writebehind.sinks")
      .attr("Plan")("id"_a = plan.id, "schema"_a = plan.table.schema, "table"_a = plan.table.table, "keys"_a = py::tuple(ColumnsOf(plan.keys)),
                    "columns"_a = py::tuple(ColumnsOf(plan.columns)), "update_first"_a = plan.update_first);
}

py::object CellOf(const Cell& cell, TypeKind kind) {
  switch (cell.state) {
    case Cell::State::kNull:
      return py::none();
    case Cell::State::kKeep:
      return py::ellipsis();
    case Cell::State::kValue:
      break;
  }
  if (kind == TypeKind::kBytes) return py::bytes(cell.text.data(), cell.text.size());
  return Decode(cell.text);
}

py::tuple RowOf(const WriteRequest& request, const Row& row) {
  const std::size_t width = row.is_delete ? request.plan.keys.size() : request.plan.width();
  py::tuple cells(width);
  for (std::size_t i = 0; i < width; ++i) cells[i] = CellOf(row.cells[i], request.plan.column(i).type.kind);
  py::object key = py::none();
  py::object id = py::none();
  if (row.record < request.records.size()) {
    key = Decode(request.records[row.record]->key);
    id = py::str(request.records[row.record]->id.ToString());
  }
  return py::make_tuple(row.is_delete, row.replaces, cells, key, id);
}

class PythonSink final : public Sink {
 public:
  explicit PythonSink(py::object sink) : sink_(std::move(sink)) {}
  ~PythonSink() override { Close(); }

  Status Open() override {
    return Run([&] { Get("open")(); });
  }

  Status Describe(const TableName& table, Catalog* catalog) override {
    return Run([&] {
      *catalog = {};
      const py::object found = Get("describe")(table.schema, table.table);
      if (found.is_none()) return;
      const auto given = found.cast<py::dict>();
      for (const auto& column : given["columns"]) catalog->columns.push_back(ColumnOf(column.cast<py::dict>()));
      Take(given, "unique_keys", &catalog->unique_keys);
      Take(given, "constraints", &catalog->constraints);
      Take(given, "transactional", &catalog->transactional);
    });
  }

  Status LoadCheckpoint(const std::string& id, StreamId* position) override {
    return Run([&] {
      const auto text = Get("load_checkpoint")(id).cast<std::string>();
      const auto found = StreamId::Parse(text);
      if (!found) throw py::value_error("the checkpoint '" + id + "' is no stream ID");
      *position = *found;
    });
  }

  WriteResult Write(const WriteRequest& request) override {
    WriteResult result;
    result.status = Run([&] {
      py::list rows;
      for (const Row& row : request.rows) rows.append(RowOf(request, row));
      py::object move = py::none();
      if (request.checkpoint != nullptr) {
        move = py::make_tuple(request.checkpoint->id, request.checkpoint->from.ToString(), request.checkpoint->to.ToString());
      }
      try {
        if (!request.records.empty()) TellStream(request.origin, request.records.front()->identity);
        Get("write")(Plan(request.plan), rows, move);
      } catch (py::error_already_set& error) {
        if (!error.matches(py::module_::import("writebehind.errors").attr("RowsRefused"))) throw;
        ReadRefused(error, request.rows.size(), &result);
      }
    });
    if (result.status.ok() && !result.refused.empty()) result.status = {Code::kRefused, result.refused.front().reason};
    return result;
  }

  std::vector<std::string> Warnings() override {
    std::vector<std::string> warnings;
    (void)Run([&] { warnings = Get("warnings")().cast<std::vector<std::string>>(); });
    return warnings;
  }

  void ForgetCheckpoint(const std::string& id) override {
    (void)Run([&] { Get("forget_checkpoint")(id); });
  }

  std::vector<std::string> Explain(const TablePlan& plan) override {
    std::vector<std::string> statements;
    (void)Run([&] { statements = Get("explain")(PlanOf(plan)).cast<std::vector<std::string>>(); });
    return statements;
  }

  void Cancel() noexcept override {
    (void)Run([&] { Get("cancel")(); });
  }

  void Close() noexcept override {
    if (std::exchange(closed_, true)) return;
    (void)Run([&] { Get("close")(); });
  }

 private:
  template <class Body>
  static Status Run(const Body& body) noexcept {
    if (IsEnding()) return {Code::kStopped, "Python ends"};
    try {
      const py::gil_scoped_acquire gil;
      try {
        body();
        return Status::Ok();
      } catch (py::error_already_set& error) {
        return StatusOf(error);
      } catch (const std::exception& error) {
        return {Code::kTransient, error.what()};
      }
    } catch (...) {
      return {Code::kTransient, "the Python sink failed in a way that can't be told"};
    }
  }

  py::object Get(const char* method) { return sink_.get().attr(method); }

  const py::object& Plan(const TablePlan& plan) {
    if (!plan_ || plan_id_ != plan.id) plan_ = std::make_unique<Held>(PlanOf(plan));
    plan_id_ = plan.id;
    return plan_->get();
  }

  // Only when it is another than before.
  void TellStream(std::uint64_t origin, std::uint64_t identity) {
    if (std::pair(origin, identity) == stream_) return;
    const auto text = [](std::uint64_t number) {
      std::ostringstream made;
      made << std::hex << std::setw(16) << std::setfill('0') << number;
      return made.str();
    };
    Get("stream")(text(origin), text(identity));
    stream_ = {origin, identity};
  }

  static void ReadRefused(py::error_already_set& error, std::size_t rows, WriteResult* result) {
    for (const auto& item : error.value().attr("rows")) {
      Refusal refusal;
      refusal.row = item.attr("row").cast<std::size_t>();
      if (refusal.row >= rows) throw py::index_error("RowsRefused names a row that was not given");
      refusal.column = Encode(item.attr("column"));
      refusal.type = Encode(item.attr("type"));
      refusal.value = Encode(item.attr("value")).substr(0, 200);
      refusal.reason = Encode(item.attr("reason"));
      if (item.attr("is_constraint").cast<bool>()) refusal.constraint = Constraint::kOfRows;
      refusal.cause = Encode(item.attr("cause"));
      result->refused.push_back(std::move(refusal));
    }
  }

  Held sink_;
  std::unique_ptr<Held> plan_;
  std::uint64_t plan_id_ = 0;
  std::pair<std::uint64_t, std::uint64_t> stream_;  // what the sink was told
  bool closed_ = false;
};

// Where Python can't even make the sink: every call says why.
class FailedSink final : public Sink {
 public:
  explicit FailedSink(Status why) : why_(std::move(why)) {}
  Status Open() override { return why_; }
  Status Describe(const TableName&, Catalog*) override { return why_; }
  Status LoadCheckpoint(const std::string&, StreamId*) override { return why_; }
  WriteResult Write(const WriteRequest&) override { return {why_, {}}; }
  std::vector<std::string> Explain(const TablePlan&) override { return {}; }
  void Close() noexcept override {}

 private:
  Status why_;
};

}  // namespace

std::function<std::unique_ptr<Sink>(const SinkOptions&)> SinkMakerOf(std::shared_ptr<Held> factory) {
  return [factory = std::move(factory)](const SinkOptions&) -> std::unique_ptr<Sink> {
    if (IsEnding()) return std::make_unique<FailedSink>(Status(Code::kStopped, "Python ends"));
    const py::gil_scoped_acquire gil;
    const py::object make = factory->get();
    if (!make) return std::make_unique<FailedSink>(Status(Code::kStopped, "the pipeline is gone"));
    try {
      return std::make_unique<PythonSink>(make());
    } catch (py::error_already_set& error) {
      return std::make_unique<FailedSink>(StatusOf(error));
    }
  };
}

}  // namespace writebehind::bindings
