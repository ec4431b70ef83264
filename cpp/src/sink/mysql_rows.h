// Writes rows of one shape to MySQL in as few statements as the protocol allows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sink/groups.h"
#include "sink/mysql_session.h"
#include "writebehind/sink.h"

namespace writebehind {

class MysqlRows {
 public:
  using Rows = std::span<const std::uint32_t>;  // indexes into WriteRequest::rows

  explicit MysqlRows(MysqlSession* session) : session_(session) {}

  // Inside the transaction that is open; throws DriverFailure, with some of the rows written.
  void Write(const WriteRequest& request, const Shape& shape, Rows rows);

  // Is it a row that no packet can carry?
  bool TooLarge(const WriteRequest& request, std::uint32_t row, const Shape& shape, Refusal* refusal) const;

 private:
  void WriteExactly(const WriteRequest& request, const Shape& shape, std::uint32_t row);
  void Move(const WriteRequest& request, const Shape& shape, std::uint32_t row);
  std::uint64_t Run(const WriteRequest& request, const Shape& shape, char what,
                    const std::vector<std::size_t>& cells, Rows rows);
  [[nodiscard]] std::size_t PacketBytes(const WriteRequest& request, const Shape& shape,
                                        std::uint32_t row) const;
  [[nodiscard]] std::size_t PacketLimit() const {
    return session_->max_packet() - session_->max_packet() / 16;
  }

  MysqlSession* session_;
  std::vector<MysqlParameter> parameters_;  // of the statement under way, kept for their memory
};

}  // namespace writebehind
