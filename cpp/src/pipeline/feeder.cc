#include "pipeline/feeder.h"

#include <fmt/format.h>

#include "codec/decoder.h"
#include "pipeline/lanes.h"
#include "pipeline/redis_line.h"
#include "util/log.h"

namespace writebehind {
namespace {

constexpr std::chrono::milliseconds kIdleWait{1000};

}  // namespace

Feeder::Feeder(Context* context)
    : context_(context),
      reader_(context->options.name),
      retry_(context->options.name, "reader", context->options.retry_interval, &context->stop, &context->board),
      registered_(context->definitions.current()),
      dealt_(context->lanes.size()) {}

void Feeder::Run() {
  while (!done_ && retry_.Until([this] { return Step(); }, [this] { reader_.connection().Close(); })) {
  }
  for (auto& lane : context_->lanes) lane->shares.Close();
}

Status Feeder::Step() {
  if (handed_over_ && !context_->read_again.load()) return Finish();
  handed_over_ = false;
  if (Status status = Open(); !status.ok()) return status;
  if (context_->options.once && !end_) {
    done_ = true;  // nothing was there
    return Status::Ok();
  }
  if (context_->pause.asked()) {
    context_->stop.SleepFor(std::chrono::milliseconds(50));
    return Status::Ok();
  }
  if (context_->read_again.exchange(false)) {
    // Over a new connection: there may be another master by now.
    reader_.connection().Close();
    return Status::Ok();
  }
  if (rewind_) {
    if (Status status = Rewind(); !status.ok() || rewind_) return status;
  }
  if (context_->writers < context_->options.writers && !context_->options.once && HasWrittenAgain()) {
    Log(LogLevel::kInfo, context_->options.name, "all writers go on");
    context_->BeginAnew(context_->options.writers);
    return {Code::kStopped, "all writers go on"};
  }
  if (!context_->budget->Await()) return {Code::kStopped, "stopped"};
  std::shared_ptr<Entries> entries;
  if (Status status = Read(&entries); !status.ok()) return status;
  if (entries->all.empty()) {
    handed_over_ = context_->options.once;
    return Status::Ok();
  }
  std::shared_ptr<Parcel> parcel;
  if (Status status = Decode(entries, &parcel); !status.ok()) return status;
  if (Status status = KnowDefinitions(*parcel); !status.ok()) return status;
  const StreamId last = parcel->ticket->last;
  reader_.Advance(parcel->ticket->identity, last);
  dealt_until_ = last;
  Deal(std::move(parcel));
  handed_over_ = end_.has_value() && last >= *end_;
  return Status::Ok();
}

// What is given back is to be read again.
Status Feeder::Finish() {
  if (context_->survival.is_wanted() && context_->tracker.Oldest()) {
    context_->stop.SleepFor(std::chrono::milliseconds(10));
    return Status::Ok();
  }
  done_ = !context_->read_again.load();
  return Status::Ok();
}

// All or nothing: a connection that is open has read its registration (a Redis that is loading takes a login).
Status Feeder::Open() {
  if (reader_.connection().open()) return Status::Ok();
  context_->rewinds = true;
  Status status = reader_.connection().Open(context_->options.redis);
  if (status.ok()) status = Join();
  if (!status.ok()) reader_.connection().Close();
  return status;
}

Status Feeder::Join() {
  Status status = context_->definitions.Load(&reader_.connection());
  const bool lost = status.code() == Code::kRefused;
  if (!status.ok() && !lost) return status;
  // Redis came back without its data, or with those of before an upgrade: what captures is put in place again.
  if (lost || context_->definitions.current() < registered_) {
    if (Status registered = Register(); !registered.ok()) return registered;
  }
  registered_ = context_->definitions.current();
  wait_ = false;
  rewind_ = true;
  if (!context_->options.once || found_end_) return Status::Ok();
  status = LastEntry(&end_);
  found_end_ = status.ok();
  return status;
}

Status Feeder::Register() {
  Reply reply;
  if (Status status = reader_.connection().Command({"WB.REGISTER", context_->options.name, context_->options.definition}, &reply); !status.ok()) {
    return status;
  }
  Log(LogLevel::kWarning, context_->options.name, "the registration was gone from Redis and was made again");
  return context_->definitions.Load(&reader_.connection());
}

// After a crash Redis may hold entries again whose answer and removal it has lost. They are read once more
// from the beginning, and skipped and answered by the workers' positions; what is still under way must be
// settled before, or it would be written twice.
Status Feeder::Rewind() {
  if (context_->tracker.Oldest()) {
    context_->stop.SleepFor(std::chrono::milliseconds(10));
    return Status::Ok();
  }
  std::optional<StreamId> last;
  if (Status status = LastEntry(&last); !status.ok()) return status;
  if (context_->survival.is_wanted()) {
    if (Status status = context_->survival.Begin(&reader_.connection()); !status.ok()) return status;
  }
  again_until_ = last.value_or(StreamId{});
  dealt_until_ = {};
  context_->tracker.Restart();
  ++context_->readings;
  for (auto& lane : context_->lanes) lane->shares.Push(std::make_unique<Share>());
  reader_.Rewind();
  rewind_ = context_->rewinds = false;
  return Status::Ok();
}

// All that waited at the last rewind.
bool Feeder::HasWrittenAgain() const {
  const auto oldest = context_->tracker.Oldest();
  return dealt_until_ >= again_until_ && (!oldest || *oldest > again_until_);
}

Status Feeder::LastEntry(std::optional<StreamId>* last) {
  Reply reply;
  const std::string key = KeyOf(context_->options.name, "stream");
  if (Status status = reader_.connection().Command({"XREVRANGE", key, "+", "-", "COUNT", "1"}, &reply); !status.ok()) return status;
  if (reply->elements > 0) *last = StreamId::Parse(Text(*reply->element[0]->element[0]));
  return Status::Ok();
}

Status Feeder::Read(std::shared_ptr<Entries>* entries) {
  *entries = std::make_shared<Entries>();
  const PipelineOptions& options = context_->options;
  const bool waits = wait_ && !options.once;
  Status status = reader_.Read(options.max_batch_rows, options.max_batch_bytes, waits ? kIdleWait : std::chrono::milliseconds(0), entries->get());
  if (status.code() == Code::kTransient && status.message().find("no such pipeline") != std::string::npos) {
    // The connection stood all the time, so this is no restart: somebody unregistered it.
    context_->board.Set(State::kStopped, "the pipeline was unregistered");
    Log(LogLevel::kInfo, options.name, "the pipeline was unregistered: its engine ends");
    context_->StopSoon();
    return {Code::kStopped, "unregistered"};
  }
  // A read that came back full means that more waits: no XREAD before the next.
  wait_ = (*entries)->all.size() < options.max_batch_rows && (*entries)->bytes < options.max_batch_bytes / 2;
  return status;
}

Status Feeder::Decode(const std::shared_ptr<Entries>& entries, std::shared_ptr<Parcel>* parcel) {
  *parcel = std::make_shared<Parcel>();
  Parcel& made = **parcel;
  made.records.resize(entries->all.size());
  std::vector<Record*> unreadable;
  for (std::size_t i = 0; i < entries->all.size(); ++i) {
    Record& record = made.records[i];
    const Status status = DecodeEntry(entries->all[i].id, entries->all[i].packed, &made.fields, &record);
    if (!status.ok()) {
      // It is no change of ours to write; rejecting it (definition 0) keeps it for a person to look at.
      Log(LogLevel::kError, context_->options.name, fmt::format("entry {}: {}", record.id.ToString(), status.message()));
      record.definition = 0;
      unreadable.push_back(&record);
    }
  }
  if (Status status = GiveIdentity(unreadable); !status.ok()) return status;
  const std::uint64_t identity = made.records.back().identity;
  made.bytes_owner = entries;
  made.bytes = entries->bytes;
  made.reading = context_->readings.load();
  made.again = made.records.front().id <= again_until_;
  made.ticket = std::make_shared<Ticket>(Ticket{made.records.front().id, made.records.back().id, identity, made.records.size()});
  made.budget = context_->budget;
  context_->budget->Take(made.memory());
  return Status::Ok();
}

// Who wrote an entry that can't be read didn't know the stream's identity, and without one it is never settled.
Status Feeder::GiveIdentity(const std::vector<Record*>& unreadable) {
  if (unreadable.empty()) return Status::Ok();
  if (Status status = LoadDefinitions(); !status.ok()) return status;
  for (Record* record : unreadable) {
    if (!context_->definitions.HasIdentity(record->identity)) record->identity = context_->definitions.identity();
  }
  return Status::Ok();
}

// Not on the reader's connection: an earlier failure there would lose the read.
Status Feeder::LoadDefinitions() {
  if (!registry_.open()) {
    if (Status status = registry_.Open(context_->options.redis); !status.ok()) return status;
  }
  Status status = context_->definitions.Load(&registry_);
  return status.code() == Code::kRefused ? Status::Ok() : status;
}

Status Feeder::KnowDefinitions(const Parcel& parcel) {
  std::uint32_t known = 0;
  for (const Record& record : parcel.records) {
    if (record.definition == known || record.definition == 0) continue;
    known = record.definition;
    if (context_->definitions.Find(known)) continue;
    if (Status status = LoadDefinitions(); !status.ok()) return status;
  }
  return Status::Ok();
}

void Feeder::Deal(std::shared_ptr<Parcel> parcel) {
  context_->tracker.Add(parcel->ticket);
  auto& lanes = context_->lanes;
  if (lanes.size() == 1) {
    lanes.front()->shares.Push(std::make_unique<Share>(Share{parcel, true, {}}));
    return;
  }
  parcel->before = dealt_;
  std::vector<std::unique_ptr<Share>> shares(lanes.size());
  for (std::uint32_t i = 0; i < parcel->records.size(); ++i) {
    const std::size_t lane = LaneOf(parcel->records[i].key, lanes.size());
    ++dealt_[lane];
    auto& share = shares[lane];
    if (!share) share = std::make_unique<Share>(Share{parcel, false, {}});
    share->indexes.push_back(i);
  }
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    if (shares[i]) lanes[i]->shares.Push(std::move(shares[i]));
  }
}

}  // namespace writebehind
