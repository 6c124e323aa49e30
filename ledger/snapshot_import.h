#pragma once

// From chunks to a ledger: the folder where verified chunks wait, what is still to be asked for,
// and the ledger that is made of them.
//
// A chunk is kept under its path and its digest. So fetching goes on where it was broken off, also
// under a newer checkpoint: what did not change between the two has the same digest there. Memory:
// one chunk, and the names of those to be asked for.
//
// Not thread-safe.

#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ledger/snapshot.h"
#include "ledger/store.h"

namespace quorate::ledger {

class LevelDb;

struct ChunkId {
  StatePath path;
  Digest digest;

  friend auto operator<=>(const ChunkId&, const ChunkId&) = default;
};

class SnapshotStaging {
 public:
  // Makes the folder if there is none. What is in it stays, so that fetching goes on; only what is
  // of another chain or format, or damaged, is removed and begun anew, since all of it can be
  // fetched again. Errors: "snapshot-unreadable" (nothing is removed), "snapshot-in-use".
  [[nodiscard]] static Result<std::unique_ptr<SnapshotStaging>> open(
      const std::filesystem::path& folder, const Digest& chain_id,
      const StoreOptions& options = {});
  ~SnapshotStaging();

  // Precondition: it was verified. Not synced: what a crash takes is fetched again.
  [[nodiscard]] Status put(const ChunkId& id, const Chunk& chunk);
  // nullopt: it is not here, or not what its name says. Errors: "snapshot-corrupt" (kCorrupt: the
  // folder is of no use any more), "snapshot-unreadable".
  [[nodiscard]] Result<std::optional<Chunk>> find(const ChunkId& id) const;

 private:
  explicit SnapshotStaging(std::shared_ptr<LevelDb> database);
  std::shared_ptr<LevelDb> database_;
};

// What is still to be asked for, of one state root.
class SnapshotWork {
 public:
  // What is in `staging` already is passed over. `staging` outlives this.
  SnapshotWork(const Digest& state_root, SnapshotStaging& staging);

  // The next one to ask some source for; nullopt: nothing more at present. Errors: the staging's.
  [[nodiscard]] Result<std::optional<ChunkId>> next();
  // It did not come; it is asked for again.
  void give_back(ChunkId id) {
    --asked_;
    open_.push_back(std::move(id));
  }
  // Verifies and keeps it. Errors: those of verify_chunk, which are the source's fault (the chunk
  // is asked for again); those of the staging.
  [[nodiscard]] Status take(const ChunkId& id, const Chunk& chunk);

  [[nodiscard]] bool is_done() const { return open_.empty() && asked_ == 0; }
  [[nodiscard]] std::uint64_t chunks() const { return chunks_; }  // taken or found
  [[nodiscard]] std::uint64_t found() const { return found_; }    // of these, were here already

 private:
  void go_on_below(const ChunkId& id, const Chunk& chunk);

  SnapshotStaging& staging_;
  std::deque<ChunkId> open_;
  std::uint64_t asked_ = 0;
  std::uint64_t chunks_ = 0;
  std::uint64_t found_ = 0;
};

// A source that brought what an honest one cannot have.
struct RefusedSource {
  ReplicaId replica;
  std::string code;    // of the refusal
  std::string detail;  // what was found and what was expected
};

// What a ledger that began from a snapshot rests on. Stored in it, for good.
struct SnapshotOrigin {
  StableCheckpoint checkpoint;
  std::uint64_t taken_ms = 0;  // by the own clock
  std::uint64_t chunks = 0;
  std::uint64_t found = 0;     // of these, from an earlier round or attempt
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;     // of keys and values
  std::vector<ReplicaId> sources;
  std::vector<RefusedSource> refused;  // sources that brought something false
};

// Makes a ledger in a folder that does not exist, whose head is the checkpoint; counts keys and
// bytes into `origin`. What makes it a ledger is the last write, synced; LevelDb has synced all
// before it by then. So a crash or power cut on the way leaves a folder that is no ledger, and a
// folder that is one is whole. Precondition: the work on the head's state root is done.
// Errors: those of check_snapshot_head, "snapshot-incomplete" (kCorrupt: a chunk is missing or the
// root is another one), those of the staging and of Store::create.
[[nodiscard]] Status make_ledger(const std::filesystem::path& folder, const Genesis& genesis,
                                 const SnapshotHead& head, const std::vector<EpochProof>& epochs,
                                 const SnapshotStaging& staging, SnapshotOrigin& origin,
                                 const StoreOptions& options = {});

}  // namespace quorate::ledger
