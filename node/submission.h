#pragma once

// Submitting a transaction and following it until its outcome is known, across nodes that fail.
//
// There are three answers and no fourth. Reached: the wanted level is true. Refused: the rules
// refuse it, finally, and it never happened. Open: time ran out; it may still happen until its
// valid-until, and its id is how to ask. A node that dies under way is replaced by the next, which
// is given the same bytes again: the same transaction, so nothing happens twice.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ledger/transaction.h"
#include "node/node_pool.h"
#include "node/remote_status.h"
#include "node/tracker.h"

namespace quorate::node {

struct SubmitOptions {
  Level wait = Level::kReplicated;
  // Of a chain of proof of work: so deep, in the place of `wait` (with `anchored`: its anchor); 1:
  // in the newest block.
  std::optional<std::uint64_t> depth = {};
  std::uint64_t timeout_ms = 30'000;
  // Called for each level as it is reached, in order, each once.
  std::function<void(const LevelChange&)> on_level = {};
};

struct Submission {
  enum class End : std::uint8_t { kReached, kRefused, kOpen };

  End end = End::kOpen;
  RemoteStatus status;
  Error error;                    // of kRefused (the rule) and kOpen (how to ask again)
  std::uint32_t signed_anew = 0;  // times that another transaction had taken the nonce
  std::string node;               // who answered last
};

// A transaction ready to be sent.
struct SignedDraft {
  ledger::SignedTransaction transaction;
  ledger::TxId id;
  Bytes encoded;
};
[[nodiscard]] SignedDraft make_signed_draft(ledger::SignedTransaction transaction);

// Errors only if it certainly was not taken: nobody could be reached, or all are too busy.
[[nodiscard]] Result<Submission> submit(NodePool& nodes, const SignedDraft& draft,
                                        const SubmitOptions& options);

// What a person wants to happen, before nonce and signature.
struct Draft {
  ledger::Digest chain_id;
  std::vector<ledger::Operation> operations;
  std::uint64_t valid_for_ms = 60'000;
  std::optional<std::uint64_t> nonce;  // nullopt: the next free one that the node knows
};

[[nodiscard]] SignedDraft sign_draft(const Draft& draft, const crypto::SecretKey& key,
                                     std::uint64_t nonce, ledger::TimeMs now);
// Errors: those of NodePool::call, "node-answer-malformed".
[[nodiscard]] Result<std::uint64_t> next_nonce(NodePool& nodes, const ledger::PublicKey& sender);

// Signs and submits. If another transaction takes the nonce meanwhile, this one can never happen,
// so it is signed again with a free nonce, up to a bound; unless the draft fixes the nonce.
// `on_signed` sees each signed version before it leaves; its error ends the submission.
[[nodiscard]] Result<Submission> sign_and_submit(
    NodePool& nodes, const Draft& draft, const crypto::SecretKey& key,
    const SubmitOptions& options, const std::function<Status(const SignedDraft&)>& on_signed);

}  // namespace quorate::node
