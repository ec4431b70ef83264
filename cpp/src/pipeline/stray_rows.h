// Stray rows: what the table has of a Redis key where that is not what the module believes, because a change was
// rejected or dropped. A key's row is then still the one that it had before, or it has none. Entries say nothing
// of that, so it is remembered in `writebehind:{<p>}:strays`:
//
//   <identity>:<ID>:<Redis key>  what the change of this ID left: `values` of codec/entry_format.h of the key's
//                                row; of no fields: it has none; nothing: it is again as the module believes
//
// Only of pipelines with fields as key columns. What a batch changes is stored before its commit, beside what was
// before; and that is removed once the batch is settled: so whatever is read again, after whatever end of the
// engine, finds what there was before it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/definitions.h"
#include "pipeline/redis_line.h"
#include "stream/connection.h"
#include "transform/row_arena.h"
#include "writebehind/record.h"
#include "writebehind/status.h"

namespace writebehind {

// Belongs to one worker. What a batch changes is noted record by record, in order, and can be noted anew.
class StrayRows {
 public:
  // `token`: of the lease
  StrayRows(const std::string& pipeline, std::string token)
      : pipeline_(pipeline), token_(std::move(token)), key_(KeyOf(pipeline, "strays")) {}

  // A name of the row that these `values` name, the same for equal rows; empty: they name none.
  using NameOf = std::function<std::string(std::string_view values)>;

  // Reads them as they were behind `passed`, of `identity`, unless they are that identity's already. A flush has lost
  // those before it.
  Status Load(std::uint64_t identity, StreamId passed, Connection* redis, Definitions* definitions);
  // The next Load reads again. Nothing is under way.
  void Reset();

  // A batch is noted from its beginning. `plan` is that of the names.
  void Begin(std::uint64_t plan, const NameOf& name_of);
  [[nodiscard]] bool empty() const { return current_.empty(); }

  // The record with the row that the table has of its key: `was` and `had_no_row` are put right. That lives until
  // the next Begin and no longer than `arena`.
  Record Resolve(const Record& record, RowArena* arena);
  // The other keys that have the row of this name.
  [[nodiscard]] std::vector<std::string> OthersOf(std::string_view key, const std::string& row) const;
  // The record is written, to the row of this name (empty: it is a delete): that is no other key's any more.
  void Written(const Record& record, const std::string& row);
  // The record, as resolved, is not written: its key's row, of the name `left`, stays where it is; and the row that
  // it names, of these values, stays that of the key that it is taken from.
  void Stays(const Record& resolved, const std::string& left, std::string_view values, const std::string& row);

  // False: the two below have nothing to do.
  [[nodiscard]] bool IsNoted() const { return !journal_.empty() || !attempted_.empty(); }
  // Before the commit of a batch that ends with `last`: stores what changed.
  Status Store(StreamId last, Connection* redis);
  // After it, the batch is done: the fields to be removed once it is settled.
  std::vector<std::string> Finish(StreamId last);

 private:
  struct Stray {
    std::string field;   // in Redis
    std::string values;  // empty: as the module believes, since this batch
    std::string row;     // its name
  };
  using Strays = std::map<std::string, Stray, std::less<>>;

  void Set(std::string_view key, const Record& record, std::string values, std::string row);
  void Put(const std::string& key, std::optional<Stray> stray);
  void Undo();
  void Attempted(const std::string& field);
  void EraseAttempted(StreamId last);
  void Unlist(const std::string& key, const Stray& stray);

  std::string pipeline_;
  std::string token_;
  std::string key_;
  std::uint64_t loaded_ = 0;                  // the identity of the stream then; 0: never
  std::uint64_t plan_ = 0;                    // of the names
  Strays current_;                            // by Redis key
  std::set<std::pair<std::string, std::string>> by_row_;  // (name of the row, key)
  std::vector<std::pair<std::string, std::optional<Stray>>> journal_;  // what the batch changed: how it was before
  // Fields that are or may be stored, of changes that are not committed as far as is known: an attempt left them, or
  // another engine that should not be there. The batch that decides such a change removes what it doesn't store anew.
  std::set<std::pair<StreamId, std::string>> attempted_;
  std::vector<std::string> superseded_;  // fields that were found beside later ones
  std::deque<std::vector<Field>> resolved_;
};

}  // namespace writebehind
