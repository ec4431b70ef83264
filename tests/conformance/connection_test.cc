// Connections that break: before, inside and at the end of a transaction.
#include <chrono>
#include <thread>

#include "proxy.h"
#include "suite.h"

namespace writebehind::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kId[] = "people/0/0123456789abcdef/1of1";
const CheckpointMove kMove{kId, {}, {5, 5}};

class Connections : public SqlSink {
 protected:
  void SetUp() override {
    if (GetParam() != "sqlite") SqlSink::SetUp();
  }

  // A writer whose connection runs through `proxy`, with a checkpoint.
  Writer Through(const Proxy& proxy) {
    SinkOptions options = ExactlyOnce();
    options.host = "127.0.0.1";
    options.port = proxy.port();
    options.statement_timeout = seconds(2);
    if (GetParam() == "postgres")
      options.driver.emplace_back("sslmode", "disable");  // a mark must be readable
    Writer writer = People(options);
    StreamId at;
    EXPECT_CODE(Code::kOk, writer.sink().LoadCheckpoint(kId, &at));
    return writer;
  }

  // The last message of a transaction: PostgreSQL's single statement is one itself.
  static std::string LastMessage(bool single) {
    return GetParam() == "postgres" && single ? "the-mark" : "COMMIT";
  }

  void LoseAtTheEnd(Proxy::Loss loss, bool single, bool committed) {
    Proxy proxy(database_->Options().host, database_->Options().port);
    Writer writer = Through(proxy);
    std::vector<Change> changes = {Put("1", {{"name", "the-mark"}})};
    if (!single) changes.push_back(Delete("2"));
    proxy.LoseAt(LastMessage(single), loss);
    EXPECT_CODE(Code::kInDoubt, writer.Write(changes, &kMove).status);
    EXPECT_CODE(Code::kNotConnected, writer.Write(changes, &kMove).status);
    EXPECT_EQ(committed ? "1" : "0", One("SELECT count(*) FROM people"));
    if (committed) database_->Run("UPDATE people SET age = 77");
    EXPECT_CODE(Code::kOk, writer.sink().Open());
    EXPECT_CODE(Code::kOk, writer.Write(changes, &kMove).status);  // settled by compare-and-set
    EXPECT_EQ(committed ? "77" : "NULL", One("SELECT age FROM people")) << "not written twice";
    EXPECT_EQ("5-5", One("SELECT val FROM once"));
  }
};

TEST_P(Connections, KilledBetweenWrites) {
  if (GetParam() == "sqlite") GTEST_SKIP() << "a file has no server";
  Writer writer = People();
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"name", "a"}})}).status);
  database_->KillSessions();
  EXPECT_CODE(Code::kNotConnected, writer.Write({Put("2", {{"name", "b"}})}).status);
  EXPECT_CODE(Code::kNotConnected, writer.Write({Put("2", {{"name", "b"}})}).status);
  EXPECT_CODE(Code::kOk, writer.sink().Open());
  EXPECT_CODE(Code::kOk, writer.Write({Put("2", {{"name", "b"}})}).status);
  EXPECT_EQ("2", One("SELECT count(*) FROM people"));
}

TEST_P(Connections, KilledInsideAWrite) {
  if (GetParam() == "sqlite") GTEST_SKIP() << "a file has no server";
  Writer writer = People();
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"name", "a"}}), Put("2", {})}).status);
  const auto other = OpenDatabase(GetParam());
  for (const bool single : {true, false}) {
    other->Run("BEGIN");
    other->Run("UPDATE people SET age = 5 WHERE id = 1");
    std::thread killer([&] {
      std::this_thread::sleep_for(milliseconds(300));
      other->KillSessions();
    });
    std::vector<Change> changes = {Put("1", {{"name", "b"}})};
    if (!single) changes.push_back(Delete("2"));
    const Status status = writer.Write(changes).status;
    killer.join();
    other->Run("ROLLBACK");
    const bool one_statement = single && GetParam() == "postgres";
    EXPECT_CODE(one_statement ? Code::kInDoubt : Code::kNotConnected, status);
    EXPECT_EQ((std::vector<Cells>{{"1", "a"}, {"2", std::nullopt}}),
              other->Ask("SELECT id, name FROM people ORDER BY id"));
    EXPECT_CODE(Code::kOk, writer.sink().Open());
  }
}

