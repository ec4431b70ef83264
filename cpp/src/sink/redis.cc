// Writes rows as hashes of another Redis or Valkey, `<table>:<key>`, in one script per batch: checkpoint and rows
// are one step there.
#include <fmt/format.h>

#include <charconv>
#include <deque>

#include "sink/checkpoint.h"
#include "sink/kinds.h"
#include "stream/connection.h"
#include "util/printable.h"
#include "writebehind/options.h"

namespace writebehind {
namespace {

// KEYS: the hash of checkpoints, then a key per row. ARGV: id, from, to (an id of "" leaves the checkpoint out), then
// for each row what to do ('d' delete, 'u' update, 'r' delete and write), how many words set fields, the words, how
// many fields to remove, those. Answers "ok", {"moved", value}, or {"refused", row, type, row, type …}, having
// changed nothing.
constexpr std::string_view kScript = R"(
local at = 4
local rows = {}
local refused = {'refused'}
if ARGV[1] ~= '' then
  local value = redis.call('HGET', KEYS[1], ARGV[1])
  if value ~= ARGV[2] then return {'moved', value or ''} end
end
for i = 2, #KEYS do
  local row = {what = ARGV[at], set = at + 2, sets = tonumber(ARGV[at + 1])}
  at = row.set + row.sets
  row.gone = at + 1
  row.gones = tonumber(ARGV[at])
  at = row.gone + row.gones
  local kind = redis.call('TYPE', KEYS[i]).ok
  row.foreign = kind ~= 'hash' and kind ~= 'none'
  if row.foreign and row.what ~= 'd' then
    refused[#refused + 1] = i - 2
    refused[#refused + 1] = kind
  end
  rows[i] = row
end
if #refused > 1 then return refused end
local function each(command, key, from, count)
  for first = from, from + count - 1, 1000 do
    redis.call(command, key, unpack(ARGV, first, math.min(first + 999, from + count - 1)))
  end
end
for i = 2, #KEYS do
  local row = rows[i]
  if row.what ~= 'u' and not row.foreign then redis.call('DEL', KEYS[i]) end
  each('HSET', KEYS[i], row.set, row.sets)
  each('HDEL', KEYS[i], row.gone, row.gones)
end
if ARGV[1] ~= '' then redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return 'ok'
)";

RedisOptions OptionsOf(const SinkOptions& options) {
  RedisOptions redis;
  (options.host.starts_with('/') ? redis.unix_socket : redis.host) = options.host;
  if (options.port != 0) redis.port = options.port;
  redis.user = options.user;
  redis.password = options.password;
  redis.tls = options.tls;
  redis.sentinels = options.sentinels;
  std::from_chars(options.database.data(), options.database.data() + options.database.size(), redis.db);
  redis.connect_timeout = options.connect_timeout;
  if (options.statement_timeout.count() > 0) redis.reply_timeout = options.statement_timeout;
  return redis;
}

// The words of one EVAL. What they point to outlives it: the request's cells, and the texts made here.
class Script {
 public:
  Script(const WriteRequest& request, std::string_view checkpoints) {
    keys_.push_back(checkpoints);
    for (const Row& row : request.rows) keys_.push_back(texts_.emplace_back(request.plan.table.table + ':' + std::string(row.cells[0].text)));
    if (const CheckpointMove* move = request.checkpoint; move != nullptr) {
      arguments_ = {move->id, texts_.emplace_back(move->from.ToString()), texts_.emplace_back(move->to.ToString())};
    } else {
      arguments_ = {"", "", ""};
    }
    for (const Row& row : request.rows) AddRow(request.plan, row);
  }

  void AppendTo(Connection* redis) {
    const std::string count = std::to_string(keys_.size());
    std::vector<std::string_view> words{"EVAL", kScript, count};
    words.insert(words.end(), keys_.begin(), keys_.end());
    words.insert(words.end(), arguments_.begin(), arguments_.end());
    redis->Append(words);
  }

 private:
  void AddRow(const TablePlan& plan, const Row& row) {
    std::vector<std::string_view> set;
    std::vector<std::string_view> gone;
    for (std::size_t i = plan.keys.size(); !row.is_delete && i < row.cells.size(); ++i) {
      const Cell& cell = row.cells[i];
      if (cell.state == Cell::State::kValue) set.insert(set.end(), {plan.column(i).name, cell.text});
      if (cell.state == Cell::State::kNull) gone.push_back(plan.column(i).name);
    }
    arguments_.push_back(row.is_delete ? "d" : row.replaces ? "r" : "u");
    arguments_.push_back(texts_.emplace_back(std::to_string(set.size())));
    arguments_.insert(arguments_.end(), set.begin(), set.end());
    arguments_.push_back(texts_.emplace_back(std::to_string(gone.size())));
    arguments_.insert(arguments_.end(), gone.begin(), gone.end());
  }

  std::vector<std::string_view> keys_;
  std::vector<std::string_view> arguments_;
  std::deque<std::string> texts_;
};

class RedisSink final : public Sink {
 public:
  explicit RedisSink(const SinkOptions& options) : options_(options), checkpoints_(options.exactly_once_table) {}

  Status Open() override { return redis_.Open(OptionsOf(options_)); }

  // Hashes have any field.
  Status Describe(const TableName&, Catalog* catalog) override {
    *catalog = {};
    return Status::Ok();
  }

  Status LoadCheckpoint(const std::string& id, StreamId* position) override {
    *position = {};
    if (checkpoints_.empty()) return Status::Ok();
    Reply reply;
    if (Status status = Run({"HSETNX", checkpoints_, id, StreamId{}.ToString()}, &reply); !status.ok()) return status;
    if (Status status = Run({"HGET", checkpoints_, id}, &reply); !status.ok()) return status;
    return ReadCheckpoint(id, std::string(Text(*reply)), position);
  }

  WriteResult Write(const WriteRequest& request) override {
    if (!redis_.open()) return {{Code::kNotConnected, "the target Redis is not connected"}, {}};
    Script(request, checkpoints_.empty() ? std::string_view("-") : std::string_view(checkpoints_)).AppendTo(&redis_);
    Reply reply;
    if (Status status = redis_.Receive(&reply); !status.ok()) {
      const bool in_doubt = status.code() == Code::kNotConnected && request.checkpoint != nullptr;
      return {in_doubt ? Status(Code::kInDoubt, status.message()) : status, {}};
    }
    if (reply->type == REDIS_REPLY_ERROR) return {Judge(Text(*reply)), {}};
    if (reply->type != REDIS_REPLY_ARRAY) return {};
    return Text(*reply->element[0]) == "moved" ? WriteResult{JudgeCheckpoint(*request.checkpoint, Stored(*reply->element[1])), {}}
                                               : Refused(request, *reply);
  }

  std::vector<std::string> Warnings() override {
    Reply reply;
    if (!Run({"CONFIG", "GET", "appendonly"}, &reply).ok() || reply->elements != 2 || Text(*reply->element[1]) != "no") return {};
    return {"the target Redis keeps no append-only file: what is written there can be lost with it"};
  }

  void ForgetCheckpoint(const std::string& id) override {
    Reply reply;
    (void)Run({"HDEL", checkpoints_, id}, &reply);
  }

  std::vector<std::string> Explain(const TablePlan& plan) override {
    std::string set = fmt::format("HSET {}:<{}>", plan.table.table, plan.keys.front().name);
    for (const Column& column : plan.columns) set += fmt::format(" {} <value>", column.name);
    return {set, fmt::format("DEL {}:<{}>", plan.table.table, plan.keys.front().name)};
  }

  void Cancel() noexcept override { redis_.Interrupt(); }
  void Close() noexcept override { redis_.Close(); }

 private:
  Status Run(std::initializer_list<std::string_view> words, Reply* reply) {
    if (!redis_.open()) return {Code::kNotConnected, "the target Redis is not connected"};
    return redis_.Command(words, reply);
  }

  static std::optional<std::string> Stored(const redisReply& reply) {
    if (reply.len == 0) return std::nullopt;
    return std::string(Text(reply));
  }

  static Status Judge(std::string_view error) {
    // A replica by now: the master is elsewhere, behind the same address perhaps.
    if (error.find("READONLY") != std::string_view::npos) return {Code::kNotConnected, "the target Redis is a replica: " + std::string(error)};
    return {Code::kTransient, "the target Redis: " + std::string(error)};
  }

  static WriteResult Refused(const WriteRequest& request, const redisReply& reply) {
    WriteResult result{{Code::kRefused, "keys of the target Redis hold something else than hashes"}, {}};
    for (std::size_t i = 1; i + 1 < reply.elements; i += 2) {
      const auto row = static_cast<std::size_t>(reply.element[i]->integer);
      Refusal refusal;
      refusal.row = row;
      refusal.type = "hash";
      refusal.reason = fmt::format("the key '{}:{}' of the target holds a {}", request.plan.table.table,
                                   Printable(request.rows[row].cells[0].text), Text(*reply.element[i + 1]));
      result.refused.push_back(std::move(refusal));
    }
    return result;
  }

  SinkOptions options_;
  std::string checkpoints_;  // the hash `exactly_once_table`
  Connection redis_;
};

}  // namespace

std::unique_ptr<Sink> MakeRedisSink(const SinkOptions& options) { return std::make_unique<RedisSink>(options); }

}  // namespace writebehind
