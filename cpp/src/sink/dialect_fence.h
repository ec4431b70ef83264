// The statements by which a writer takes its fence, and finds who has it (sink.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace writebehind {

// Of an output, in 64 bits; the same in every run. Names of locks have little room.
std::uint64_t FenceNumber(std::string_view output);

namespace postgres_sql {
// Session-level advisory locks: the number's upper 48 bits, and the writer in the rest.
// Other sessions' locks of this output. Parameter: the lock of writer 0. Answers the writer, the process, its user.
inline constexpr char kFenceHolders[] =
    "SELECT objid::bigint & 65535, l.pid, coalesce(a.usename::text, '?') "
    "FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid "
    "WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted AND l.pid <> pg_backend_pid() "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND ((l.classid::bigint << 32) | l.objid::bigint) & ~65535::bigint = $1::bigint";
inline constexpr char kEndSession[] = "SELECT pg_terminate_backend($1::int)";
inline constexpr char kFenceWait[] = "SET lock_timeout = 2000";
inline constexpr char kFenceWaited[] = "RESET lock_timeout";
inline constexpr char kTakeFence[] = "SELECT pg_advisory_lock($1::bigint)";
inline constexpr char kLeaveFence[] = "SELECT pg_advisory_unlock($1::bigint)";
}  // namespace postgres_sql

namespace mysql_sql {
// GET_LOCK, of names of 64 characters at most.
inline constexpr char kTakeFence[] = "SELECT GET_LOCK(?, ?)";  // answers 1: taken
inline constexpr char kLeaveFence[] = "SELECT RELEASE_LOCK(?)";
// Parameters: `count` names. Answers the session that has each.
std::string FenceHolders(std::size_t count);
// `session`: digits; it can't be a parameter.
std::string EndSession(std::string_view session);
}  // namespace mysql_sql

namespace sqlite_sql {
// A row per output, read in each write transaction.
inline constexpr char kFenceTable[] =
    "CREATE TABLE IF NOT EXISTS \"_writebehind\" (\"output\" TEXT NOT NULL PRIMARY KEY, \"token\" TEXT NOT NULL)";
inline constexpr char kTakeFence[] =
    "INSERT INTO \"_writebehind\" (\"output\", \"token\") VALUES (?, ?) "
    "ON CONFLICT (\"output\") DO UPDATE SET \"token\" = excluded.\"token\"";
inline constexpr char kReadFence[] = "SELECT \"token\" FROM \"_writebehind\" WHERE \"output\" = ?";
}  // namespace sqlite_sql

}  // namespace writebehind
