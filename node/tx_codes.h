#pragma once

// The numbers that stand for refusals where the dialect wants a number: `code` of a broadcast or of
// a transaction's result. Part of the interface: a number never changes its meaning.
//
// 0 is success; 1 to 99 are outcomes of execution, by their number in the ledger's format; from 100
// on refusals at admission. A refusal that both give has the outcome's number.

#include <cstdint>
#include <string_view>

#include "ledger/execution.h"

namespace quorate::node {

inline constexpr std::string_view kCodespace = "quorate";
// Of a code that is not in the table; an answer that names it always carries the code itself too.
inline constexpr std::uint32_t kNumberOfOtherRefusals = 999;

[[nodiscard]] std::uint32_t number_of_outcome(ledger::Outcome outcome);
// `code` as in Error::code. Never 0.
[[nodiscard]] std::uint32_t number_of_refusal(std::string_view code);

}  // namespace quorate::node
