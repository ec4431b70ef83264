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

  // Is there a row among them that no packet can carry? `refusal` names it.
  bool TooLarge(const WriteRequest& request, const Shape& shape, Rows rows, Refusal* refusal) const;

 private:
  void WriteExactly(const WriteRequest& request, const Shape& shape, std::uint32_t row);
  void Move(const WriteRequest& request, const Shape& shape, std::uint32_t row);
  std::uint64_t Run(const WriteRequest& request, const Shape& shape, char what,
                    const std::vector<std::size_t>& cells, Rows rows);
  static std::size_t PacketBytes(const WriteRequest& request, const std::vector<std::size_t>& cells,
                                 std::uint32_t row);
  bool TooLarge(const WriteRequest& request, const std::vector<std::size_t>& cells, std::uint32_t row,
                Refusal* refusal) const;
  [[nodiscard]] std::size_t PacketLimit() const {
    return session_->max_packet() - session_->max_packet() / 16;
  }

  MysqlSession* session_;
  std::vector<MysqlParameter> parameters_;  // of the statement under way, kept for their memory
};

}  // namespace writebehind
