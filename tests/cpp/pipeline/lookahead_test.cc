#include "pipeline/lookahead.h"

#include <gtest/gtest.h>

#include "shares.h"

namespace writebehind {
namespace {

// Rows of a key of at most three characters, two of them a batch.
class LookaheadTest : public ::testing::Test {
 protected:
  LookaheadTest() {
    auto definition = std::make_shared<Definition>();
    definition->serial = 1;
    definition->outputs.push_back({"0", {"", "t"}, {{"id", "p:"}}, {}});
    plan_.definition = definition;
    plan_.output = &definition->outputs.front();
    Column id;
    id.name = "id";
    id.type.kind = TypeKind::kText;
    id.type.max_length = 3;
    plan_.table.id = 7;
    plan_.table.keys = {id};
  }

  bool Take(const std::vector<Line>& lines) {
    queue_.Push(ShareOf(lines));
    ahead_.Begin(&plan_);
    ahead_.End();
    return ahead_.Take(&batch_, &arena_, &coalescer_, &full_);
  }

  Signal arrived_;
  Stop stop_;
  BoundedQueue<Share> queue_{16, &arrived_};
  Batcher batcher_{{2, 1000, 100, std::chrono::milliseconds(0)}, &queue_, &arrived_, &stop_};
  Plan plan_;
  Lookahead ahead_{&batcher_};
  Batch batch_;
  RowArena arena_;
  Coalescer coalescer_;
  bool full_ = false;
};

TEST_F(LookaheadTest, MapsAFullBatch) {
  ASSERT_TRUE(Take({{"p:a"}, {"p:b"}, {"p:a"}, {"p:c"}}));
  EXPECT_TRUE(full_);
  EXPECT_EQ(batch_.mapped_by, 7U);
  ASSERT_EQ(batch_.rows.size(), 3U);
  ASSERT_EQ(batch_.heads.size(), 2U);
  EXPECT_EQ(batch_.heads[0].cells[0].text, "a");
  EXPECT_EQ(batch_.heads[0].record, 2U);
  EXPECT_EQ(batch_.heads[1].cells[0].text, "b");
}

TEST_F(LookaheadTest, LetsGoOfTheBatchThatIsDone) {
  auto share = ShareOf({{"p:a"}, {"p:b"}});
  const std::weak_ptr<const Parcel> done = share->parcel;
  queue_.Push(std::move(share));
  ASSERT_TRUE(batcher_.Next(&batch_));
  ASSERT_TRUE(Take({{"p:c"}}));
  EXPECT_TRUE(done.expired());  // else its share of the budget might never be returned
}

TEST_F(LookaheadTest, HandsOverWhatMayStillGrow) {
  ASSERT_TRUE(Take({{"p:a"}}));
  EXPECT_FALSE(full_);
  EXPECT_EQ(batch_.mapped_by, 0U);
  queue_.Push(ShareOf({{"p:b"}, {"p:c"}}, 2));
  ASSERT_TRUE(batcher_.Next(&batch_));
  EXPECT_EQ(batch_.records.size(), 2U);
}

TEST_F(LookaheadTest, LeavesWhatNeedsADecisionToTheWorker) {
  ASSERT_TRUE(Take({{"p:a"}, {"p:long"}, {"p:b"}}));
  EXPECT_TRUE(full_);
  EXPECT_EQ(batch_.mapped_by, 0U);  // a refused row
  ASSERT_TRUE(Take({{"p:c", 1, 2}, {"p:d", 1, 2}, {"p:e", 1, 2}}));
  ASSERT_EQ(batch_.records.size(), 1U);  // the rest of the first share
  ASSERT_TRUE(Take({}));
  EXPECT_EQ(batch_.definition(), 2U);
  EXPECT_EQ(batch_.mapped_by, 0U);  // of another definition
}

TEST_F(LookaheadTest, TakesNothingWhereNothingIs) {
  ahead_.End();
  EXPECT_FALSE(ahead_.Take(&batch_, &arena_, &coalescer_, &full_));
  ahead_.Begin(&plan_);
  ahead_.End();
  EXPECT_FALSE(ahead_.Take(&batch_, &arena_, &coalescer_, &full_));
  queue_.Push(std::make_unique<Share>());  // reading begins anew: a full batch of nothing
  ahead_.Begin(&plan_);
  ahead_.End();
  ASSERT_TRUE(ahead_.Take(&batch_, &arena_, &coalescer_, &full_));
  EXPECT_TRUE(full_);
  EXPECT_TRUE(batch_.empty());
}

}  // namespace
}  // namespace writebehind
