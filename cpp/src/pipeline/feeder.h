// The feeder reads the stream, decodes it, and deals the changes out to the workers by their keys.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "pipeline/context.h"
#include "pipeline/retry.h"
#include "stream/reader.h"

namespace writebehind {

// Runs in one thread, but for Interrupt.
class Feeder {
 public:
  explicit Feeder(Context* context);

  // Until it is stopped or, with `once`, has handed over what was there at the start.
  void Run();
  void Interrupt() {
    reader_.connection().Interrupt();
    registry_.Interrupt();
  }

 private:
  Status Step();
  Status Finish();
  Status Open();
  Status Join();
  Status Register();
  Status LastEntry(std::optional<StreamId>* last);
  Status Rewind();
  [[nodiscard]] bool HasWrittenAgain() const;
  Status Read(std::shared_ptr<Entries>* entries);
  Status Decode(const std::shared_ptr<Entries>& entries, std::shared_ptr<Parcel>* parcel);
  Status GiveIdentity(const std::vector<Record*>& unreadable);
  Status LoadDefinitions();
  Status KnowDefinitions(const Parcel& parcel);
  void Deal(std::shared_ptr<Parcel> parcel);

  Context* context_;
  StreamReader reader_;
  Connection registry_;  // the reader's own may be waiting
  Retry retry_;
  std::optional<StreamId> end_;  // with `once`: the last entry at the start
  bool found_end_ = false;
  bool handed_over_ = false;  // with `once`: all that was there at the start
  std::uint32_t registered_;  // serial of the definition that was current when we joined, or a turn of ours before did
  bool rewind_ = true;  // a new connection: Redis may have come back with less, or with more
  StreamId again_until_;  // where the stream ended at the last rewind
  StreamId dealt_until_;  // what was dealt since ends there
  std::vector<std::uint64_t> dealt_;  // records, to each lane
  bool wait_ = false;
  bool done_ = false;
};

}  // namespace writebehind
