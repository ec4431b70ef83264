// SQLite: one prepared statement a row, inside one transaction. A failed row is undone by SQLite alone, so
// the refused rows are known exactly and nothing is searched.
#include <algorithm>

#include "sink/checkpoint.h"
#include "sink/dialect.h"
#include "sink/dialect_fence.h"
#include "sink/groups.h"
#include "sink/kinds.h"
#include "sink/reading.h"
#include "sink/refusal.h"
#include "sink/sqlite_session.h"

namespace writebehind {
namespace {

// What writes a row of one shape; the second only where the first changed nothing.
struct Statements {
  SqliteSession::Statement* first = nullptr;
  SqliteSession::Statement* second = nullptr;
};

class SqliteSink final : public Sink {
 public:
  explicit SqliteSink(const SinkOptions& options)
      : options_(options), once_(options, sqlite_sql::Checkpoint), session_(options) {}

  Status Open() override;
  Status TakeFence(const Fence& fence) override;
  Status Describe(const TableName& table, Catalog* catalog) override;
  Status LoadCheckpoint(const std::string& id, StreamId* position) override;
  WriteResult Write(const WriteRequest& request) override;
  void ForgetCheckpoint(const std::string& id) override;
  std::vector<std::string> Explain(const TablePlan& plan) override;
  Status Read(const Question& question, std::vector<RowTexts>* rows) override;
  [[nodiscard]] bool MovesRows() const override { return true; }
  void Cancel() noexcept override { session_.Interrupt(); }
  void Close() noexcept override { session_.Close(); }

 private:
  template <typename Call>
  Status AtTheStart(const Call& call);
  Statements Prepare(const TablePlan& plan, const Shape& shape);
  void WriteRow(const Statements& statements, const TablePlan& plan, const Row& row);
  void WriteAlone(const Statements& statements, const TablePlan& plan, const Row& row);
  void WriteRows(const WriteRequest& request, bool each_alone, std::vector<Refusal>* refused);
  bool TryRow(const WriteRequest& request, const Statements& statements, std::uint32_t i, bool each_alone,
              std::vector<Refusal>* refused);
  void WriteParentsFirst(const WriteRequest& request, const std::vector<Group>& groups, std::vector<Refusal>* refused);
  bool MoveCheckpoint(const CheckpointMove& move, Status* judged);
  Status CheckFence();
  WriteResult Transaction(const WriteRequest& request, bool each_alone);
  void Rollback() noexcept;

