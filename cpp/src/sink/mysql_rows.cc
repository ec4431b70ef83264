#include "sink/mysql_rows.h"

#include <algorithm>
#include <array>

#include "sink/dialect.h"
#include "sink/driver_failure.h"
#include "sink/mysql_errors.h"
#include "sink/refusal.h"

namespace writebehind {
namespace {

// Rows of a statement: few statements to prepare, few of them for any number of rows, five for the 5,000 of a
// full batch, and one for each try of a search (sink/bisect.h).
constexpr std::array<std::size_t, 17> kSizes{1000, 512, 500, 256, 200, 128, 100, 64, 50, 32, 20, 16, 10, 8, 4, 2, 1};
constexpr std::size_t kMostParameters = 65535;  // of the protocol
constexpr std::size_t kParameterBytes = 12;     // beside its value, at most

// A key that has a character which its column's character set lacks can't even be compared: that is its own
// fault.
void NameTheKey(const WriteRequest& request, std::span<const std::uint32_t> rows, DriverFailure* failure) {
  for (std::size_t cell = 0; cell < request.plan.keys.size(); ++cell) {
    auto is_wide = [&](std::uint32_t row) {
      const std::string_view text = request.rows[row].cells[cell].text;
      return std::any_of(text.begin(), text.end(),
                         [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    };
    if (std::none_of(rows.begin(), rows.end(), is_wide)) continue;
    failure->code = Code::kRefused;
    failure->message += "; a character that column `" + request.plan.keys[cell].name + "` lacks?";
    return;
  }
}

}  // namespace

// One prepared statement over these cells of these rows.
std::uint64_t MysqlRows::Run(const WriteRequest& request, const Shape& shape, char what,
                             const std::vector<std::size_t>& cells, Rows rows) {
  parameters_.clear();
  for (const std::uint32_t row : rows) {
    for (const std::size_t cell : cells) {
      parameters_.push_back({&request.plan.column(cell).type, &request.rows[row].cells[cell]});
    }
  }
  const std::string key = std::to_string(request.plan.id) + what + std::to_string(rows.size()) + shape.Name();
  auto sql = [&]() -> std::string {
    switch (what) {
      case 'd':
        return mysql_sql::Delete(request.plan, rows.size());
      case 'u':
        return mysql_sql::Update(request.plan, shape);
      case 'i':
        return mysql_sql::Insert(request.plan, shape);
      case 'm':
        return mysql_sql::Move(request.plan);
      case 'p':
        return mysql_sql::Probe(request.plan);
      default:
        return mysql_sql::Upsert(request.plan, shape, rows.size());
    }
  };
  try {
    return session_->RunPrepared(key, sql, parameters_);
  } catch (DriverFailure& failure) {
    if (IsMysqlMixedCollations(failure.number) && what != 'i' && what != 'w')
      NameTheKey(request, rows, &failure);
    throw;
  }
}

// UPDATE, then INSERT where there was no row: never touches a row of another key, and names what is wrong.
void MysqlRows::WriteExactly(const WriteRequest& request, const Shape& shape, std::uint32_t row) {
  const Rows rows(&row, 1);
  const std::vector<std::size_t> all = shape.Cells(request.plan);
  const auto keys = static_cast<std::ptrdiff_t>(request.plan.keys.size());
  std::vector<std::size_t> cells(all.begin() + keys, all.end());
  const bool sets = !cells.empty();
  cells.insert(cells.end(), all.begin(), all.begin() + keys);
  const std::uint64_t found = Run(request, shape, sets ? 'u' : 'p', cells, rows);
  if (found == 0) Run(request, shape, 'i', all, rows);
}

void MysqlRows::Move(const WriteRequest& request, const Shape& shape, std::uint32_t row) {
  const Rows rows(&row, 1);
  const std::vector<std::size_t> both = shape.Cells(request.plan);
  const auto keys = static_cast<std::ptrdiff_t>(request.plan.keys.size());
  const std::vector<std::size_t> old(both.begin(), both.begin() + keys);
  std::vector<std::size_t> cells;
  for (int times = 0; times < 2; ++times) {
    cells.insert(cells.end(), both.begin() + keys, both.end());
    cells.insert(cells.end(), old.begin(), old.end());
  }
  if (Run(request, shape, 'm', cells, rows) == 0) Run(request, shape, 'd', old, rows);
}

// What a row adds to a statement's packet; long cells have packets of their own.
std::size_t MysqlRows::PacketBytes(const WriteRequest& request, const std::vector<std::size_t>& cells,
                                   std::uint32_t row) {
  std::size_t bytes = 0;
  for (const std::size_t cell : cells) {
    const std::size_t size = request.rows[row].cells[cell].text.size();
    const bool alone = size > kMysqlLongData || request.plan.column(cell).type.kind == TypeKind::kBytes;
    bytes += kParameterBytes + (alone ? 0 : size);
  }
  return bytes;
}

void MysqlRows::Write(const WriteRequest& request, const Shape& shape, Rows rows) {
  const TablePlan& plan = request.plan;
  if (shape.moves) {
    for (const std::uint32_t row : rows) Move(request, shape, row);
    return;
  }
  const bool exact =
      !shape.is_delete &&
      (shape.UpdateFirst(plan) || (plan.other_unique && rows.size() == 1));
  if (exact) {
    for (const std::uint32_t row : rows) WriteExactly(request, shape, row);
    return;
  }
  const std::vector<std::size_t> cells = shape.Cells(plan);
  const std::size_t most = std::min(kSizes.front(), kMostParameters / cells.size());
  while (!rows.empty()) {
    std::size_t bytes = 0;
    std::size_t count = 0;
    while (count < rows.size() && count < most) {
      bytes += PacketBytes(request, cells, rows[count]);
      if (count > 0 && bytes > PacketLimit()) break;
      ++count;
    }
    const std::size_t size = *std::find_if(kSizes.begin(), kSizes.end(), [count](std::size_t s) { return s <= count; });
    Run(request, shape, shape.is_delete ? 'd' : 'w', cells, rows.first(size));
    rows = rows.subspan(size);
  }
}

// A row that the protocol can't carry.
bool MysqlRows::TooLarge(const WriteRequest& request, const Shape& shape, Rows rows, Refusal* refusal) const {
  const std::vector<std::size_t> cells = shape.Cells(request.plan);
  return std::any_of(rows.begin(), rows.end(), [&](std::uint32_t row) { return TooLarge(request, cells, row, refusal); });
}

bool MysqlRows::TooLarge(const WriteRequest& request, const std::vector<std::size_t>& cells, std::uint32_t row,
                         Refusal* refusal) const {
  const Column* column = nullptr;
  for (const std::size_t cell : cells) {
    if (request.rows[row].cells[cell].text.size() > PacketLimit()) column = &request.plan.column(cell);
  }
  if (column == nullptr && PacketBytes(request, cells, row) <= PacketLimit()) return false;
  *refusal =
      MakeRefusal(request.plan, request.rows[row],
                  "the row is larger than max_allowed_packet (" + std::to_string(session_->max_packet()) +
                      " bytes)" + (column == nullptr ? "" : " by column '" + column->name + "'"),
                  Constraint::kNone);
  refusal->row = row;
  return true;
}

}  // namespace writebehind
