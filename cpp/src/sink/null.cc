// The smallest sink: takes everything, keeps only checkpoints. For measuring, dry runs and as an example.
#include <map>

#include "sink/checkpoint.h"
#include "sink/kinds.h"

namespace writebehind {
namespace {

class NullSink final : public Sink {
 public:
  Status Open() override { return Status::Ok(); }

  // It has no tables; the catalog stays empty, so a caller makes its plan from the mapping alone.
  Status Describe(const TableName&, Catalog* catalog) override {
    *catalog = {};
    return Status::Ok();
  }

  Status LoadCheckpoint(const std::string& id, StreamId* position) override {
    *position = checkpoints_[id];
    return Status::Ok();
  }

  WriteResult Write(const WriteRequest& request) override {
    if (request.checkpoint == nullptr) return {};
    StreamId& at = checkpoints_[request.checkpoint->id];
    if (at != request.checkpoint->from) return {JudgeCheckpoint(*request.checkpoint, at.ToString()), {}};
    at = request.checkpoint->to;
    return {};
  }

  void ForgetCheckpoint(const std::string& id) override { checkpoints_.erase(id); }
  std::vector<std::string> Explain(const TablePlan&) override { return {}; }
  void Close() noexcept override {}

 private:
  std::map<std::string, StreamId> checkpoints_;
};

}  // namespace

std::unique_ptr<Sink> MakeNullSink(const SinkOptions&) { return std::make_unique<NullSink>(); }

}  // namespace writebehind
