#include "testnet/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <system_error>

#include "crypto/key_file.h"
#include "ledger/genesis.h"
#include "ledger/quorum.h"
#include "node/files.h"
#include "node/init.h"
#include "node/pow_rules.h"
#include "node/time_text.h"
#include "testnet/liars_file.h"
#include "testnet/ports.h"

namespace quorate::testnet {
namespace {

namespace fs = std::filesystem;
using node::NetworkFolder;
using node::NetworkReplica;

constexpr std::string_view kGenesisFile = "genesis.json";
constexpr std::string_view kKeysFolder = "keys";

tl::unexpected<Error> not_ours(const fs::path& root, const fs::path& stranger) {
  return fail(ErrorKind::kConflict, "testnet-folder-not-ours",
              fmt::format("{} was not made by `quorate testnet up`: it holds {}", root.string(),
                          stranger.filename().string()),
              "Choose a folder that is empty or does not exist yet with --dir.");
}

Status make_folder(const fs::path& folder) {
  std::error_code trouble;
  fs::create_directories(folder, trouble);
  if (!trouble) return {};
  return fail(ErrorKind::kEnvironment, "file-write-failed",
              fmt::format("Cannot make {}: {}", folder.string(), trouble.message()),
              "Choose a folder that this user may write with --dir.");
}

// The keys of one replica, before they are written.
struct ReplicaKeys {
  crypto::SecretKey vote = crypto::SecretKey::generate();
  crypto::SecretKey network = crypto::SecretKey::generate();
};

ledger::Genesis make_genesis(const std::string& name, const std::vector<ReplicaKeys>& keys,
                             const ledger::PublicKey& funded) {
  ledger::Genesis genesis;
  genesis.name = name;
  genesis.time = node::clock_now();
  genesis.testnet = true;
  genesis.faults = static_cast<std::uint16_t>(ledger::faults_tolerated(keys.size()));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    genesis.replicas.push_back({fmt::format("replica-{}", i), keys[i].vote.public_key(),
                                keys[i].network.public_key()});
  }
  genesis.accounts.push_back({funded, kDefaultBalance});
  return genesis;
}

// Of the network: the folder's name as far as a genesis allows it.
std::string network_name(const fs::path& root) {
  std::string name = root.filename().string();
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  std::erase_if(name, [](char c) {
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    return !allowed;
  });
  return name.empty() ? "testnet" : name.substr(0, 64);
}

node::Config config_of(const NetworkFolder& folder, const NetworkReplica& self,
                       node::Config config) {
  config.rpc_listen = self.rpc;
  config.peer_listen = self.peer;
  config.peer_addresses.clear();
  for (const NetworkReplica& other : folder.replicas) {
    if (other.id != self.id) config.peer_addresses[other.name] = other.peer;
  }
  return config;
}

void set_ports(NetworkFolder& folder, std::uint16_t base) {
  const auto ports = ports_from(base, static_cast<std::uint16_t>(folder.replicas.size()));
  for (std::size_t i = 0; i < ports.size(); ++i) {
    folder.replicas[i].rpc = {"127.0.0.1", ports[i].rpc};
    folder.replicas[i].peer = {"127.0.0.1", ports[i].peer};
  }
}

// What stands in the folder now and was made by a testnet; what else there is, is left.
bool is_ours(const NetworkFolder& folder, const fs::path& name) {
  static constexpr std::array<std::string_view, 8> kNames = {
      node::kNetworkFileName, kGenesisFile,   kKeysFolder,      "supervisor.lock",
      "up.lock",              "control.sock", "supervisor.log", kLiarsFile};
  if (std::find(kNames.begin(), kNames.end(), name.string()) != kNames.end()) return true;
  return std::any_of(folder.replicas.begin(), folder.replicas.end(),
                     [&](const NetworkReplica& replica) { return replica.home == name; });
}

Result<std::vector<fs::path>> entries_of(const fs::path& root) {
  std::vector<fs::path> entries;
  std::error_code trouble;
  for (fs::directory_iterator entry(root, trouble); !trouble && entry != fs::directory_iterator();
       entry.increment(trouble)) {
    entries.push_back(entry->path());
  }
  if (trouble) {
    return fail(ErrorKind::kEnvironment, "file-unreadable",
                fmt::format("Cannot read the folder {}: {}", root.string(), trouble.message()));
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

// Removes what is the testnet's but the mark of ownership and the locks of whoever is at work.
Status remove_contents(const NetworkFolder& folder) {
  QUORATE_ASSIGN(const auto entries, entries_of(folder.root));
  for (const fs::path& entry : entries) {
    const fs::path name = entry.filename();
    const bool stays = name == node::kNetworkFileName || name == "up.lock";
    if (stays || !is_ours(folder, name)) continue;
    std::error_code trouble;
    fs::remove_all(entry, trouble);
    if (trouble) {
      return fail(ErrorKind::kEnvironment, "testnet-remove-failed",
                  fmt::format("Cannot remove {}: {}", entry.string(), trouble.message()),
                  "Remove what hinders it and type the command again.");
    }
  }
  return {};
}

// An empty folder with the mark of ownership in it, whatever an interrupted run left behind.
Status claim_folder(NetworkFolder& folder) {
  QUORATE_TRY(make_folder(folder.root));
  auto earlier = node::read_network_folder(folder.root);
  if (earlier && earlier->is_complete) {
    return fail(ErrorKind::kConflict, "testnet-exists",
                fmt::format("There is a testnet in {} already", folder.root.string()),
                "Start it with `quorate testnet up --dir`, or remove it with `reset`.");
  }
  if (earlier) {
    QUORATE_TRY(remove_contents(*earlier));
  } else if (earlier.error().kind != ErrorKind::kNotFound) {
    return tl::unexpected(earlier.error());
  } else {
    QUORATE_ASSIGN(const auto entries, entries_of(folder.root));
    const auto stranger = std::find_if(entries.begin(), entries.end(), [](const fs::path& entry) {
      return entry.filename() != "up.lock";
    });
    if (stranger != entries.end()) return not_ours(folder.root, *stranger);
  }
  folder.is_complete = false;
  return node::write_network_file(folder);
}

}  // namespace

fs::path output_file(const NetworkFolder& folder, const NetworkReplica& replica) {
  return folder.root / replica.home / "output.log";
}

// Of the engines that have a chain: its rules become the network's.
Status add_chain_rules(ledger::Genesis& genesis, const node::Config& config) {
  if (config.engine == "pbft") return {};
  QUORATE_ASSIGN(const node::PowRules rules, node::rules_of(config));
  QUORATE_ASSIGN(const pow::Params params, node::params_of(rules));
  set_chain_rules(genesis, pow::rules_of(params, config.engine == "both"
                                                     ? ledger::ChainCarries::kAnchors
                                                     : ledger::ChainCarries::kTransactions));
  return {};
}

Result<NetworkFolder> make_testnet(const fs::path& root, const MakeOptions& options) {
  QUORATE_ASSIGN(const std::uint16_t base,
                 choose_base_port(options.base_port, options.replicas));
  std::vector<ReplicaKeys> keys(options.replicas);
  const auto sender = crypto::SecretKey::generate();

  NetworkFolder folder;
  folder.root = root;
  folder.name = network_name(root);
  folder.engine = options.config.engine;
  folder.genesis = kGenesisFile;
  folder.default_key = fs::path(kKeysFolder) / "default.key";
  for (std::uint16_t i = 0; i < options.replicas; ++i) {
    const std::string name = fmt::format("replica-{}", i);
    folder.replicas.push_back({{i}, name, {}, {}, name, keys[i].vote.public_key()});
  }
  set_ports(folder, base);
  QUORATE_TRY(claim_folder(folder));

  ledger::Genesis genesis = make_genesis(folder.name, keys, sender.public_key());
  QUORATE_TRY(add_chain_rules(genesis, options.config));
  QUORATE_TRY(ledger::validate_genesis(genesis));
  QUORATE_TRY(node::replace_file(folder.genesis_path(), ledger::genesis_to_json(genesis)));
  QUORATE_TRY(make_folder(root / kKeysFolder));
  QUORATE_TRY(crypto::key_file::create(folder.default_key_path().string(), node::kSenderKeyPurpose,
                                       sender, std::nullopt));
  for (const NetworkReplica& replica : folder.replicas) {
    const ReplicaKeys& own = keys[replica.id.value];
    QUORATE_TRY(node::init_home(folder.home_of(replica),
                                config_of(folder, replica, options.config), genesis, own.vote,
                                own.network, std::nullopt));
  }
  folder.is_complete = true;
  QUORATE_TRY(node::write_network_file(folder));
  return folder;
}

Status move_ports(NetworkFolder& folder, std::uint64_t base_port) {
  QUORATE_ASSIGN(const std::uint16_t base,
                 choose_base_port(base_port, static_cast<std::uint16_t>(folder.replicas.size())));
  set_ports(folder, base);
  for (const NetworkReplica& replica : folder.replicas) {
    const fs::path file = folder.home_of(replica).config();
    QUORATE_ASSIGN(node::Config config, node::load_config_file(file));
    QUORATE_TRY(node::replace_file(
        file, node::config_to_toml(config_of(folder, replica, std::move(config)))));
  }
  return node::write_network_file(folder);
}

Result<std::vector<fs::path>> remove_testnet(const NetworkFolder& folder) {
  QUORATE_TRY(remove_contents(folder));
  // The mark goes last: until then an interrupted removal can be repeated.
  std::error_code ignored;
  fs::remove(folder.root / "up.lock", ignored);
  fs::remove(folder.root / node::kNetworkFileName, ignored);
  QUORATE_ASSIGN(auto left, entries_of(folder.root));
  if (!left.empty()) return left;
  fs::remove(folder.root, ignored);
  // `up` made this one too, where it stands around its testnet and nothing else.
  const fs::path around = folder.root.parent_path();
  if (around.filename() == node::kTestnetDataFolder && fs::is_empty(around, ignored)) {
    fs::remove(around, ignored);
  }
  return left;
}

}  // namespace quorate::testnet
