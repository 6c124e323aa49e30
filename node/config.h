#pragma once

// Configuration of a node: config.toml in its home, QUORATE_* variables, flags; the later wins.
//
// Every setting has one row in a table (config.cc) with its TOML path, type, bounds, default and
// one sentence; the file parser, the environment, the flags, `--help` and the file that `init`
// writes are all made from that table. An unknown or wrongly typed setting is refused with file,
// line, what was found and what was expected.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/result.h"

namespace quorate::node {

struct Endpoint {
  std::string host;  // an IP literal or a name
  std::uint16_t port = 0;

  [[nodiscard]] std::string to_string() const;  // host:port, [v6]:port
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};
// Error: "endpoint-malformed".
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text);

struct Config {
  Endpoint rpc_listen{"127.0.0.1", 26650};     // rpc.listen
  std::string rpc_user;                        // rpc.user; empty: no password is asked for
  std::string rpc_password_file;               // rpc.password_file
  Endpoint peer_listen{"127.0.0.1", 26600};    // peers.listen
  std::map<std::string, Endpoint> peer_addresses;  // [peers.addresses], replica name -> host:port
  std::string log_level = "info";              // log.level: debug info warning error
  std::uint64_t log_file_bytes_max = 16 << 20;  // log.file_bytes_max, then it rotates
  std::uint32_t log_files_max = 4;             // log.files_max
  std::uint32_t mempool_transactions_max = 50'000;   // mempool.transactions_max
  std::uint64_t mempool_bytes_max = 64 << 20;        // mempool.bytes_max
  std::uint64_t disk_free_bytes_min = 256 << 20;     // storage.disk_free_bytes_min
  std::uint32_t verify_threads = 2;            // node.verify_threads
  std::uint32_t request_timeout_ms = 1000;      // consensus.request_timeout_ms: T
  std::uint32_t request_timeout_ms_max = 4000;  // consensus.request_timeout_ms_max: its cap
  std::uint32_t snapshot_blocks_min = 256;     // node.snapshot_blocks_min
  std::uint64_t read_through_s = 86'400;       // storage.read_through_s; 0: never
  std::string passphrase_file;                 // node.passphrase_file; empty: none
  std::string engine = "pbft";                 // node.engine: pbft or pow
  // Of a proof-of-work chain (node/pow_rules.h); all of a network have the same.
  std::string pow_params = "own";              // pow.params
  std::uint64_t pow_spacing_seconds = 10;      // pow.spacing_seconds
  std::uint64_t pow_interval = 2016;           // pow.interval
  std::string pow_limit = "207fffff";          // pow.limit
  std::uint32_t pow_miner_threads = 0;         // pow.miner_threads
  std::string pow_miner;                       // pow.miner; empty: nobody's key
  std::string observe = "no";                  // node.observe: "yes" may run though no set lists it
};

// The files of a node's home.
struct Home {
  std::filesystem::path root;

  [[nodiscard]] std::filesystem::path config() const { return root / "config.toml"; }
  [[nodiscard]] std::filesystem::path genesis() const { return root / "genesis.json"; }
  [[nodiscard]] std::filesystem::path vote_key() const { return root / "vote.key"; }
  [[nodiscard]] std::filesystem::path network_key() const { return root / "network.key"; }
  [[nodiscard]] std::filesystem::path ledger() const { return root / "ledger"; }
  // Of the engine `pow`, in the place of ledger, votes and guard (node/pow_chain.h).
  [[nodiscard]] std::filesystem::path chain() const { return root / "chain"; }
  // Chunks of a snapshot, until a ledger is made of them.
  [[nodiscard]] std::filesystem::path staging() const { return root / "ledger.snapshot"; }
  [[nodiscard]] std::filesystem::path votes() const { return root / "votes"; }
  [[nodiscard]] std::filesystem::path guard() const { return root / "guard"; }
  // Of a ledger that was found damaged, and what is made of it (node/healing.h).
  [[nodiscard]] std::filesystem::path healing() const { return root / "healing.json"; }
  [[nodiscard]] std::filesystem::path rebuilt() const { return root / "ledger.rebuilt"; }
  // The log's own key, and what it signed last (node/log_publisher.h).
  [[nodiscard]] std::filesystem::path log_key() const { return root / "log.key"; }
  [[nodiscard]] std::filesystem::path log_signed() const { return root / "log.signed"; }
  // Evidence that the ledger does not have yet (node/evidence_reporter.h).
  [[nodiscard]] std::filesystem::path evidence() const { return root / "evidence"; }
  [[nodiscard]] std::filesystem::path log() const { return root / "node.log"; }
  // Of a testnet: what shall go wrong (node/injected_faults.h).
  [[nodiscard]] std::filesystem::path faults() const { return root / "faults.json"; }
};

// Errors: "config-missing" (kNotFound), "config-syntax", "config-unknown-setting",
// "config-wrong-type", "config-out-of-range" (all kInvalid, with file and line).
// `overrides` come from flags: TOML path -> text.
[[nodiscard]] Result<Config> load_config(const std::filesystem::path& file,
                                         const std::map<std::string, std::string>& overrides);
// The file alone, without variables and flags. Errors: as above.
[[nodiscard]] Result<Config> load_config_file(const std::filesystem::path& file);
// The file that `init` writes: every setting with its sentence.
[[nodiscard]] std::string config_to_toml(const Config& config);
// All TOML paths with type, default and sentence, for --help.
struct SettingHelp {
  std::string path, variable, flag, type, default_text, sentence;
};
[[nodiscard]] std::vector<SettingHelp> settings_help();

}  // namespace quorate::node
