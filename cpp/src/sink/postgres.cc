// PostgreSQL. A batch of one shape is one statement, which moves the checkpoint too: one round trip, its own
// transaction. Batches with deletes and upserts, or with several sets of kept columns, are a BEGIN, a
// statement each, and a COMMIT. What the database refuses is searched for in a transaction with a savepoint.
#include "sink/bisect.h"
#include "sink/checkpoint.h"
#include "sink/dialect.h"
#include "sink/groups.h"
#include "sink/kinds.h"
#include "sink/postgres_errors.h"
#include "sink/postgres_session.h"
#include "sink/refusal.h"
#include "sink/text_array.h"

namespace writebehind {
namespace {

class PostgresSink final : public Sink {
 public:
  explicit PostgresSink(const SinkOptions& options) : options_(options), session_(options) {
    if (options_.exactly_once_table.empty()) return;
    table_ = ParseTableName(options_.exactly_once_table);
    checkpoint_.emplace(postgres_sql::Checkpoint(*table_));
  }

  Status Open() override;
  Status Describe(const TableName& table, Catalog* catalog) override;
  Status LoadCheckpoint(const std::string& id, StreamId* position) override;
  WriteResult Write(const WriteRequest& request) override;
  std::vector<std::string> Warnings() override;
  void ForgetCheckpoint(const std::string& id) override;
  std::vector<std::string> Explain(const TablePlan& plan) override;
  void Cancel() noexcept override { session_.Break(); }
  void Close() noexcept override { session_.Close(); }

 private:
  template <typename Call>
  Status Checked(const Call& call);
  bool Run(const WriteRequest& request, const Shape& shape, std::span<const std::uint32_t> rows,
           const CheckpointMove* move);
  bool MoveAlone(const CheckpointMove& move);
  Status Unmoved(const CheckpointMove& move);
  Status WriteOnce(const WriteRequest& request, const Group& group);
  Status WriteGroups(const WriteRequest& request, const std::vector<Group>& groups);
  WriteResult Search(const WriteRequest& request, const std::vector<Group>& groups);
  Status SearchGroup(const WriteRequest& request, const Group& group, std::vector<Refusal>* refused);
  Status Commit();
  void Rollback() noexcept;
  [[nodiscard]] const CheckpointMove* Move(const WriteRequest& request) const {
    return checkpoint_ ? request.checkpoint : nullptr;
  }

