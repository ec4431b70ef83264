#include "sink/driver_failure.h"

#include "sink/refusal.h"

namespace writebehind {

Status DriverFailure::ToStatus() const {
  return {code,
          who + ": " + OneLine(message) + (number == 0 ? "" : " (error " + std::to_string(number) + ")")};
}

}  // namespace writebehind
