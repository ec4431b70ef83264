#include "config.h"

#include <memory>
#include <set>
#include <string>

namespace py = pybind11;

namespace writebehind::bindings {
namespace {

// Reads the keys of a mapping one by one and then says which were not asked for.
class Keys {
 public:
  Keys(const py::dict& config, const char* where) : config_(config), where_(where) {}

  template <class T>
  void Get(const char* key, T* value) {
    if (const py::object found = Find(key); found) *value = found.cast<T>();
  }
  void Milliseconds(const char* key, std::chrono::milliseconds* value) {
    if (const py::object found = Find(key); found) *value = std::chrono::milliseconds(found.cast<std::int64_t>());
  }
  // Null where it is absent or None.
  py::object Find(const char* key) {
    known_.insert(key);
    if (!config_.contains(key) || config_[key].is_none()) return {};
    return py::reinterpret_borrow<py::object>(config_[key]);
  }
  void Done() const {
    for (const auto& item : config_) {
      const auto key = item.first.cast<std::string>();
      if (!known_.contains(key)) throw py::value_error(std::string(where_) + " has no option '" + key + "'");
    }
  }

 private:
  const py::dict& config_;
  const char* where_;
  std::set<std::string> known_;
};

RedisOptions RedisOptionsOf(const py::dict& config) {
  RedisOptions options;
  Keys keys(config, "redis");
  keys.Get("host", &options.host);
  keys.Get("port", &options.port);
  keys.Get("unix_socket", &options.unix_socket);
  keys.Get("db", &options.db);
  keys.Get("user", &options.user);
  keys.Get("password", &options.password);
  keys.Milliseconds("connect_timeout_ms", &options.connect_timeout);
  keys.Milliseconds("reply_timeout_ms", &options.reply_timeout);
  keys.Done();
  return options;
}

void ReadSink(const py::dict& config, SinkOptions* options) {
  Keys keys(config, "sink");
  keys.Get("kind", &options->kind);
  keys.Get("host", &options->host);
  keys.Get("port", &options->port);
  keys.Get("user", &options->user);
  keys.Get("password", &options->password);
  keys.Get("database", &options->database);
  keys.Get("exactly_once_table", &options->exactly_once_table);
  keys.Milliseconds("connect_timeout_ms", &options->connect_timeout);
  keys.Milliseconds("statement_timeout_ms", &options->statement_timeout);
  if (const py::object driver = keys.Find("driver"); driver) {
    for (const auto& item : driver.cast<py::dict>()) {
      options->driver.emplace_back(item.first.cast<std::string>(), item.second.cast<std::string>());
    }
  }
  keys.Done();
}

// Called from the engine's threads, at each connect. Python objects are only touched under the GIL, their
// release too.
std::function<Status(SinkOptions*)> CredentialsOf(const py::object& callable) {
  const auto held = std::shared_ptr<py::object>(new py::object(callable), [](py::object* object) {
    const py::gil_scoped_acquire gil;
    delete object;  // the deleter of a shared_ptr: there is no other owner
  });
  return [held](SinkOptions* options) -> Status {
    const py::gil_scoped_acquire gil;
    try {
      ReadSink((*held)().cast<py::dict>(), options);
      return Status::Ok();
    } catch (const std::exception&) {
      // Not the exception's text: it may hold the secret.
      return {Code::kTransient, "the callable that gives the credentials failed"};
    }
  };
}

}  // namespace

SinkOptions SinkOptionsOf(const py::dict& config) {
  SinkOptions options;
  ReadSink(config, &options);
  return options;
}

PipelineOptions PipelineOptionsOf(const py::dict& config) {
  PipelineOptions options;
  Keys keys(config, "pipeline");
  keys.Get("name", &options.name);
  keys.Get("definition", &options.definition);
  if (const py::object redis = keys.Find("redis"); redis) options.redis = RedisOptionsOf(redis.cast<py::dict>());
  if (const py::object sink = keys.Find("sink"); sink) options.sink = SinkOptionsOf(sink.cast<py::dict>());
  if (const py::object callable = keys.Find("credentials"); callable) options.credentials = CredentialsOf(callable);
  if (const py::object given = keys.Find("options"); given) {
    const auto dict = given.cast<py::dict>();
    Keys tuning(dict, "options");
    tuning.Get("batch", &options.batch);
    tuning.Milliseconds("duration_ms", &options.duration);
    tuning.Get("max_batch_rows", &options.max_batch_rows);
    tuning.Get("max_batch_bytes", &options.max_batch_bytes);
    tuning.Get("writers", &options.writers);
    tuning.Milliseconds("retry_interval_ms", &options.retry_interval);
    tuning.Get("stop_on_reject", &options.stop_on_reject);
    tuning.Get("once", &options.once);
    tuning.Done();
  }
  keys.Done();
  return options;
}

void Raise(const Status& status) {
  const char* name = "WritebehindError";
  switch (status.code()) {
    case Code::kOk: return;
    case Code::kConfig: name = "ConfigError"; break;
    case Code::kNotConnected:
    case Code::kTransient:
    case Code::kInDoubt: name = "TargetUnavailable"; break;
    default: break;
  }
  const py::object type = py::module_::import("writebehind.errors").attr(name);
  PyErr_SetObject(type.ptr(), type(status.message(), status.hint()).ptr());
  throw py::error_already_set();
}

}  // namespace writebehind::bindings
