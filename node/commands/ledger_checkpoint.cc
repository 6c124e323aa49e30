// quorate ledger checkpoint

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>

#include "ledger/membership.h"
#include "ledger/published_checkpoint.h"
#include "node/commands/ledger_options.h"
#include "node/commands/registry.h"
#include "node/files.h"

namespace quorate::node {
namespace {

struct Options {
  LedgerOptions ledger;
  std::optional<std::uint64_t> height;
  bool has_keys = false;
  std::optional<std::string> out;
};

Result<ledger::StableCheckpoint> find_stable(const Options& options, const ledger::Store& store) {
  const ledger::Height height{options.height.value_or(0)};
  std::optional<ledger::StableCheckpoint> stable;
  if (options.height) {
    QUORATE_ASSIGN(stable, ledger::covering(store, height));
  } else {
    QUORATE_ASSIGN(stable, store.latest_stable());
  }
  // As proofs do: one above the blocks says nothing about what is here.
  if (stable && stable->note.sequence <= store.height()) return std::move(*stable);
  return fail(ErrorKind::kUnavailable, "nothing-stable",
              fmt::format("no checkpoint from height {} to {}, this ledger's, was cosigned by a "
                          "quorum",
                          height.value, store.height().value),
              "Ask a ledger that goes further.");
}

Result<ExitCode> checkpoint(const Options& options, Console& console) {
  QUORATE_ASSIGN(const GenesisFile genesis, find_genesis(options.ledger.network));
  const ledger::Digest chain_id = ledger::chain_id_of(genesis.genesis);
  QUORATE_ASSIGN(const auto opened, ledger::open_stopped_store(options.ledger.folder, chain_id));
  if (options.has_keys) {
    QUORATE_ASSIGN(const auto membership,
                   ledger::Membership::read(*opened.store, genesis.genesis));
    const ledger::ReplicaSet& replicas = membership.current();
    boost::json::array keys;
    for (std::size_t i = 0; i < replicas.size(); ++i) {
      const ledger::ReplicaId id{static_cast<std::uint16_t>(i)};
      keys.push_back(boost::json::string(ledger::cosigner_key(chain_id, id, replicas).text()));
      console.line(std::string(keys.back().as_string()));
    }
    console.json({{"cosigners", std::move(keys)}});
    return ExitCode::kSuccess;
  }
  QUORATE_ASSIGN(const ledger::StableCheckpoint stable, find_stable(options, *opened.store));
  QUORATE_ASSIGN(const auto epochs, opened.store->epoch_proofs(stable.note.epoch));
  QUORATE_ASSIGN(const ledger::SignedNote published,
                 ledger::publish_stored(stable, chain_id,
                                        ledger::genesis_replicas(genesis.genesis), epochs));
  const std::string note = published.to_text();
  if (!options.out) {
    console.raw(note);
    return ExitCode::kSuccess;
  }
  QUORATE_TRY(create_file(*options.out, note));
  console.line(fmt::format("checkpoint of {} records written to {}", stable.note.head.size,
                           *options.out));
  console.json({{"file", *options.out}, {"size", stable.note.head.size}});
  return ExitCode::kSuccess;
}

}  // namespace

void add_ledger_checkpoint_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add({.path = "ledger checkpoint",
            .sentence = "Print a stable checkpoint as the world reads it: a signed note",
            .details =
                "A C2SP tlog-checkpoint with the cosignatures of the quorum, by which other "
                "people's tools check proofs and\ntiles. A running node serves the newest one at "
                "/checkpoint, with the signature of its own log key first.",
            .example = "  quorate ledger checkpoint testnet-data/default/replica-0\n"
                       "  quorate ledger checkpoint copy/ledger --height 7 --genesis genesis.json "
                       "--out old.note\n"
                       "  quorate ledger checkpoint copy/ledger --keys",
            .parameters = {ledger_folder_parameter(options->ledger),
                           {.name = "--height",
                            .value = "HEIGHT",
                            .help = "The first that covers this block; else the newest",
                            .target = &options->height},
                           {.name = "--keys",
                            .help = "Print the cosigners' keys instead, as note tools take them",
                            .target = &options->has_keys},
                           {.name = "--out",
                            .value = "FILE",
                            .help = "Write it there; else to standard output",
                            .target = &options->out},
                           genesis_parameter(options->ledger.network)},
            .run = [options](Console& console) { return checkpoint(*options, console); }});
}

}  // namespace quorate::node
