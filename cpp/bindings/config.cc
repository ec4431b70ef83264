#include "config.h"

#include "convert.h"
#include "python_sink.h"
#include "python_transformer.h"

#include <pybind11/stl.h>

#include <memory>
#include <set>
#include <string>

namespace py = pybind11;

namespace writebehind::bindings {
namespace {

// Reads the keys of a mapping one by one and then says which were not asked for. One that is absent or None is
// left alone.
class Keys {
 public:
  Keys(const py::dict& config, const char* where) : config_(config), where_(where) {}

  template <class T>
  void Get(const char* key, T* value) {
    if (const py::object found = Find(key); found) *value = found.cast<T>();
  }
  void Get(const char* key, std::chrono::milliseconds* value) {
    if (const py::object found = Find(key); found) *value = std::chrono::milliseconds(found.cast<std::int64_t>());
  }
  // Calls `read` with a mapping or a callable.
  template <class T, class Read>
  void With(const char* key, const Read& read) {
    if (const py::object found = Find(key); found) read(found.cast<T>());
  }
  void Done() const {
    for (const auto& item : config_) {
      const auto key = item.first.cast<std::string>();
      if (!known_.contains(key)) throw py::value_error(std::string(where_) + " has no option '" + key + "'");
    }
  }

 private:
  py::object Find(const char* key) {
    known_.insert(key);
    if (!config_.contains(key) || config_[key].is_none()) return {};
    return py::reinterpret_borrow<py::object>(config_[key]);
  }

  const py::dict& config_;
  const char* where_;
  std::set<std::string> known_;
};

void ReadSentinels(const py::dict& config, SentinelOptions* options) {
  Keys keys(config, "sentinels");
  keys.Get("addresses", &options->addresses);
  keys.Get("service", &options->service);
  keys.Get("user", &options->user);
  keys.Get("password", &options->password);
  keys.Done();
}

// What Redis and a database are connected to by alike.
template <class Options>
void ReadServer(Keys* keys, Options* options) {
  keys->Get("host", &options->host);
  keys->Get("port", &options->port);
  keys->Get("user", &options->user);
  keys->Get("password", &options->password);
  keys->Get("connect_timeout_ms", &options->connect_timeout);
  keys->With<py::dict>("sentinels", [&](const py::dict& sentinels) { ReadSentinels(sentinels, &options->sentinels); });
}

void ReadTls(const py::dict& config, TlsOptions* options) {
  Keys keys(config, "tls");
  options->enabled = true;
  keys.Get("verify", &options->verify);
  keys.Get("check_hostname", &options->check_hostname);
  keys.Get("ca_file", &options->ca_file);
  keys.Get("cert_file", &options->cert_file);
  keys.Get("key_file", &options->key_file);
  keys.Done();
}

void ReadRedis(const py::dict& config, RedisOptions* options) {
  Keys keys(config, "redis");
  ReadServer(&keys, options);
  keys.Get("unix_socket", &options->unix_socket);
  keys.Get("db", &options->db);
  keys.Get("reply_timeout_ms", &options->reply_timeout);
  keys.With<py::dict>("tls", [&](const py::dict& tls) { ReadTls(tls, &options->tls); });
  keys.Done();
}

std::shared_ptr<Held> Keep(const py::object& object, Callables* callables) {
  auto held = std::make_shared<Held>(object);
  if (callables != nullptr) callables->push_back(held);
  return held;
}

void ReadSink(const py::dict& config, SinkOptions* options, Callables* callables) {
  Keys keys(config, "sink");
  ReadServer(&keys, options);
  keys.Get("kind", &options->kind);
  keys.With<py::object>("factory", [&](const py::object& factory) { options->make = SinkMakerOf(Keep(factory, callables)); });
  keys.Get("database", &options->database);
  keys.Get("exactly_once_table", &options->exactly_once_table);
  keys.Get("statement_timeout_ms", &options->statement_timeout);
  keys.With<py::dict>("tls", [&](const py::dict& tls) { ReadTls(tls, &options->tls); });
  keys.With<py::dict>("driver", [&](const py::dict& driver) {
    options->driver.clear();
    for (const auto& item : driver) {
      options->driver.emplace_back(item.first.cast<std::string>(), item.second.cast<std::string>());
    }
  });
  keys.Done();
}

void ReadTuning(const py::dict& config, PipelineOptions* options) {
  Keys keys(config, "options");
  keys.Get("batch", &options->batch);
  keys.Get("duration_ms", &options->duration);
  keys.Get("max_batch_rows", &options->max_batch_rows);
  keys.Get("max_batch_bytes", &options->max_batch_bytes);
  keys.Get("writers", &options->writers);
  keys.Get("retry_interval_ms", &options->retry_interval);
  keys.Get("constraint_grace_ms", &options->constraint_grace);
  keys.Get("stop_on_reject", &options->stop_on_reject);
  keys.Get("lease_ms", &options->lease);
  keys.Get("wait_replicas", &options->wait_replicas);
  keys.Get("wait_aof", &options->wait_aof);
  keys.Get("once", &options->once);
  keys.Done();
}

// Called from the engine's threads, at each connect. An interpreter that ends lets no thread have its GIL.
std::function<Status(SinkOptions*)> CredentialsOf(std::shared_ptr<Held> callable) {
  return [callable = std::move(callable)](SinkOptions* options) -> Status {
    if (IsEnding()) return {Code::kStopped, "Python ends"};
    const py::gil_scoped_acquire gil;
    const py::object call = callable->get();  // for as long as the call takes
    if (!call) return {Code::kStopped, "the pipeline is gone"};
    try {
      ReadSink(call().cast<py::dict>(), options, nullptr);
      return Status::Ok();
    } catch (const std::exception&) {
      // Not the exception's text: it may hold the secret.
      return {Code::kTransient, "the callable that gives the credentials failed"};
    }
  };
}

}  // namespace

SinkOptions SinkOptionsOf(const py::dict& config, Callables* callables) {
  SinkOptions options;
  ReadSink(config, &options, callables);
  return options;
}

PipelineOptions PipelineOptionsOf(const py::dict& config, Callables* callables) {
  PipelineOptions options;
  Keys keys(config, "pipeline");
  keys.Get("name", &options.name);
  keys.Get("definition", &options.definition);
  keys.With<py::dict>("redis", [&](const py::dict& redis) { ReadRedis(redis, &options.redis); });
  keys.With<py::dict>("sink", [&](const py::dict& sink) { ReadSink(sink, &options.sink, callables); });
  keys.With<py::object>("credentials", [&](const py::object& callable) { options.credentials = CredentialsOf(Keep(callable, callables)); });
  keys.With<py::object>("transform", [&](const py::object& callable) { options.transformer = TransformerOf(Keep(callable, callables)); });
  keys.With<py::dict>("options", [&](const py::dict& tuning) { ReadTuning(tuning, &options); });
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
