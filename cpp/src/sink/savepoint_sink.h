// What the sinks of databases with savepoints share: how a transaction ends, and the search for the rows that
// such a database refuses by themselves, among many that it refused together.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sink/checkpoint.h"
#include "sink/groups.h"
#include "writebehind/sink.h"

namespace writebehind {

class SavepointSink : public Sink {
 protected:
  SavepointSink(const SinkOptions& options, CheckpointSql (*sql)(const TableName&))
      : options_(options), once_(options, sql) {}

  using Rows = std::span<const std::uint32_t>;  // indexes into WriteRequest::rows

  // Some row is refused: which ones? Where none is by itself (two keys that the database takes for one met in
  // a statement), all are written now.
  WriteResult Search(const WriteRequest& request, const std::vector<Group>& groups);

  // A connection lost in here leaves the outcome in doubt.
  Status Commit();
  // Closes the connection where it fails: the server rolls back what a lost one left.
  void Rollback() noexcept;

  const SinkOptions options_;
  const ExactlyOnce once_;

 private:
  // The database's half. Each may throw DriverFailure.
  virtual void Execute(const char* sql) = 0;
  // Opens a transaction and moves the checkpoint in it. False: it did not move; `judged` says what that
  // means, and nothing is open.
  virtual bool BeginSearch(const WriteRequest& request, Status* judged) = 0;
  // Writes the rows of one shape, with some of them written where it throws.
  virtual void WriteRows(const WriteRequest& request, const Shape& shape, Rows rows) = 0;
  // SAVEPOINT wb; `again`: there is one already, which it replaces.
  virtual void SetSavepoint(bool again) = 0;
  // A row that this database can't be sent at all.
  virtual bool IsTooLarge(const WriteRequest& request, const Shape& shape, std::uint32_t row,
                          Refusal* refusal);

  // A row was refused, and is undone: which of its cells is to blame, where the message does not say? May
  // leave the transaction as it was at the savepoint only.
  virtual void FindColumn(const WriteRequest& request, const Shape& shape, std::uint32_t row,
                          Refusal* refusal);

  Status Try(const WriteRequest& request, const Shape& shape, Rows rows, Refusal* refusal);
  Status SearchGroups(const WriteRequest& request, const std::vector<Group>& groups,
                      std::vector<Refusal>* refused);
  Status SearchRows(const WriteRequest& request, const Shape& shape, Rows rows, bool known_bad,
                    std::vector<Refusal>* refused);
  Status WriteParentsFirst(const WriteRequest& request, const std::vector<Group>& groups,
                           std::vector<Refusal>* refused);
};

}  // namespace writebehind
