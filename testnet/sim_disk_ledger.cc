// The ledger, in memory: blocks, state, and how to take back what was not synced.

#include <map>
#include <utility>

#include "crypto/check.h"
#include "crypto/merkle.h"
#include "ledger/membership.h"
#include "ledger/state_tree.h"
#include "testnet/sim_disk.h"

namespace quorate::testnet {
namespace {

using ledger::CertifiedBatch;
using ledger::Execution;
using ledger::Height;
using ledger::TxId;
using ledger::TxLocation;
using ledger::WriteSet;

struct Head {
  ledger::TimeMs time;
  crypto::merkle::Frontier frontier;
};

struct Block {
  CertifiedBatch batch;
  Head head;  // after it
  // While it is not synced: what stood where it wrote, and what it put into the index.
  WriteSet before;
  std::vector<ledger::StateTree::Replaced> replaced;
  std::vector<TxId> indexed;
};

class MemoryLedger final : public LedgerDisk {
 public:
  explicit MemoryLedger(const ledger::Genesis& genesis)
      : chain_id_(ledger::chain_id_of(genesis)),
        genesis_state_(ledger::genesis_state(genesis)),
        genesis_{genesis.time, {}} {
    wipe();
  }

  Status append(const CertifiedBatch& batch, const Execution& execution) override {
    QUORATE_CHECK(batch.batch.header.sequence.value == height().value + 1, "blocks have no gaps");
    if (faults.is_full) {
      return fail(ErrorKind::kEnvironment, "ledger-write-failed", "no space is left on the disk");
    }
    Block block{batch, head(), {}, {}, {}};
    const ledger::Record record{batch.certificate.epoch, batch.batch.header,
                                execution.effective_time, execution.results_root};
    block.head.time = execution.effective_time;
    block.head.frontier.append(ledger::record_leaf(record));
    for (const auto& [key, value] : execution.writes) {
      block.before[key] = exchange(key, value);
    }
    block.replaced = tree_.apply(execution.writes);
    for (std::size_t i = 0; i < execution.results.size(); ++i) {
      if (ledger::is_skipped(execution.results[i].outcome)) continue;
      const TxLocation place{batch.batch.header.sequence, static_cast<std::uint32_t>(i)};
      const auto [at, is_new] = index_.emplace(execution.results[i].id, place);
      if (is_new) block.indexed.push_back(at->first);
    }
    blocks_.push_back(std::move(block));
    return {};
  }

  Status sync() override {
    if (faults.is_full || faults.syncs_fail) {
      return fail(ErrorKind::kEnvironment, "ledger-write-failed", "the sync failed");
    }
    for (; synced_.value < height().value; ++synced_.value) {
      blocks_[synced_.value].before.clear();
      blocks_[synced_.value].replaced.clear();
      blocks_[synced_.value].indexed.clear();
    }
    return {};
  }

  Height height() const override { return {blocks_.size()}; }
  Height synced() const override { return synced_; }
  ledger::TimeMs time() const override { return head().time; }
  ledger::TreeHead tree_head() const override {
    return {head().frontier.size, head().frontier.root()};
  }
  ledger::CheckpointNote checkpoint_note() override {
    const auto standing = ledger::read_standing(*this, height()).value();
    last_note_ = {chain_id_,      tree_head(),       height(),
                  standing.epoch, standing.boundary, tree_.root()};
    return *last_note_;
  }
  std::optional<ledger::CheckpointNote> own_checkpoint(Height at) override {
    if (at == height()) return checkpoint_note();
    return last_note_ && last_note_->sequence == at ? last_note_ : std::nullopt;
  }
  Result<CertifiedBatch> block(Height height) const override {
    return blocks_[height.value - 1].batch;
  }
  Result<std::optional<TxLocation>> find(const TxId& id) const override {
    const auto found = index_.find(id);
    if (found == index_.end()) return std::nullopt;
    return found->second;
  }
  Result<std::optional<Bytes>> get(ByteView key) const override {
    const auto found = state_.find(Bytes(key.begin(), key.end()));
    if (found == state_.end()) return std::nullopt;
    return found->second;
  }

  void crash(CrashKind kind, Prng& dice) override {
    if (kind == CrashKind::kProcess) return;
    const std::uint64_t kept = dice.between(synced_.value, height().value);
    while (height().value > kept) take_back();
  }

  // The content of a block is shared with other replicas here, so the damage stands apart.
  void flip(Prng&) override { is_damaged_ = !blocks_.empty(); }
  bool is_damaged() const override { return is_damaged_; }
  void damage_state() override {
    static const std::string_view kKey = "written by no block";
    const WriteSet damage = {{Bytes(kKey.begin(), kKey.end()), Bytes{1}}};
    for (const auto& [key, value] : damage) exchange(key, value);
    tree_.apply(damage);
  }

  void wipe() override {
    is_damaged_ = false;
    blocks_.clear();
    last_note_.reset();
    state_.clear();
    index_.clear();
    synced_ = {};
    for (const auto& [key, value] : genesis_state_) {
      if (value) state_[key] = *value;
    }
    tree_ = {};
    tree_.apply(genesis_state_);
  }

 private:
  const Head& head() const { return blocks_.empty() ? genesis_ : blocks_.back().head; }

  std::optional<Bytes> exchange(const Bytes& key, const std::optional<Bytes>& value) {
    std::optional<Bytes> before;
    if (const auto found = state_.find(key); found != state_.end()) before = found->second;
    if (value) {
      state_[key] = *value;
    } else {
      state_.erase(key);
    }
    return before;
  }

  void take_back() {
    const Block& last = blocks_.back();
    for (const auto& [key, value] : last.before) exchange(key, value);
    tree_.undo(last.replaced);
    for (const TxId& id : last.indexed) index_.erase(id);
    blocks_.pop_back();
  }

  ledger::Digest chain_id_;
  WriteSet genesis_state_;
  Head genesis_;
  ledger::StateTree tree_;
  std::vector<Block> blocks_;
  std::map<Bytes, Bytes> state_;
  std::map<TxId, TxLocation> index_;
  Height synced_;
  std::optional<ledger::CheckpointNote> last_note_;
  bool is_damaged_ = false;
};

}  // namespace

std::unique_ptr<LedgerDisk> memory_ledger(const ledger::Genesis& genesis) {
  return std::make_unique<MemoryLedger>(genesis);
}

}  // namespace quorate::testnet
