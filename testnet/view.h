#pragma once

// A testnet at a glance: what its supervisor knows of the processes, and what each node says
// itself.

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/types.h"
#include "node/network_folder.h"
#include "testnet/supervision.h"

namespace quorate::testnet {

// What a node says of itself (`status`, member `quorate`).
struct NodeReport {
  std::string role;  // "primary", "backup", "learner"
  std::uint64_t view = 0;
  std::uint64_t sequence = 0;  // of the last executed batch
  std::uint64_t tree_size = 0;
  std::string tree_root;
  std::uint64_t peers_connected = 0;
  std::uint64_t faults_number = 0;  // of the injected faults that it has taken over
  std::string faults = {};          // in words; empty: none
  std::string healing = {};         // of its ledger, in words; empty: none
  // Of proof of work, where the tree head is height and hash of the tip.
  std::string state_root = {};
  std::uint64_t waiting = 0;  // transactions
};

struct ReplicaView {
  node::NetworkReplica replica;
  ProcessStatus process;
  std::optional<NodeReport> report;  // nullopt: it does not answer
  std::string lies = {};             // "equivocate@20..40"; empty: it does not

  // "running", "starting" (there, does not answer yet), "silent" (there for long, does not answer),
  // "stopping", "stopped", "killed", "exited".
  [[nodiscard]] std::string state() const;
};

struct TestnetView {
  node::NetworkFolder folder;
  std::optional<pid_t> supervisor;  // nullopt: the testnet is down
  std::vector<ReplicaView> replicas;
  std::vector<std::string> faults = {};  // injected, a line each (testnet/link_faults.h)

  [[nodiscard]] std::size_t answering() const;
  [[nodiscard]] std::uint64_t height() const;  // the highest that a node reports
};

// Asks everybody at once; takes as long as the slowest node, at most two seconds. Error: those of
// ask_status but "supervisor-not-running", which is a view of a testnet that is down.
[[nodiscard]] Result<TestnetView> look(const node::NetworkFolder& folder);

// One sentence: how many answer, whether their tree heads agree; or on how many branches they are.
[[nodiscard]] std::string agreement(const TestnetView& view);
// A line a replica, under a line of titles; then a line a fault that is injected.
[[nodiscard]] std::vector<std::string> table(const TestnetView& view);
[[nodiscard]] boost::json::object view_to_json(const TestnetView& view);

}  // namespace quorate::testnet
