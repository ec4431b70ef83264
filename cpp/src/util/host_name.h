// The name of this machine.
#pragma once

#include <unistd.h>

#include <array>
#include <string>

namespace writebehind {

// Empty where the system doesn't say.
inline std::string HostName() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace writebehind
