#pragma once

// Vectors from outside the repository: read from the folder that QUORATE_DATA names, else from
// shared/data beside the checkout. A test that needs them skips itself where they are absent.

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace quorate::crypto::test {

inline constexpr const char* kNoData = "set QUORATE_DATA to a folder with the test vectors: no ";

// Null where the file is absent.
inline boost::json::value read_json(const std::string& name) {
  const char* folder = std::getenv("QUORATE_DATA");
  const std::string base = folder != nullptr ? folder : QUORATE_SOURCE_DIR "/../shared/data";
  std::ifstream file(base + "/" + name);
  if (!file) return nullptr;
  return boost::json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace quorate::crypto::test
