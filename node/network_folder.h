#pragma once

// The folder of a testnet, as commands find it: where its nodes answer, its genesis, a funded key.
//
// `quorate testnet up` writes testnet.json into the folder that it makes. The file is its mark of
// ownership as well (what has no such file was not made by it), and what a command that is typed
// inside or beside the folder looks for.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/result.h"
#include "ledger/types.h"
#include "node/config.h"

namespace quorate::node {

inline constexpr std::string_view kNetworkFileName = "testnet.json";
// Where `quorate testnet` puts its folders when nobody says where.
inline constexpr std::string_view kTestnetDataFolder = "testnet-data";

struct NetworkReplica {
  ledger::ReplicaId id;
  std::string name;
  Endpoint rpc;
  Endpoint peer;
  std::filesystem::path home;  // relative to the folder
  ledger::PublicKey vote_key;

  [[nodiscard]] std::string url() const { return "http://" + rpc.to_string(); }
};

struct NetworkFolder {
  std::filesystem::path root;         // absolute; not in the file
  bool is_complete = false;           // false: the making was interrupted
  std::string name;
  std::string engine = "pbft";        // or "pow", as node.engine of all its nodes
  std::filesystem::path genesis;      // relative to the folder, like default_key
  std::filesystem::path default_key;  // a sender with funds
  std::vector<NetworkReplica> replicas;  // in id order

  [[nodiscard]] std::filesystem::path genesis_path() const { return root / genesis; }
  [[nodiscard]] std::filesystem::path default_key_path() const { return root / default_key; }
  [[nodiscard]] Home home_of(const NetworkReplica& replica) const { return {root / replica.home}; }
};

// Errors: "testnet-not-found" (kNotFound: no such file), "testnet-file-malformed" (kInvalid),
// "testnet-file-newer" (kUnsupported).
[[nodiscard]] Result<NetworkFolder> read_network_folder(const std::filesystem::path& folder);
// Replaces the file as a whole, so a reader sees the old or the new one.
// Error: "file-write-failed" (kEnvironment).
[[nodiscard]] Status write_network_file(const NetworkFolder& folder);

// The testnet that a command typed in `directory` means; the first of
//   1. `named`, if given (the value of QUORATE_TESTNET or --dir);
//   2. the directory or its nearest parent that is a testnet's folder or has one at
//      testnet-data/default, or else exactly one below testnet-data/;
//   3. the only testnet's folder that stands in the directory.
// nullopt: none. Errors: those of read_network_folder for a folder that was named or found;
// "testnet-ambiguous" (kUsage) where several are as near.
[[nodiscard]] Result<std::optional<NetworkFolder>> find_network_folder(
    const std::filesystem::path& directory, const std::optional<std::filesystem::path>& named);

}  // namespace quorate::node
