#pragma once

// Faults that somebody wants to see in a running node of a testnet: links that are cut or slow, and
// a clock that is wrong.
//
// They stand in a file of the node's home, faults.json, which the node reads a few times a second,
// and only if its genesis says that it is a testnet: elsewhere the file is nothing to it. Whoever
// may write the home could as well change the program; so there is no door on the network for this.
//
//   {"number": 3, "cut": [2, 3], "delay_ms": {"1": 200}, "skew_ms": -500}
//
// `number` grows with each change, so that who made it can see when it is in force. Without the
// file there are none.

#include <boost/json/object.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "crypto/result.h"
#include "ledger/types.h"

namespace quorate::node {

inline constexpr std::uint64_t kDelayMsMax = 60'000;
inline constexpr std::uint64_t kSkewMsMax = 31'536'000'000;  // a year

struct InjectedFaults {
  std::uint64_t number = 0;
  std::set<ledger::ReplicaId> cut;  // nothing goes to them or comes from them
  std::map<ledger::ReplicaId, std::uint32_t> delay_ms;  // what goes to them is late
  std::int64_t skew_ms = 0;  // how far the wall clock is ahead

  [[nodiscard]] bool any() const { return !cut.empty() || !delay_ms.empty() || skew_ms != 0; }
  friend bool operator==(const InjectedFaults&, const InjectedFaults&) = default;
};

[[nodiscard]] std::filesystem::path faults_file(const std::filesystem::path& home);
// What stands there; none without the file. Errors: "faults-malformed" (kInvalid: a member, found
// and expected), those of read_file.
[[nodiscard]] Result<InjectedFaults> read_faults(const std::filesystem::path& file);
// Error: those of replace_file.
[[nodiscard]] Status write_faults(const std::filesystem::path& file, const InjectedFaults& faults);

[[nodiscard]] boost::json::object faults_to_json(const InjectedFaults& faults);
// For people: "cut off from 2, 3; 200 ms to 1; clock 500 ms behind"; "none".
[[nodiscard]] std::string faults_text(const InjectedFaults& faults);

}  // namespace quorate::node
