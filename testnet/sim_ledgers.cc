#include "testnet/sim_ledgers.h"

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "ledger/store.h"
#include "node/config.h"
#include "node/files.h"
#include "pbft/durable.h"

namespace quorate::testnet {

namespace {

Status write_ledger(const node::Home& home, const ledger::Genesis& genesis, SimHost& host,
                    bool is_sound) {
  QUORATE_ASSIGN(const auto store, ledger::Store::create(home.ledger(), genesis));
  for (std::uint64_t height = 1; height <= host.ledger().height().value; ++height) {
    QUORATE_ASSIGN(const ledger::CertifiedBatch block, host.ledger().block({height}));
    QUORATE_ASSIGN(
        const ledger::Execution execution,
        ledger::execute(block.batch.header, block.transactions, genesis, *store));
    QUORATE_TRY(store->append(block, execution));
  }
  // Where agreement broke, a quorum may have cosigned another history than this one.
  if (host.last_stable()) {
    const Status kept = store->put_stable(*host.last_stable());
    if (!kept && is_sound) return kept;
  }
  QUORATE_ASSIGN(const auto transcripts, kept_transcripts(host));
  for (const pbft::Transcript& transcript : transcripts) {
    QUORATE_TRY(store->put_transcript(pbft::view_vote(transcript.new_view.body).content,
                                      crypto::encode(transcript)));
  }
  QUORATE_TRY(store->sync());
  if (store->tree_head() == host.ledger().tree_head()) return {};
  return fail(ErrorKind::kCorrupt, "ledgers-differ",
              fmt::format("replica {} has tree head {}; executed again it is {}",
                          host.self().value, host.ledger().tree_head().root.hex(),
                          store->tree_head().root.hex()));
}

}  // namespace

Result<std::vector<pbft::Transcript>> kept_transcripts(SimHost& host) {
  pbft::RestoredVotes kept;
  QUORATE_TRY(host.votes().for_each_from(pbft::first_transcript_key(),
                                         [&](ByteView key, ByteView value) {
                                           return pbft::restore_vote(key, value, kept);
                                         }));
  return std::move(kept.transcripts);
}

Status write_ledgers(const std::filesystem::path& folder, Simulator& simulator) {
  std::error_code error;
  if (!std::filesystem::create_directory(folder, error)) {
    return fail(ErrorKind::kConflict, "ledgers-exist",
                fmt::format("{} cannot be made: {}", folder.string(),
                            error ? error.message() : "it is there already"),
                "Name a folder that does not exist, in one that does.");
  }
  if (!simulator.is_sound()) simulator.run_out();
  const ledger::Genesis& genesis = simulator.world().genesis();
  QUORATE_TRY(node::replace_file(folder / "genesis.json", ledger::genesis_to_json(genesis)));
  for (const auto& host : simulator.hosts()) {
    const node::Home home{folder / fmt::format("replica-{}", host->self().value)};
    std::filesystem::create_directory(home.root, error);
    if (error) {
      return fail(ErrorKind::kEnvironment, "ledger-write-failed",
                  fmt::format("{}: {}", home.root.string(), error.message()));
    }
    QUORATE_TRY(write_ledger(home, genesis, *host, simulator.is_sound()));
  }
  return {};
}

}  // namespace quorate::testnet
