// The definitions that entries may name, as the registry in Redis keeps them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "stream/connection.h"
#include "writebehind/definition.h"
#include "writebehind/status.h"

namespace writebehind {

// Thread-safe: the feeder loads, workers look up.
class Definitions {
 public:
  explicit Definitions(std::string pipeline) : pipeline_(std::move(pipeline)) {}

  // Reads the registration. kRefused: there is none of this name.
  Status Load(Connection* redis);

  // Grows when a serial came to mean something else: Redis lost its data, and the pipeline was registered
  // anew. Plans made before are void then.
  [[nodiscard]] std::uint64_t generation() const;

  // Of the last Load: the serial of the definition that captures now, and the stream's identity.
  [[nodiscard]] std::uint32_t current() const;
  [[nodiscard]] std::uint64_t identity() const;
  // All that the stream had, oldest first.
  [[nodiscard]] std::vector<std::uint64_t> identities() const;
  // Of the registration, for its life; 0: it has none.
  [[nodiscard]] std::uint64_t origin() const;
  // The stream that is there had this identity once.
  [[nodiscard]] bool HasIdentity(std::uint64_t identity) const { return PlaceOf(identity).has_value(); }
  // The place of this one among the stream's identities, oldest first.
  [[nodiscard]] std::optional<std::size_t> PlaceOf(std::uint64_t identity) const;

  // Null: the registry has no such definition, or can't be parsed.
  [[nodiscard]] std::shared_ptr<const Definition> Find(std::uint32_t serial) const;

  // True the first time: what the check before the start or one writer has said of a definition's table is not said again.
  [[nodiscard]] bool IsNews(const std::string& warning) const;

 private:
  std::string pipeline_;
  mutable std::mutex mutex_;
  struct Known {
    std::string json;
    std::shared_ptr<const Definition> definition;
  };
  std::map<std::uint32_t, Known> by_serial_;
  std::uint64_t generation_ = 0;
  std::uint32_t current_ = 0;
  std::uint64_t origin_ = 0;
  std::vector<std::uint64_t> identities_;  // of the stream, oldest first
  mutable std::set<std::string> warned_;
};

}  // namespace writebehind
