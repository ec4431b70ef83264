// A Parcel is what one read of the stream brought, decoded: the unit that the reader hands to the writers.
//
// It owns the bytes that its records point into. Immutable once handed over, shared by the writers whose
// keys it holds; the last one to let go returns its share of the budget (see Budget).
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "writebehind/record.h"

namespace writebehind {

// Bounds what the engine holds in memory between the stream and the database, in bytes: of the entries, and of
// what they are decoded to. Thread-safe.
class Budget {
 public:
  explicit Budget(std::size_t bytes) : left_(static_cast<std::ptrdiff_t>(bytes)) {}

  // Waits until there is room; a read may then overdraw it by itself, so that a value larger than the
  // whole budget still passes. False once closed.
  bool Await() {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return closed_ || left_ > 0; });
    return !closed_;
  }
  void Take(std::size_t bytes) { Give(-static_cast<std::ptrdiff_t>(bytes)); }
  void Return(std::size_t bytes) { Give(static_cast<std::ptrdiff_t>(bytes)); }
  void Close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    room_.notify_all();
  }

 private:
  void Give(std::ptrdiff_t bytes) {
    std::lock_guard lock(mutex_);
    left_ += bytes;
    room_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable room_;
  std::ptrdiff_t left_;
  bool closed_ = false;
};

// Fields of many records in a few allocations; spans stay valid as long as the arena.
class FieldArena {
 public:
  std::span<Field> Allocate(std::size_t count) {
    if (blocks_.empty() || used_ + count > blocks_.back().size()) {
      blocks_.emplace_back(std::max<std::size_t>(count, kBlock));
      used_ = 0;
      bytes_ += blocks_.back().size() * sizeof(Field);
    }
    std::span<Field> fields(blocks_.back().data() + used_, count);
    used_ += count;
    return fields;
  }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kBlock = 4096;
  std::vector<std::vector<Field>> blocks_;
  std::size_t used_ = 0;
  std::size_t bytes_ = 0;
};

// How much of a parcel is still to be settled, kept in the order of reading (ack/tracker.h).
struct Ticket {
  StreamId first;
  StreamId last;
  std::uint64_t identity = 0;  // of its last entry
  std::size_t unsettled = 0;   // guarded by the Tracker
};

struct Parcel {
  Parcel() = default;
  Parcel(const Parcel&) = delete;
  Parcel& operator=(const Parcel&) = delete;
  ~Parcel() {
    if (budget) budget->Return(memory());
  }

  [[nodiscard]] std::size_t memory() const { return bytes + records.size() * sizeof(Record) + fields.bytes(); }

  std::vector<Record> records;  // in the order of their IDs
  FieldArena fields;
  std::shared_ptr<const void> bytes_owner;
  std::size_t bytes = 0;
  std::uint64_t reading = 0;  // counts how often the stream was read from its beginning
  bool again = false;         // it may have been read, and some of it rejected, by an engine that ended since
  std::vector<std::uint64_t> before;  // with several writers: of each, how many records were dealt to it before these
  std::shared_ptr<Ticket> ticket;
  std::shared_ptr<Budget> budget;  // null: unbounded (tests)
};

// What of a parcel falls to one writer.
struct Share {
  std::shared_ptr<const Parcel> parcel;  // null: only says that reading begins anew
  bool whole = true;                   // all of it: one writer
  std::vector<std::uint32_t> indexes;  // else these of its records, ascending

  [[nodiscard]] std::size_t size() const { return whole ? parcel->records.size() : indexes.size(); }
  [[nodiscard]] const Record& record(std::size_t i) const { return parcel->records[whole ? i : indexes[i]]; }
};

// How many records of a parcel a batch holds; keeps their bytes alive.
struct Holding {
  std::shared_ptr<const Parcel> parcel;
  std::size_t records = 0;
};

}  // namespace writebehind
