#include "node/commands/network_options.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "node/files.h"
#include "node/init.h"
#include "node/json_members.h"
#include "node/passphrase.h"

namespace quorate::node {
namespace {

constexpr std::size_t kGenesisBytesMax = 16 << 20;

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

std::optional<std::string> named_node(const NetworkOptions& options) {
  return options.node ? options.node : variable("QUORATE_NODE");
}

}  // namespace

Parameter node_parameter(NetworkOptions& options) {
  return {.name = "--node",
          .value = "URL",
          .help = "The node to ask, http://host:port; else QUORATE_NODE, else the testnet here",
          .target = &options.node};
}

Parameter genesis_parameter(NetworkOptions& options) {
  return {.name = "--genesis",
          .value = "FILE",
          .help = "The network's genesis document; else that of the testnet here",
          .target = &options.genesis};
}

Result<std::optional<NetworkFolder>> find_testnet() {
  std::error_code trouble;
  const std::filesystem::path here = std::filesystem::current_path(trouble);
  return find_network_folder(here, variable("QUORATE_TESTNET"));
}

Result<std::vector<std::string>> find_node_urls(const NetworkOptions& options) {
  if (const auto url = named_node(options)) return std::vector<std::string>{*url};
  QUORATE_ASSIGN(const auto folder, find_testnet());
  if (!folder || folder->replicas.empty()) {
    return fail(ErrorKind::kNotFound, "network-not-found",
                "Neither --node nor QUORATE_NODE is given, and there is no testnet in or beside "
                "this folder",
                "Start one with `quorate testnet up`, type the command in its folder, or give "
                "--node URL.");
  }
  std::vector<std::string> urls;
  for (const NetworkReplica& replica : folder->replicas) urls.push_back(replica.url());
  return urls;
}

Result<NodePool> find_nodes(const NetworkOptions& options) {
  QUORATE_ASSIGN(const std::vector<std::string> urls, find_node_urls(options));
  return NodePool::create(urls);
}

Result<GenesisFile> find_genesis(const NetworkOptions& options) {
  std::string path;
  if (options.genesis) {
    path = *options.genesis;
  } else {
    QUORATE_ASSIGN(const auto folder, find_testnet());
    if (!folder) {
      return fail(ErrorKind::kNotFound, "genesis-not-found",
                  "No genesis document is given, and there is no testnet in or beside this folder",
                  "Give --genesis FILE.");
    }
    path = folder->genesis_path().string();
  }
  QUORATE_ASSIGN(const std::string text, read_file(path, kGenesisBytesMax));
  QUORATE_ASSIGN(ledger::Genesis genesis, ledger::parse_genesis(text));
  return GenesisFile{path, std::move(genesis)};
}

Result<ledger::Digest> find_chain_id(const NetworkOptions& options, NodePool& nodes) {
  if (options.genesis || !named_node(options)) {
    QUORATE_ASSIGN(const GenesisFile file, find_genesis(options));
    return ledger::chain_id_of(file.genesis);
  }
  QUORATE_ASSIGN(const auto status, nodes.call("status", {}));
  const auto chain_id =
      crypto::parse_digest(text_member(status, "node_info.network").value_or(""));
  if (!chain_id) {
    return fail(ErrorKind::kCorrupt, "node-answer-malformed",
                fmt::format("{} does not say which chain it is on", nodes.url()),
                "Give --genesis FILE, and see that the URL is a Quorate node's.");
  }
  return *chain_id;
}

Result<crypto::SecretKey> find_sender_key(const std::optional<std::string>& key_file,
                                          const std::string& passphrase_file) {
  std::string path;
  if (key_file) {
    path = *key_file;
  } else {
    QUORATE_ASSIGN(const auto folder, find_testnet());
    if (!folder) {
      return fail(ErrorKind::kUsage, "key-not-given",
                  "No key to sign with is given, and there is no testnet in or beside this folder "
                  "whose key could be used",
                  "Make one with `quorate keys new --out FILE` and give --key FILE.");
    }
    path = folder->default_key_path().string();
  }
  return open_key_file(path, kSenderKeyPurpose, {.file = passphrase_file});
}

}  // namespace quorate::node
