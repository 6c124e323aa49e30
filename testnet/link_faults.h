#pragma once

// Faults between the nodes of a running testnet, seen as a whole: who is cut off from whom, whose
// messages are late, whose clock is wrong. Each node has its own part of it, in a file
// (node/injected_faults.h).

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node/injected_faults.h"
#include "node/network_folder.h"

namespace quorate::testnet {

// By replica.
using LinkFaults = std::vector<node::InjectedFaults>;

// "0,1/2,3": sides that hear nothing of each other; replicas that it does not name are one more
// side. Error: "partition-malformed" (kUsage).
[[nodiscard]] Result<std::vector<std::vector<std::uint16_t>>> parse_partition(std::string_view text,
                                                                              std::size_t replicas);
// "0-1". Error: "link-malformed" (kUsage).
[[nodiscard]] Result<std::pair<std::uint16_t, std::uint16_t>> parse_link(std::string_view text,
                                                                         std::size_t replicas);

// Instead of any partition before.
void cut_into(LinkFaults& faults, const std::vector<std::vector<std::uint16_t>>& sides);
// Both ways; 0: no more.
void delay_link(LinkFaults& faults, std::pair<std::uint16_t, std::uint16_t> link,
                std::uint32_t delay_ms);
void heal(LinkFaults& faults);

// "partition 0,1 / 2,3", "delay 0-1 200 ms", "skew 2 +500 ms"; empty: none. Of homes that
// somebody wrote by hand: "2 is cut off from 3".
[[nodiscard]] std::vector<std::string> describe(const LinkFaults& faults);

// Errors: those of node::read_faults and node::write_faults. Writing gives each file a number above
// those that stand there and returns it.
[[nodiscard]] Result<LinkFaults> read_link_faults(const node::NetworkFolder& folder);
[[nodiscard]] Result<std::uint64_t> write_link_faults(const node::NetworkFolder& folder,
                                                      LinkFaults faults);
// Ends them all without a word: for a testnet that begins.
void remove_link_faults(const node::NetworkFolder& folder);

}  // namespace quorate::testnet
