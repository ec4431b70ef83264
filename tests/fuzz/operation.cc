// The words of an HSET whose fields may be `#`, any number of times and with any value.
#include "capture/operation.h"

#include <vector>

#include "fuzz.h"

using namespace writebehind;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  std::vector<std::string_view> words{"HSET", "key"};
  while (!input.empty()) words.push_back(input.Piece());
  std::size_t others = 0;
  const Operation operation = ReadOperation(
      2, words.size(), [&](std::size_t i) { return words[i]; },
      [&](std::size_t i) {
        WB_REQUIRE(words[i] != kOperationField);
        ++others;
      });
  WB_REQUIRE(operation.count + others == (words.size() - 2) / 2);
  volatile unsigned seen = fuzz::Touch(operation.uuid);
  (void)seen;
  if (operation.Refusal() != nullptr) return 0;
  WB_REQUIRE(operation.count == 1);
  WB_REQUIRE(operation.deletes() || operation.op == '+' || operation.op == '=');
  WB_REQUIRE(operation.silent() == (operation.op == '+' || operation.op == '-'));
  return 0;
}
