// MySQL and MariaDB: INSERT … ON DUPLICATE KEY UPDATE of many rows, in statements of a few fixed sizes, so
// that each is prepared once. What the database refuses is searched for behind a savepoint.
#include "sink/bisect.h"
#include "sink/checkpoint.h"
#include "sink/dialect.h"
#include "sink/groups.h"
#include "sink/kinds.h"
#include "sink/mysql_errors.h"
#include "sink/mysql_rows.h"
#include "sink/mysql_session.h"
#include "sink/refusal.h"

namespace writebehind {
namespace {

class MysqlSink final : public Sink {
 public:
  explicit MysqlSink(const SinkOptions& options) : options_(options), session_(options) {
    if (options_.exactly_once_table.empty()) return;
    table_ = ParseTableName(options_.exactly_once_table);
    checkpoint_.emplace(mysql_sql::Checkpoint(table_));
  }

  Status Open() override;
  Status Describe(const TableName& table, Catalog* catalog) override;
  Status LoadCheckpoint(const std::string& id, StreamId* position) override;
  WriteResult Write(const WriteRequest& request) override;
  std::vector<std::string> Warnings() override;
  void ForgetCheckpoint(const std::string& id) override;
  std::vector<std::string> Explain(const TablePlan& plan) override;
  void Cancel() noexcept override { session_.KillQuery(); }
  void Close() noexcept override { session_.Close(); }

 private:
  using Rows = std::span<const std::uint32_t>;

  template <typename Call>
  Status Checked(const Call& call);
  Status Transaction(const WriteRequest& request, const std::vector<Group>& groups);
  WriteResult Search(const WriteRequest& request, const std::vector<Group>& groups);
  Status SearchGroup(const WriteRequest& request, const Group& group, std::vector<Refusal>* refused);
  bool MoveCheckpoint(const CheckpointMove& move);
  Status Unmoved(const CheckpointMove& move);
  Status Commit();
  void Rollback() noexcept;
  [[nodiscard]] const CheckpointMove* Move(const WriteRequest& request) const {
    return checkpoint_ ? request.checkpoint : nullptr;
  }

