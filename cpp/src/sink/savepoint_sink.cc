#include "sink/savepoint_sink.h"

#include <algorithm>
#include <iterator>

#include "sink/bisect.h"
#include "sink/driver_failure.h"
#include "sink/refusal.h"

namespace writebehind {

Status SavepointSink::Commit() {
  try {
    Execute("COMMIT");
    return Status::Ok();
  } catch (const DriverFailure& failure) {
    if (failure.code != Code::kNotConnected) return failure.ToStatus();
    return {Code::kInDoubt, failure.who + ": the answer to COMMIT never came: " + OneLine(failure.message)};
  }
}

void SavepointSink::Rollback() noexcept {
  try {
    Execute("ROLLBACK");
  } catch (const DriverFailure&) {
    Close();
  }
}

bool SavepointSink::IsTooLarge(const WriteRequest&, const Shape&, std::uint32_t, Refusal*) { return false; }

void SavepointSink::FindColumn(const WriteRequest&, const Shape&, std::uint32_t, Refusal*) {}

// All of the rows behind a new savepoint, or none and kRefused, with the refusal of the first.
Status SavepointSink::Try(const WriteRequest& request, const Shape& shape, Rows rows, Refusal* refusal) {
  for (const std::uint32_t row : rows) {
    if (IsTooLarge(request, shape, row, refusal)) return {Code::kRefused, refusal->reason};
  }
  try {
    WriteRows(request, shape, rows);
    SetSavepoint(true);
    return Status::Ok();
  } catch (const DriverFailure& failure) {
    if (failure.code != Code::kRefused) throw;
    *refusal = MakeRefusal(request.plan, request.rows[rows.front()], failure.message, failure.constraint, failure.cause);
    Execute("ROLLBACK TO SAVEPOINT wb");
    if (rows.size() == 1) FindColumn(request, shape, rows.front(), refusal);
    return failure.ToStatus();
  }
}

Status SavepointSink::SearchGroups(const WriteRequest& request, const std::vector<Group>& groups,
                                   std::vector<Refusal>* refused) {
  SetSavepoint(false);
  for (const Group& group : groups) {
    const Status status = SearchRows(request, group.shape, group.rows, groups.size() == 1, refused);
    if (!status.ok()) return status;
  }
  return WriteParentsFirst(request, groups, refused);
}

Status SavepointSink::SearchRows(const WriteRequest& request, const Shape& shape, Rows rows, bool known_bad,
                                 std::vector<Refusal>* refused) {
  auto apply = [&](Rows some, Refusal* refusal) { return Try(request, shape, some, refusal); };
  return Bisect(rows, known_bad, apply, refused);
}

// The row that a foreign key misses, or the one that hangs on it, may have come behind: all else is written now, so
// what foreign keys refused is tried again, the last first, for as long as that helps.
Status SavepointSink::WriteParentsFirst(const WriteRequest& request, const std::vector<Group>& groups,
                                        std::vector<Refusal>* refused) {
  for (std::size_t before = 0; before != refused->size();) {
    before = refused->size();
    const std::vector<std::uint32_t> again = TakeForeignKeys(request, refused);
    for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
      std::vector<std::uint32_t> rows;
      std::copy_if(group->rows.rbegin(), group->rows.rend(), std::back_inserter(rows),
                   [&](std::uint32_t row) { return std::binary_search(again.begin(), again.end(), row); });
      const Status status = SearchRows(request, group->shape, rows, false, refused);
      if (!status.ok()) return status;
    }
  }
  OnePerRow(refused);
  return Status::Ok();
}

WriteResult SavepointSink::Search(const WriteRequest& request, const std::vector<Group>& groups) {
  WriteResult result;
  try {
    if (!BeginSearch(request, &result.status)) return result;
    result.status = SearchGroups(request, groups, &result.refused);
    const bool complete = result.status.ok() && result.refused.empty();
    if (complete) result.status = Commit();
    if (!complete || !result.status.ok()) Rollback();
  } catch (const DriverFailure& failure) {
    result = {failure.ToStatus(), {}};
    Rollback();
  }
  if (result.status.ok() && !result.refused.empty()) {
    result.status = {Code::kRefused, options_.kind + ": " + result.refused.front().reason};
  }
  // Not a row's fault (a checkpoint column too short, say): to be retried, never to be rejected.
  if (result.status.code() == Code::kRefused && result.refused.empty()) {
    result.status = {Code::kTransient, result.status.message()};
  }
  return result;
}

}  // namespace writebehind
