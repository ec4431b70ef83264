#include "sink/refusal.h"

#include <algorithm>

#include "util/printable.h"

namespace writebehind {
namespace {

constexpr std::size_t kMessageBytes = 500;

// Of any language: »a«, „a“ and the like begin and end with bytes that are not ASCII.
bool IsQuote(char c) { return c == '"' || c == '\'' || c == '`' || static_cast<unsigned char>(c) >= 0x80; }

// Where a message first names a column, as databases do: "a", 'a', `a`, (a)=(…), t.a, `t.a`
std::size_t NamedAt(std::string_view message, const std::string& column) {
  std::size_t first = std::string_view::npos;
  for (std::size_t at = message.find(column, 1); at != std::string_view::npos;
       at = message.find(column, at + 1)) {
    const std::size_t end = at + column.size();
    if (end == message.size() || !IsQuote(message[at - 1]) || !IsQuote(message[end])) continue;
    first = at;
    break;
  }
  for (const std::string& form : {"(" + column + ")=(", "." + column + "`", "." + column + ","}) {
    first = std::min(first, message.find(form));
  }
  if (message.ends_with("." + column)) first = std::min(first, message.size() - column.size());
  return first;
}

// The message from where it comes to the column: before that it may quote the value, which can be any
// column's name.
std::string_view WithoutValue(std::string_view message) {
  const std::size_t at = message.rfind(" for column ");
  return at == std::string_view::npos ? message : message.substr(at);
}

// Blames the column that is named first.
void BlameNamed(const TablePlan& plan, const Row& row, std::string_view said, Refusal* refusal) {
  const std::size_t cells = row.is_delete ? plan.keys.size() : plan.width();
  std::size_t first = std::string_view::npos;
  for (std::size_t i = 0; i < cells; ++i) {
    const std::size_t at = NamedAt(said, plan.column(i).name);
    if (at >= first) continue;
    first = at;
    Blame(plan, row, i, refusal);
  }
}

}  // namespace

Refusal MakeRefusal(const TablePlan& plan, const Row& row, std::string_view message, Constraint constraint,
                    std::string_view cause) {
  Refusal refusal;
  refusal.reason = OneLine(message);
  refusal.cause = OneLine(cause);
  refusal.constraint = constraint;
  for (const std::string_view said : {WithoutValue(refusal.cause), WithoutValue(refusal.reason)}) {
    if (refusal.column.empty()) BlameNamed(plan, row, said, &refusal);
  }
  return refusal;
}

void Blame(const TablePlan& plan, const Row& row, std::size_t cell, Refusal* refusal) {
  const Column& column = plan.column(cell);
  refusal->column = column.name;
  refusal->type = column.type.name;
  refusal->value = row.cells[cell].state == Cell::State::kValue ? Printable(row.cells[cell].text) : "NULL";
}

void OnePerRow(std::vector<Refusal>* refused) {
  std::stable_sort(refused->begin(), refused->end(),
                   [](const Refusal& a, const Refusal& b) { return a.row < b.row; });
  const auto last = std::unique(refused->begin(), refused->end(),
                                [](const Refusal& a, const Refusal& b) { return a.row == b.row; });
  refused->erase(last, refused->end());
}

std::vector<std::uint32_t> TakeForeignKeys(const WriteRequest& request, std::vector<Refusal>* refused) {
  std::vector<std::uint32_t> taken;
  std::erase_if(*refused, [&](const Refusal& refusal) {
    const Row& row = request.rows[refusal.row];
    const bool takes = refusal.constraint == Constraint::kForeignKey && !row.replaces && !row.moves;
    if (takes) taken.push_back(static_cast<std::uint32_t>(refusal.row));
    return takes;
  });
  std::sort(taken.begin(), taken.end());
  return taken;
}

std::string OneLine(std::string_view message) {
  std::string line;
  for (const char c : message) {
    const bool space = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (space && (line.empty() || line.back() == ' ')) continue;
    line += space ? ' ' : c;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  for (const std::string_view prefix : {"ERROR: ", "FATAL: "}) {
    if (line.starts_with(prefix)) line.erase(0, prefix.size());
  }
  return Printable(line, kMessageBytes);
}

}  // namespace writebehind
