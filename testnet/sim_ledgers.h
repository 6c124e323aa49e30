#pragma once

// Leaves what a simulation agreed on as real ledgers, for commands that know of no simulations.

#include <filesystem>
#include <vector>

#include "crypto/result.h"
#include "pbft/message.h"
#include "testnet/simulator.h"

namespace quorate::testnet {

// What opened the views that a replica entered, as its vote store keeps it. Errors: those of the
// store, "vote-record-malformed" (kCorrupt).
[[nodiscard]] Result<std::vector<pbft::Transcript>> kept_transcripts(SimHost& host);

// Writes FOLDER/genesis.json, and FOLDER/replica-I/ledger for each replica: every block is executed
// again into a LevelDB store, whose tree head must come out as the simulated one; beside them what
// opened each view, and the last stable checkpoint. After a run that broke, what was handed out is
// executed first. Errors: "ledgers-exist" (kConflict: the folder is there), "ledgers-differ"
// (kCorrupt; a bug of ours), those of ledger::Store.
[[nodiscard]] Status write_ledgers(const std::filesystem::path& folder, Simulator& simulator);

}  // namespace quorate::testnet
