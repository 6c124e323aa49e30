#pragma once

// The folder of a proof-of-work chain on this machine: what `quorate pow` mines on.
//
//   chain.json          the rules of the chain
//   genesis.json        the genesis document
//   keys/default.key    a sender with funds, where `make` made the genesis document
//   chain/              headers, blocks, marks and the journal, as a node keeps them
//                       (node/pow_chain.h)
//   chain.lock          held by a command at work
//
// Opening plays all records to a new core: seconds for ten thousand blocks. Not thread-safe.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/pow_chain.h"
#include "testnet/file_lock.h"

namespace quorate::testnet {

struct PowFolderOptions {
  node::PowRules rules;
  std::optional<std::filesystem::path> genesis;  // nullopt: one is made
  unsigned threads = 1;                          // that look for block 0
};

struct Journal {
  std::string origin;  // names the store
  std::vector<std::string> lines;
  crypto::Digest root;
};

class PowFolder {
 public:
  // In a folder that is absent or empty. Errors: "pow-folder-not-empty" (kConflict), those of the
  // parameters, of the genesis document and of the file system.
  [[nodiscard]] static Result<PowFolder> make(const std::filesystem::path& root,
                                              const PowFolderOptions& options);
  // Errors: "pow-folder-not-found" (kNotFound), "pow-folder-busy" (kConflict: another command is at
  // work), "pow-folder-malformed" (kInvalid), "pow-folder-newer" and "pow-folder-older"
  // (kUnsupported), those of node::PowChain::open.
  [[nodiscard]] static Result<PowFolder> open(const std::filesystem::path& root);

  // As node::PowChain::step, synced; after an error, nothing but the destructor.
  [[nodiscard]] Result<pow::Happened> step(const node::PowEvent& event, ledger::TimeMs now) {
    return chain_->step(event, now);
  }

  [[nodiscard]] pow::MemoryChain& chain() { return chain_->memory(); }
  [[nodiscard]] const ledger::Genesis& genesis() const { return *genesis_; }
  [[nodiscard]] const pow::Params& params() const { return chain_->params(); }
  [[nodiscard]] pow::BlockReader reader() const { return chain_->reader(); }
  [[nodiscard]] const ledger::TransactionVerifier& verifier() const { return chain_->verifier(); }
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  // Errors: damage in the store.
  [[nodiscard]] Result<Journal> journal() const;
  // Writes that a crash left unfinished and opening dropped.
  [[nodiscard]] std::size_t dropped_writes() const {
    return chain_->store().dropped_tails().size();
  }

 private:
  PowFolder(std::filesystem::path root, FileLock lock, std::unique_ptr<ledger::Genesis> genesis,
            std::unique_ptr<node::PowChain> chain)
      : root_(std::move(root)),
        lock_(std::move(lock)),
        genesis_(std::move(genesis)),
        chain_(std::move(chain)) {}

  std::filesystem::path root_;
  FileLock lock_;
  std::unique_ptr<ledger::Genesis> genesis_;  // the chain points into it
  std::unique_ptr<node::PowChain> chain_;
};

}  // namespace quorate::testnet
