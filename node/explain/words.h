#pragma once

// Replicas, counts and times as the sentences of `quorate explain` name them.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/types.h"

namespace quorate::node {

// "0", "0 and 2", "0, 1 and 2"
[[nodiscard]] std::string id_list(const std::vector<ledger::ReplicaId>& ids);
// "replica 2", "replicas 0 and 2". Precondition: not empty.
[[nodiscard]] std::string replica_list(const std::vector<ledger::ReplicaId>& ids);
// "1 vote", "2 votes"
[[nodiscard]] std::string count_of(std::uint64_t count, std::string_view word);
// "850 ms", "3.2 s", "4 min", "2 h"
[[nodiscard]] std::string duration_text(std::uint64_t ms);
[[nodiscard]] std::string capitalised(std::string text);

}  // namespace quorate::node
