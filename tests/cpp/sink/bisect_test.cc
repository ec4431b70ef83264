#include "sink/bisect.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace writebehind {
namespace {

struct Search {
  std::set<std::uint32_t> bad;
  std::set<std::uint32_t> applied;
  int calls = 0;

  Status Run(std::uint32_t rows, std::vector<Refusal>* refused) {
    std::vector<std::uint32_t> all(rows);
    std::iota(all.begin(), all.end(), 0U);
    auto apply = [this](std::span<const std::uint32_t> some, Refusal* refusal) -> Status {
      ++calls;
      for (const std::uint32_t row : some) {
        if (bad.count(row) == 0) continue;
        refusal->reason = "bad";
        return {Code::kRefused, "bad"};
      }
      applied.insert(some.begin(), some.end());
      return Status::Ok();
    };
    return Bisect(std::span<const std::uint32_t>(all), false, apply, refused);
  }
};

TEST(Bisect, FindsEveryBadRowAndAppliesTheRest) {
  Search search{{0, 7, 8, 499, 998, 999}, {}, 0};
  std::vector<Refusal> refused;
  ASSERT_TRUE(search.Run(1000, &refused).ok());
  ASSERT_EQ(6U, refused.size());
  EXPECT_EQ(7U, refused[1].row);
  EXPECT_EQ(994U, search.applied.size());
}

TEST(Bisect, CostsAboutALogarithmForEachBadRow) {
  Search search{{2500}, {}, 0};
  std::vector<Refusal> refused;
  ASSERT_TRUE(search.Run(5000, &refused).ok());
  EXPECT_LE(search.calls, 2 * 13 + 1);
  search = {{}, {}, 0};
  for (std::uint32_t i = 0; i < 37; ++i) search.bad.insert(i * 135);
  refused.clear();
  ASSERT_TRUE(search.Run(5000, &refused).ok());
  EXPECT_EQ(37U, refused.size());
  EXPECT_LE(search.calls, 37 * 2 * 9);
}

TEST(Bisect, AllOrNoneBad) {
  Search search;
  std::vector<Refusal> refused;
  ASSERT_TRUE(search.Run(0, &refused).ok());
  ASSERT_TRUE(search.Run(100, &refused).ok());
  EXPECT_EQ(1, search.calls);
  for (std::uint32_t i = 0; i < 100; ++i) search.bad.insert(i);
  ASSERT_TRUE(search.Run(100, &refused).ok());
  EXPECT_EQ(100U, refused.size());
}

TEST(Bisect, EndsAtAnyOtherFailure) {
  const std::vector<std::uint32_t> rows = {0, 1, 2, 3};
  int calls = 0;
  auto apply = [&](std::span<const std::uint32_t>, Refusal*) {
    return ++calls < 3 ? Status(Code::kRefused, "bad") : Status(Code::kTransient, "deadlock");
  };
  std::vector<Refusal> refused;
  EXPECT_EQ(Code::kTransient, Bisect(std::span<const std::uint32_t>(rows), false, apply, &refused).code());
  EXPECT_EQ(3, calls);
}

}  // namespace
}  // namespace writebehind
