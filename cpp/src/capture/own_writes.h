// Marks the writes that the module makes to its own keys, so that it doesn't take them for somebody else's.
#pragma once

namespace writebehind {

// Alive around the writes; they may be nested.
class OwnWrites {
 public:
  OwnWrites() { ++depth_; }
  ~OwnWrites() { --depth_; }
  OwnWrites(const OwnWrites&) = delete;
  OwnWrites& operator=(const OwnWrites&) = delete;

  static bool InProgress() { return depth_ > 0; }

 private:
  inline static int depth_ = 0;
};

}  // namespace writebehind
