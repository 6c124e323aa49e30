#include "ledger/transaction.h"

#include <fmt/format.h>

#include <algorithm>

#include "ledger/genesis.h"

namespace quorate::ledger {
namespace {

constexpr std::string_view kIdKind = "transaction";

[[nodiscard]] tl::unexpected<Error> refuse(std::string_view code, std::string message,
                                           std::string next) {
  return fail(ErrorKind::kRejected, code, std::move(message), std::move(next));
}

[[nodiscard]] Status check_size(std::size_t encoded_bytes, const Genesis& genesis) {
  const std::size_t most = genesis.parameters.transaction_bytes_max;
  if (encoded_bytes <= most) return {};
  return refuse("tx-too-large",
                fmt::format("the transaction has {} bytes; at most {} are allowed on this network",
                            encoded_bytes, most),
                "Split it, or store large values elsewhere and put their digest.");
}

[[nodiscard]] Status check_key(ByteView key, std::size_t operation) {
  if (key.empty()) {
    return refuse("tx-key-empty",
                  fmt::format("operation {} has an empty key; 1 to {} bytes were expected",
                              operation, kKeyBytesMax),
                  "Name a key.");
  }
  if (key.size() > kKeyBytesMax) {
    return refuse("tx-key-too-long",
                  fmt::format("operation {} has a key of {} bytes; at most {} are allowed",
                              operation, key.size(), kKeyBytesMax),
                  "Use a shorter key, for example its digest.");
  }
  if (key.front() == kReservedPrefix) {
    return refuse("tx-key-reserved",
                  fmt::format("operation {} names a key that begins with byte 00; those are "
                              "reserved for accounts, nonces and time",
                              operation),
                  "Begin the key with another byte.");
  }
  return {};
}

[[nodiscard]] Status check_operation(const Operation& operation, std::size_t index) {
  if (std::holds_alternative<RecordEvidence>(operation)) return {};
  if (const auto* change = std::get_if<ChangeMembership>(&operation)) return check_form(*change);
  if (const auto* transfer = std::get_if<Transfer>(&operation)) {
    if (transfer->amount == 0) {
      return refuse("tx-transfer-zero",
                    fmt::format("operation {} transfers 0 units; at least 1 was expected", index),
                    "Leave it out, or give an amount.");
    }
    return {};
  }
  const Bytes* key = nullptr;
  if (const auto* put = std::get_if<Put>(&operation)) key = &put->key;
  if (const auto* del = std::get_if<Delete>(&operation)) key = &del->key;
  if (const auto* compare = std::get_if<CompareAndSet>(&operation)) key = &compare->key;
  if (const auto* add = std::get_if<Add>(&operation)) key = &add->key;
  return check_key(*key, index);
}

[[nodiscard]] tl::unexpected<Error> sender_not_allowed(const PublicKey& sender,
                                                       const Genesis& genesis) {
  return refuse("tx-sender-not-allowed",
                fmt::format("the sender {} is not in the genesis list of {} senders", sender.hex(),
                            genesis.senders->size()),
                "Sign with a listed key, or ask the network's operators.");
}

[[nodiscard]] tl::unexpected<Error> sender_invalid_key(const PublicKey& sender) {
  return refuse("tx-sender-invalid-key",
                fmt::format("the sender {} is not a canonical point of Ed25519's prime-order "
                            "subgroup",
                            sender.hex()),
                "Sign with a key made by `quorate key new`.");
}

[[nodiscard]] bool is_report(const Transaction& body) {
  return std::all_of(body.operations.begin(), body.operations.end(), [](const Operation& each) {
    return std::holds_alternative<RecordEvidence>(each) ||
           std::holds_alternative<ChangeMembership>(each);
  });
}

// All of the form but the sender.
[[nodiscard]] Status check_body(const Transaction& body, std::size_t encoded_bytes,
                                const Genesis& genesis, const Digest& chain_id) {
  if (body.chain_id != chain_id) {
    return refuse("tx-wrong-chain",
                  fmt::format("the transaction is for chain {}; this network is {}",
                              body.chain_id.hex(), chain_id.hex()),
                  "Sign it again with the genesis document of this network.");
  }
  QUORATE_TRY(check_size(encoded_bytes, genesis));
  if (body.operations.empty()) {
    return refuse(
        "tx-no-operations",
        fmt::format("the transaction has no operations; 1 to {} were expected", kOperationsMax),
        "Add an operation.");
  }
  if (body.operations.size() > kOperationsMax) {
    return refuse("tx-too-many-operations",
                  fmt::format("the transaction has {} operations; at most {} are allowed",
                              body.operations.size(), kOperationsMax),
                  "Split it.");
  }
  if (body.nonce == 0) {
    return refuse("tx-nonce-zero", "the nonce is 0; the first nonce is 1",
                  "Ask a node for a free nonce of this sender.");
  }
  if (body.valid_until.value == 0) {
    return refuse("tx-valid-until-zero",
                  "valid-until is 0; a time in milliseconds since 1970 was expected",
                  "Give the time after which the transaction must not happen.");
  }
  // Before the forms, since that of a change costs as much as two signatures.
  const auto changes = std::count_if(
      body.operations.begin(), body.operations.end(),
      [](const Operation& each) { return std::holds_alternative<ChangeMembership>(each); });
  if (changes > 1) {
    return refuse("tx-membership-twice",
                  fmt::format("the transaction has {} membership changes; at most one can happen "
                              "in an epoch",
                              changes),
                  "Send them one after the other.");
  }
  for (std::size_t i = 0; i < body.operations.size(); ++i) {
    QUORATE_TRY(check_operation(body.operations[i], i));
  }
  return {};
}

}  // namespace

TxId id_of(const Transaction& body) { return {crypto::digest_of(kIdKind, body)}; }

Status check_form(const SignedTransaction& transaction, std::size_t encoded_bytes,
                  const Genesis& genesis, std::span<const ReplicaInfo> later_replicas) {
  QUORATE_TRY(check_body(transaction.body, encoded_bytes, genesis, chain_id_of(genesis)));
  const PublicKey& sender = transaction.body.sender;
  if (!genesis.senders) {
    return crypto::admit_public_key(sender) ? Status{} : sender_invalid_key(sender);
  }
  // A listed key's point was judged with the genesis document.
  const auto& listed = *genesis.senders;
  const bool is_listed = std::find(listed.begin(), listed.end(), sender) != listed.end();
  const auto is_sender = [&](const ReplicaInfo& each) { return each.network_key == sender; };
  const bool reports =
      is_report(transaction.body) &&
      (std::any_of(genesis.replicas.begin(), genesis.replicas.end(), is_sender) ||
       std::any_of(later_replicas.begin(), later_replicas.end(), is_sender));
  return is_listed || reports ? Status{} : sender_not_allowed(sender, genesis);
}

TransactionVerifier::TransactionVerifier(const Genesis& genesis, const Digest& chain_id,
                                         crypto::SignatureCache* cache)
    : Verifier(chain_id, cache),
      genesis_(genesis),
      listed_(genesis.senders.value_or(std::vector<PublicKey>{})),
      admitted_(kAdmittedKeys) {
  std::sort(listed_.begin(), listed_.end());
  admit_reporters(genesis.replicas);
}

void TransactionVerifier::admit_reporters(std::span<const ReplicaInfo> replicas) {
  if (!genesis_.senders) return;
  const std::lock_guard lock(mutex_);
  for (const ReplicaInfo& each : replicas) reporters_.push_back(each.network_key);
  std::sort(reporters_.begin(), reporters_.end());
  reporters_.erase(std::unique(reporters_.begin(), reporters_.end()), reporters_.end());
}

Status TransactionVerifier::check_sender(const Transaction& body) const {
  const PublicKey& sender = body.sender;
  if (genesis_.senders) {
    const bool is_listed = std::binary_search(listed_.begin(), listed_.end(), sender);
    if (is_listed) return {};
    const std::lock_guard lock(mutex_);
    const bool reports =
        is_report(body) && std::binary_search(reporters_.begin(), reporters_.end(), sender);
    return reports ? Status{} : sender_not_allowed(sender, genesis_);
  }
  const std::size_t set = std::hash<PublicKey>{}(sender) % (kAdmittedKeys / kAdmittedTogether);
  const std::span known = std::span(admitted_).subspan(set * kAdmittedTogether, kAdmittedTogether);
  {
    const std::lock_guard lock(mutex_);
    // The key of zeros, which an empty place holds, is no good point.
    const bool is_known = std::find(known.begin(), known.end(), sender) != known.end();
    if (is_known && sender != PublicKey{}) return {};
  }
  if (!crypto::admit_public_key(sender)) return sender_invalid_key(sender);
  const std::lock_guard lock(mutex_);
  std::shift_right(known.begin(), known.end(), 1);
  known.front() = sender;
  return {};
}

Result<TransactionPtr> TransactionVerifier::check(ByteView encoded) const {
  // Before the decoder allocates for it.
  QUORATE_TRY(check_size(encoded.size(), genesis_));
  auto decoded = crypto::decode<SignedTransaction>(encoded);
  if (!decoded) {
    return fail(ErrorKind::kInvalid, "tx-malformed",
                fmt::format("the {} bytes are not a transaction: {}", encoded.size(),
                            decoded.error().to_string()),
                "Send BCS(SignedTransaction), as ledger/README.md describes it.");
  }
  return judge(std::move(*decoded), encoded);
}

Result<TransactionPtr> TransactionVerifier::check(SignedTransaction transaction) const {
  const Bytes encoded = crypto::encode(transaction);
  return judge(std::move(transaction), encoded);
}

Result<TransactionPtr> TransactionVerifier::judge(SignedTransaction transaction,
                                                  ByteView encoded) const {
  const Transaction& body = transaction.body;
  QUORATE_TRY(check_body(body, encoded.size(), genesis_, chain_id()));
  QUORATE_TRY(check_sender(body));
  // The body comes first and the signature has no length before it, so this is BCS(Transaction).
  const ByteView body_bytes = encoded.first(encoded.size() - transaction.signature.bytes.size());
  const Bytes signed_bytes =
      crypto::signing_bytes(crypto::Purpose::kTransaction, chain_id(), body_bytes);
  if (!verify_bytes(body.sender, signed_bytes, transaction.signature)) {
    return refuse(
        "tx-bad-signature",
        fmt::format("the signature does not verify under the sender {}", body.sender.hex()),
        "Sign the transaction's body with the sender's key.");
  }
  const TxId id{crypto::digest_of_encoded(kIdKind, body_bytes)};
  return std::make_shared<const CheckedTransaction>(
      CheckedTransaction{vouch(std::move(transaction)), id, encoded.size()});
}

}  // namespace quorate::ledger
