#include "ledger/execution.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "crypto/merkle.h"
#include "ledger/membership.h"
#include "ledger/recorded_evidence.h"
#include "ledger/state_overlay.h"

namespace quorate::ledger {
namespace {

// Decimal int64 in its one spelling; nullopt otherwise.
[[nodiscard]] std::optional<std::int64_t> parse_number(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  // from_chars also reads "007" and "-0".
  return fmt::format("{}", number) == text ? std::optional(number) : std::nullopt;
}

// Where a transaction is executed.
struct Place {
  const Genesis& genesis;
  Sequence sequence;
  TimeMs now;  // the batch's effective time
  Epoch epoch;
};

// Runs operations of one transaction on an overlay of its own.
class OperationRunner {
 public:
  OperationRunner(Overlay& state, const Transaction& body, const TxId& id, const Place& place)
      : state_(state), body_(body), sender_(body.sender), id_(id), place_(place) {}

  // kApplied, or why the transaction is rejected.
  [[nodiscard]] Result<Outcome> operator()(const Put& put) {
    if (put.until && *put.until <= place_.now) return Outcome::kRejectedUntilInThePast;
    state_.put(put.key, crypto::encode(Entry{put.value, put.until}));
    return Outcome::kApplied;
  }

  [[nodiscard]] Result<Outcome> operator()(const Delete& del) {
    state_.remove(del.key);
    return Outcome::kApplied;
  }

  [[nodiscard]] Result<Outcome> operator()(const CompareAndSet& compare) {
    QUORATE_ASSIGN(const std::optional<Entry> entry, live_entry(state_, compare.key, place_.now));
    const bool equal = compare.expected ? entry && entry->value == *compare.expected : !entry;
    if (!equal) return Outcome::kRejectedCompareFailed;
    state_.put(compare.key, crypto::encode(Entry{compare.value, std::nullopt}));
    return Outcome::kApplied;
  }

  [[nodiscard]] Result<Outcome> operator()(const Add& add) {
    QUORATE_ASSIGN(std::optional<Entry> entry, live_entry(state_, add.key, place_.now));
    if (!entry) entry = Entry{to_bytes("0"), std::nullopt};
    const std::optional<std::int64_t> number = parse_number(entry->value);
    if (!number) return Outcome::kRejectedNotANumber;
    std::int64_t sum = 0;
    if (__builtin_add_overflow(*number, add.delta, &sum)) return Outcome::kRejectedNumberOverflow;
    entry->value = to_bytes(fmt::format("{}", sum));
    state_.put(add.key, crypto::encode(*entry));
    return Outcome::kApplied;
  }

  [[nodiscard]] Result<Outcome> operator()(const Transfer& transfer) {
    QUORATE_ASSIGN(Account from, read_account(state_, sender_));
    if (from.balance < transfer.amount) return Outcome::kRejectedInsufficientFunds;
    from.balance -= transfer.amount;
    write_account(sender_, from);
    // Read after the sender's write: a transfer to oneself must find the money gone.
    QUORATE_ASSIGN(Account to, read_account(state_, transfer.to));
    if (__builtin_add_overflow(to.balance, transfer.amount, &to.balance)) {
      return Outcome::kRejectedBalanceOverflow;
    }
    write_account(transfer.to, to);
    return Outcome::kApplied;
  }

  // What is cheap comes first: signatures are judged of what would be recorded alone.
  [[nodiscard]] Result<Outcome> operator()(const RecordEvidence& record) {
    const Epoch epoch = epoch_of(record.evidence);
    const ReplicaId replica = accused(record.evidence);
    const Digest offence = offence_of(record.evidence);
    QUORATE_ASSIGN(std::vector<Digest> offences, read_offences(state_, epoch, replica));
    if (std::find(offences.begin(), offences.end(), offence) != offences.end()) {
      return Outcome::kRejectedEvidenceKnown;
    }
    if (offences.size() >= kOffencesMax) return Outcome::kRejectedEvidenceFull;
    // Of an epoch that has not begun nobody signs anything yet.
    if (epoch > place_.epoch) return Outcome::kRejectedEvidenceInvalid;
    QUORATE_ASSIGN(const auto set, read_replicas(state_, place_.genesis, epoch));
    crypto::SignatureCache unused(1);
    if (!set || !EvidenceVerifier(body_.chain_id, &unused).check(record.evidence, *set)) {
      return Outcome::kRejectedEvidenceInvalid;
    }
    offences.push_back(offence);
    state_.put(offences_key(epoch, replica), crypto::encode(offences));
    state_.put(evidence_key(epoch, replica, offence),
               crypto::encode(RecordedEvidence{record.evidence, place_.sequence, place_.now, id_}));
    return Outcome::kApplied;
  }

