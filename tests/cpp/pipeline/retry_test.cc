#include "pipeline/retry.h"

#include <gtest/gtest.h>

#include <vector>

namespace writebehind {
namespace {

using std::chrono::milliseconds;

TEST(Retry, DecidesByTheCodeAlone) {
  const std::pair<Code, Next> table[] = {
      {Code::kOk, Next::kDone},           {Code::kNotConnected, Next::kReopen}, {Code::kTransient, Next::kBackOff},
      {Code::kInDoubt, Next::kReopen},    {Code::kRefused, Next::kAgain},       {Code::kFenced, Next::kReopen},
      {Code::kConfig, Next::kBackOff},    {Code::kStopped, Next::kStop},        {Code::kCorrupt, Next::kBackOff},
  };
  for (const auto& [code, next] : table) EXPECT_EQ(Decide(code), next) << static_cast<int>(code);
}

TEST(Retry, ReopensOnlyWhereAConnectionWasLostAndSaysWhatFails) {
  Stop stop;
  StatusBoard board;
  board.Set(State::kRunning);
  Retry retry("people", "writer 1", milliseconds(2), &stop, &board);
  const std::vector<Code> codes{Code::kTransient, Code::kRefused, Code::kInDoubt, Code::kNotConnected, Code::kOk};
  std::size_t attempts = 0;
  int reopened = 0;
  EXPECT_TRUE(retry.Until(
      [&] {
        if (attempts == 1) {
          EXPECT_EQ(board.Get().state, State::kRetrying);
          EXPECT_EQ(board.Get().message, "no table (make it)");
        }
        return Status(codes[attempts++], "no table", "make it");
      },
      [&] { ++reopened; }));
  EXPECT_EQ(attempts, 5U);
  EXPECT_EQ(reopened, 2);
  EXPECT_EQ(board.Get().state, State::kRunning);
  EXPECT_EQ(board.counters.retries.load(), 3U);
}

TEST(Retry, AStopEndsItAtOnce) {
  Stop stop;
  StatusBoard board;
  Retry retry("people", "writer 1", std::chrono::hours(1), &stop, &board);
  EXPECT_FALSE(retry.Until(
      [&] {
        stop.Request();
        return Status(Code::kTransient, "down");
      },
      [] {}));
}

TEST(Backoff, GrowsToItsMostAndNeverBeyond) {
  Backoff backoff(milliseconds(100), milliseconds(1000));
  milliseconds step(100);
  for (int i = 0; i < 8; ++i) {
    const milliseconds wait = backoff.Next();
    EXPECT_GE(wait, step / 2);
    EXPECT_LE(wait, step);
    step = std::min(step * 2, milliseconds(1000));
  }
  backoff.Reset();
  EXPECT_LE(backoff.Next(), milliseconds(100));
}

}  // namespace
}  // namespace writebehind
