// quorate testnet liar: what the supervisor starts in the place of `quorate node`; not for people

#include <fmt/format.h>

#include <memory>

#include "crypto/key_file.h"
#include "node/clock.h"
#include "node/files.h"
#include "node/init.h"
#include "node/node.h"
#include "node/node_parts.h"
#include "node/passphrase.h"
#include "testnet/behaviours_live.h"
#include "testnet/commands/registry.h"

namespace quorate::testnet {
namespace {

constexpr std::size_t kGenesisBytesMax = 16 << 20;

struct Options {
  std::string home;
  std::string does;
};

Result<node::ExitCode> run(const Options& options) {
  QUORATE_ASSIGN(const std::vector<LiveBehaviour> behaviours, parse_live_behaviours(options.does));
  const node::Home home{options.home};
  QUORATE_ASSIGN(const std::string json, node::read_file(home.genesis(), kGenesisBytesMax));
  QUORATE_ASSIGN(const ledger::Genesis genesis, ledger::parse_genesis(json));
  QUORATE_TRY(check_may_lie(genesis));
  QUORATE_ASSIGN(const node::Config config, node::load_config(home.config(), {}));
  node::NodeOptions node_options;
  QUORATE_ASSIGN(const auto header, crypto::key_file::read_public(home.vote_key().string()));
  if (header.encrypted) {
    QUORATE_ASSIGN(node_options.passphrase,
                   node::known_passphrase({.file = config.passphrase_file},
                                          fmt::format("the keys in {}", options.home)));
  }
  // A key ring of its own: the node reads the same key for its voter, which signs no lie.
  QUORATE_ASSIGN(node::Identity identity,
                 node::load_identity(home, genesis, node_options.passphrase));
  node_options.mouth = [&](node::Speak say) -> node::Speak {
    auto mouth = std::make_shared<LiveLiar>(genesis, identity.self,
                                            std::move(identity.vote_signer), behaviours,
                                            std::move(say), node::monotonic_ms());
    return [mouth](ledger::ReplicaId to, std::shared_ptr<const Bytes> frame) {
      mouth->speak(to, frame);
    };
  };
  QUORATE_TRY(node::run_node(home, config, node_options));
  return node::ExitCode::kSuccess;
}

}  // namespace

void add_liar_command(node::CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add({.path = "testnet liar",
            .sentence = "Run one replica of a testnet that lies",
            .details = "What `quorate testnet up --byzantine` starts. It can do " +
                       live_behaviour_names() + ".",
            .example = "  quorate testnet liar replica-3 equivocate@20..40,double-vote",
            .parameters = {{.name = "HOME",
                            .help = "Its folder, as `quorate init` made it",
                            .target = &options->home},
                           {.name = "BEHAVIOURS",
                            .help = "NAME, NAME@SEQUENCE or NAME@FIRST..LAST, several by commas",
                            .target = &options->does}},
            .run = [options](node::Console&) { return run(*options); },
            .is_hidden = true});
}

}  // namespace quorate::testnet
