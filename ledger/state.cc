// Reading the state: keys, leaves and the overlay. What changes it stands in execution.cc.

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "ledger/execution.h"
#include "ledger/state_overlay.h"

namespace quorate::ledger {
namespace {

[[nodiscard]] Bytes reserved_key(char kind) {
  return {kReservedPrefix, static_cast<std::uint8_t>(kind)};
}

[[nodiscard]] Bytes reserved_key(char kind, const PublicKey& key) {
  Bytes out = reserved_key(kind);
  out.insert(out.end(), key.bytes.begin(), key.bytes.end());
  return out;
}

[[nodiscard]] tl::unexpected<Error> malformed(ByteView key, std::string_view what,
                                              std::string_view reason) {
  return fail(ErrorKind::kCorrupt, "state-malformed",
              fmt::format("the state's leaf {} is not {}: {}", to_hex(key), what, reason),
              "Set this store aside and rebuild it from the other replicas.");
}

template <class T>
[[nodiscard]] Result<std::optional<T>> read_leaf(const StateReader& state, ByteView key,
                                                 std::string_view what) {
  QUORATE_ASSIGN(const std::optional<Bytes> leaf, state.get(key));
  if (!leaf) return std::nullopt;
  auto value = crypto::decode<T>(*leaf);
  if (!value) return malformed(key, what, value.error().to_string());
  return std::move(*value);
}

}  // namespace

Bytes account_key(const PublicKey& key) { return reserved_key('a', key); }
Bytes nonce_key(const PublicKey& key) { return reserved_key('n', key); }
Bytes time_key() { return reserved_key('t'); }
Bytes epoch_key() { return reserved_key('e'); }
Bytes checkpoint_key() { return reserved_key('c'); }

bool is_skipped(Outcome outcome) {
  return outcome == Outcome::kSkippedNonceUsed || outcome == Outcome::kSkippedNonceTooOld ||
         outcome == Outcome::kSkippedNonceTooFar;
}

bool uses_nonce(Outcome outcome) {
  return !is_skipped(outcome) && outcome != Outcome::kRejectedExpired;
}

std::string_view outcome_code(Outcome outcome) {
  switch (outcome) {
    case Outcome::kApplied:
      return "applied";
    case Outcome::kSkippedNonceUsed:
      return "tx-nonce-used";
    case Outcome::kSkippedNonceTooOld:
      return "tx-nonce-too-old";
    case Outcome::kSkippedNonceTooFar:
      return "tx-nonce-too-far";
    case Outcome::kRejectedExpired:
      return "tx-expired";
    case Outcome::kRejectedValidUntilTooFar:
      return "tx-valid-until-too-far";
    case Outcome::kRejectedCompareFailed:
      return "tx-compare-failed";
    case Outcome::kRejectedNotANumber:
      return "tx-not-a-number";
    case Outcome::kRejectedNumberOverflow:
      return "tx-number-overflow";
    case Outcome::kRejectedInsufficientFunds:
      return "tx-insufficient-funds";
    case Outcome::kRejectedBalanceOverflow:
      return "tx-balance-overflow";
    case Outcome::kRejectedUntilInThePast:
      return "tx-until-in-the-past";
    case Outcome::kRejectedEvidenceInvalid:
      return "tx-evidence-invalid";
    case Outcome::kRejectedEvidenceKnown:
      return "tx-evidence-known";
    case Outcome::kRejectedEvidenceFull:
      return "tx-evidence-full";
    case Outcome::kRejectedOtherEpoch:
      return "tx-membership-other-epoch";
    case Outcome::kRejectedChangePending:
      return "tx-membership-pending";
    case Outcome::kRejectedReplicaUnknown:
      return "tx-membership-unknown-replica";
    case Outcome::kRejectedReplicaName:
      return "tx-membership-name-taken";
    case Outcome::kRejectedReplicaKey:
      return "tx-membership-key-used";
    case Outcome::kRejectedSetSize:
      return "tx-membership-set-size";
    case Outcome::kRejectedNoConsent:
      return "tx-membership-no-consent";
    case Outcome::kRejectedNotSigned:
      return "tx-membership-not-signed";
  }
  QUORATE_CHECK(false, "an outcome that is not in the list");
  return {};
}

std::string_view outcome_sentence(Outcome outcome) {
  switch (outcome) {
    case Outcome::kApplied:
      return "All of its operations happened.";
    case Outcome::kSkippedNonceUsed:
      return "Another transaction of this sender had used its nonce; it had no effect.";
    case Outcome::kSkippedNonceTooOld:
      return "Its nonce lay behind the sender's window of 1,024; it had no effect.";
    case Outcome::kSkippedNonceTooFar:
      return "Its nonce lay more than 1,024 ahead of the sender's highest; it had no effect.";
    case Outcome::kRejectedExpired:
      return "Agreed time had reached its valid-until; it can never happen.";
    case Outcome::kRejectedValidUntilTooFar:
      return "Its valid-until lay further ahead of agreed time than the genesis horizon allows.";
    case Outcome::kRejectedCompareFailed:
      return "A key did not hold the value that a compare-and-set expected.";
    case Outcome::kRejectedNotANumber:
      return "A key that an add named did not hold a decimal integer of 64 bits.";
    case Outcome::kRejectedNumberOverflow:
      return "The sum of an add does not fit a signed integer of 64 bits.";
    case Outcome::kRejectedInsufficientFunds:
      return "The sender's account held fewer units than a transfer moves.";
    case Outcome::kRejectedBalanceOverflow:
      return "The receiving account cannot hold that many units.";
    case Outcome::kRejectedUntilInThePast:
      return "A put's `until` was not after the batch's agreed time.";
    case Outcome::kRejectedEvidenceInvalid:
      return "The evidence proves nothing on this network; `quorate evidence verify` says why.";
    case Outcome::kRejectedEvidenceKnown:
      return "That offence of that replica was recorded before.";
    case Outcome::kRejectedEvidenceFull:
      return "As many offences as the ledger keeps of one replica were recorded before.";
    case Outcome::kRejectedOtherEpoch:
      return "The membership change was signed for another epoch.";
    case Outcome::kRejectedChangePending:
      return "Another membership change waits for its boundary; one an epoch happens.";
    case Outcome::kRejectedReplicaUnknown:
      return "No replica has the vote key that the membership change names.";
    case Outcome::kRejectedReplicaName:
      return "Another replica has the new replica's name.";
    case Outcome::kRejectedReplicaKey:
      return "A replica has, or had, one of the new replica's keys.";
    case Outcome::kRejectedSetSize:
      return "There would be fewer replicas than genesis promises, or more than 400.";
    case Outcome::kRejectedNoConsent:
      return "The new vote key did not sign the membership change.";
    case Outcome::kRejectedNotSigned:
      return "No quorum of the replicas signed the membership change.";
  }
  QUORATE_CHECK(false, "an outcome that is not in the list");
  return {};
}

Result<Account> read_account(const StateReader& state, const PublicKey& key) {
  QUORATE_ASSIGN(const auto account, read_leaf<Account>(state, account_key(key), "an account"));
  return account.value_or(Account{});
}

Result<NonceWindow> read_nonces(const StateReader& state, const PublicKey& key) {
  QUORATE_ASSIGN(const auto window,
                 read_leaf<NonceWindow>(state, nonce_key(key), "a nonce window"));
  return window.value_or(NonceWindow{});
}

Result<TimeMs> read_time(const StateReader& state) {
  QUORATE_ASSIGN(const auto time, read_leaf<TimeMs>(state, time_key(), "a time"));
  if (!time) return malformed(time_key(), "a time", "it is absent");
  return *time;
}

Result<CheckpointMark> read_checkpoint_mark(const StateReader& state) {
  constexpr std::string_view kWhat = "the mark of a checkpoint";
  QUORATE_ASSIGN(const auto mark, read_leaf<CheckpointMark>(state, checkpoint_key(), kWhat));
  if (!mark) return malformed(checkpoint_key(), kWhat, "it is absent");
  return *mark;
}

Result<std::optional<Entry>> live_entry(const StateReader& state, ByteView key, TimeMs now) {
  QUORATE_ASSIGN(std::optional<Entry> entry, read_leaf<Entry>(state, key, "an entry"));
  if (entry && entry->until && *entry->until <= now) return std::nullopt;
  return entry;
}

Result<std::optional<Entry>> read_entry(const StateReader& state, ByteView key) {
  // Reserved leaves are no entries, whatever their bytes would decode to.
  if (key.empty() || key.front() == kReservedPrefix) return std::nullopt;
  QUORATE_ASSIGN(const TimeMs now, read_time(state));
  return live_entry(state, key, now);
}

void put_above(WriteSet& newer, WriteSet& older) {
  while (!newer.empty()) {
    auto placed = older.insert(newer.extract(newer.begin()));
    if (!placed.inserted) placed.position->second = std::move(placed.node.mapped());
  }
}

Result<std::optional<Bytes>> Overlay::get(ByteView key) const {
  if (const auto written = writes_.find(key); written != writes_.end()) return written->second;
  if (const auto read = reads_.find(key); read != reads_.end()) return read->second;
  QUORATE_ASSIGN(std::optional<Bytes> value, below_.get(key));
  reads_.emplace(Bytes(key.begin(), key.end()), value);
  return value;
}

void Overlay::absorb(Overlay&& above) { put_above(above.writes_, writes_); }

Result<WriteSet> Overlay::differences() && {
  WriteSet changed = std::move(writes_);
  writes_.clear();  // so that `get` sees below
  for (auto it = changed.begin(); it != changed.end();) {
    QUORATE_ASSIGN(const std::optional<Bytes> before, get(it->first));
    it = before == it->second ? changed.erase(it) : std::next(it);
  }
  return changed;
}

}  // namespace quorate::ledger
