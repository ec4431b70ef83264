#include "sink/bisect.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>
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

TEST(Bisect, CostsALogarithmForEachBadRow) {
  Search search{{2500}, {}, 0};
  std::vector<Refusal> refused;
  ASSERT_TRUE(search.Run(5000, &refused).ok());
  EXPECT_LE(search.calls, 2 * 13 + 1);
  std::minstd_rand random(1);
  const std::vector<std::function<std::uint32_t(std::uint32_t)>> places = {
      [](std::uint32_t i) { return i * 270; },                        // evenly
      [](std::uint32_t i) { return i; },                              // all in front
      [](std::uint32_t i) { return 9999 - i; },                       // all behind
      [](std::uint32_t i) { return (i % 2) * 5000 + i; },             // in two heaps
      [&random](std::uint32_t) { return static_cast<std::uint32_t>(random() % 10000); }};
  for (std::size_t place = 0; place < places.size(); ++place) {
    search = {{}, {}, 0};
    for (std::uint32_t i = 0; search.bad.size() < 37; ++i) search.bad.insert(places[place](i));
    refused.clear();
    ASSERT_TRUE(search.Run(10000, &refused).ok());
    EXPECT_EQ(37U, refused.size());
    EXPECT_EQ(10000U - 37, search.applied.size());
    EXPECT_LE(search.calls, 37 * 12) << "place " << place;  // 37 * log2(10000) is 491
  }
}

TEST(Bisect, AllOrNoneBad) {
  Search search;
  std::vector<Refusal> refused;
  ASSERT_TRUE(search.Run(0, &refused).ok());
  ASSERT_TRUE(search.Run(100, &refused).ok());
  EXPECT_EQ(1, search.calls);
  for (std::uint32_t i = 0; i < 100; ++i) search.bad.insert(i);
  search.calls = 0;
  ASSERT_TRUE(search.Run(100, &refused).ok());
  EXPECT_EQ(100U, refused.size());
  EXPECT_LE(search.calls, 110);
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
