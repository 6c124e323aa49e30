#pragma once

// The figures of a load for people and for programs. Names of members end in their unit.

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "node/bench/ledger_check.h"
#include "node/bench/load.h"
#include "node/bench/signature_limit.h"

namespace quorate::node {

struct BenchReport {
  std::optional<std::uint64_t> clients;
  std::optional<std::uint64_t> rate_per_s;
  WorkloadOptions workload;
  std::size_t nodes = 0;
  std::size_t senders = 0;
  LoadResult load;
  SignatureLimit limit;
  LedgerCheck check;

  // What was reached of the limit; 0 if that is unknown.
  [[nodiscard]] double share_of_limit() const;
};

[[nodiscard]] std::vector<std::string> report_lines(const BenchReport& report);
[[nodiscard]] boost::json::object report_to_json(const BenchReport& report);

}  // namespace quorate::node