  const SinkOptions options_;
  TableName table_;  // the exactly-once table
  std::optional<CheckpointSql> checkpoint_;
  MysqlSession session_;
  MysqlRows rows_{&session_};
};

// For calls at the start, where a missing object, a lost privilege or a column too short is the
// configuration's. Leaves no transaction open: it would hold the table's definition.
template <typename Call>
Status MysqlSink::Checked(const Call& call) {
  Status status;
  try {
    status = call();
  } catch (const MysqlFailure& failure) {
    status = failure.ToStatus();
    const bool mendable = IsMysqlSchemaError(failure.number) || failure.code == Code::kRefused;
    if (mendable) status = {Code::kConfig, status.message()};
  }
  if (session_.is_open()) Rollback();
  return status;
}

Status MysqlSink::Open() {
  Status status = session_.Open();
  if (!status.ok() || !checkpoint_) return status;
  status = Checked([&] {
    session_.Query(checkpoint_->probe, {});
    return Status::Ok();
  });
  if (status.code() == Code::kConfig) {
    status = MissingCheckpointTable(options_.exactly_once_table, checkpoint_->create_table);
  }
  Catalog catalog;
  if (status.ok()) status = Describe(table_, &catalog);
  if (!status.ok()) session_.Close();
  return status;
}

Status MysqlSink::Describe(const TableName& table, Catalog* catalog) {
  Status status = Checked([&] {
    auto query = [this](const auto& sql, const auto& parameters) { return session_.Query(sql, parameters); };
    return ReadMysqlCatalog(query, table, {session_.TakesOffsets(), session_.InUtc()}, catalog);
  });
  if (status.ok() && checkpoint_ && !catalog->transactional) {
    return {Code::kConfig,
            "mysql: table " + Quote(table, '`') + " has no transactions: rows can't be written exactly once",
            "ALTER TABLE " + Quote(table, '`') + " ENGINE=InnoDB"};
  }
  return status;
}

Status MysqlSink::LoadCheckpoint(const std::string& id, StreamId* position) {
  *position = {};
  if (!checkpoint_) return Status::Ok();
  return Checked([&]() -> Status {
    session_.Change(checkpoint_->create, {id, StreamId{}.ToString(), id});
    const auto rows = session_.Query(checkpoint_->read, {id});
    session_.Execute("COMMIT");
    if (rows.size() != 1 || !rows[0][0])
      return {Code::kConfig, "mysql: checkpoint '" + id + "' is not one row"};
    return ReadCheckpoint(id, *rows[0][0], position);
  });
}

void MysqlSink::ForgetCheckpoint(const std::string& id) {
  if (!checkpoint_) return;
  const Status status = Checked([&] {
    session_.Change(checkpoint_->forget, {id});
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

bool MysqlSink::MoveCheckpoint(const CheckpointMove& move) {
  return session_.Change(checkpoint_->move, {move.to.ToString(), move.id, move.from.ToString()}) > 0;
}

// Why the checkpoint did not move.
Status MysqlSink::Unmoved(const CheckpointMove& move) {
  Rollback();
  const auto rows = session_.Query(checkpoint_->read, {move.id});
  Rollback();
  return JudgeCheckpoint(move, rows.empty() ? std::nullopt : rows[0][0]);
}

void MysqlSink::Rollback() noexcept {
  try {
    session_.Execute("ROLLBACK");
  } catch (const MysqlFailure&) {
    session_.Close();  // the server rolls back what a lost connection left
  }
}

// As a statement: the library's own commit() swallows errors. A connection lost in here leaves the outcome in
// doubt.
Status MysqlSink::Commit() {
  try {
    session_.Execute("COMMIT");
    return Status::Ok();
  } catch (const MysqlFailure& failure) {
    const Status status = failure.ToStatus();
    if (failure.code != Code::kNotConnected) return status;
    return {Code::kInDoubt, "mysql: the answer to COMMIT never came: " + status.message()};
  }
}

Status MysqlSink::Transaction(const WriteRequest& request, const std::vector<Group>& groups) {
  const CheckpointMove* move = Move(request);
  if (move != nullptr && !MoveCheckpoint(*move)) return Unmoved(*move);
  for (const Group& group : groups) rows_.Write(request, group.shape, group.rows);
  return Commit();
}

Status MysqlSink::SearchGroup(const WriteRequest& request, const Group& group,
                              std::vector<Refusal>* refused) {
  std::vector<std::uint32_t> rows;
  for (const std::uint32_t row : group.rows) {
    Refusal refusal;
    if (rows_.TooLarge(request, row, group.shape, &refusal)) {
      refused->push_back(std::move(refusal));
    } else {
      rows.push_back(row);
    }
  }
  auto apply = [&](Rows some, Refusal* refusal) {
    try {
      rows_.Write(request, group.shape, some);
      session_.Execute("SAVEPOINT wb");
      return Status::Ok();
    } catch (const MysqlFailure& failure) {
      if (failure.code != Code::kRefused) throw;
      *refusal = MakeRefusal(request.plan, request.rows[some.front()], failure.message,
                             IsMysqlConstraint(failure.number));
      session_.Execute("ROLLBACK TO SAVEPOINT wb");
      return failure.ToStatus();
    }
  };
  return Bisect(Rows(rows), false, apply, refused);
}

// Some row is refused: which ones? Where none is by itself, all are written now.
WriteResult MysqlSink::Search(const WriteRequest& request, const std::vector<Group>& groups) {
  WriteResult result;
  const CheckpointMove* move = Move(request);
  if (move != nullptr && !MoveCheckpoint(*move)) {
    result.status = Unmoved(*move);
    return result;
  }
  session_.Execute("SAVEPOINT wb");
  for (const Group& group : groups) {
    result.status = SearchGroup(request, group, &result.refused);
    if (!result.status.ok()) break;
  }
  OnePerRow(&result.refused);
  if (result.status.ok() && result.refused.empty()) {
    result.status = Commit();
    return result;
  }
  Rollback();
  if (result.status.ok()) result.status = {Code::kRefused, "mysql: " + result.refused.front().reason};
  return result;
}

WriteResult MysqlSink::Write(const WriteRequest& request) {
  if (request.rows.empty() && Move(request) == nullptr) return {};
  if (!session_.is_open()) return {{Code::kNotConnected, "mysql: not connected"}, {}};
  const std::vector<Group> groups = GroupRows(request.plan, request.rows);
  bool too_large = false;
  Refusal ignored;
  for (const Group& group : groups) {
    for (const std::uint32_t row : group.rows)
      too_large = too_large || rows_.TooLarge(request, row, group.shape, &ignored);
  }
  WriteResult result;
  try {
    if (!too_large) result.status = Transaction(request, groups);
  } catch (const MysqlFailure& failure) {
    result.status = failure.ToStatus();
  }
  if (result.status.ok() && !too_large) return result;
  if (session_.is_open()) Rollback();
  if (result.status.code() != Code::kRefused && !too_large) return result;
  try {
    result = Search(request, groups);
  } catch (const MysqlFailure& failure) {
    result = {failure.ToStatus(), {}};
    if (session_.is_open()) Rollback();
  }
  // Not a row's fault (a checkpoint column too short, say): to be retried, never to be rejected.
  if (result.status.code() == Code::kRefused && result.refused.empty()) {
    result.status = {Code::kTransient, result.status.message()};
  }
  return result;
}

std::vector<std::string> MysqlSink::Explain(const TablePlan& plan) {
  return {mysql_sql::Upsert(plan, {}, 1), mysql_sql::Delete(plan, 1)};
}

}  // namespace

std::unique_ptr<Sink> MakeMysqlSink(const SinkOptions& options) {
  return std::make_unique<MysqlSink>(options);
}

}  // namespace writebehind