  const SinkOptions options_;
  const ExactlyOnce once_;
  SqliteSession session_;
  std::optional<Fence> fence_;  // nothing: none was taken
};

template <typename Call>
Status SqliteSink::AtTheStart(const Call& call) {
  if (!session_.is_open()) return {Code::kNotConnected, "sqlite: not open"};
  session_.Start();
  return Checked(call);
}

Status SqliteSink::Open() {
  Status status = session_.Open();
  if (!status.ok() || !once_) return status;
  Catalog catalog;
  status = Describe(once_.table(), &catalog);
  std::size_t found = 0;
  for (const Column& column : catalog.columns) found += column.name == "id" || column.name == "val" ? 1U : 0U;
  if (status.code() == Code::kConfig || (status.ok() && found != 2)) {
    status = MissingCheckpointTable(options_.exactly_once_table, once_->create_table);
  }
  if (!status.ok()) session_.Close();
  return status;
}

// Who writes at this moment is waited for: a transaction that began before ends before.
Status SqliteSink::TakeFence(const Fence& fence) {
  Status status = AtTheStart([&] {
    session_.Execute("BEGIN IMMEDIATE");
    session_.Execute(sqlite_sql::kFenceTable);
    session_.Query(sqlite_sql::kTakeFence, {fence.output, fence.token});
    session_.Execute("COMMIT");
    return Status::Ok();
  });
  if (status.ok()) fence_ = fence;
  Rollback();
  return status;
}

// In a transaction.
Status SqliteSink::CheckFence() {
  if (!fence_) return Status::Ok();
  const auto rows = session_.Query(sqlite_sql::kReadFence, {fence_->output});
  if (rows.size() == 1 && rows[0][0] == fence_->token) return Status::Ok();
  return {Code::kFenced, "sqlite: another engine has taken over this pipeline, or its row in the table _writebehind was deleted"};
}

Status SqliteSink::Describe(const TableName& table, Catalog* catalog) {
  return AtTheStart([&] {
    auto query = [this](const auto& sql, const auto& parameters) { return session_.Query(sql, parameters); };
    return ReadSqliteCatalog(query, table, catalog);
  });
}

Status SqliteSink::LoadCheckpoint(const std::string& id, StreamId* position) {
  *position = {};
  if (!once_) return Status::Ok();
  return AtTheStart([&]() -> Status {
    session_.Query(once_->create, {id, StreamId{}.ToString(), id});
    const auto rows = session_.Query(once_->read, {id});
    if (rows.size() != 1 || !rows[0][0])
      return {Code::kConfig, "sqlite: checkpoint '" + id + "' is not one row"};
    return ReadCheckpoint(id, *rows[0][0], position);
  });
}

void SqliteSink::ForgetCheckpoint(const std::string& id) {
  if (!once_) return;
  const Status status = AtTheStart([&] {
    session_.Query(once_->forget, {id});
    return Status::Ok();
  });
  static_cast<void>(status);  // it is only a row too many
}

Statements SqliteSink::Prepare(const TablePlan& plan, const Shape& shape) {
  const std::string key = std::to_string(plan.id) + shape.Name();
  if (shape.moves) {
    return {session_.Prepared(key, [&] { return sqlite_sql::Move(plan); }),
            session_.Prepared(key + "d", [&] { return sqlite_sql::DeleteOld(plan); })};
  }
  if (shape.is_delete) return {session_.Prepared(key, [&] { return sqlite_sql::Delete(plan); })};
  if (!shape.UpdateFirst(plan))
    return {session_.Prepared(key, [&] { return sqlite_sql::Upsert(plan, shape); })};
  SqliteSession::Statement* insert =
      session_.Prepared(key + "+", [&] { return sqlite_sql::Insert(plan, shape); });
  const std::string update = sqlite_sql::Update(plan, shape);
  if (update.empty()) return {insert};
  return {session_.Prepared(key + "=", [&] { return update; }), insert};
}

void SqliteSink::WriteRow(const Statements& statements, const TablePlan& plan, const Row& row) {
  session_.Run(statements.first, plan, row.cells);
  if (statements.second != nullptr && session_.Changes() == 0)
    session_.Run(statements.second, plan, row.cells);
}

// A row that leaves a foreign key open is refused there and then.
void SqliteSink::WriteAlone(const Statements& statements, const TablePlan& plan, const Row& row) {
  session_.Execute("SAVEPOINT alone");
  WriteRow(statements, plan, row);
  if (session_.HasOpenForeignKeys()) {
    session_.Execute("ROLLBACK TO alone; RELEASE alone");
    throw DriverFailure{"sqlite", Code::kRefused, "FOREIGN KEY constraint failed", Constraint::kForeignKey};
  }
  session_.Execute("RELEASE alone");
}

void SqliteSink::WriteRows(const WriteRequest& request, bool each_alone, std::vector<Refusal>* refused) {
  const std::vector<Group> groups = GroupRows(request.plan, request.rows);
  for (const Group& group : groups) {
    const Statements statements = Prepare(request.plan, group.shape);
    for (const std::uint32_t i : group.rows) {
      if (!TryRow(request, statements, i, each_alone, refused)) return;
    }
  }
  if (each_alone) WriteParentsFirst(request, groups, refused);
}

// False: the transaction is over, by a trigger's RAISE(ROLLBACK).
bool SqliteSink::TryRow(const WriteRequest& request, const Statements& statements, std::uint32_t i, bool each_alone,
                        std::vector<Refusal>* refused) {
  const Row& row = request.rows[i];
  try {
    if (each_alone) {
      WriteAlone(statements, request.plan, row);
    } else {
      WriteRow(statements, request.plan, row);
    }
  } catch (const DriverFailure& failure) {
    if (failure.code != Code::kRefused) throw;
    refused->push_back(MakeRefusal(request.plan, row, failure.message, failure.constraint, failure.message));
    refused->back().row = i;
  }
  return session_.InTransaction();
}

// As SavepointSink's.
void SqliteSink::WriteParentsFirst(const WriteRequest& request, const std::vector<Group>& groups,
                                   std::vector<Refusal>* refused) {
  for (std::size_t before = 0; before != refused->size();) {
    before = refused->size();
    const std::vector<std::uint32_t> again = TakeForeignKeys(request, refused);
    for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
      const Statements statements = Prepare(request.plan, group->shape);
      for (auto row = group->rows.rbegin(); row != group->rows.rend(); ++row) {
        const bool is_again = std::binary_search(again.begin(), again.end(), *row);
        if (is_again && !TryRow(request, statements, *row, true, refused)) return;
      }
    }
  }
}

// False: it changed no row; `judged` says what that means.
bool SqliteSink::MoveCheckpoint(const CheckpointMove& move, Status* judged) {
  session_.Query(once_->move, {move.to.ToString(), move.id, move.from.ToString()});
  if (session_.Changes() > 0) return true;
  const auto rows = session_.Query(once_->read, {move.id});
  *judged = JudgeCheckpoint(move, rows.empty() ? std::nullopt : rows[0][0]);
  return false;
}

void SqliteSink::Rollback() noexcept {
  try {
    if (session_.InTransaction()) session_.Execute("ROLLBACK");
  } catch (const DriverFailure&) {
    session_.Close();  // which rolls back too
  }
}

WriteResult SqliteSink::Transaction(const WriteRequest& request, bool each_alone) {
  WriteResult result;
  session_.Execute("BEGIN IMMEDIATE");
  if (result.status = CheckFence(); !result.status.ok()) {
    Rollback();
    return result;
  }
  const CheckpointMove* move = once_.Move(request);
  if (move != nullptr && !MoveCheckpoint(*move, &result.status)) {
    Rollback();
    return result;
  }
  WriteRows(request, each_alone, &result.refused);
  OnePerRow(&result.refused);
  const bool may_be_orphan = std::any_of(result.refused.begin(), result.refused.end(), [](const Refusal& refusal) {
    return refusal.constraint == Constraint::kForeignKey;
  });
  if (may_be_orphan && !each_alone) {
    Rollback();
    return Transaction(request, true);
  }
  if (!result.refused.empty()) {
    Rollback();
    result.status = {Code::kRefused, "sqlite: " + result.refused.front().reason};
    return result;
  }
  if (!each_alone && session_.HasOpenForeignKeys()) {
    Rollback();
    return Transaction(request, true);
  }
  session_.Execute("COMMIT");
  return result;
}

WriteResult SqliteSink::Write(const WriteRequest& request) {
  if (request.rows.empty() && once_.Move(request) == nullptr) return {};
  if (!session_.is_open()) return {{Code::kNotConnected, "sqlite: not open"}, {}};
  session_.Start();
  if (session_.Moved()) {
    session_.Close();
    return {{Code::kNotConnected, "sqlite: the file '" + options_.database + "' was replaced or removed"},
            {}};
  }
  try {
    session_.TidyStatements();
    return Transaction(request, false);
  } catch (const DriverFailure& failure) {
    Rollback();
    const Status status = once_.Explain(failure);
    // While writing, only time can tell what mends itself.
    return {Status(Code::kTransient, status.message(), status.hint()), {}};
  }
}

std::vector<std::string> SqliteSink::Explain(const TablePlan& plan) {
  return {sqlite_sql::Upsert(plan, {}), sqlite_sql::Delete(plan)};
}

Status SqliteSink::Read(const Question& question, std::vector<RowTexts>* rows) {
  return AtTheStart([&] {
    const ReadQuery query = question(sqlite_sql::kReading);
    *rows = session_.Query(query.sql, query.parameters);
    return Status::Ok();
  });
}

}  // namespace

std::unique_ptr<Sink> MakeSqliteSink(const SinkOptions& options) {
  return std::make_unique<SqliteSink>(options);
}

}  // namespace writebehind