  [[nodiscard]] Result<Outcome> operator()(const ChangeMembership& change) {
    QUORATE_ASSIGN(const JudgedChange judged, judge_change(change, body_.chain_id, place_.genesis,
                                                           state_, place_.sequence));
    if (!judged.start) return judged.outcome;
    state_.put(epoch_start_key(judged.start->epoch), crypto::encode(*judged.start));
    if (const ReplicaInfo* replica = newcomer(change.body.change)) {
      state_.put(used_key_key(replica->vote_key), crypto::encode(judged.start->epoch));
      // A rekeyed replica may keep its network key, which is known then.
      const Bytes network = used_key_key(replica->network_key);
      QUORATE_ASSIGN(const auto known, state_.get(network));
      if (!known) state_.put(network, crypto::encode(judged.start->epoch));
    }
    return judged.outcome;
  }

 private:
  // An account without units has no leaf, so equal balances are equal states.
  void write_account(const PublicKey& key, const Account& account) {
    if (account.balance == 0) {
      state_.remove(account_key(key));
    } else {
      state_.put(account_key(key), crypto::encode(account));
    }
  }

  Overlay& state_;
  const Transaction& body_;
  const PublicKey& sender_;
  const TxId& id_;
  const Place& place_;
};

[[nodiscard]] Outcome skip_of(NonceVerdict verdict) {
  switch (verdict) {
    case NonceVerdict::kFree:
      break;
    case NonceVerdict::kUsed:
      return Outcome::kSkippedNonceUsed;
    case NonceVerdict::kTooOld:
      return Outcome::kSkippedNonceTooOld;
    case NonceVerdict::kTooFar:
      return Outcome::kSkippedNonceTooFar;
  }
  QUORATE_CHECK(false, "a free nonce is no reason to skip");
  return Outcome::kApplied;
}

// Precondition: valid_until > now.
[[nodiscard]] bool is_too_far(TimeMs valid_until, TimeMs now, const Genesis& genesis) {
  return valid_until.value - now.value > genesis.parameters.valid_until_horizon_ms;
}

// All operations or none, on `state`.
[[nodiscard]] Result<TxResult> run_operations(const Transaction& body, const TxId& id,
                                              const Place& place, Overlay& state) {
  Overlay own(&state);
  OperationRunner runner(own, body, id, place);
  for (std::size_t i = 0; i < body.operations.size(); ++i) {
    QUORATE_ASSIGN(const Outcome outcome, std::visit(runner, body.operations[i]));
    if (outcome != Outcome::kApplied) return TxResult{id, outcome, static_cast<std::uint32_t>(i)};
  }
  state.absorb(std::move(own));
  return TxResult{id, Outcome::kApplied, std::nullopt};
}

[[nodiscard]] Result<TxResult> run_transaction(const CheckedTransaction& transaction,
                                               const Place& place, Overlay& state) {
  const Transaction& body = transaction.signed_transaction->body;
  QUORATE_ASSIGN(NonceWindow nonces, read_nonces(state, body.sender));
  const NonceVerdict verdict = judge_nonce(nonces, body.nonce);
  if (verdict != NonceVerdict::kFree) {
    return TxResult{transaction.id, skip_of(verdict), std::nullopt};
  }
  if (body.valid_until <= place.now) {
    return TxResult{transaction.id, Outcome::kRejectedExpired, std::nullopt};
  }
  use_nonce(nonces, body.nonce);
  state.put(nonce_key(body.sender), crypto::encode(nonces));
  if (is_too_far(body.valid_until, place.now, place.genesis)) {
    return TxResult{transaction.id, Outcome::kRejectedValidUntilTooFar, std::nullopt};
  }
  return run_operations(body, transaction.id, place, state);
}

void check_bodies(const BatchHeader& header, std::span<const TransactionPtr> transactions) {
  std::vector<TxId> ids;
  ids.reserve(transactions.size());
  for (const TransactionPtr& transaction : transactions) ids.push_back(transaction->id);
  QUORATE_CHECK(
      header.transaction_count == ids.size() && header.transaction_root == transaction_root(ids),
      "a batch is executed with its own bodies, in its order");
}

// `now` is the batch's effective time, `state` that before the batch.
[[nodiscard]] Result<bool> ends_in_checkpoint(const BatchHeader& header, TimeMs now,
                                              std::optional<Sequence> boundary,
                                              const Parameters& parameters,
                                              const StateReader& state) {
  if (header.sequence == boundary) return true;
  if (header.sequence.value % parameters.checkpoint_interval == 0) return true;
  if ((header.flags & kFlagCheckpoint) == 0) return false;
  QUORATE_ASSIGN(const CheckpointMark last, read_checkpoint_mark(state));
  return now >= last.time && now.value - last.time.value >= parameters.checkpoint_quiet_ms;
}

[[nodiscard]] Result<std::optional<Sequence>> pending_boundary(const StateReader& state,
                                                               Epoch epoch) {
  QUORATE_ASSIGN(const auto start, read_epoch_start(state, next(epoch)));
  if (!start) return std::nullopt;
  return start->boundary;
}

}  // namespace

Digest results_root(const std::vector<TxResult>& results) {
  std::vector<Digest> leaves;
  leaves.reserve(results.size());
  for (const TxResult& result : results) {
    leaves.push_back(crypto::merkle::leaf_hash(crypto::encode(result)));
  }
  return crypto::merkle::root(leaves);
}

Result<Execution> execute(const BatchHeader& header, std::span<const TransactionPtr> transactions,
                          const Genesis& genesis, const StateReader& state) {
  check_bodies(header, transactions);
  Overlay overlay(&state);
  QUORATE_ASSIGN(const TimeMs previous, read_time(state));
  Execution execution;
  execution.effective_time = std::max(previous, header.time);
  overlay.put(time_key(), crypto::encode(execution.effective_time));
  QUORATE_ASSIGN(execution.epoch, read_epoch(overlay));
  QUORATE_ASSIGN(execution.boundary, pending_boundary(overlay, execution.epoch));
  QUORATE_ASSIGN(execution.is_checkpoint,
                 ends_in_checkpoint(header, execution.effective_time, execution.boundary,
                                    genesis.parameters, state));
  if (execution.is_checkpoint) {
    overlay.put(checkpoint_key(),
                crypto::encode(CheckpointMark{header.sequence, execution.effective_time}));
  }
  execution.results.reserve(transactions.size());
  const Place place{genesis, header.sequence, execution.effective_time, execution.epoch};
  for (const TransactionPtr& transaction : transactions) {
    QUORATE_ASSIGN(TxResult result, run_transaction(*transaction, place, overlay));
    execution.results.push_back(std::move(result));
  }
  execution.results_root = results_root(execution.results);
  if (!execution.boundary) {
    QUORATE_ASSIGN(execution.boundary, pending_boundary(overlay, execution.epoch));
  }
  // Last, so that the whole batch is of the old epoch.
  if (execution.boundary == header.sequence) {
    overlay.put(epoch_key(), crypto::encode(next(execution.epoch)));
  }
  QUORATE_ASSIGN(execution.writes, std::move(overlay).differences());
  return execution;
}

WriteSet genesis_state(const Genesis& genesis) {
  WriteSet state;
  state[time_key()] = crypto::encode(genesis.time);
  state[epoch_key()] = crypto::encode(Epoch{0});
  state[checkpoint_key()] = crypto::encode(CheckpointMark{Sequence{0}, genesis.time});
  for (const GenesisAccount& account : genesis.accounts) {
    if (account.balance == 0) continue;
    state[account_key(account.key)] = crypto::encode(Account{account.balance});
  }
  return state;
}

Status check_admission(const CheckedTransaction& transaction, const Genesis& genesis,
                       const StateReader& state, TimeMs now) {
  const Transaction& body = transaction.signed_transaction->body;
  QUORATE_ASSIGN(const NonceWindow nonces, read_nonces(state, body.sender));
  const NonceVerdict verdict = judge_nonce(nonces, body.nonce);
  if (verdict != NonceVerdict::kFree) {
    return fail(ErrorKind::kRejected, outcome_code(skip_of(verdict)),
                fmt::format("the nonce {} cannot be used: the highest used nonce of this sender "
                            "is {}, and a nonce is good once from {} behind it to {} ahead",
                            body.nonce, nonces.highest, kNonceWindow - 1, kNonceWindow),
                "Sign again with a free nonce; if this very transaction used it, ask for its "
                "receipt.");
  }
  QUORATE_ASSIGN(const TimeMs agreed, read_time(state));
  const std::uint64_t slack = genesis.parameters.time_slack_ms;
  const std::uint64_t until = body.valid_until.value;
  // Within a slack of its end it could be ordered and still expire.
  if (until <= agreed.value || until <= now.value || until - now.value <= slack) {
    return fail(ErrorKind::kRejected, "tx-expired",
                fmt::format("valid-until is {}; more than {} was expected (agreed time {}, own "
                            "clock {}, slack {} ms)",
                            until, std::max(agreed.value, now.value + slack), agreed.value,
                            now.value, slack),
                "Sign again with a later valid-until.");
  }
  // The batch that takes it may be a slack behind this clock.
  const TimeMs earliest{std::max(agreed.value, now.value - std::min(now.value, slack))};
  if (is_too_far(body.valid_until, earliest, genesis)) {
    return fail(ErrorKind::kRejected, "tx-valid-until-too-far",
                fmt::format("valid-until is {}; at most {} was expected, {} ms after {}", until,
                            earliest.value + genesis.parameters.valid_until_horizon_ms,
                            genesis.parameters.valid_until_horizon_ms, earliest.value),
                "Sign again with an earlier valid-until.");
  }
  return {};
}

}  // namespace quorate::ledger
