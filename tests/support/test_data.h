#pragma once

// Vectors from outside the repository: in the folder that QUORATE_DATA names, else in shared/data
// beside the checkout. A test that needs them skips itself where they are absent, and only there.

#include <cstdlib>
#include <string>

namespace quorate::test {

inline constexpr const char* kNoData = "set QUORATE_DATA to a folder with the test vectors: no ";

inline std::string data_path(const std::string& name) {
  const char* folder = std::getenv("QUORATE_DATA");
  const std::string base = folder != nullptr ? folder : QUORATE_SOURCE_DIR "/../shared/data";
  return base + "/" + name;
}

}  // namespace quorate::test
