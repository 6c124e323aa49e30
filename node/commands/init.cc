// quorate init

#include "node/init.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <memory>

#include "node/commands/network_options.h"
#include "node/commands/registry.h"
#include "node/passphrase.h"

namespace quorate::node {
namespace {

struct Options {
  std::string home;
  NetworkOptions network;
  std::string vote_key;
  std::string network_key;
  PassphraseSource passphrase;
  bool joins = false;
};

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
  QUORATE_TRY(init_home(home, Config{}, genesis.genesis, vote_key, network_key, passphrase,
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
