#include "pipeline/brake.h"

#include <gtest/gtest.h>

#include "pipeline/grace.h"

namespace writebehind {
namespace {

using std::chrono_literals::operator""ms;

// A batch of so many keys is refused as a whole for `cause`; then so many of them are rejected. True: it is held.
bool Refuse(Brake* brake, std::size_t keys, const std::string& cause, std::size_t rejected) {
  if (brake->Holds(keys, cause)) return true;
  for (std::size_t i = 0; i < rejected; ++i) brake->Rejected(std::to_string(i));
  brake->Passed();
  return false;
}

TEST(Brake, HoldsTheSecondBatchThatIsRefusedForOneCause) {
  Brake brake;
  EXPECT_FALSE(Refuse(&brake, 100, "column a", 100));
  EXPECT_TRUE(Refuse(&brake, 250, "column a", 250));
  EXPECT_TRUE(Refuse(&brake, 250, "column a", 250)) << "until something passes";
  EXPECT_FALSE(Refuse(&brake, 250, "column b", 250));
  EXPECT_TRUE(Refuse(&brake, 100, "column b", 100));
}

TEST(Brake, LetsPassWhatIsNotOneCauseNorWhole) {
  for (const auto& [keys, cause] : {std::pair(99, "column a"), std::pair(100, "")}) {
    Brake brake;
    EXPECT_FALSE(Refuse(&brake, 100, "column a", 100));
    EXPECT_FALSE(Refuse(&brake, static_cast<std::size_t>(keys), cause, 99));
    EXPECT_FALSE(Refuse(&brake, 100, "column a", 100)) << "not one behind the other";
  }
  Brake brake;
  EXPECT_FALSE(Refuse(&brake, 100, "column a", 100));
  brake.Passed();  // a good batch
  EXPECT_FALSE(Refuse(&brake, 100, "column a", 99)) << "one was written by itself";
  EXPECT_FALSE(Refuse(&brake, 100, "column a", 100));
}

TEST(Grace, IsSharedByAllThatWaitedWhenItEnded) {
  Grace grace(30ms);
  const StreamId first{1, 0};
  const StreamId known{5, 0};
  EXPECT_TRUE(grace.Waits("fk", first, known));
  EXPECT_TRUE(grace.Waits("another fk", first, known));
  while (grace.Waits("fk", first, known)) {
  }
  EXPECT_FALSE(grace.Waits("fk", known, known));
  EXPECT_FALSE(grace.Waits("fk", {1'000'000, 0}, known)) << "captured long ago, whatever was read by then";
  grace.Passed();
  EXPECT_FALSE(grace.Waits("fk", known, known));
  constexpr StreamId later{1ULL << 60U, 0};
  EXPECT_TRUE(grace.Waits("fk", later, later)) << "captured after it had ended";
}

TEST(Grace, BeginsAnewOnceWhatWaitedIsWritten) {
  Grace grace(30ms);
  EXPECT_TRUE(grace.Waits("fk", {1, 0}, {1, 0}));
  grace.Passed();
  const auto began = std::chrono::steady_clock::now();
  while (grace.Waits("fk", {2, 0}, {2, 0})) {
  }
  EXPECT_GE(std::chrono::steady_clock::now() - began, 30ms);
  EXPECT_FALSE(Grace(0ms).Waits("fk", {1, 0}, {1, 0}));
}

}  // namespace
}  // namespace writebehind
