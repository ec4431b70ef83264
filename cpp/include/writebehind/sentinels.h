// Where the Sentinels of a Redis service are.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace writebehind {

struct SentinelOptions {
  std::vector<std::pair<std::string, int>> addresses;  // host and port; empty: no Sentinel is asked
  std::string service;                                 // the name that they know the master by
  std::string user;      // for themselves, not for the servers; empty: the default user
  std::string password;  // user and password empty: no AUTH
};

}  // namespace writebehind
