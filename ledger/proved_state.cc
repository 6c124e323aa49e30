#include "ledger/proved_state.h"

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "ledger/state_overlay.h"

namespace quorate::ledger {
namespace {

// Cosignatures of one checkpoint.
constexpr std::size_t kCacheEntries = 512;

[[nodiscard]] Bytes key_of(const StateStatement& statement) {
  if (const auto* read = std::get_if<ReadSubject>(&statement.subject)) return read->key;
  return nonce_key(std::get<FateSubject>(statement.subject).transaction.body.sender);
}

[[nodiscard]] Result<ProvedLeaf> prove_leaf(const StableView& view, ByteView key) {
  ProvedLeaf proved;
  QUORATE_ASSIGN(proved.leaf, view.get(key));
  QUORATE_ASSIGN(proved.proof, view.prove(key));
  return proved;
}

[[nodiscard]] Result<StateStatement> prove(const StableView& view,
                                           std::variant<ReadSubject, FateSubject> subject) {
  StateStatement statement;
  statement.subject = std::move(subject);
  statement.checkpoint = view.checkpoint();
  QUORATE_ASSIGN(statement.epochs, view.epoch_proofs());
  statement.format = statement.epochs.empty() ? 1 : 2;
  QUORATE_ASSIGN(statement.leaf, prove_leaf(view, key_of(statement)));
  QUORATE_ASSIGN(statement.time, prove_leaf(view, time_key()));
  return statement;
}

// The two leaves of a statement as a state to read from.
class LeavesReader final : public StateReader {
 public:
  explicit LeavesReader(const StateStatement& statement)
      : statement_(statement), key_(key_of(statement)) {}
  [[nodiscard]] Result<std::optional<Bytes>> get(ByteView key) const override {
    if (std::equal(key.begin(), key.end(), key_.begin(), key_.end())) return statement_.leaf.leaf;
    return statement_.time.leaf;
  }

