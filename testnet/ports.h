#pragma once

// The ports of a testnet: 2n in a row on loopback, from a base B. Replica i answers RPC at B + i
// and its peers at B + n + i.

#include <cstdint>
#include <optional>
#include <vector>

#include "crypto/result.h"
#include "node/config.h"

namespace quorate::testnet {

inline constexpr std::uint16_t kBasePortDefault = 26650;

struct ReplicaPorts {
  std::uint16_t rpc = 0;
  std::uint16_t peer = 0;
};
// Precondition: base + 2n - 1 <= 65535 (checked).
[[nodiscard]] std::vector<ReplicaPorts> ports_from(std::uint16_t base, std::uint16_t replicas);

// Whether each of them can be bound now. Error: "port-taken" (kConflict), naming the first taken
// one and the process that holds it, if that can be seen.
[[nodiscard]] Status check_ports_free(const std::vector<ReplicaPorts>& ports);

// A base all of whose ports are free: `asked`, or else the first one from the default up.
// Errors: "port-taken"; "port-out-of-range" (kUsage); "no-free-ports" (kConflict).
[[nodiscard]] Result<std::uint16_t> choose_base_port(std::optional<std::uint64_t> asked,
                                                     std::uint16_t replicas);

}  // namespace quorate::testnet
