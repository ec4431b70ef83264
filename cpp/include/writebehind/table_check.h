// Compares a table with hashes of Redis, for `writebehind verify`: what the engine would write of a hash against
// what is there. It locks nothing and changes nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "writebehind/options.h"
#include "writebehind/record.h"
#include "writebehind/status.h"

namespace writebehind {

// A key as Redis has it.
struct HashState {
  std::string_view key;
  std::span<const Field> fields;  // by name
  bool is_absent = false;         // or holds no hash: there should be no row
};

struct Finding {
  enum class Kind : std::uint8_t {
    kEqual,
    kDiffers,  // in `column`, the first that does
    kMissing,  // there is no such row
    kExtra,    // there is one, but no hash
    kRefused,  // the engine would reject the hash, for `redis` in `column`; nothing is known of a row
    kDropped,  // a transform drops it
  };
  Kind kind = Kind::kEqual;
  std::string column;
  std::string redis;  // what its value should be, as text that can be printed; of kRefused: the reason
  std::string table;  // what it is; "NULL" for none
};

// Not thread-safe.
class TableCheck {
 public:
  // Of the options: name, definition, sink, credentials and transformer.
  explicit TableCheck(PipelineOptions options);
  ~TableCheck();
  TableCheck(const TableCheck&) = delete;
  TableCheck& operator=(const TableCheck&) = delete;

  // Connects and reads the catalog. kConfig: what is wrong; kNotConnected: not reachable.
  Status Open();

  // A finding for each, in their order. After a failure: Open again.
  Status Compare(std::span<const HashState> hashes, std::vector<Finding>* findings);

  // The next `most` rows in the order of their keys, each by the Redis key that it is the row of; none: that was
  // the last page. REQUIRES: the Redis key is the only key column.
  Status NextPage(std::size_t most, std::vector<std::string>* keys);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace writebehind
