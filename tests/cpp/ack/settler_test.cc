#include "ack/settler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "ack/rejected.h"

namespace writebehind {
namespace {

using ::testing::ElementsAre;

// Records commands and answers them from a list; an empty list answers Ok.
class FakeLine : public CommandLine {
 public:
  void Append(std::span<const std::string_view> arguments) override { commands.emplace_back(arguments.begin(), arguments.end()); }
  Status Expect() override {
    if (replies.empty()) return Status::Ok();
    Status reply = replies.front();
    replies.pop_front();
    return reply;
  }

  std::vector<std::vector<std::string>> commands;
  std::deque<Status> replies;
};

std::shared_ptr<Parcel> ParcelOf(std::uint64_t first, std::uint64_t last, std::uint64_t identity = 7) {
  auto parcel = std::make_shared<Parcel>();
  parcel->records.resize(last - first + 1);
  parcel->ticket = std::make_shared<Ticket>(Ticket{{first, 0}, {last, 0}, identity, parcel->records.size()});
  return parcel;
}

std::unique_ptr<Settlement> SettlementOf(std::shared_ptr<Parcel> parcel, std::size_t records, std::uint64_t last, std::string field = "0/7/1of1",
                                         std::uint64_t identity = 7) {
  auto made = std::make_unique<Settlement>();
  made->identity = identity;
  made->checkpoint_field = std::move(field);
  made->last = {last, 0};
  made->holdings.push_back({std::move(parcel), records});
  return made;
}

TEST(Tracker, PassesOnlyWhatEveryWriterSettled) {
  Tracker tracker;
  const auto first = ParcelOf(1, 4);
  const auto second = ParcelOf(5, 6);
  tracker.Add(first->ticket);
  tracker.Add(second->ticket);
  EXPECT_FALSE(tracker.Passed());
  tracker.Settle({second, 2});  // a fast writer
  tracker.Settle({first, 3});
  EXPECT_FALSE(tracker.Passed());
  EXPECT_EQ(tracker.Oldest(), (StreamId{1, 0}));
  tracker.Settle({first, 1});
  ASSERT_TRUE(tracker.Passed());
  EXPECT_EQ(tracker.Passed()->id, (StreamId{6, 1}));
  EXPECT_FALSE(tracker.Oldest());
}

TEST(Tracker, PassesNothingBehindWhatWasGivenBack) {
  Tracker tracker;
  const auto first = ParcelOf(1, 2);
  const auto second = ParcelOf(3, 4);
  const auto third = ParcelOf(5, 6);
  for (const auto& parcel : {first, second, third}) tracker.Add(parcel->ticket);
  tracker.Settle({first, 2});
  tracker.Settle({second, 1}, true);
  tracker.Settle({second, 1});
  tracker.Settle({third, 2});
  EXPECT_FALSE(tracker.Oldest());
  EXPECT_EQ(tracker.Passed()->id, (StreamId{2, 1}));
  tracker.Restart();
  EXPECT_FALSE(tracker.Passed());
  const auto again = ParcelOf(3, 6);
  tracker.Add(again->ticket);
  tracker.Settle({again, 4});
  EXPECT_EQ(tracker.Passed()->id, (StreamId{6, 1}));
}

TEST(Settler, SendsCheckpointTrimAndAnswersInOneCommand) {
  Tracker tracker;
  Settler settler("people", &tracker);
  FakeLine redis;
  const auto parcel = ParcelOf(1, 3);
  tracker.Add(parcel->ticket);
  auto settlement = SettlementOf(parcel, 3, 3);
  settlement->answers.push_back({{1, 0}, ""});
  settlement->answers.push_back({{2, 0}, "too long"});
  settler.Add(std::move(settlement));
  ASSERT_TRUE(settler.Send(&redis).ok());
  ASSERT_EQ(redis.commands.size(), 1U);
  EXPECT_THAT(redis.commands[0], ElementsAre("WB.SETTLE", "people", "0000000000000007", "3-1", "1", "0/7/1of1", "3-0", "1-0", "",
                                             "2-0", "too long"));
}

// What waits for the same stream goes in one command: trimming never overtakes an answer.
TEST(Settler, MergesWhatWaits) {
  Tracker tracker;
  Settler settler("people", &tracker);
  FakeLine redis;
  const auto parcel = ParcelOf(1, 4);
  tracker.Add(parcel->ticket);
  for (const std::uint64_t last : {2U, 4U}) {
    auto settlement = SettlementOf(parcel, 2, last, "0/7/1of1");
    settlement->answers.push_back({{last, 0}, ""});
    settler.Add(std::move(settlement));
  }
  ASSERT_TRUE(settler.Send(&redis).ok());
  ASSERT_EQ(redis.commands.size(), 1U);
  EXPECT_THAT(redis.commands[0], ElementsAre("WB.SETTLE", "people", "0000000000000007", "4-1", "1", "0/7/1of1", "4-0", "2-0", "",
                                             "4-0", ""));
}

TEST(Settler, SendsAgainWhatRedisDidNotTake) {
  Tracker tracker;
  Settler settler("people", &tracker);
  FakeLine redis;
  const auto old_stream = ParcelOf(1, 1, 7);
  const auto new_stream = ParcelOf(1, 1, 8);
  tracker.Add(old_stream->ticket);
  tracker.Add(new_stream->ticket);
  settler.Add(SettlementOf(old_stream, 1, 1, "0/7/1of1", 7));
  settler.Add(SettlementOf(new_stream, 1, 1, "0/8/1of1", 8));
  redis.replies = {Status::Ok(), Status(Code::kNotConnected, "gone")};
  EXPECT_EQ(settler.Send(&redis).code(), Code::kNotConnected);
  redis.commands.clear();
  ASSERT_TRUE(settler.Send(&redis).ok());
  ASSERT_EQ(redis.commands.size(), 1U);
  EXPECT_EQ(redis.commands[0][2], "0000000000000008");
  EXPECT_EQ(redis.commands[0][3], "1-1");
}

// Settlements of two identities in turn, as a promotion leaves them: what trims comes last, when all are answered.
TEST(Settler, TrimsOnlyWithTheLastCommand) {
  Tracker tracker;
  Settler settler("people", &tracker);
  FakeLine redis;
  const auto parcel = ParcelOf(1, 2, 8);
  tracker.Add(parcel->ticket);
  for (const std::uint64_t identity : {7U, 8U, 7U, 8U}) settler.Add(SettlementOf(parcel, identity == 8 ? 1 : 0, 2, "f", identity));
  ASSERT_TRUE(settler.Send(&redis).ok());
  ASSERT_EQ(redis.commands.size(), 4U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(redis.commands[i][3], "0-0") << i;
  EXPECT_EQ(redis.commands[3][3], "2-1");
}

// The old stream's IDs say nothing about the new one's: no trimming by another stream's watermark.
TEST(Settler, NeverTrimsByAnotherStreamsWatermark) {
  Tracker tracker;
  Settler settler("people", &tracker);
  FakeLine redis;
  const auto old_stream = ParcelOf(900, 900, 7);
  const auto new_stream = ParcelOf(1, 2, 8);
  tracker.Add(old_stream->ticket);
  tracker.Add(new_stream->ticket);
  settler.Add(SettlementOf(old_stream, 1, 900, "0/7/1of1", 7));
  settler.Add(SettlementOf(new_stream, 1, 1, "0/8/1of1", 8));
  ASSERT_TRUE(settler.Send(&redis).ok());
  ASSERT_EQ(redis.commands.size(), 2U);
  EXPECT_EQ(redis.commands[0][3], "0-0");
  EXPECT_EQ(redis.commands[1][3], "0-0");
}

// Redis came back with less than it had taken: what was settled before, or is still to come of what was read
// before, would trim what is there again.
TEST(Settler, ForgetsWhatWasReadBeforeRedisLostData) {
  Tracker tracker;
  Settler settler("people", &tracker);
  FakeLine redis;
  const auto before = ParcelOf(1, 3);
  tracker.Add(before->ticket);
  settler.Add(SettlementOf(before, 1, 1));
  ASSERT_TRUE(settler.Send(&redis).ok());
  EXPECT_EQ(settler.taken().at("0/7/1of1"), (StreamId{1, 0}));
  settler.Add(SettlementOf(before, 1, 2));
  settler.ForgetReading(0);
  settler.Add(SettlementOf(before, 1, 3));
  EXPECT_FALSE(tracker.Oldest());
  tracker.Restart();
  const auto after = ParcelOf(1, 3);
  tracker.Add(after->ticket);
  auto settlement = SettlementOf(after, 1, 1);
  settlement->reading = 1;
  settler.Add(std::move(settlement));
  redis.commands.clear();
  ASSERT_TRUE(settler.Send(&redis).ok());
  ASSERT_EQ(redis.commands.size(), 1U);
  EXPECT_THAT(redis.commands[0], ElementsAre("WB.SETTLE", "people", "0000000000000007", "0-0", "1", "0/7/1of1", "1-0"));
}

TEST(Rejected, SaysColumnTypeValueAndReason) {
  FakeLine redis;
  Record record;
  record.id = {5, 1};
  record.identity = 7;
  record.definition = 2;
  record.key = "person:1";
  record.uuid = "u1";
  record.packed = "packed";
  AppendReject("people", record, {0, "age", "integer", "abc", "not an integer"}, &redis);
  ASSERT_EQ(redis.commands.size(), 1U);
  const auto& words = redis.commands[0];
  ASSERT_EQ(words[0], "WB.REJECT");
  std::map<std::string, std::string> fields;
  for (std::size_t i = 4; i + 1 < words.size(); i += 2) fields[words[i]] = words[i + 1];
  EXPECT_EQ(fields["id"], "5-1");
  EXPECT_EQ(fields["key"], "person:1");
  EXPECT_EQ(fields["op"], "u");
  EXPECT_EQ(fields["column"], "age");
  EXPECT_EQ(fields["type"], "integer");
  EXPECT_EQ(fields["value"], "abc");
  EXPECT_EQ(fields["reason"], "not an integer");
  EXPECT_EQ(fields["uuid"], "u1");
  EXPECT_EQ(fields["entry"], "packed");
}

}  // namespace
}  // namespace writebehind