  const SinkOptions options_;
  std::optional<TableName> table_;  // the exactly-once table
  std::optional<CheckpointSql> checkpoint_;
  std::vector<std::string> parameters_;  // of the statement under way, kept for their memory
  PostgresSession session_;
};

// For calls at the start, where a missing object, a lost privilege or a column too short is the
// configuration's.
template <typename Call>
Status PostgresSink::Checked(const Call& call) {
  try {
    return call();
  } catch (const PostgresFailure& failure) {
    const Status status = failure.ToStatus();
    const bool mendable = failure.sqlstate.starts_with("42") || failure.code == Code::kRefused;
    return mendable ? Status(Code::kConfig, status.message()) : status;
  }
}

Status PostgresSink::Open() {
  Status status = session_.Open();
  if (!status.ok() || !checkpoint_) return status;
  status = Checked([&] {
    session_.Query(checkpoint_->probe, {});
    return Status::Ok();
  });
  if (status.code() == Code::kConfig) {
    status = MissingCheckpointTable(options_.exactly_once_table, checkpoint_->create_table);
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
  if (!checkpoint_) return Status::Ok();
  return Checked([&]() -> Status {
    session_.Query(checkpoint_->create, {id, StreamId{}.ToString(), id});
    const auto rows = session_.Query(checkpoint_->read, {id}).rows;
    if (rows.size() != 1 || !rows[0][0])
      return {Code::kConfig, "postgres: checkpoint '" + id + "' is not one row"};
    return ReadCheckpoint(id, *rows[0][0], position);
  });
}

void PostgresSink::ForgetCheckpoint(const std::string& id) {
  if (!checkpoint_) return;
  const Status status = Checked([&] {
    session_.Query(checkpoint_->forget, {id});
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
bool PostgresSink::Run(const WriteRequest& request, const Shape& shape, std::span<const std::uint32_t> rows,
                       const CheckpointMove* move) {
  const std::vector<std::size_t> cells = shape.Cells(request.plan);
  parameters_.resize(cells.size() + (move != nullptr ? 3 : 0));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const ColumnType& type = request.plan.column(cells[i]).type;
    TextArray array(&parameters_[i]);
    for (const std::uint32_t row : rows) array.Add(type, request.rows[row].cells[cells[i]]);
    array.Finish();
  }
  if (move != nullptr) {
    parameters_[cells.size()] = move->to.ToString();
    parameters_[cells.size() + 1] = move->id;
    parameters_[cells.size() + 2] = move->from.ToString();
  }
  const std::string key = std::to_string(request.plan.id) + (move != nullptr ? "!" : "") + shape.Name();
  const TableName* table = move != nullptr ? &*table_ : nullptr;
  const auto answer = session_.RunPrepared(
      key, [&] { return postgres_sql::Write(request.plan, shape, table); }, parameters_);
  return move == nullptr || answer.rows.at(0).at(0) != "0";
}

bool PostgresSink::MoveAlone(const CheckpointMove& move) {
  return session_.Query(checkpoint_->move, {move.to.ToString(), move.id, move.from.ToString()}).affected > 0;
}

// Why the checkpoint did not move.
Status PostgresSink::Unmoved(const CheckpointMove& move) {
  const auto rows = session_.Query(checkpoint_->read, {move.id}).rows;
  return JudgeCheckpoint(move, rows.empty() ? std::nullopt : rows[0][0]);
}

void PostgresSink::Rollback() noexcept {
  try {
    session_.Execute("ROLLBACK");
  } catch (const PostgresFailure&) {
    session_.Close();  // the server rolls back what a lost connection left
  }
}

// A connection lost in here leaves the outcome in doubt.
Status PostgresSink::Commit() {
  try {
    session_.Execute("COMMIT");
    return Status::Ok();
  } catch (const PostgresFailure& failure) {
    const Status status = failure.ToStatus();
    if (failure.code != Code::kNotConnected) return status;
    return {Code::kInDoubt, "postgres: the answer to COMMIT never came: " + OneLine(failure.message)};
  }
}

// A statement that is its own transaction: a connection lost in it is lost in COMMIT, as far as we can know.
Status PostgresSink::WriteOnce(const WriteRequest& request, const Group& group) {
  const CheckpointMove* move = Move(request);
  bool moved = false;
  try {
    moved = group.rows.empty() ? MoveAlone(*move) : Run(request, group.shape, group.rows, move);
  } catch (const PostgresFailure& failure) {
    const Status status = failure.ToStatus();
    if (failure.code != Code::kNotConnected) return status;
    return {Code::kInDoubt, "postgres: the answer to a write never came: " + OneLine(failure.message)};
  }
  return moved ? Status::Ok() : Unmoved(*move);
}

Status PostgresSink::WriteGroups(const WriteRequest& request, const std::vector<Group>& groups) {
  const CheckpointMove* move = Move(request);
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

Status PostgresSink::SearchGroup(const WriteRequest& request, const Group& group,
                                 std::vector<Refusal>* refused) {
  auto apply = [&](std::span<const std::uint32_t> rows, Refusal* refusal) {
    try {
      Run(request, group.shape, rows, nullptr);
      session_.Execute("RELEASE SAVEPOINT wb; SAVEPOINT wb");
      return Status::Ok();
    } catch (const PostgresFailure& failure) {
      if (failure.code != Code::kRefused) throw;
      *refusal = MakeRefusal(request.plan, request.rows[rows.front()], failure.message,
                             IsPostgresConstraint(failure.sqlstate));
      session_.Execute("ROLLBACK TO SAVEPOINT wb");
      return failure.ToStatus();
    }
  };
  return Bisect(group.rows, false, apply, refused);
}

// Some row is refused: which ones? Where none is by itself (two keys that the database takes for one met in
// a statement), all are written now.
WriteResult PostgresSink::Search(const WriteRequest& request, const std::vector<Group>& groups) {
  WriteResult result;
  session_.Execute("BEGIN; SET CONSTRAINTS ALL IMMEDIATE");
  const CheckpointMove* move = Move(request);
  if (move != nullptr && !MoveAlone(*move)) {
    Rollback();
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
  if (result.status.ok()) result.status = {Code::kRefused, "postgres: " + result.refused.front().reason};
  return result;
}

WriteResult PostgresSink::Write(const WriteRequest& request) {
  if (request.rows.empty() && Move(request) == nullptr) return {};
  if (!session_.Alive()) return {{Code::kNotConnected, "postgres: not connected"}, {}};
  std::vector<Group> groups = GroupRows(request.plan, request.rows);
  if (groups.empty()) groups.emplace_back();
  Status status;
  try {
    session_.TidyStatements();
    status = groups.size() == 1 ? WriteOnce(request, groups.front()) : WriteGroups(request, groups);
  } catch (const PostgresFailure& failure) {
    status = failure.ToStatus();
  }
  if (status.ok()) return {};
  if (groups.size() > 1) Rollback();
  if (status.code() != Code::kRefused) return {status, {}};
  WriteResult result;
  try {
    result = Search(request, groups);
  } catch (const PostgresFailure& failure) {
    result.status = failure.ToStatus();
    Rollback();
  }
  // Not a row's fault (a checkpoint column too short, say): to be retried, never to be rejected.
  if (result.status.code() == Code::kRefused && result.refused.empty()) {
    result.status = {Code::kTransient, result.status.message()};
  }
  return result;
}

std::vector<std::string> PostgresSink::Explain(const TablePlan& plan) {
  const TableName* table = table_ ? &*table_ : nullptr;
  Shape deletes;
  deletes.is_delete = true;
  return {postgres_sql::Write(plan, {}, table), postgres_sql::Write(plan, deletes, table)};
}

}  // namespace

std::unique_ptr<Sink> MakePostgresSink(const SinkOptions& options) {
  return std::make_unique<PostgresSink>(options);
}

}  // namespace writebehind
