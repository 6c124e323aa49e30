#pragma once

// "Did you mean ...?": the known word nearest to one that somebody typed.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace quorate::node {

// The candidate with the smallest edit distance to `word`, if it is near enough to be what was
// meant (at most a third of the longer word's letters differ). The first one wins a tie.
[[nodiscard]] std::optional<std::string> nearest_word(std::string_view word,
                                                      std::span<const std::string> candidates);

}  // namespace quorate::node
