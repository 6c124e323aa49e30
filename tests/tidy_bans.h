#pragma once

// The table of what a folder must not use. It is data: to forbid something, or to allow it in one
// more place, add a row or a path here, with the reason that a failed test will print.

#include <string_view>
#include <vector>

namespace quorate::tidy {

struct Ban {
  std::vector<std::string_view> where;   // prefixes of paths; "" is everywhere outside tests/
  std::vector<std::string_view> except;  // prefixes of paths where it is allowed all the same
  // "<boost/asio" bans includes that start so; anything else is found in the code as a whole word
  // (comments and strings do not count).
  std::vector<std::string_view> what;
  std::string_view why;
  bool headers_only = false;
};

const std::vector<Ban>& bans();

}  // namespace quorate::tidy