 private:
  const StateStatement& statement_;
  Bytes key_;
};

class SenderVerifier : public crypto::Verifier {
 public:
  using Verifier::Verifier;
  [[nodiscard]] bool check(const SignedTransaction& transaction) const {
    return verify_signature(transaction.body.sender, crypto::Purpose::kTransaction,
                            transaction.body, transaction.signature);
  }
};

struct Ending {
  Fate fate;
  NonceVerdict nonce;
};

// nullopt: it could still happen.
[[nodiscard]] Result<std::optional<Ending>> ending_of(const Transaction& body,
                                                      const StateReader& state) {
  QUORATE_ASSIGN(const TimeMs now, read_time(state));
  QUORATE_ASSIGN(const NonceWindow window, read_nonces(state, body.sender));
  const NonceVerdict nonce = judge_nonce(window, body.nonce);
  if (nonce == NonceVerdict::kUsed || nonce == NonceVerdict::kTooOld) {
    return Ending{Fate::kNotFromNowOn, nonce};
  }
  if (body.valid_until > now) return std::nullopt;
  return Ending{Fate::kNever, nonce};
}

[[nodiscard]] Status judge_read(const ReadSubject& subject, const StateStatement& statement,
                                StatementVerdict& verdict) {
  if (subject.key.empty() || subject.key.front() == kReservedPrefix ||
      subject.key.size() > kKeyBytesMax) {
    return fail(ErrorKind::kCorrupt, "statement-reserved-key",
                fmt::format("the proof is about key {}, which is no user's key",
                            to_hex(ByteView(subject.key).first(
                                std::min<std::size_t>(subject.key.size(), 32)))),
                "Ask for a key that a transaction can name.");
  }
  QUORATE_ASSIGN(verdict.entry, live_entry(LeavesReader(statement), subject.key, verdict.time));
  verdict.has_expired = !verdict.entry && statement.leaf.leaf;
  return {};
}

[[nodiscard]] Status judge_fate(const FateSubject& subject, const StateStatement& statement,
                                const Genesis& genesis, crypto::SignatureCache& cache,
                                StatementVerdict& verdict) {
  const Transaction& body = subject.transaction.body;
  if (body.chain_id != chain_id_of(genesis)) {
    return fail(ErrorKind::kCorrupt, "statement-wrong-chain",
                fmt::format("the transaction is of chain {}; the genesis document makes {}",
                            body.chain_id.hex(), chain_id_of(genesis).hex()),
                "Verify it with the genesis document of its own network.");
  }
  if (!SenderVerifier(body.chain_id, &cache).check(subject.transaction)) {
    return fail(ErrorKind::kCorrupt, "statement-bad-transaction-signature",
                fmt::format("the transaction's signature does not verify under its sender {}",
                            body.sender.hex()),
                "Do not rely on this proof; fetch it again, best from another node.");
  }
  QUORATE_ASSIGN(const auto ending, ending_of(body, LeavesReader(statement)));
  if (!ending) {
    return fail(ErrorKind::kCorrupt, "statement-fate-open",
                fmt::format("nonce {} was free at agreed time {}, and the transaction is valid "
                            "until {}: it could still happen",
                            body.nonce, verdict.time.value, body.valid_until.value),
                "Ask again once a checkpoint after its valid-until is stable.");
  }
  verdict.id = id_of(body);
  verdict.fate = ending->fate;
  verdict.nonce = ending->nonce;
  return {};
}

}  // namespace

std::string_view fate_text(Fate fate) {
  return fate == Fate::kNever ? "never" : "not-from-now-on";
}

Result<StateStatement> prove_read(const StableView& view, ByteView key) {
  return prove(view, ReadSubject{Bytes(key.begin(), key.end())});
}

Result<StateStatement> prove_fate(const StableView& view, const SignedTransaction& transaction) {
  const Transaction& body = transaction.body;
  QUORATE_ASSIGN(const auto ending, ending_of(body, view));
  if (ending) return prove(view, FateSubject{transaction});
  QUORATE_ASSIGN(const TimeMs now, read_time(view));
  return fail(ErrorKind::kUnavailable, "fate-open",
              fmt::format("At the stable checkpoint of height {}, agreed time {}, transaction {} "
                          "could still happen: its nonce {} is free, and it is valid until {}",
                          view.checkpoint().note.sequence.value, now.value, id_of(body).hex(),
                          body.nonce, body.valid_until.value),
              "Ask again once a checkpoint after its valid-until is stable.");
}

Result<StatementVerdict> verify_statement(const StateStatement& statement, const Genesis& genesis) {
  if (statement.format != (statement.epochs.empty() ? 1 : 2)) {
    return fail(ErrorKind::kUnsupported, "statement-newer-format",
                fmt::format("the proof has format {} and {} epoch proofs; this program knows "
                            "format 1 without any and 2 with them",
                            statement.format, statement.epochs.size()),
                "Use the version of Quorate that made it, or a newer one.");
  }
  crypto::SignatureCache cache(kCacheEntries);
  const CheckpointNote& note = statement.checkpoint.note;
  QUORATE_ASSIGN(const Membership membership,
                 verify_epochs(statement.epochs, note.epoch, genesis, cache));
  const ReplicaSet& replicas = membership.current();
  QUORATE_TRY(verify_key(statement.leaf.proof, key_of(statement), statement.leaf.leaf,
                         note.state_root));
  QUORATE_TRY(verify_key(statement.time.proof, time_key(), statement.time.leaf, note.state_root));
  QUORATE_TRY(CheckpointVerifier(chain_id_of(genesis), &cache)
                  .check(statement.checkpoint, replicas));
  StatementVerdict verdict;
  verdict.height = note.sequence;
  QUORATE_ASSIGN(verdict.time, read_time(LeavesReader(statement)));
  verdict.signers = statement.checkpoint.cosignatures.size();
  verdict.replicas = replicas.size();
  if (const auto* read = std::get_if<ReadSubject>(&statement.subject)) {
    QUORATE_TRY(judge_read(*read, statement, verdict));
  } else {
    QUORATE_TRY(
        judge_fate(std::get<FateSubject>(statement.subject), statement, genesis, cache, verdict));
  }
  return verdict;
}

}  // namespace quorate::ledger
