// A recipe's `transform` as the core's Transformer.
#pragma once

#include "convert.h"
#include "writebehind/transformer.h"

namespace writebehind::bindings {

// `callable` gets {"key": str, "type": "hash", "value": {field: text}} and returns it, changed or not; None drops
// the change. What it raises refuses that one change. The GIL is taken once per batch.
Transformer TransformerOf(std::shared_ptr<Held> callable);

}  // namespace writebehind::bindings
