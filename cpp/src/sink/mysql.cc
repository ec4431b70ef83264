// MySQL and MariaDB: INSERT … ON DUPLICATE KEY UPDATE of many rows, in statements of a few fixed sizes, so
// that each is prepared once. What the database refuses is searched for behind a savepoint.
#include "sink/checkpoint.h"
#include "sink/dialect.h"
#include "sink/driver_failure.h"
#include "sink/groups.h"
#include "sink/kinds.h"
#include "sink/mysql_errors.h"
#include "sink/mysql_fence.h"
#include "sink/mysql_rows.h"
#include "sink/mysql_session.h"
#include "sink/reading.h"
#include "sink/savepoint_sink.h"

namespace writebehind {
namespace {

class MysqlSink final : public SavepointSink {
 public:
  explicit MysqlSink(const SinkOptions& options)
      : SavepointSink(options, mysql_sql::Checkpoint), session_(options) {}

  Status Open() override;
  Status TakeFence(const Fence& fence) override {
    return AtTheStart([&] { return TakeMysqlFence(fence, &session_); });
  }
  Status Describe(const TableName& table, Catalog* catalog) override;
  Status LoadCheckpoint(const std::string& id, StreamId* position) override;
  WriteResult Write(const WriteRequest& request) override;
  std::vector<std::string> Warnings() override;
  void ForgetCheckpoint(const std::string& id) override;
  std::vector<std::string> Explain(const TablePlan& plan) override;
  Status Read(const Question& question, std::vector<RowTexts>* rows) override;
  [[nodiscard]] bool MovesRows() const override { return true; }
  void Cancel() noexcept override { session_.KillQuery(); }
  void Close() noexcept override { session_.Close(); }

 private:
  // Leaves no transaction open: it would hold the table's definition.
  template <typename Call>
  Status AtTheStart(const Call& call);
  Status Transaction(const WriteRequest& request, const std::vector<Group>& groups);
  bool MoveCheckpoint(const WriteRequest& request, Status* judged);

  // As a statement also for COMMIT: the library's own commit() swallows errors.
  void Execute(const char* sql) override { session_.Execute(sql); }
  // Autocommit is off: any statement begins a transaction.
  bool BeginSearch(const WriteRequest& request, Status* judged) override {
    return MoveCheckpoint(request, judged);
  }
  void WriteRows(const WriteRequest& request, const Shape& shape, Rows rows) override {
    rows_.Write(request, shape, rows);
  }
  // One of the same name takes the other's place.
  void SetSavepoint(bool /*again*/) override { session_.Execute("SAVEPOINT wb"); }
  bool IsTooLarge(const WriteRequest& request, const Shape& shape, std::uint32_t row,
                  Refusal* refusal) override {
    return rows_.TooLarge(request, shape, Rows(&row, 1), refusal);
  }

