#include "sink/dialect_fence.h"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "util/fnv.h"

namespace writebehind {

std::uint64_t FenceNumber(std::string_view output) { return Fnv1a(output); }

namespace mysql_sql {

std::string FenceHolders(std::size_t count) {
  std::string sql = "SELECT IS_USED_LOCK(?)";
  for (std::size_t i = 1; i < count; ++i) sql += ", IS_USED_LOCK(?)";
  return sql;
}

std::string EndSession(std::string_view session) {
  std::string sql = "KILL CONNECTION ";
  std::copy_if(session.begin(), session.end(), std::back_inserter(sql), [](unsigned char c) { return std::isdigit(c) != 0; });
  return sql;
}

}  // namespace mysql_sql
}  // namespace writebehind
