#include "sink/driver_failure.h"

#include "sink/refusal.h"

namespace writebehind {

Status DriverFailure::ToStatus() const {
  return {code, who + ": " + OneLine(message) + (number == 0 ? "" : " (error " + std::to_string(number) + ")"),
          is_schema ? "mend the table, or grant the right to its user; writing goes on by itself" : ""};
}

}  // namespace writebehind
