// PostgreSQL. A batch of one shape is one statement, which moves the checkpoint too: one round trip, its own
// transaction. Batches with deletes and upserts, or with several sets of kept columns, are a BEGIN, a
// statement each, and a COMMIT. What the database refuses is searched for in a transaction with a savepoint.
#include <algorithm>

#include "sink/binary_array.h"
#include "sink/bisect.h"
#include "sink/checkpoint.h"
#include "sink/dialect.h"
#include "sink/driver_failure.h"
#include "sink/groups.h"
#include "sink/kinds.h"
#include "sink/postgres_fence.h"
#include "sink/postgres_session.h"
#include "sink/reading.h"
#include "sink/refusal.h"
#include "sink/savepoint_sink.h"

namespace writebehind {
namespace {

constexpr std::size_t kMostKept = 8U << 20U;  // of memory from one statement to the next

class PostgresSink final : public SavepointSink {
 public:
  explicit PostgresSink(const SinkOptions& options)
      : SavepointSink(options, postgres_sql::Checkpoint), session_(options) {}

  Status Open() override;
  Status TakeFence(const Fence& fence) override { return TakePostgresFence(fence, &session_); }
  Status Describe(const TableName& table, Catalog* catalog) override;
  Status LoadCheckpoint(const std::string& id, StreamId* position) override;
  WriteResult Write(const WriteRequest& request) override;
  std::vector<std::string> Warnings() override;
  void ForgetCheckpoint(const std::string& id) override;
  std::vector<std::string> Explain(const TablePlan& plan) override;
  Status Read(const Question& question, std::vector<RowTexts>* rows) override;
  [[nodiscard]] bool MovesRows() const override { return true; }
  void Cancel() noexcept override { session_.Break(); }
  void Close() noexcept override { session_.Close(); }

 private:
  bool Run(const WriteRequest& request, const Shape& shape, Rows rows, const CheckpointMove* move);
  bool MoveAlone(const CheckpointMove& move);
  Status Unmoved(const CheckpointMove& move);
  Status WriteOnce(const WriteRequest& request, const Group& group);
  Status WriteGroups(const WriteRequest& request, const std::vector<Group>& groups);

  void Execute(const char* sql) override { session_.Execute(sql); }
  bool BeginSearch(const WriteRequest& request, Status* judged) override;
  void WriteRows(const WriteRequest& request, const Shape& shape, Rows rows) override {
    Run(request, shape, rows, nullptr);
  }
  // Without RELEASE each would be kept, with all that was done since.
  void SetSavepoint(bool again) override {
    session_.Execute(again ? "RELEASE SAVEPOINT wb; SAVEPOINT wb" : "SAVEPOINT wb");
  }

  void FindColumn(const WriteRequest& request, const Shape& shape, std::uint32_t row,
                  Refusal* refusal) override;
  Status TryCasts(const TablePlan& plan, const Row& row, Rows cells);

