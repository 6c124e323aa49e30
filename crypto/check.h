#pragma once

// QUORATE_CHECK: the third grade of failure, our own bugs.
//
// A peer's fault is a refusal, the environment's fault is a Result (crypto/result.h); a broken
// invariant of this program is neither, and continuing would only spread the damage. The check is
// on in every build. It must never be reachable from input: whatever arrives from a peer, a client,
// a file or the command line is judged by ordinary code first.

namespace quorate {

// Prints the failed condition with its place and aborts. Does not return.
[[noreturn]] void check_failed(const char* condition, const char* file, int line,
                               const char* explanation);

}  // namespace quorate

#define QUORATE_CHECK(condition, explanation)                                 \
  do {                                                                        \
    if (!(condition)) [[unlikely]] {                                          \
      ::quorate::check_failed(#condition, __FILE__, __LINE__, (explanation)); \
    }                                                                         \
  } while (false)
