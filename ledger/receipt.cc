#include "ledger/receipt.h"

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "crypto/merkle.h"
#include "ledger/published_checkpoint.h"

namespace quorate::ledger {
namespace {

[[nodiscard]] Result<Receipt> not_found(const TxId& id, std::string_view why) {
  return fail(ErrorKind::kNotFound, "receipt-not-found",
              fmt::format("there is no receipt of transaction {}: {}", id.hex(), why),
              "Ask for its status: it may be on its way, expired, or have lost its nonce to "
              "another.");
}

// What covers the block, if anything does yet.
[[nodiscard]] Result<std::optional<StableEvidence>> evidence_for(const Store& store,
                                                                 const Record& record) {
  const Height height = record.batch.sequence;
  QUORATE_ASSIGN(auto stable, covering(store, height));
  // A receipt has the proofs of one epoch; its last batch is a checkpoint, so there is one of it.
  if (!stable || stable->note.epoch != record.epoch) return std::nullopt;
  QUORATE_ASSIGN(auto path, store.inclusion_path(height, stable->note.head.size));
  return StableEvidence{std::move(*stable), std::move(path)};
}

}  // namespace

std::uint32_t format_of(const Receipt& receipt) {
  if (!receipt.epochs.empty()) return 3;
  return receipt.checkpoint ? 2 : 1;
}

Result<Receipt> make_receipt(const StoredBlock& block, std::uint32_t index,
                             std::vector<EpochProof> epochs) {
  QUORATE_CHECK(
      index < block.transactions.size() && block.results.size() == block.transactions.size(),
      "a receipt is about a transaction of the block");
  const TxResult& result = block.results[index];
  if (is_skipped(result.outcome)) return not_found(result.id, outcome_sentence(result.outcome));
  std::vector<Digest> ids;
  std::vector<Digest> results;
  for (const SignedTransaction& transaction : block.transactions) {
    ids.push_back(crypto::merkle::leaf_hash(id_of(transaction.body).digest.bytes));
  }
  for (const TxResult& each : block.results) {
    results.push_back(crypto::merkle::leaf_hash(crypto::encode(each)));
  }
  Receipt receipt;
  receipt.transaction = block.transactions[index];
  receipt.index = index;
  QUORATE_ASSIGN(receipt.transaction_path, crypto::merkle::inclusion_path(index, ids));
  receipt.record = block.record;
  receipt.certificate = block.certificate;
  receipt.result = result;
  QUORATE_ASSIGN(receipt.result_path, crypto::merkle::inclusion_path(index, results));
  receipt.epochs = std::move(epochs);
  receipt.format = format_of(receipt);
  return receipt;
}

Result<Receipt> make_receipt(const Store& store, const TxId& id) {
  QUORATE_ASSIGN(const std::optional<TxLocation> location, store.find(id));
  if (!location) return not_found(id, "no block of this ledger holds it");
  QUORATE_ASSIGN(const StoredBlock block, store.block(location->height));
  const std::size_t count = block.transactions.size();
  if (location->index >= count || block.results.size() != count ||
      id_of(block.transactions[location->index].body) != id) {
    return fail(ErrorKind::kCorrupt, "ledger-corrupt",
                fmt::format("the index puts transaction {} at place {} of block {}, which holds "
                            "{} transactions and another one there",
                            id.hex(), location->index, location->height.value, count),
                "Set this store aside and rebuild it from the other replicas.");
  }
  QUORATE_ASSIGN(auto epochs, store.epoch_proofs(block.record.epoch));
  QUORATE_ASSIGN(Receipt receipt, make_receipt(block, location->index, std::move(epochs)));
  QUORATE_ASSIGN(receipt.checkpoint, evidence_for(store, block.record));
  receipt.format = format_of(receipt);
  return receipt;
}

}  // namespace quorate::ledger