  std::string array_;  // the parameter being made, kept for its memory
  PostgresSession session_;
};

Status PostgresSink::Open() {
  Status status = session_.Open();
  if (!status.ok() || !once_) return status;
  status = Checked([&] {
    session_.Query(once_->probe, {});
    return Status::Ok();
  });
  if (status.code() == Code::kConfig) {
    status = MissingCheckpointTable(options_.exactly_once_table, once_->create_table);
  }
  if (!status.ok()) session_.Close();
  return status;
}

Status PostgresSink::Describe(const TableName& table, Catalog* catalog) {
  return Checked([&] {
    auto query = [this](const auto& sql, const auto& parameters) {
      return session_.Query(sql, parameters).rows;
    };
    return ReadPostgresCatalog(query, table, session_.version(), catalog);
  });
}

Status PostgresSink::LoadCheckpoint(const std::string& id, StreamId* position) {
  *position = {};
  if (!once_) return Status::Ok();
  return Checked([&]() -> Status {
    session_.Query(once_->create, {id, StreamId{}.ToString(), id});
    const auto rows = session_.Query(once_->read, {id}).rows;
    if (rows.size() != 1 || !rows[0][0])
      return {Code::kConfig, "postgres: checkpoint '" + id + "' is not one row"};
    return ReadCheckpoint(id, *rows[0][0], position);
  });
}

void PostgresSink::ForgetCheckpoint(const std::string& id) {
  if (!once_) return;
  const Status status = Checked([&] {
    session_.Query(once_->forget, {id});
    return Status::Ok();
  });
  static_cast<void>(status);  // it is only a row too many
}

std::vector<std::string> PostgresSink::Warnings() {
  std::vector<std::string> warnings;
  const Status status = Checked([&] {
    const auto rows =
        session_.Query("SELECT current_setting('synchronous_commit'), current_setting('fsync')", {}).rows;
    if (rows[0][0] == "off")
      warnings.emplace_back(
          "synchronous_commit is off: a crash of PostgreSQL can lose changes answered as done");
    if (rows[0][1] == "off")
      warnings.emplace_back("fsync is off: a crash of its machine can lose changes or the whole database");
    return Status::Ok();
  });
  static_cast<void>(status);
  return warnings;
}

// One statement for these rows, and the checkpoint if `move` is given. False: the checkpoint did not move, no
// row was written.
bool PostgresSink::Run(const WriteRequest& request, const Shape& shape, Rows rows,
                       const CheckpointMove* move) {
  const std::vector<std::size_t> cells = shape.Cells(request.plan);
  PostgresParameters parameters;
  for (const std::size_t cell : cells) {
    const bool is_bytes = request.plan.column(cell).type.kind == TypeKind::kBytes;
    BinaryArray array(&array_, is_bytes ? BinaryArray::kBytea : BinaryArray::kText, rows.size());
    for (const std::uint32_t row : rows) array.Add(request.rows[row].cells[cell]);
    parameters.Add(array_);
  }
  if (array_.capacity() > kMostKept) std::string().swap(array_);
  if (move != nullptr) {
    for (const std::string& text : {move->to.ToString(), move->id, move->from.ToString()})
      parameters.Add(text);
  }
  const std::string key = std::to_string(request.plan.id) + (move != nullptr ? "!" : "") + shape.Name();
  const TableName* table = move != nullptr ? &once_.table() : nullptr;
  const auto answer = session_.RunPrepared(
      key, [&] { return postgres_sql::Write(request.plan, shape, table); }, parameters);
  return move == nullptr || answer.rows.at(0).at(0) != "0";
}

bool PostgresSink::MoveAlone(const CheckpointMove& move) {
  return session_.Query(once_->move, {move.to.ToString(), move.id, move.from.ToString()}).affected > 0;
}

// Why the checkpoint did not move.
Status PostgresSink::Unmoved(const CheckpointMove& move) {
  const auto rows = session_.Query(once_->read, {move.id}).rows;
  return JudgeCheckpoint(move, rows.empty() ? std::nullopt : rows[0][0]);
}

// A statement that is its own transaction: a connection lost in it is lost in COMMIT, as far as we can know.
Status PostgresSink::WriteOnce(const WriteRequest& request, const Group& group) {
  const CheckpointMove* move = once_.Move(request);
  bool moved = false;
  try {
    moved = group.rows.empty() ? MoveAlone(*move) : Run(request, group.shape, group.rows, move);
  } catch (const DriverFailure& failure) {
    if (failure.code != Code::kNotConnected) return once_.Explain(failure);
    return {Code::kInDoubt, "postgres: the answer to a write never came: " + OneLine(failure.message)};
  }
  return moved ? Status::Ok() : Unmoved(*move);
}

Status PostgresSink::WriteGroups(const WriteRequest& request, const std::vector<Group>& groups) {
  const CheckpointMove* move = once_.Move(request);
  session_.Execute("BEGIN");
  for (const Group& group : groups) {
    if (!Run(request, group.shape, group.rows, move)) {
      Rollback();
      return Unmoved(*move);
    }
    move = nullptr;  // moved by the first statement
  }
  return Commit();
}

bool PostgresSink::BeginSearch(const WriteRequest& request, Status* judged) {
  session_.Execute("BEGIN; SET CONSTRAINTS ALL IMMEDIATE");
  const CheckpointMove* move = once_.Move(request);
  if (move == nullptr || MoveAlone(*move)) return true;
  Rollback();
  *judged = Unmoved(*move);
  return false;
}

// Are these cells values of their columns' types, all of them?
Status PostgresSink::TryCasts(const TablePlan& plan, const Row& row, Rows cells) {
  std::vector<const Column*> columns;
  std::vector<std::string> texts;
  for (const std::uint32_t cell : cells) {
    columns.push_back(&plan.column(cell));
    texts.emplace_back(row.cells[cell].text);
  }
  try {
    session_.Query(postgres_sql::TryCasts(columns), texts);
    return Status::Ok();
  } catch (const DriverFailure& failure) {
    if (failure.code != Code::kRefused) throw;
    session_.Execute("ROLLBACK TO SAVEPOINT wb");
    return failure.ToStatus();
  }
}

// What PostgreSQL says of a bad value names its type, not its column; what looks like a name may be the
// value.
void PostgresSink::FindColumn(const WriteRequest& request, const Shape& shape, std::uint32_t index,
                              Refusal* refusal) {
  const bool is_constraint = refusal->constraint != Constraint::kNone;
  if (is_constraint && !refusal->column.empty()) return;
  const TablePlan& plan = request.plan;
  const Row& row = request.rows[index];
  std::vector<std::uint32_t> cells;
  std::vector<std::size_t> named;  // columns of a type that the message names
  const bool may_name = !is_constraint || refusal->reason.find("domain ") != std::string::npos;
  for (const std::size_t cell : shape.Cells(plan)) {
    const ColumnType& type = plan.column(cell).type;
    const std::string element = type.name.substr(0, type.name.find("[]"));
    if (refusal->reason.find(" " + element) != std::string::npos) named.push_back(cell);
    const bool has_text = row.cells[cell].state == Cell::State::kValue && type.kind != TypeKind::kBytes;
    if (has_text) cells.push_back(static_cast<std::uint32_t>(cell));
  }
  std::vector<Refusal> bad;
  auto apply = [&](Rows some, Refusal* /*refusal*/) { return TryCasts(plan, row, some); };
  const Status status = Bisect(Rows(cells), false, apply, &bad);
  if (!bad.empty()) {
    Blame(plan, row, bad.front().row, refusal);
  } else if (status.ok() && may_name && named.size() == 1 && refusal->column.empty()) {
    Blame(plan, row, named.front(), refusal);
  }
}

WriteResult PostgresSink::Write(const WriteRequest& request) {
  if (request.rows.empty() && once_.Move(request) == nullptr) return {};
  if (!session_.Alive()) return {{Code::kNotConnected, "postgres: not connected"}, {}};
  std::vector<Group> groups = GroupRows(request.plan, request.rows);
  if (groups.empty()) groups.emplace_back();
  Status status;
  try {
    session_.TidyStatements();
    status = groups.size() == 1 ? WriteOnce(request, groups.front()) : WriteGroups(request, groups);
  } catch (const DriverFailure& failure) {
    status = once_.Explain(failure);
  }
  if (!status.ok() && groups.size() > 1) Rollback();
  return status.code() == Code::kRefused ? Search(request, groups) : WriteResult{status, {}};
}

std::vector<std::string> PostgresSink::Explain(const TablePlan& plan) {
  const TableName* table = once_ ? &once_.table() : nullptr;
  Shape deletes;
  deletes.is_delete = true;
  return {postgres_sql::Write(plan, {}, table), postgres_sql::Write(plan, deletes, table)};
}

Status PostgresSink::Read(const Question& question, std::vector<RowTexts>* rows) {
  return Checked([&]() -> Status {
    const ReadQuery query = question(postgres_sql::kReading);
    try {
      *rows = session_.Query(query.sql, query.parameters).rows;
    } catch (const DriverFailure& failure) {
      if (failure.code != Code::kRefused) throw;
      return {Code::kRefused, failure.message};  // a text that is no value of a key's type
    }
    return Status::Ok();
  });
}

}  // namespace

std::unique_ptr<Sink> MakePostgresSink(const SinkOptions& options) {
  return std::make_unique<PostgresSink>(options);
}

}  // namespace writebehind
