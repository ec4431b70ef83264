#include <gtest/gtest.h>

#include <thread>

#include "batch/batcher.h"
#include "batch/coalescer.h"
#include "shares.h"

namespace writebehind {
namespace {

using std::chrono::milliseconds;

class BatcherTest : public ::testing::Test {
 protected:
  Batcher Make(BatchLimits limits) { return {limits, &queue_, &arrived_, &stop_}; }

  Signal arrived_;
  Stop stop_;
  BoundedQueue<Share> queue_{16, &arrived_};
  Batch batch_;
};

TEST_F(BatcherTest, TakesAllThatHasArrivedUpToTheLimits) {
  Batcher batcher = Make({4, 1000, 100, milliseconds(0)});
  queue_.Push(ShareOf({{"a"}, {"b"}, {"c"}}));
  queue_.Push(ShareOf({{"d"}, {"e"}}, 4));
  ASSERT_TRUE(batcher.Next(&batch_));
  ASSERT_EQ(batch_.records.size(), 4U);
  EXPECT_EQ(batch_.last(), (StreamId{4, 0}));
  ASSERT_EQ(batch_.holdings.size(), 2U);
  EXPECT_EQ(batch_.holdings[0].records, 3U);
  EXPECT_EQ(batch_.holdings[1].records, 1U);
  batch_.Clear();
  ASSERT_TRUE(batcher.Next(&batch_));
  ASSERT_EQ(batch_.records.size(), 1U);
  EXPECT_EQ(batch_.records[0]->key, "e");
}

TEST_F(BatcherTest, TakesMoreRecordsThanRowsOfKeysThatItHas) {
  Batcher batcher = Make({2, 1000, 100, milliseconds(0)});
  queue_.Push(ShareOf({{"a"}, {"b"}, {"a"}, {"b"}, {"a"}, {"c"}, {"a"}}));
  queue_.Push(ShareOf({{"c"}, {"a"}, {"c"}, {"a"}, {"c"}, {"a"}, {"c"}, {"a"}}, 8));
  ASSERT_TRUE(batcher.Next(&batch_));
  EXPECT_EQ(batch_.records.size(), 5U);  // c would be a third row
  batch_.Clear();
  ASSERT_TRUE(batcher.Next(&batch_));
  EXPECT_EQ(batch_.records.size(), 8U);  // four for each row, however few the keys
  EXPECT_EQ(batch_.records.back()->key, "a");
  batch_.Clear();
  ASSERT_TRUE(batcher.Next(&batch_));
  EXPECT_EQ(batch_.records.size(), 2U);
}

TEST_F(BatcherTest, BytesBoundABatchButOneRecordAlwaysFits) {
  Batcher batcher = Make({100, 50, 100, milliseconds(0)});
  queue_.Push(ShareOf({{"big", 1, 1, 500}, {"a", 1, 1, 30}, {"b", 1, 1, 30}}));
  for (const char* key : {"big", "a", "b"}) {
    batch_.Clear();
    ASSERT_TRUE(batcher.Next(&batch_));
    ASSERT_EQ(batch_.records.size(), 1U);
    EXPECT_EQ(batch_.records[0]->key, key);
  }
}

TEST_F(BatcherTest, NeverMixesIdentitiesOrDefinitions) {
  Batcher batcher = Make({100, 1000, 100, milliseconds(0)});
  queue_.Push(ShareOf({{"a", 1, 1}, {"b", 2, 1}, {"c", 2, 2}}));
  for (const char* key : {"a", "b", "c"}) {
    batch_.Clear();
    ASSERT_TRUE(batcher.Next(&batch_));
    ASSERT_EQ(batch_.records.size(), 1U) << key;
    EXPECT_EQ(batch_.records[0]->key, key);
  }
}

TEST_F(BatcherTest, WithoutWaitingTakesAFullBatchOrTheBeginningOfOne) {
  Batcher batcher = Make({2, 1000, 100, milliseconds(0)});
  queue_.Push(ShareOf({{"a"}, {"b"}, {"c"}}));
  EXPECT_TRUE(batcher.TryNext(&batch_));
  EXPECT_EQ(batch_.fates.size(), 2U);
  batch_.Clear();
  EXPECT_FALSE(batcher.TryNext(&batch_));  // c might still get company
  ASSERT_EQ(batch_.records.size(), 1U);
  queue_.Push(ShareOf({{"d"}, {"e"}}, 4));
  ASSERT_TRUE(batcher.Next(&batch_));
  ASSERT_EQ(batch_.records.size(), 2U);
  EXPECT_EQ(batch_.records[0]->key, "c");
  EXPECT_EQ(batch_.records[1]->key, "d");
}

TEST_F(BatcherTest, SaysByAnEmptyBatchThatReadingBeginsAnew) {
  Batcher batcher = Make({100, 1000, 100, milliseconds(0)});
  queue_.Push(ShareOf({{"a"}}));
  queue_.Push(std::make_unique<Share>());
  queue_.Push(ShareOf({{"b"}}));
  for (const std::size_t size : {1U, 0U, 1U}) {
    batch_.Clear();
    ASSERT_TRUE(batcher.Next(&batch_));
    EXPECT_EQ(batch_.records.size(), size);
  }
}

TEST_F(BatcherTest, ABatchIsCutWithItsFatesAndWhatKeepsItAlive) {
  Batcher batcher = Make({100, 1000, 100, milliseconds(0)});
  queue_.Push(ShareOf({{"a"}, {"b"}, {"c", 1, 1, 30}}));
  queue_.Push(ShareOf({{"d"}, {"e"}}, 4));
  ASSERT_TRUE(batcher.Next(&batch_));
  batch_.fates[0].state = batch_.fates[3].state = Fate::State::kFailed;
  batch_.again = true;
  const Batch tail = batch_.CutAt(2);
  ASSERT_EQ(batch_.records.size(), 2U);
  ASSERT_EQ(batch_.holdings.size(), 1U);
  EXPECT_EQ(batch_.holdings[0].records, 2U);
  EXPECT_EQ(batch_.bytes, 20U);
  EXPECT_EQ(batch_.last(), (StreamId{2, 0}));
  EXPECT_EQ(batch_.fates[0].state, Fate::State::kFailed);
  ASSERT_EQ(tail.records.size(), 3U);
  EXPECT_EQ(tail.records[0]->key, "c");
  ASSERT_EQ(tail.holdings.size(), 2U);
  EXPECT_EQ(tail.holdings[0].records, 1U);
  EXPECT_EQ(tail.holdings[0].parcel, batch_.holdings[0].parcel);
  EXPECT_EQ(tail.holdings[1].records, 2U);
  EXPECT_EQ(tail.bytes, 50U);
  EXPECT_EQ(tail.fates[1].state, Fate::State::kFailed);
  EXPECT_TRUE(tail.again);
}

TEST_F(BatcherTest, OnlyABusyWriterWaitsForMore) {
  Batcher batcher = Make({100, 10000, 3, std::chrono::hours(1)});  // a wait that would never end
  queue_.Push(ShareOf({{"a"}, {"b"}, {"c"}}));
  queue_.Push(ShareOf({{"d"}}, 4));
  ASSERT_TRUE(batcher.Next(&batch_));  // idle before: takes what is there
  EXPECT_EQ(batch_.records.size(), 4U);
  batch_.Clear();
  queue_.Push(ShareOf({{"e"}}, 5));
  std::thread late([this] { queue_.Push(ShareOf({{"f"}, {"g"}}, 6)); });
  ASSERT_TRUE(batcher.Next(&batch_));  // the last batch was a full one: waits until three are there
  late.join();
  EXPECT_EQ(batch_.records.size(), 3U);
  batch_.Clear();
  std::thread single([this] {
    while (!arrived_.awaited()) std::this_thread::yield();  // until the writer has nothing to do
    queue_.Push(ShareOf({{"h"}}, 8));
  });
  ASSERT_TRUE(batcher.Next(&batch_));
  single.join();
  EXPECT_EQ(batch_.records.size(), 1U);
}

TEST_F(BatcherTest, AClosedQueueIsDrainedAndAStopIsNot) {
  Batcher batcher = Make({1, 1000, 100, milliseconds(0)});
  queue_.Push(ShareOf({{"a"}, {"b"}, {"c"}}));
  queue_.Close();
  EXPECT_FALSE(queue_.Push(ShareOf({{"d"}})));
  ASSERT_TRUE(batcher.Next(&batch_));
  batch_.Clear();
  ASSERT_TRUE(batcher.Next(&batch_));
  batch_.Clear();
  stop_.Request();
  EXPECT_FALSE(batcher.Next(&batch_));
}

TEST_F(BatcherTest, AStopWakesAWaitingWriter) {
  Batcher batcher = Make({1, 1000, 100, milliseconds(0)});
  std::thread stopper([this] {
    stop_.Request();
    arrived_.Notify();
  });
  EXPECT_FALSE(batcher.Next(&batch_));
  stopper.join();
}

TEST(Coalescer, KeepsTheLastChangeOfEachKeyInTheOrderOfFirstChanges) {
  const auto share = ShareOf({{"a"}, {"b"}, {"a"}, {"c"}, {"b"}, {"a"}});
  Batch batch;
  for (const Record& record : share->parcel->records) batch.records.push_back(&record);
  for (std::uint32_t i = 0; i < 6; ++i) batch.rows.push_back({.record = i, .cells = {}});
  Coalescer coalescer;
  coalescer.Run(&batch);
  ASSERT_EQ(batch.heads.size(), 3U);
  EXPECT_EQ(batch.heads[0].record, 5U);
  EXPECT_EQ(batch.heads[1].record, 4U);
  EXPECT_EQ(batch.heads[2].record, 3U);
  // The target refused the last change of "a": without it, the one before it stands.
  batch.rows.pop_back();
  coalescer.Run(&batch);
  EXPECT_EQ(batch.heads[0].record, 2U);
}

// missing: keep. What the last change leaves alone is what those before it wrote, or, behind a delete, nothing.
TEST(Coalescer, TakesWhatTheLastChangeKeepsFromThoseBeforeIt) {
  const auto share = ShareOf({{"a"}, {"a"}, {"b"}, {"b"}, {"c"}, {"c"}});
  const Cell age{Cell::State::kValue, "36"};
  const Cell name{Cell::State::kValue, "Ada"};
  const Cell keep{Cell::State::kKeep, {}};
  const Cell both[] = {name, age};
  const Cell one[] = {name, keep};
  Batch batch;
  for (const Record& record : share->parcel->records) batch.records.push_back(&record);
  batch.rows = {{.record = 0, .cells = both}, {.record = 1, .cells = one},  {.is_delete = true, .record = 2, .cells = both},
                {.record = 3, .cells = one},  {.record = 4, .cells = both}, {.is_delete = true, .record = 5, .cells = both}};
  Coalescer coalescer;
  coalescer.Run(&batch);
  ASSERT_EQ(batch.heads.size(), 3U);
  EXPECT_EQ(batch.heads[0].record, 1U);
  EXPECT_EQ(batch.heads[0].cells[1].text, "36");
  EXPECT_FALSE(batch.heads[0].replaces);
  EXPECT_TRUE(batch.heads[0].merged);
  EXPECT_EQ(batch.heads[1].cells[1].state, Cell::State::kKeep);
  EXPECT_TRUE(batch.heads[1].replaces);
  EXPECT_TRUE(batch.heads[2].is_delete);
  EXPECT_FALSE(batch.heads[2].merged);
}

// Several Redis keys may name one row: its last change is the one that counts, whosever it is.
TEST(Coalescer, KeepsTheLastChangeOfEachRow) {
  const auto share = ShareOf({{"a"}, {"b"}, {"a"}, {"c"}, {"a"}});
  const Cell one[] = {{Cell::State::kValue, "x"}, {Cell::State::kValue, "yz"}, {Cell::State::kValue, "1"}};
  const Cell same[] = {{Cell::State::kValue, "x"}, {Cell::State::kValue, "yz"}, {Cell::State::kValue, "2"}};
  const Cell other[] = {{Cell::State::kValue, "xy"}, {Cell::State::kValue, "z"}, {Cell::State::kValue, "1"}};
  Batch batch;
  for (const Record& record : share->parcel->records) batch.records.push_back(&record);
  batch.rows = {{.record = 0, .cells = one}, {.record = 1, .cells = other}, {.record = 2, .cells = other}, {.record = 3, .cells = same}};
  Coalescer coalescer;
  coalescer.Run(&batch, 2);
  ASSERT_EQ(batch.heads.size(), 2U);
  EXPECT_EQ(batch.heads[0].record, 2U) << "in the order of the last changes";
  EXPECT_EQ(batch.heads[1].record, 3U);
  EXPECT_EQ(batch.heads[1].cells[2].text, "2");
  batch.rows.push_back({.is_delete = true, .record = 4, .cells = one});
  coalescer.Run(&batch, 2);
  ASSERT_EQ(batch.heads.size(), 2U);
  EXPECT_TRUE(batch.heads[1].is_delete);
}

// It takes what was written to the row that it comes from along, and is itself what a later change is written to.
TEST(Coalescer, ARowThatMovesTakesItsPlace) {
  const auto share = ShareOf({{"a"}, {"a"}, {"a"}});
  const Cell old[] = {{Cell::State::kValue, "x"}, {Cell::State::kValue, "1"}};
  const Cell moved[] = {{Cell::State::kValue, "y"}, {Cell::State::kValue, "2"}, {Cell::State::kValue, "x"}};
  const Cell last[] = {{Cell::State::kValue, "y"}, {Cell::State::kValue, "3"}};
  Batch batch;
  for (const Record& record : share->parcel->records) batch.records.push_back(&record);
  batch.rows = {{.record = 0, .cells = old}, {.moves = true, .record = 1, .cells = moved}, {.record = 2, .cells = last}};
  Coalescer coalescer;
  coalescer.Run(&batch, 1);
  ASSERT_EQ(batch.heads.size(), 1U);
  const Row& head = batch.heads.front();
  EXPECT_EQ(head.record, 2U);
  EXPECT_TRUE(head.moves);
  EXPECT_TRUE(head.merged) << "the move may be to blame";
  ASSERT_EQ(head.cells.size(), 3U);
  EXPECT_EQ(head.cells[1].text, "3");
  EXPECT_EQ(head.cells[2].text, "x");
}

TEST(BoundedQueue, BlocksTheProducerAndLosesNothing) {
  Signal arrived;
  BoundedQueue<int> queue(2, &arrived);
  constexpr int kCount = 20000;
  std::thread producer([&queue] {
    for (int i = 0; i < kCount; ++i) queue.Push(std::make_unique<int>(i));
    queue.Close();
  });
  int next = 0;
  for (;;) {
    if (auto value = queue.TryPop()) {
      ASSERT_EQ(*value, next++);
    } else if (queue.closed() && queue.empty()) {
      break;
    } else {
      arrived.WaitUntil(std::chrono::steady_clock::now() + std::chrono::hours(1), [&] { return !queue.empty() || queue.closed(); });
    }
  }
  producer.join();
  EXPECT_EQ(next, kCount);
}

TEST(Budget, IsReturnedByTheLastHolderOfAParcel) {
  auto budget = std::make_shared<Budget>(100);
  auto parcel = std::make_shared<Parcel>();
  parcel->records.resize(1);
  parcel->bytes = 1000;  // one read may overdraw
  parcel->budget = budget;
  budget->Take(1000);
  std::thread holder([&parcel] { parcel.reset(); });
  EXPECT_TRUE(budget->Await());
  holder.join();
  budget->Take(1000);
  std::thread closer([&budget] { budget->Close(); });
  EXPECT_FALSE(budget->Await());
  closer.join();
}

}  // namespace
}  // namespace writebehind
