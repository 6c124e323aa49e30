#pragma once

// Which network a command means: what was typed, what the environment says, or the testnet that it
// is typed inside or beside.

#include <optional>
#include <string>
#include <vector>

#include "crypto/ed25519.h"
#include "ledger/genesis.h"
#include "node/commands/command_line.h"
#include "node/network_folder.h"
#include "node/node_pool.h"

namespace quorate::node {

struct NetworkOptions {
  std::optional<std::string> node;     // --node URL
  std::optional<std::string> genesis;  // --genesis FILE
};
// --node; every command that talks to a node has it.
[[nodiscard]] Parameter node_parameter(NetworkOptions& options);
[[nodiscard]] Parameter genesis_parameter(NetworkOptions& options);

// The testnet that the working directory or QUORATE_TESTNET means, if any.
[[nodiscard]] Result<std::optional<NetworkFolder>> find_testnet();

// --node, else QUORATE_NODE, else the nodes of the testnet: their addresses, or one to ask them
// through. Error: "network-not-found" (kNotFound).
[[nodiscard]] Result<std::vector<std::string>> find_node_urls(const NetworkOptions& options);
[[nodiscard]] Result<NodePool> find_nodes(const NetworkOptions& options);

struct GenesisFile {
  std::string path;
  ledger::Genesis genesis;
};
// --genesis, else the testnet's. Errors: "genesis-not-found" (kNotFound), those of parse_genesis.
[[nodiscard]] Result<GenesisFile> find_genesis(const NetworkOptions& options);

// What a signature is bound to: of --genesis; of the testnet, if its nodes are used; else what the
// node that was named says. Errors: those above, "node-answer-malformed".
[[nodiscard]] Result<ledger::Digest> find_chain_id(const NetworkOptions& options, NodePool& nodes);

// The key of --key, else the testnet's funded one. Errors: "key-not-given" (kUsage), those of
// open_key_file.
[[nodiscard]] Result<crypto::SecretKey> find_sender_key(const std::optional<std::string>& key_file,
                                                        const std::string& passphrase_file);

}  // namespace quorate::node
