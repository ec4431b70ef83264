#include "stream/reader.h"

#include <fmt/format.h>

namespace writebehind {

std::string IdentityText(std::uint64_t identity) { return fmt::format("{:016x}", identity); }

StreamReader::StreamReader(const std::string& pipeline)
    : pipeline_(pipeline), key_("writebehind:{" + pipeline + "}:stream") {}

Status StreamReader::Read(std::size_t rows, std::size_t bytes, std::chrono::milliseconds wait, Entries* entries) {
  const std::string rows_text = std::to_string(rows);
  const std::string bytes_text = std::to_string(bytes);
  const std::string position = position_.ToString();
  const std::string wait_text = std::to_string(wait.count());
  // XREAD only waits: its one entry is thrown away, and WB.READ, sent along, is answered as soon as XREAD
  // is: waiting costs no second round trip.
  if (wait.count() > 0) connection_.Append({"XREAD", "COUNT", "1", "BLOCK", wait_text, "STREAMS", key_, position});
  connection_.Append({"WB.READ", pipeline_, after_, rows_text, bytes_text});
  if (wait.count() > 0) {
    Reply woken;
    if (Status status = connection_.Receive(&woken, wait); !status.ok()) return status;
    if (woken->type == REDIS_REPLY_ERROR) {
      const std::string text(Text(*woken));
      Status status = connection_.Receive(entries);
      return status.ok() && entries->all.empty() ? Status(Code::kTransient, "Redis refuses to wait for changes: " + text) : status;
    }
  }
  return connection_.Receive(entries);
}

void StreamReader::Rewind() {
  position_ = {};
  after_ = "0-0";
}

void StreamReader::Advance(std::uint64_t identity, StreamId id) {
  position_ = id;
  after_ = IdentityText(identity) + ':' + id.ToString();
}

}  // namespace writebehind
