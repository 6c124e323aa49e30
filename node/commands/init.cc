// quorate init

#include "node/init.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <memory>

#include "node/commands/network_options.h"
#include "node/commands/registry.h"
#include "node/passphrase.h"
#include "node/pow_rules.h"

namespace quorate::node {
namespace {

struct Options {
  std::string home;
  NetworkOptions network;
  std::string vote_key;
  std::string network_key;
  PassphraseSource passphrase;
  bool joins = false;
  Config config;  // engine and rules; the rest is edited in the home
  std::uint64_t spacing = 10;
  std::uint64_t interval = 2016;
  bool observes = false;
};

// Of the engine `pow`: rules that no chain can have are refused before anything is made.
Result<Config> config_of(const Options& options) {
  Config config = options.config;
  config.pow_spacing_seconds = options.spacing;
  config.pow_interval = options.interval;
  if (config.engine == "pbft" || config.engine == "both") return config;
  if (config.engine != "pow") {
    return fail(ErrorKind::kUsage, "engine-unknown",
                fmt::format("Found --engine {}, expected pbft, pow or both", config.engine));
  }
  QUORATE_ASSIGN(const PowRules rules, rules_of(config));
  QUORATE_TRY(params_of(rules));
  return config;
}

Result<ExitCode> init(const Options& options, Console& console) {
  if (!options.network.genesis || options.vote_key.empty() || options.network_key.empty()) {
    return fail(ErrorKind::kUsage, "usage",
                "`quorate init` needs --genesis, --vote-key and --network-key",
                "`quorate init --help` shows an example.");
  }
  QUORATE_ASSIGN(const GenesisFile genesis, find_genesis(options.network));
  // One passphrase opens the keys that are given and closes the copies in the home.
  const PassphraseSource known{.file = options.passphrase.file};
  QUORATE_ASSIGN(const auto vote_key, open_key_file(options.vote_key, kVoteKeyPurpose, known));
  QUORATE_ASSIGN(const auto network_key,
                 open_key_file(options.network_key, kNetworkKeyPurpose, known));
  const Home home{options.home};
  QUORATE_ASSIGN(const auto passphrase,
                 new_passphrase(options.passphrase, fmt::format("the keys in {}", options.home)));
  QUORATE_ASSIGN(Config config, config_of(options));
  if (options.observes) config.observe = "yes";
  QUORATE_TRY(init_home(home, config, genesis.genesis, vote_key, network_key, passphrase,
                        options.joins ? FirstLedger::kFromPeers : FirstLedger::kAtGenesis));
  console.line(fmt::format("made {} for network \"{}\"", options.home, genesis.genesis.name));
  console.line(fmt::format("say where the others are in {}, then `quorate node --home {}`",
                           home.config().string(), options.home));
  console.line("destroy the key files that you gave: a vote key in two places is how a replica "
               "comes to contradict itself");
  console.json(boost::json::object{{"home", options.home},
                                   {"chain_id", ledger::chain_id_of(genesis.genesis).hex()},
                                   {"vote_key", vote_key.public_key().hex()}});
  return ExitCode::kSuccess;
}

}  // namespace

void add_init_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  const std::vector<Parameter> parameters = {
      {.name = "--home", .value = "DIR", .help = "The folder to make", .target = &options->home},
      genesis_parameter(options->network),
      {.name = "--vote-key",
       .value = "FILE",
       .help = "This replica's vote key, as its address stands in the genesis",
       .target = &options->vote_key},
      {.name = "--network-key",
       .value = "FILE",
       .help = "This replica's network key",
       .target = &options->network_key},
      {.name = "--join",
       .help = "The network has run for long: the first start takes a snapshot from the others",
       .target = &options->joins},
      {.name = "--engine",
       .value = "NAME",
       .help = "pbft (default); pow: a chain of proof of work, with the rules that genesis has, or "
               "else those below, the same at all nodes; both: votes, and a chain that anchors "
               "their checkpoints, with the rules that genesis has",
       .target = &options->config.engine},
      {.name = "--pow-params",
       .value = "NAME",
       .help = "own (default), regtest, testnet or bitcoin",
       .target = &options->config.pow_params},
      {.name = "--pow-spacing",
       .value = "SECONDS",
       .help = "Of own: wanted between blocks; default 10",
       .target = &options->spacing},
      {.name = "--pow-interval",
       .value = "BLOCKS",
       .help = "Of own: between retargets; default 2016",
       .target = &options->interval},
      {.name = "--pow-limit",
       .value = "BITS",
       .help = "Of own: the easiest target; default 207fffff",
       .target = &options->config.pow_limit},
      {.name = "--observe",
       .help = "Genesis does not list it: it follows until a change of membership takes it in",
       .target = &options->observes},
      {.name = "--passphrase-file",
       .value = "FILE",
       .help = "Its first line opens these keys and will open the home's",
       .target = &options->passphrase.file},
      {.name = "--insecure-no-passphrase",
       .help = "Write the home's keys in clear, for testnets",
       .target = &options->passphrase.is_insecure_no_passphrase}};
  line.add({.path = "init",
            .sentence = "Make the home of one replica of a network that you have the genesis of",
            .details = "Vote key and guard are made together, once; an existing home is refused.",
            .example = "  quorate keys new --purpose vote --out vote.key\n"
                       "  quorate keys new --purpose network --out network.key\n"
                       "  quorate init --home /srv/quorate --genesis genesis.json \\\n"
                       "      --vote-key vote.key --network-key network.key",
            .parameters = parameters,
            .run = [options](Console& console) { return init(*options, console); }});
}

}  // namespace quorate::node
