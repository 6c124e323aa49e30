#include "tests/tidy_bans.h"

namespace quorate::tidy {
namespace {

constexpr std::string_view kCorePure =
    "a core is a function of its inputs: time, randomness, threads and files come from its host, "
    "or the simulator could not replay it";
constexpr std::string_view kOrder =
    "the order of a hash table differs between builds, and an order that reaches an output makes "
    "replicas differ";
constexpr std::string_view kFloat =
    "floating point rounds differently between machines; use integers and say the unit";
constexpr std::string_view kHeavy =
    "this header costs seconds in each file that sees it; include it in the few .cc that need it";

}  // namespace

const std::vector<Ban>& bans() {
  static const std::vector<Ban> kBans = {
      // The cores.
      {{"pbft/", "pow/"},
       {"pow/miner"},
       {"<thread>", "<mutex>", "<shared_mutex>", "<atomic>", "<condition_variable>", "<future>"},
       kCorePure},
      {{"pbft/", "pow/"},
       {"pow/miner"},
       {"<chrono>", "<ctime>", "<time.h>", "<sys/time.h>"},
       kCorePure},
      {{"pbft/", "pow/"}, {}, {"<random>", "<sodium.h>", "<openssl/"}, kCorePure},
      {{"pbft/", "pow/"},
       {},
       {"<fstream>", "<iostream>", "<cstdio>", "<filesystem>", "<unistd.h>"},
       kCorePure},
      {{"pbft/", "pow/"},
       {},
       {"<spdlog/", "<boost/asio", "<boost/beast", "<leveldb/"},
       "a core does not log, talk or store: it says what happened in Output, and its host acts"},
      {{"pbft/", "pow/"}, {}, {"<unordered_map>", "<unordered_set>"}, kOrder},
      {{"pbft/", "pow/"}, {}, {"float", "double"}, kFloat},
      {{"pbft/", "pow/"},
       {},
       {"throw", "try"},
       "a core has no exceptions: a peer's fault is a Reject, our own is a QUORATE_CHECK"},

      // The ledger: every replica must compute the same from the same.
      {{"ledger/"},
       {},
       {"<boost/asio", "<boost/beast", "<spdlog/", "<iostream>"},
       "the ledger does not talk or log: it returns Results and facts, and node/ reports them"},
      {{"ledger/"},
       {},
       {"<random>", "<ctime>", "<time.h>", "system_clock", "random_device"},
       "a result depends on state and batch alone, never on this machine's clock or dice"},
      // The auditor's own tables, whose order reaches no result.
      {{"ledger/"}, {"ledger/audit_replay"}, {"<unordered_map>", "<unordered_set>"}, kOrder},
      {{"ledger/"}, {"ledger/auditor", "ledger/json_tree"}, {"float", "double"}, kFloat},

      // Cryptography.
      {{"crypto/"},
       {"crypto/key_file"},
       {"<fstream>", "<filesystem>"},
       "crypto/ touches no file but key files"},
      {{""},
       {"crypto/", "node/peers_link.cc"},
       {"<sodium.h>", "<openssl/"},
       "cryptographic libraries are used behind crypto/ only, where their rules are written down"},
      {{""},
       {"crypto/ed25519"},
       {"crypto_sign_verify_detached", "EVP_DigestVerify"},
       "one function decides which signatures are valid: it is a consensus rule"},
      {{""},
       {"node/peers_mesh"},
       {"random_device", "mt19937", "mt19937_64", "rand(", "srand("},
       "secrets come from libsodium, a simulation's choices from its seed; nothing else is random"},

      // Stores.
      {{""},
       {"ledger/"},
       {"<leveldb/"},
       "LevelDB is opened behind ledger/ only, where paranoid checks and checksums are always on"},
      {{""},
       {},
       {"RepairDB"},
       "LevelDB's repair launders corruption: it drops what it cannot read"},

      // The simulator: one seed gives one history on every machine.
      {{"testnet/sim", "testnet/prng", "testnet/agenda", "testnet/trace", "testnet/checkers",
        "testnet/workload", "testnet/nemesis", "testnet/behaviours", "testnet/scenario",
        "testnet/twins_run", "testnet/twins_space", "testnet/attack_world", "testnet/attack_runs"},
       {"testnet/behaviours_live"},
       {"<unordered_map>", "<unordered_set>", "<random>", "<chrono>", "<ctime>", "<thread>",
        "<fstream>", "std::hash", "float", "double"},
       "one seed must give one history on every machine: no clock, no other dice, no threads, no "
       "addresses and no rounding"},

      // Everywhere.
      {{""},
       {"node/asio.h", "node/peers_", "node/rpc_session.h"},
       {"<boost/asio", "<boost/beast", "<boost/json.hpp>", "<spdlog/", "<CLI/", "<toml++/"},
       kHeavy,
       true},
      {{""},
       {},
       {"assert(", "<cassert>", "<assert.h>"},
       "assert is gone in release builds; QUORATE_CHECK stays on and explains itself"},
      {{""}, {"crypto/check.cc"}, {"abort("}, "QUORATE_CHECK says what broke before it aborts"},
      {{""},
       {},
       {"strcpy(", "strcat(", "sprintf(", "vsprintf(", "gets(", "alloca(", "atoi(", "atol("},
       "it writes or reads past its bounds, or hides a wrong input"},
      {{""},
       {},
       {"stoi(", "stol(", "stoll(", "stoul(", "stoull(", "stod("},
       "it throws, and accepts blanks and trailing text; use std::from_chars"},
      {{""},
       {},
       {"<regex>"},
       "std::regex recurses once per character: a long enough input overflows the stack"},
      {{""},
       {},
       {"system(", "popen("},
       "a shell reads its arguments as a program; use posix_spawn"},
      {{""}, {}, {".detach("}, "a detached thread outlives what it uses; join it"},
  };
  return kBans;
}

}  // namespace quorate::tidy
