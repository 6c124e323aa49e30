#pragma once

// Vectors in JSON (tests/support/test_data.h says where they are).

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/test_data.h"

namespace quorate::crypto::test {

using quorate::test::kNoData;

// Null where the file is absent.
inline boost::json::value read_json(const std::string& name) {
  std::ifstream file(quorate::test::data_path(name));
  if (!file) return nullptr;
  return boost::json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace quorate::crypto::test
