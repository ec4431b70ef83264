// Which rows of several Redis keys can be in one batch.
#include "pipeline/moves.h"

#include <gtest/gtest.h>

#include <deque>

namespace writebehind {
namespace {

struct Step {
  std::string key;
  std::string from;  // the row that moves; empty: it does not
  std::string to;
  bool is_delete = false;
  bool keeps = false;
  std::vector<std::string> taken{};  // the keys that it is taken from
};

// How many of them fit.
std::size_t Fitting(const std::vector<Step>& steps) {
  std::deque<Record> records;
  std::deque<std::vector<Cell>> cells;
  Batch batch;
  Moves moves;
  moves.Begin(1);
  for (const Step& step : steps) {
    records.emplace_back().key = step.key;
    batch.records.push_back(&records.back());
    auto& made = cells.emplace_back();
    made.push_back({Cell::State::kValue, step.to});
    made.push_back({step.keeps ? Cell::State::kKeep : Cell::State::kNull, {}});
    if (!step.from.empty()) made.push_back({Cell::State::kValue, step.from});
    Row row{.is_delete = step.is_delete, .moves = !step.from.empty(), .record = static_cast<std::uint32_t>(records.size() - 1), .cells = made};
    if (!moves.Fit(batch, row, step.taken)) break;
    batch.rows.push_back(row);
  }
  return batch.rows.size();
}

TEST(Moves, OfDifferentRowsAreOneBatch) {
  EXPECT_EQ(3U, Fitting({{"1", "a", "b"}, {"2", "c", "d"}, {"3", "", "e"}}));
  EXPECT_EQ(3U, Fitting({{"1", "", "a"}, {"1", "a", "b"}, {"1", "", "b"}})) << "of one key";
  EXPECT_EQ(3U, Fitting({{"1", "", "a"}, {"2", "", "a"}, {"1", "", "a"}})) << "none moves";
  EXPECT_EQ(2U, Fitting({{"1", "a", "b"}, {"1", "", "b", true}}));
}

TEST(Moves, OfRowsThatHaveToDoWithEachOtherAreNot) {
  EXPECT_EQ(1U, Fitting({{"1", "a", "b"}, {"1", "b", "c"}})) << "a chain";
  EXPECT_EQ(1U, Fitting({{"1", "a", "b"}, {"2", "c", "a"}})) << "to where another one was";
  EXPECT_EQ(1U, Fitting({{"1", "a", "b"}, {"2", "", "a"}}));
  EXPECT_EQ(1U, Fitting({{"1", "a", "b"}, {"2", "", "b"}}));
  EXPECT_EQ(1U, Fitting({{"2", "", "b"}, {"1", "a", "b"}}));
  EXPECT_EQ(1U, Fitting({{"2", "", "a"}, {"1", "a", "b"}}));
  EXPECT_EQ(2U, Fitting({{"1", "", "a"}, {"2", "", "a"}, {"1", "a", "b"}})) << "two keys wrote it";
  EXPECT_EQ(1U, Fitting({{"1", "", "a"}, {"1", "a", "b", false, true}})) << "it keeps what the first wrote";
}

TEST(Moves, ARowThatIsTakenIsJudgedBeforeItIsLeft) {
  EXPECT_EQ(1U, Fitting({{"1", "", "a", false, false, {"2"}}, {"1", "", "a", true}}));
  EXPECT_EQ(1U, Fitting({{"1", "", "a", false, false, {"2"}}, {"1", "a", "b"}}));
  EXPECT_EQ(1U, Fitting({{"1", "", "a", false, false, {"2"}}, {"2", "", "b"}})) << "the other goes on";
  EXPECT_EQ(3U, Fitting({{"1", "", "a", false, false, {"2"}}, {"2", "", "a", false, false, {"1"}}, {"1", "", "a", false, false, {"2"}}}))
      << "taken in turn";
}

}  // namespace
}  // namespace writebehind
