// The definitions that entries may name, as the registry in Redis keeps them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

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

  // Null: the registry has no such definition, or can't be parsed.
  [[nodiscard]] std::shared_ptr<const Definition> Find(std::uint32_t serial) const;

 private:
  std::string pipeline_;
  mutable std::mutex mutex_;
  std::map<std::uint32_t, std::shared_ptr<const Definition>> by_serial_;
};

}  // namespace writebehind
