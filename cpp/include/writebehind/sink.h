// Seam 1: a sink writes batches of rows to one table of one database.
//
// A sink belongs to one writer thread; only Cancel may be called from another. It never sleeps, retries,
// acknowledges or logs secrets, and throws nothing: each driver exception becomes a Status, by the
// driver's own error numbers. Every driver call is bounded by the options' timeouts.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "writebehind/catalog.h"
#include "writebehind/row.h"
#include "writebehind/sentinels.h"
#include "writebehind/status.h"
#include "writebehind/stream_id.h"
#include "writebehind/tls.h"

namespace writebehind {

class Sink;

struct SinkOptions {
  // Makes a sink of the caller's own for each writer; empty: by kind.
  std::function<std::unique_ptr<Sink>(const SinkOptions&)> make;
  std::string kind;      // "postgres", "mysql" (MariaDB too), "sqlite", "redis", "null"
  std::string host;
  int port = 0;          // 0: the database's own default
  std::string user;
  std::string password;
  std::string database;  // for sqlite: the file; for redis: the number
  std::string exactly_once_table;  // empty: at least once. May be "schema.table"
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds statement_timeout{60000};  // 0: none
  TlsOptions tls;  // of the redis sink, as is the next; the others have theirs in `driver`
  SentinelOptions sentinels;  // with addresses: instead of host and port
  std::vector<std::pair<std::string, std::string>> driver;  // further options of the driver (TLS), by name
};

// The compare-and-set of exactly once: the row `id` of the table moves from `from` to `to`.
struct CheckpointMove {
  std::string id;  // <pipeline>/<output>/<identity>/<writer>of<writers>
  StreamId from;
  StreamId to;
};

// REQUIRES: rows unique by key; each row's cells are as wide as the plan. Where rows move, no other row has their
// key or the one that they come from.
struct WriteRequest {
  const TablePlan& plan;
  std::span<const Row> rows;  // may be empty: then only the checkpoint moves
  const CheckpointMove* checkpoint = nullptr;  // null: at least once
  std::span<const Record* const> records = {};  // what the rows were made of, by Row::record; for sinks that name changes
  std::uint64_t origin = 0;  // of the registration (docs/protocol.md); all records have one identity
};

// What kind of constraint refuses a row.
enum class Constraint : std::uint8_t {
  kNone,        // none: a value
  kOfRow,       // by the row alone (CHECK, NOT NULL, a trigger): no other order of changes helps
  kOfRows,      // by other rows that are there (UNIQUE), or of what kind is not known
  kForeignKey,  // a row that it needs is not there, or one that needs it is
};

// A row that the database refuses, by index into WriteRequest::rows.
struct Refusal {
  std::size_t row = 0;
  std::string column;  // empty where the database doesn't say
  std::string type;
  std::string value;   // at most 200 bytes of it
  std::string reason;
  Constraint constraint = Constraint::kNone;
  std::string cause{};  // what refused it, in words that are the same for every row; empty: the column says it
};

// What keeps an engine that was replaced from writing on (docs/protocol.md): each writer has one.
struct Fence {
  std::string output;       // <origin>/<pipeline>/<output>: the same for all writers of all its engines
  std::string token;        // of the engine's turn of work
  std::size_t writer = 1;   // counts from 1
  std::size_t writers = 1;  // of this engine; earlier ones may have had more
};

struct WriteResult {
  Status status;                 // kOk: rows and checkpoint are committed, together
  std::vector<Refusal> refused;  // with kRefused only; nothing was committed
};

// A row as it is read back, each value as the database's text (bytes in hexadecimal); nothing: NULL.
using RowTexts = std::vector<std::optional<std::string>>;

// A question about rows (sink/reading.h), put in the words of a database.
struct ReadDialect;
struct ReadQuery {
  std::string sql;
  std::vector<std::string> parameters;
};
using Question = std::function<ReadQuery(const ReadDialect& dialect)>;

class Sink {
 public:
  virtual ~Sink() = default;

  // Connects, or connects again; idempotent. kConfig for what only a person can mend (no such
  // database, wrong password), kNotConnected for what may pass.
  virtual Status Open() = 0;

  // Keeps for this connection what no other may have then, and ends or stops those that had it: what they had begun is
  // committed or rolled back when this returns. kTransient where one of them can't be ended; the connection is of no
  // use then. Called once after Open, by who writes.
  virtual Status TakeFence(const Fence& fence) {
    (void)fence;
    return Status::Ok();
  }

  // The table's columns and constraints, in its order. kConfig names a table that is not there.
  virtual Status Describe(const TableName& table, Catalog* catalog) = 0;

  // The stored position of `id`, made with 0-0 where it is absent. Without an exactly-once table: 0-0.
  virtual Status LoadCheckpoint(const std::string& id, StreamId* position) = 0;

  // Commits all rows and the checkpoint in one transaction, or nothing.
  //   kOk       committed, or found committed earlier: the checkpoint's row already holds `to`
  //   kRefused  `refused` names every row that the database refuses by itself (found by bisection inside
  //             the transaction, which is rolled back)
  //   kInDoubt  the answer to COMMIT never came
  //   kFenced   the checkpoint's row holds neither `from` nor `to`, or the fence is another's
  virtual WriteResult Write(const WriteRequest& request) = 0;

  // It writes rows that move; to another one they come as two rows.
  [[nodiscard]] virtual bool MovesRows() const { return false; }

  // What an operator should know about this connection or table ("synchronous_commit is off"), one
  // sentence each; asked once after Open.
  virtual std::vector<std::string> Warnings() { return {}; }

  // Removes a checkpoint row that no entry names any more. Best effort.
  virtual void ForgetCheckpoint(const std::string& id) { (void)id; }

  // The SQL that Write runs under this plan, for --dry-run.
  virtual std::vector<std::string> Explain(const TablePlan& plan) = 0;

  // Asks the table, for a comparison with Redis; nothing is locked or changed. kConfig: this target can't be asked;
  // kRefused: nothing can be compared with one of the values.
  virtual Status Read(const Question& question, std::vector<RowTexts>* rows) {
    (void)question, (void)rows;
    return {Code::kConfig, "the rows of this target can't be read back", "SQLite, PostgreSQL, MySQL and MariaDB can"};
  }

  // From any thread: makes a driver call under way return soon, where the driver can.
  virtual void Cancel() noexcept {}

  virtual void Close() noexcept = 0;
};

// sink/registry.cc: kinds that this build has; kConfig names the build option for one it lacks.
Status MakeSink(const SinkOptions& options, std::unique_ptr<Sink>* sink);
std::vector<std::string> SinkKinds();

// CREATE TABLE statements for an output (all text columns, for a person to refine) and, where named, the
// exactly-once table. No connection is needed.
Status SchemaSql(const std::string& kind, const Output& output, const std::string& exactly_once_table,
                 std::vector<std::string>* statements);

}  // namespace writebehind
