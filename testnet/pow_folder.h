#pragma once

// The folder of a proof-of-work chain on this machine: what `quorate pow` mines on.
//
//   chain.json          the rules of the chain
//   genesis.json        the genesis document
//   keys/default.key    a sender with funds, where `make` made the genesis document
//   records.log         headers, blocks and what people asked for, in the order in which they came
//   journal.log         each block connected and disconnected, a line each
//   chain.lock          held by a command at work
//
// Each step's records (testnet/pow_records.h) are synced before its journal.
//
// A line of the journal is a leaf of an RFC 6962 tree, so its root commits to all that this folder
// believed and in which order. What a crash kept out of it is added at the next opening.
//
// Opening plays all records to a new core: seconds for ten thousand blocks. Not thread-safe.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pow/memory_chain.h"
#include "testnet/file_lock.h"
#include "testnet/pow_records.h"

namespace quorate::testnet {

inline constexpr std::size_t kPowBlockBytesMax = 1 << 20;

struct PowFolderOptions {
  // As `quorate pow check-headers` has them: bitcoin, testnet, regtest or own.
  std::string params = "own";
  std::uint64_t spacing_seconds = 10;  // of own, as the two below
  std::uint64_t interval = 2016;
  pow::Bits limit{0x207fffff};
  std::optional<std::filesystem::path> genesis;  // nullopt: one is made
  unsigned threads = 1;                          // that look for block 0
};

struct Journal {
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
  // work), "pow-folder-malformed" (kInvalid), "pow-folder-newer" (kUnsupported),
  // "pow-records-corrupt" (kCorrupt).
  [[nodiscard]] static Result<PowFolder> open(const std::filesystem::path& root);

  // A step of the chain, stored and journalled as of `now`. Errors: "file-write-failed"; after one,
  // nothing but the destructor.
  [[nodiscard]] Result<pow::Happened> step(const decltype(pow::Input::event)& event,
                                           ledger::TimeMs now);

  [[nodiscard]] pow::MemoryChain& chain() { return *parts_->chain; }
  [[nodiscard]] const ledger::Genesis& genesis() const { return parts_->genesis; }
  [[nodiscard]] const pow::Params& params() const { return parts_->params; }
  [[nodiscard]] pow::BlockReader reader() const;
  [[nodiscard]] const ledger::TransactionVerifier& verifier() const { return *parts_->verifier; }
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  [[nodiscard]] Journal journal() const;
  // Of a record that a crash cut off and opening dropped.
  [[nodiscard]] std::size_t dropped_bytes() const { return dropped_bytes_; }

 private:
  // What others point into, so it does not move.
  struct Parts {
    ledger::Genesis genesis;
    pow::Params params;
    crypto::SignatureCache signatures;
    std::unique_ptr<ledger::TransactionVerifier> verifier;
    std::unique_ptr<pow::MemoryChain> chain;
  };
  PowFolder(std::filesystem::path root, FileLock lock, std::unique_ptr<Parts> parts)
      : root_(std::move(root)), lock_(std::move(lock)), parts_(std::move(parts)) {}

  [[nodiscard]] Status load();
  [[nodiscard]] Status replay(const std::vector<Record>& records);
  [[nodiscard]] Status store(const Bytes& records);
  [[nodiscard]] Status read_journal();
  [[nodiscard]] Status add_to_journal(const std::vector<pow::Move>& moves, ledger::TimeMs now);
  [[nodiscard]] Status catch_up_journal(ledger::TimeMs now);

  std::filesystem::path root_;
  FileLock lock_;
  std::unique_ptr<Parts> parts_;
  std::size_t records_bytes_ = 0;
  std::vector<std::string> journal_;
  std::size_t journal_bytes_ = 0;
  std::size_t dropped_bytes_ = 0;
};

}  // namespace quorate::testnet
