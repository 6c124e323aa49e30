#pragma once

// The folder of a testnet: what stands where, how it is made and how it goes.
//
//   testnet.json          what was made, and that `up` made it (node/network_folder.h)
//   genesis.json
//   keys/default.key      a sender with funds
//   replica-<i>/          the home of a node, and output.log: what it printed and why it ended
//   liars.json            which replicas lie, and how; if any do (liars_file.h)
//   supervisor.lock       held while the supervisor runs
//   control.sock          how commands talk to the supervisor
//   supervisor.log        what started and ended, and when

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "crypto/result.h"
#include "node/network_folder.h"

namespace quorate::testnet {

inline constexpr std::uint64_t kReplicasMax = 100;
inline constexpr std::uint64_t kDefaultBalance = 1'000'000'000;

struct Files {
  std::filesystem::path root;

  [[nodiscard]] std::filesystem::path lock() const { return root / "supervisor.lock"; }
  [[nodiscard]] std::filesystem::path making_lock() const { return root / "up.lock"; }
  [[nodiscard]] std::filesystem::path socket() const { return root / "control.sock"; }
  [[nodiscard]] std::filesystem::path log() const { return root / "supervisor.log"; }
};
[[nodiscard]] std::filesystem::path output_file(const node::NetworkFolder& folder,
                                                const node::NetworkReplica& replica);

struct MakeOptions {
  std::uint16_t replicas = 4;
  std::optional<std::uint64_t> base_port;
  node::Config config = {};  // of all nodes, but for addresses: the engine, and its rules
};
// Makes a testnet in a folder that is absent or empty but for what an interrupted `make` left
// there. Errors: "testnet-folder-not-ours" (kConflict: it holds something else), those of
// choose_base_port, of node::init_home and of the file system.
[[nodiscard]] Result<node::NetworkFolder> make_testnet(const std::filesystem::path& root,
                                                       const MakeOptions& options);

// Gives a stopped testnet other ports: rewrites testnet.json and each config.toml.
[[nodiscard]] Status move_ports(node::NetworkFolder& folder, std::uint64_t base_port);

// Removes what `make_testnet` and the running testnet made, and nothing else; the folder itself too
// if that leaves it empty. Returns what is left in it. The caller has stopped the testnet. Error:
// "testnet-remove-failed" (kEnvironment).
[[nodiscard]] Result<std::vector<std::filesystem::path>> remove_testnet(
    const node::NetworkFolder& folder);

}  // namespace quorate::testnet