  MysqlSession session_;
  MysqlRows rows_{&session_};
};

template <typename Call>
Status MysqlSink::AtTheStart(const Call& call) {
  const Status status = Checked(call);
  if (session_.is_open()) Rollback();
  return status;
}

Status MysqlSink::Open() {
  Status status = session_.Open();
  if (!status.ok() || !once_) return status;
  status = AtTheStart([&] {
    session_.Query(once_->probe, {});
    return Status::Ok();
  });
  if (status.code() == Code::kConfig) {
    status = MissingCheckpointTable(options_.exactly_once_table, once_->create_table);
  }
  Catalog catalog;
  if (status.ok()) status = Describe(once_.table(), &catalog);
  if (!status.ok()) session_.Close();
  return status;
}

Status MysqlSink::Describe(const TableName& table, Catalog* catalog) {
  Status status = AtTheStart([&] {
    auto query = [this](const auto& sql, const auto& parameters) { return session_.Query(sql, parameters); };
    return ReadMysqlCatalog(query, table, {session_.TakesOffsets(), session_.InUtc()}, catalog);
  });
  if (status.ok() && once_ && !catalog->transactional) {
    return {Code::kConfig,
            "mysql: table " + Quote(table, '`') + " has no transactions: rows can't be written exactly once",
            "ALTER TABLE " + Quote(table, '`') + " ENGINE=InnoDB"};
  }
  return status;
}

Status MysqlSink::LoadCheckpoint(const std::string& id, StreamId* position) {
  *position = {};
  if (!once_) return Status::Ok();
  return AtTheStart([&]() -> Status {
    session_.Change(once_->create, {id, StreamId{}.ToString(), id});
    const auto rows = session_.Query(once_->read, {id});
    session_.Execute("COMMIT");
    if (rows.size() != 1 || !rows[0][0])
      return {Code::kConfig, "mysql: checkpoint '" + id + "' is not one row"};
    return ReadCheckpoint(id, *rows[0][0], position);
  });
}

void MysqlSink::ForgetCheckpoint(const std::string& id) {
  if (!once_) return;
  const Status status = AtTheStart([&] {
    session_.Change(once_->forget, {id});
    session_.Execute("COMMIT");
    return Status::Ok();
  });
  static_cast<void>(status);  // it is only a row too many
}

std::vector<std::string> MysqlSink::Warnings() {
  std::vector<std::string> warnings;
  const std::string flush = session_.Variable("innodb_flush_log_at_trx_commit");
  if (flush != "1" && !flush.empty()) {
    warnings.push_back("innodb_flush_log_at_trx_commit is " + flush +
                       ": a crash can lose changes answered as done");
  }
  if (session_.Variable("log_bin") == "ON" && session_.Variable("sync_binlog") == "0") {
    warnings.emplace_back(
        "sync_binlog is 0: a crash of the server's machine can lose changes from its binary log");
  }
  return warnings;
}

// As the first statement of the rows' transaction. False: it changed no row; `judged` says what that means,
// and nothing is open.
bool MysqlSink::MoveCheckpoint(const WriteRequest& request, Status* judged) {
  const CheckpointMove* move = once_.Move(request);
  if (move == nullptr) return true;
  if (session_.Change(once_->move, {move->to.ToString(), move->id, move->from.ToString()}) > 0) return true;
  Rollback();
  const auto rows = session_.Query(once_->read, {move->id});
  Rollback();
  *judged = JudgeCheckpoint(*move, rows.empty() ? std::nullopt : rows[0][0]);
  return false;
}

Status MysqlSink::Transaction(const WriteRequest& request, const std::vector<Group>& groups) {
  Refusal refusal;
  for (const Group& group : groups) {
    if (rows_.TooLarge(request, group.shape, group.rows, &refusal)) return {Code::kRefused, refusal.reason};
  }
  Status status;
  try {
    if (!MoveCheckpoint(request, &status)) return status;
    for (const Group& group : groups) rows_.Write(request, group.shape, group.rows);
    status = Commit();
  } catch (const DriverFailure& failure) {
    status = once_.Explain(failure);
  }
  if (!status.ok()) Rollback();
  return status;
}

WriteResult MysqlSink::Write(const WriteRequest& request) {
  if (request.rows.empty() && once_.Move(request) == nullptr) return {};
  if (!session_.is_open()) return {{Code::kNotConnected, "mysql: not connected"}, {}};
  const std::vector<Group> groups = GroupRows(request.plan, request.rows);
  const Status status = Transaction(request, groups);
  return status.code() == Code::kRefused ? Search(request, groups) : WriteResult{status, {}};
}

std::vector<std::string> MysqlSink::Explain(const TablePlan& plan) {
  return {mysql_sql::Upsert(plan, {}, 1), mysql_sql::Delete(plan, 1)};
}

Status MysqlSink::Read(const Question& question, std::vector<RowTexts>* rows) {
  return AtTheStart([&]() -> Status {
    const ReadQuery query = question(mysql_sql::kReading);
    try {
      *rows = session_.Query(query.sql, query.parameters);
    } catch (const DriverFailure& failure) {
      // A key with a character that its column's character set lacks.
      if (!IsMysqlMixedCollations(failure.number)) throw;
      return {Code::kRefused, failure.message};
    }
    return Status::Ok();
  });
}

}  // namespace

std::unique_ptr<Sink> MakeMysqlSink(const SinkOptions& options) {
  return std::make_unique<MysqlSink>(options);
}

}  // namespace writebehind
