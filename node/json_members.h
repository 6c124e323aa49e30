#pragma once

// Reading what a node answered, member by member. A missing or differently typed member is nullopt:
// the caller decides whether that is an error.

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quorate::node {

// `path` names members inside members: "quorate.tree_head.size". nullptr: no such member.
[[nodiscard]] const boost::json::value* find_member(const boost::json::value& value,
                                                    std::string_view path);
[[nodiscard]] std::optional<std::string> text_member(const boost::json::value& value,
                                                     std::string_view path);
// A number, or its decimal text as this dialect writes 64-bit integers.
[[nodiscard]] std::optional<std::uint64_t> number_member(const boost::json::value& value,
                                                         std::string_view path);

}  // namespace quorate::node