TEST_P(Connections, LostWithinTheStatementsOfAFullBatch) {
  if (GetParam() == "sqlite") GTEST_SKIP() << "a file has no server";
  constexpr int kRows = 4500;
  Proxy proxy(database_->Options().host, database_->Options().port);
  Writer writer = Through(proxy);
  for (const int marked : {0, 1500, kRows - 1}) {  // in the first, in the second, in the last of MySQL's
    std::vector<Change> changes;
    for (int i = 0; i < kRows; ++i) {
      changes.push_back(Put(std::to_string(i), {{"name", i == marked ? "the-mark" : "n"}}));
    }
    for (const Proxy::Loss loss : {Proxy::Loss::kRequest, Proxy::Loss::kAnswer}) {
      const bool commits = GetParam() == "postgres";  // with the rows, in one statement
      if (commits && loss == Proxy::Loss::kAnswer) continue;
      proxy.LoseAt("the-mark", loss);
      EXPECT_CODE(commits ? Code::kInDoubt : Code::kNotConnected, writer.Write(changes, &kMove).status);
      EXPECT_CODE(Code::kNotConnected, writer.Write(changes, &kMove).status);
      EXPECT_EQ("0", One("SELECT count(*) FROM people"));
      EXPECT_CODE(Code::kOk, writer.sink().Open());
    }
  }
  std::vector<Change> changes;
  for (int i = 0; i < kRows; ++i) changes.push_back(Put(std::to_string(i), {{"name", std::to_string(i)}}));
  EXPECT_CODE(Code::kOk, writer.Write(changes, &kMove).status);
  EXPECT_EQ(std::to_string(kRows), One("SELECT count(*) FROM people WHERE name = concat(id, '')"));
}

TEST_P(Connections, CommitWhoseAnswerIsLost) {
  if (GetParam() == "sqlite") GTEST_SKIP() << "a file has no server";
  LoseAtTheEnd(Proxy::Loss::kAnswer, true, true);
}

TEST_P(Connections, LongerCommitWhoseAnswerIsLost) {
  if (GetParam() == "sqlite") GTEST_SKIP() << "a file has no server";
  LoseAtTheEnd(Proxy::Loss::kAnswer, false, true);
}

TEST_P(Connections, CommitThatNeverArrives) {
  if (GetParam() == "sqlite") GTEST_SKIP() << "a file has no server";
  LoseAtTheEnd(Proxy::Loss::kRequest, true, false);
}

TEST_P(Connections, LongerCommitThatNeverArrives) {
  if (GetParam() == "sqlite") GTEST_SKIP() << "a file has no server";
  LoseAtTheEnd(Proxy::Loss::kRequest, false, false);
}

TEST_P(Connections, ASilentServerIsGivenUp) {
  if (GetParam() == "sqlite") GTEST_SKIP() << "a file has no server";
  Proxy proxy(database_->Options().host, database_->Options().port);
  Writer writer = Through(proxy);
  proxy.LoseAt("the-mark", Proxy::Loss::kSilence);
  const auto start = std::chrono::steady_clock::now();
  const Status status = writer.Write({Put("1", {{"name", "the-mark"}})}, &kMove).status;
  EXPECT_TRUE(status.code() == Code::kInDoubt || status.code() == Code::kNotConnected) << status.message();
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(12));
}

TEST_P(Connections, CancelEndsAWait) {
  if (GetParam() == "sqlite") SqlSink::SetUp();
  Writer writer = People();
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"name", "a"}})}).status);
  const auto other = GetParam() == "sqlite" ? nullptr : OpenDatabase(GetParam());
  Database& holder = other ? *other : *database_;
  holder.Run("BEGIN");
  holder.Run("UPDATE people SET age = 5 WHERE id = 1");
  std::thread canceller([&] {
    std::this_thread::sleep_for(milliseconds(300));
    writer.sink().Cancel();
  });
  const auto start = std::chrono::steady_clock::now();
  const Status status = writer.Write({Put("1", {{"name", "b"}})}).status;
  const auto took = std::chrono::steady_clock::now() - start;
  canceller.join();
  holder.Run("ROLLBACK");
  EXPECT_NE(Code::kOk, status.code());
  EXPECT_NE(Code::kRefused, status.code());
  EXPECT_GT(took, milliseconds(200));
  EXPECT_LT(took, seconds(3));
  EXPECT_CODE(Code::kOk, writer.sink().Open());
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"name", "c"}})}).status);
}

TEST_P(Connections, ALockHeldTooLongIsTransient) {
  if (GetParam() == "sqlite") SqlSink::SetUp();
  SinkOptions options = database_->Options();
  options.statement_timeout = seconds(1);
  Writer writer = People(options);
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"name", "a"}})}).status);
  database_->Run("BEGIN");
  database_->Run("UPDATE people SET age = 5 WHERE id = 1");
  EXPECT_CODE(Code::kTransient, writer.Write({Put("1", {{"name", "b"}})}).status);
  EXPECT_CODE(Code::kTransient, writer.Write({Put("1", {{"name", "b"}}), Delete("2")}).status);
  database_->Run("ROLLBACK");
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"name", "c"}})}).status);
  EXPECT_EQ("c", One("SELECT name FROM people"));
}

WB_EVERY_SQL_SINK(Connections);

}  // namespace
}  // namespace writebehind::test
