#include "crypto/check.h"

#include <cstdio>
#include <cstdlib>

namespace quorate {

void check_failed(const char* condition, const char* file, int line, const char* explanation) {
  std::fprintf(stderr, "%s:%d: check failed: %s: %s\n", file, line, condition, explanation);
  std::fflush(stderr);
  std::abort();
}

}  // namespace quorate
