// What the rejected stream keeps of a change that a cast or the target refuses.
#pragma once

#include <string>
#include <string_view>

#include "ack/settler.h"
#include "writebehind/record.h"
#include "writebehind/sink.h"

namespace writebehind {

// Appends WB.REJECT, which stores an entry once per identity and ID. One reply comes.
void AppendReject(std::string_view pipeline, const Record& record, const Refusal& refusal, CommandLine* redis);

// For the log and the writer's answer: "age (integer): 'abc' is no integer".
std::string Describe(const Refusal& refusal);

}  // namespace writebehind
