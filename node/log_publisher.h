#pragma once

// Publishes the log: the newest stable checkpoint as a signed note, this node's own signature first
// and the quorum's cosignatures behind it.
//
// The own signature is by a key that does nothing else (log.key, made at the first start), under
// the log's origin as its name, as transparency-log clients expect. It says that this node shows
// everybody one history, so it must never stand under two that contradict each other. Two things
// see to that. Only what a quorum cosigned and the store holds is signed, and the store refuses a
// stable checkpoint that contradicts another or its own blocks. And log.signed, beside the key,
// keeps the last signed note; it is synced *before* a signature leaves, and a note that does not
// extend it is not signed, whatever became of the store: a ledger that was wiped, restored from a
// copy, or filled by a dishonest quorum. It is made before the key, so a key without it signs
// nothing; nor is a key made where it remembers another one's signature.
//
// Where the key cannot sign, the note is published with the cosignatures alone, and `refusal` says
// why.
//
// Threads: `refresh` by one thread, which may wait for the disk; everything else by any.

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "crypto/signing.h"
#include "ledger/certificate.h"
#include "ledger/checkpoint.h"
#include "ledger/signed_note.h"
#include "ledger/store.h"
#include "node/config.h"

namespace quorate::node {

class LogPublisher {
 public:
  // `replicas` are those of genesis. Makes the key if it is not there and log.signed is not either
  // or remembers nothing, under `passphrase` if one is given. What is wrong with the files is a
  // refusal to sign, not to start.
  LogPublisher(const Home& home, const ledger::Digest& chain_id, ledger::ReplicaSet replicas,
               const std::optional<std::string>& passphrase);

  // Looks at the newest stable checkpoint of the store, and publishes it if it is another one,
  // or if the disk did not let it be signed. Error: "ledger-corrupt", also of a
  // checkpoint that does not verify. A refusal to sign is none; see `refusal`.
  [[nodiscard]] Status refresh(const ledger::Store& store);

  // The published note; nullopt: `refresh` saw nothing stable yet.
  [[nodiscard]] std::optional<std::string> note() const;
  // By which others know this node's signature; empty: there is no key.
  [[nodiscard]] std::string key_text() const;
  // Why the newest note has no own signature. "log-key-without-memory" (log.signed is gone),
  // "log-memory-without-key" (log.key is gone, and signed something), "file-unreadable",
  // "log-signed-malformed", "log-other-history" (the note does not extend what was signed),
  // "log-history-unknown" (the ledger began above what was signed, so nobody here can tell), those
  // of key_file, "file-write-failed".
  [[nodiscard]] std::optional<Error> refusal() const;

 private:
  [[nodiscard]] Status load(const Home& home, const std::optional<std::string>& passphrase);
  // Whether the own signature may stand under the note; if so, it is remembered on the disk.
  [[nodiscard]] Status promise(const ledger::CheckpointNote& note, const ledger::Store& store);
  [[nodiscard]] Status check_extends(const ledger::CheckpointNote& note,
                                     const ledger::Store& store) const;

  const ledger::Digest chain_id_;
  const ledger::ReplicaSet replicas_;
  const std::filesystem::path signed_file_;
  std::unique_ptr<crypto::KeySigner> signer_;
  std::optional<ledger::CheckpointNote> last_signed_;  // for the thread that refreshes
  ledger::NoteLine last_line_;  // the own signature under it

  mutable std::mutex mutex_;
  std::optional<ledger::CheckpointNote> published_;
  std::string text_;
  std::optional<Error> refusal_;
};

}  // namespace quorate::node
