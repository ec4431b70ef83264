// A Settlement is what the settler tells Redis about a batch that is decided.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "writebehind/parcel.h"

namespace writebehind {

// The answer to the writer of one change that waits for it.
struct Answer {
  StreamId id;
  std::string error;  // empty: done
};

struct Settlement {
  std::uint64_t identity = 0;
  std::string checkpoint_field;  // <output>/<identity>/<writer>of<writers>
  StreamId last;                 // of the batch
  std::uint64_t reading = 0;     // of its parcels
  bool is_given_back = false;    // nothing was decided: all of that reading is to be read again
  std::vector<Answer> answers;
  std::vector<std::string> passed_strays;  // fields that nothing needs once this is settled
  std::vector<Holding> holdings;  // the records that it decides
};

}  // namespace writebehind
