// Names the calling thread for `top -H` and debuggers: at most 15 characters.
#pragma once

#include <pthread.h>

namespace writebehind {

inline void NameThread(const char* name) { pthread_setname_np(pthread_self(), name); }

}  // namespace writebehind
