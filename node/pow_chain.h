#pragma once

// PowChain: a proof-of-work chain that outlives its process.
//
// pow::MemoryChain with a store behind it (ledger/chain_store.h): headers, bodies and the marks
// that people set, in the order in which they came, and a journal of each block that was connected
// or disconnected. Opening plays the records to a new core, which makes the same tree and the same
// choice, ties and waiting transactions that a reorganisation displaced included. What the tree
// dropped for good is erased, so the store is as bounded as the tree.
//
// A record:
//
//   'h' header:80     a header
//   'b' block         the first record is block 0; formats in pow/README.md
//   'x' why:u8 header a body that condemned its block; why is pow::Reject
//   'i' 'r' 'p' hash  `invalidate`, `reconsider`, `prefer`
//   't' transaction   one that waits for a block; erased once it stands in one
//
// A line of the journal: time, "connect" or "disconnect", height, hash, the sizes of the anchors
// that began or ceased to count; for people and programs.
//
// One thread at a time. Memory: MemoryChain's, and about 100 bytes a header and a transaction.
// After a failed write the chain in memory is ahead of the store: nothing but the destructor from
// there on.

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ledger/chain_store.h"
#include "node/pow_rules.h"

namespace quorate::node {

using PowEvent = decltype(pow::Input::event);

// Where a transaction stands on the active chain, and what came of it.
struct PowPlace {
  ledger::Digest block;
  ledger::Height height;
  std::uint32_t index = 0;  // among the block's transactions, without the coinbase
  ledger::Outcome outcome = ledger::Outcome::kApplied;
};

class PowChain {
 public:
  // Errors: those of ChainStore::create.
  [[nodiscard]] static Status create(const std::filesystem::path& folder,
                                     const ledger::Genesis& genesis, const pow::Params& params,
                                     const pow::BlockPtr& block_0,
                                     const ledger::StoreOptions& options = {});
  // `genesis` outlives this. Errors: those of ChainStore::open; "chain-store-corrupt" (kCorrupt)
  // for records that no chain left.
  [[nodiscard]] static Result<std::unique_ptr<PowChain>> open(
      const std::filesystem::path& folder, const ledger::Genesis& genesis,
      const pow::Params& params, const ledger::StoreOptions& options = {});

  // A step of the chain, stored and journalled as of `now`, which is what a header's time is held
  // against. Unsynced, a power cut may take it again, the newest first. Errors:
  // "chain-store-write-failed", "chain-store-stopped".
  [[nodiscard]] Result<pow::Happened> step(const PowEvent& event, ledger::TimeMs now,
                                           bool synced = true);

  // A transaction that waits (MemoryChain::add_transaction took it) still does after a restart:
  // kill -9 takes nothing, a power cut what was not synced. As many as the pool has. Errors as
  // above.
  [[nodiscard]] Status keep_waiting(const ledger::CheckedTransaction& transaction);

  // All steps so far are durable afterwards. Errors as above.
  [[nodiscard]] Status sync() { return store_->append({}, true); }

  [[nodiscard]] pow::MemoryChain& memory() { return memory_; }
  [[nodiscard]] const pow::MemoryChain& memory() const { return memory_; }
  [[nodiscard]] const pow::Chain& chain() const { return memory_.chain(); }
  // nullopt: in no block of the active chain.
  [[nodiscard]] std::optional<PowPlace> find_transaction(const ledger::TxId& id) const;
  [[nodiscard]] const ledger::ChainStore& store() const { return *store_; }
  [[nodiscard]] const ledger::Genesis& genesis() const { return genesis_; }
  [[nodiscard]] const pow::Params& params() const { return chain().params(); }
  [[nodiscard]] const ledger::TransactionVerifier& verifier() const { return *verifier_; }
  [[nodiscard]] pow::BlockReader reader() const {
    return {*verifier_, kPowBlockBytesMax, anchors_.get()};
  }
  // nullptr: its blocks carry transactions.
  [[nodiscard]] const pow::AnchorVerifier* anchors() const { return anchors_.get(); }
  // When blocks of the active chain that have anchors were connected, by what the journal says.
  // Reads all of it. Errors: those of ChainStore::journal_lines.
  [[nodiscard]] Result<std::map<ledger::Digest, std::uint64_t>> anchored_times() const;

 private:
  PowChain(const ledger::Genesis& genesis, std::unique_ptr<ledger::ChainStore> store,
           std::unique_ptr<crypto::SignatureCache> signatures,
           std::unique_ptr<ledger::TransactionVerifier> verifier, const pow::Params& params,
           pow::BlockPtr block_0);
  [[nodiscard]] Status replay();
  [[nodiscard]] ledger::ChainAppend append_of(const PowEvent& event,
                                              const pow::Happened& happened, ledger::TimeMs now);
  void keep(const ledger::Digest& hash, std::uint64_t number);
  void note_places(const pow::Happened& happened);
  [[nodiscard]] Status replay_waiting(std::uint64_t number, ByteView payload);
  // Those that wait no more, or again.
  void note_waiting(const pow::Happened& happened, ledger::ChainAppend& append);

  const ledger::Genesis& genesis_;
  std::unique_ptr<ledger::ChainStore> store_;
  std::unique_ptr<crypto::SignatureCache> signatures_;
  std::unique_ptr<ledger::TransactionVerifier> verifier_;
  std::unique_ptr<pow::AnchorVerifier> anchors_;
  pow::MemoryChain memory_;
  std::map<ledger::Digest, std::vector<std::uint64_t>> kept_;  // records of a header and its body
  std::map<ledger::TxId, PowPlace> places_;
  std::map<ledger::TxId, std::uint64_t> waiting_;  // records of transactions that wait
  std::vector<std::uint64_t> stale_;               // such records that are of no use any more
};

// "2026-01-01T00:00:00.000Z connect 7 0000...", with anchors " anchors 16 32".
[[nodiscard]] std::string journal_line(const pow::Step& step, ledger::TimeMs now);

}  // namespace quorate::node
