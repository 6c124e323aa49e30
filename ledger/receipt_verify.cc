// What a stranger runs: a receipt against the genesis document, without a store or a network.

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "crypto/merkle.h"
#include "ledger/receipt.h"

namespace quorate::ledger {
namespace {

// A certificate's votes at most, and the transaction.
constexpr std::size_t kCacheEntries = 1024;

[[nodiscard]] tl::unexpected<Error> refuse(std::string_view code, std::string message) {
  return fail(ErrorKind::kCorrupt, code, std::move(message),
              "Do not rely on this receipt; fetch it again, best from another node.");
}

class ReceiptVerifier : public crypto::Verifier {
 public:
  using Verifier::Verifier;

  [[nodiscard]] Status check_transaction(const Receipt& receipt, const Genesis& genesis) const {
    const SignedTransaction& transaction = receipt.transaction;
    const Transaction& body = transaction.body;
    if (body.chain_id != chain_id()) {
      return fail(ErrorKind::kCorrupt, "receipt-wrong-chain",
                  fmt::format("the receipt is of chain {}; the genesis document makes {}",
                              body.chain_id.hex(), chain_id().hex()),
                  "Verify it with the genesis document of its own network.");
    }
    // The epochs themselves are verified with the votes.
    std::vector<ReplicaInfo> later;
    for (const EpochProof& proof : receipt.epochs) {
      later.insert(later.end(), proof.start.replicas.begin(), proof.start.replicas.end());
    }
    QUORATE_TRY(check_form(transaction, crypto::encode(transaction).size(), genesis, later));
    if (!verify_signature(body.sender, crypto::Purpose::kTransaction, body,
                          transaction.signature)) {
      return refuse("receipt-bad-transaction-signature",
                    fmt::format("the transaction's signature does not verify under its sender {}",
                                body.sender.hex()));
    }
    return {};
  }
};

// The certificate speaks about this very batch, in the epoch that the record names.
[[nodiscard]] Status check_certificate_names_batch(const Receipt& receipt) {
  const CommitCertificate& certificate = receipt.certificate;
  const BatchHeader& batch = receipt.record.batch;
  const Digest digest = digest_of_batch(batch);
  if (certificate.batch == digest && certificate.sequence == batch.sequence &&
      certificate.epoch == receipt.record.epoch) {
    return {};
  }
  return refuse(
      "receipt-certificate-other-batch",
      fmt::format("the certificate is for batch {} at sequence {} of epoch {}; the record holds "
                  "batch {} at sequence {} of epoch {}",
                  certificate.batch.hex(), certificate.sequence.value, certificate.epoch.value,
                  digest.hex(), batch.sequence.value, receipt.record.epoch.value));
}

// Whether some state makes the operation fail so.
[[nodiscard]] bool can_fail(const Operation& operation, Outcome outcome, TimeMs now) {
  switch (outcome) {
    case Outcome::kRejectedCompareFailed:
      return std::holds_alternative<CompareAndSet>(operation);
    case Outcome::kRejectedNotANumber:
    case Outcome::kRejectedNumberOverflow:
      return std::holds_alternative<Add>(operation);
    case Outcome::kRejectedInsufficientFunds:
    case Outcome::kRejectedBalanceOverflow:
      return std::holds_alternative<Transfer>(operation);
    case Outcome::kRejectedUntilInThePast: {
      const auto* put = std::get_if<Put>(&operation);
      return put != nullptr && put->until && *put->until <= now;
    }
    case Outcome::kRejectedEvidenceInvalid:
    case Outcome::kRejectedEvidenceKnown:
    case Outcome::kRejectedEvidenceFull:
      return std::holds_alternative<RecordEvidence>(operation);
    case Outcome::kRejectedOtherEpoch:
    case Outcome::kRejectedChangePending:
    case Outcome::kRejectedReplicaUnknown:
    case Outcome::kRejectedReplicaName:
    case Outcome::kRejectedReplicaKey:
    case Outcome::kRejectedSetSize:
    case Outcome::kRejectedNoConsent:
    case Outcome::kRejectedNotSigned:
      return std::holds_alternative<ChangeMembership>(operation);
    default:
      return false;
  }
}

// No correct replica reports such a result for such a transaction, whatever the state was.
[[nodiscard]] bool is_possible(const Receipt& receipt, const Genesis& genesis) {
  const Transaction& body = receipt.transaction.body;
  const TxResult& result = receipt.result;
  const TimeMs now = receipt.record.effective_time;
  if (now < receipt.record.batch.time || is_skipped(result.outcome)) return false;
  const bool expired = body.valid_until <= now;
  if (expired != (result.outcome == Outcome::kRejectedExpired)) return false;
  const bool too_far =
      !expired && body.valid_until.value - now.value > genesis.parameters.valid_until_horizon_ms;
  if (too_far != (result.outcome == Outcome::kRejectedValidUntilTooFar)) return false;
  if (!result.failed_operation) {
    return expired || too_far || result.outcome == Outcome::kApplied;
  }
  return *result.failed_operation < body.operations.size() &&
         can_fail(body.operations[*result.failed_operation], result.outcome, now);
}

[[nodiscard]] Status check_result(const Receipt& receipt, const TxId& id, const Genesis& genesis) {
  const crypto::Digest leaf = crypto::merkle::leaf_hash(crypto::encode(receipt.result));
  const Record& record = receipt.record;
  if (receipt.result.id != id ||
      !crypto::merkle::verify_inclusion(leaf, receipt.index, record.batch.transaction_count,
                                        receipt.result_path, record.results_root)) {
    return refuse("receipt-result-not-in-record",
                  fmt::format("the result \"{}\" is not at place {} under the record's results "
                              "root {}",
                              outcome_code(receipt.result.outcome), receipt.index,
                              record.results_root.hex()));
  }
  if (!is_possible(receipt, genesis)) {
    return refuse("receipt-result-impossible",
                  fmt::format("the result \"{}\" contradicts the transaction or the agreed time {}",
                              outcome_code(receipt.result.outcome), record.effective_time.value));
  }
  return {};
}

// The record is in the log of the checkpoint, at the place that its sequence says.
[[nodiscard]] Status check_record(const StableEvidence& evidence, const Record& record) {
  const CheckpointNote& note = evidence.checkpoint.note;
  const std::uint64_t sequence = record.batch.sequence.value;
  if (sequence > 0 && crypto::merkle::verify_inclusion(record_leaf(record), sequence - 1,
                                                       note.head.size, evidence.record_path,
                                                       note.head.root)) {
    return {};
  }
  return refuse("receipt-record-not-in-checkpoint",
                fmt::format("the record of sequence {} is not in the log of {} records with root "
                            "{} that the checkpoint names",
                            sequence, note.head.size, note.head.root.hex()));
}

}  // namespace

Result<ReceiptVerdict> verify_receipt(const Receipt& receipt, const Genesis& genesis) {
  if (receipt.format != format_of(receipt)) {
    return fail(ErrorKind::kUnsupported, "receipt-newer-format",
                fmt::format("the receipt has format {}, {} checkpoint and {} epoch proofs; this "
                            "program knows format 1 without either, 2 with a checkpoint and 3 with "
                            "epoch proofs",
                            receipt.format, receipt.checkpoint ? "a" : "no",
                            receipt.epochs.size()),
                "Use the version of Quorate that made it, or a newer one.");
  }
  crypto::SignatureCache cache(kCacheEntries);
  const Digest chain_id = chain_id_of(genesis);
  const ReceiptVerifier verifier(chain_id, &cache);
  QUORATE_TRY(verifier.check_transaction(receipt, genesis));
  const TxId id = id_of(receipt.transaction.body);
  const BatchHeader& batch = receipt.record.batch;
  if (!crypto::merkle::verify_inclusion(crypto::merkle::leaf_hash(id.digest.bytes), receipt.index,
                                        batch.transaction_count, receipt.transaction_path,
                                        batch.transaction_root)) {
    return refuse(
        "receipt-transaction-not-in-batch",
        fmt::format("transaction {} is not at place {} of {} under the batch's root {}", id.hex(),
                    receipt.index, batch.transaction_count, batch.transaction_root.hex()));
  }
  QUORATE_TRY(check_certificate_names_batch(receipt));
  QUORATE_ASSIGN(const Membership membership,
                 verify_epochs(receipt.epochs, receipt.record.epoch, genesis, cache));
  const ReplicaSet& replicas = membership.current();
  if (batch.sequence <= replicas.start) {
    return refuse("receipt-certificate-other-batch",
                  fmt::format("the record is of sequence {} and epoch {}, which begins after {}",
                              batch.sequence.value, replicas.epoch.value, replicas.start.value));
  }
  QUORATE_TRY(CertificateVerifier(chain_id, &cache).check(receipt.certificate, replicas));
  QUORATE_TRY(check_result(receipt, id, genesis));

  ReceiptVerdict verdict;
  verdict.id = id;
  verdict.height = batch.sequence;
  verdict.index = receipt.index;
  verdict.agreed_time = batch.time;
  verdict.signers = receipt.certificate.commits.size();
  verdict.replicas = replicas.size();
  verdict.epoch = replicas.epoch;
  verdict.order_proved = true;
  verdict.result = receipt.result;
  // A commit certificate does not cover the results root; a checkpoint's log does.
  if (receipt.checkpoint) {
    QUORATE_TRY(check_record(*receipt.checkpoint, receipt.record));
    const CheckpointVerifier checkpoints(chain_id, &cache);
    QUORATE_TRY(checkpoints.check(receipt.checkpoint->checkpoint, replicas));
    verdict.result_proved = true;
    verdict.checkpoint = receipt.checkpoint->checkpoint.note.sequence;
    verdict.cosigners = receipt.checkpoint->checkpoint.cosignatures.size();
  }
  return verdict;
}

}  // namespace quorate::ledger
