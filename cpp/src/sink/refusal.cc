#include "sink/refusal.h"

#include <algorithm>

#include "util/printable.h"

namespace writebehind {
namespace {

constexpr std::size_t kMessageBytes = 500;

// How databases name a column: "a", 'a', `a`, (a)=(…), t.a
bool Names(std::string_view message, const std::string& column) {
  for (const std::string& form :
       {"\"" + column + "\"", "'" + column + "'", "`" + column + "`", "(" + column + ")=("}) {
    if (message.find(form) != std::string_view::npos) return true;
  }
  return message.ends_with("." + column) || message.find("." + column + ",") != std::string_view::npos;
}

}  // namespace

Refusal MakeRefusal(const TablePlan& plan, const Row& row, std::string_view message, bool is_constraint) {
  Refusal refusal;
  refusal.reason = OneLine(message);
  refusal.is_constraint = is_constraint;
  const std::size_t cells = row.is_delete ? plan.keys.size() : plan.width();
  for (std::size_t i = 0; i < cells; ++i) {
    const Column& column = plan.column(i);
    if (!Names(refusal.reason, column.name)) continue;
    refusal.column = column.name;
    refusal.type = column.type.name;
    refusal.value = row.cells[i].state == Cell::State::kValue ? Printable(row.cells[i].text) : "NULL";
    break;
  }
  return refusal;
}

void OnePerRow(std::vector<Refusal>* refused) {
  std::stable_sort(refused->begin(), refused->end(),
                   [](const Refusal& a, const Refusal& b) { return a.row < b.row; });
  const auto last = std::unique(refused->begin(), refused->end(),
                                [](const Refusal& a, const Refusal& b) { return a.row == b.row; });
  refused->erase(last, refused->end());
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
