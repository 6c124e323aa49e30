#include "ledger/store.h"

#include "crypto/check.h"
#include "ledger/store_impl.h"

namespace quorate::ledger {

namespace merkle = crypto::merkle;

const StoreWords kLedgerWords = {
    .name = "ledger",
    .missing = "ledger-missing",
    .exists = "ledger-exists",
    .in_use = "ledger-in-use",
    .other_chain = "ledger-other-chain",
    .newer_format = "ledger-newer-format",
    .corrupt = "ledger-corrupt",
    .unreadable = "ledger-unreadable",
    .write_failed = "ledger-write-failed",
    .stopped = "ledger-stopped",
    .rebuild = "Set aside the folder and let the node rebuild it from peers.",
    .format = kLedgerFormat,
    .older_format = "ledger-older-format",
};

namespace {

void put_state(leveldb::WriteBatch& batch, const WriteSet& writes) {
  for (const auto& [key, value] : writes) {
    if (value) {
      batch.Put(as_slice(keys::state(key)), as_slice(*value));
    } else {
      batch.Delete(as_slice(keys::state(key)));
    }
  }
}

// The leaf, the subtrees that it completes, and the head above them.
StoredHead put_leaf(leveldb::WriteBatch& batch, const StoredHead& head, const Record& record) {
  StoredHead next = head;
  std::vector<merkle::Node> completed;
  next.frontier.append(record_leaf(record), &completed);
  for (const merkle::Node& node : completed) {
    batch.Put(as_slice(keys::node(node.id)), as_slice(node.digest.bytes));
  }
  next.height = record.batch.sequence;
  next.time = record.effective_time;
  next.root = next.frontier.root();
  put(batch, keys::head(), next);
  return next;
}

std::vector<StoredWrite> stored_writes(const WriteSet& writes) {
  std::vector<StoredWrite> stored;
  stored.reserve(writes.size());
  for (const auto& [key, value] : writes) stored.push_back({key, value});
  return stored;
}

}  // namespace

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::create(const std::filesystem::path& folder,
                                             const Genesis& genesis, const StoreOptions& options) {
  QUORATE_ASSIGN(auto database, LevelDb::create(folder, kLedgerWords, options));
  auto impl = std::make_unique<Impl>();
  impl->database = std::move(database);
  impl->chain_id = chain_id_of(genesis);

  StoredHead head;
  head.time = genesis.time;
  head.root = head.frontier.root();
  leveldb::WriteBatch batch;
  put_identity(batch, {kLedgerFormat, impl->chain_id, {}});
  const WriteSet state = genesis_state(genesis);
  put_state(batch, state);
  put(batch, keys::head(), head);
  QUORATE_TRY(put_first_version(batch, state));
  QUORATE_TRY(impl->database->write(batch, true));
  QUORATE_TRY(impl->load(std::move(head)));
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& folder,
                                           const Digest& chain_id, const StoreOptions& options) {
  QUORATE_ASSIGN(auto database, LevelDb::open(folder, kLedgerWords, options));
  QUORATE_TRY(read_identity(*database, chain_id));
  auto impl = std::make_unique<Impl>();
  impl->database = std::move(database);
  impl->chain_id = chain_id;

  QUORATE_ASSIGN(const std::optional<Bytes> bytes,
                 impl->database->get(keys::head(), nullptr, "the head"));
  if (!bytes) return impl->database->corrupt("the head is missing");
  auto head = crypto::decode<StoredHead>(*bytes);
  if (!head) return impl->database->corrupt("the head does not decode");
  QUORATE_TRY(impl->load(std::move(*head)));
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Status Store::append(const CertifiedBatch& block, const Execution& execution) {
  const auto before = impl_->now();
  const BatchHeader& header = block.batch.header;
  const Height height = header.sequence;
  QUORATE_CHECK(height == next(before->head.height), "blocks are appended in order, without gaps");
  QUORATE_CHECK(block.transactions.size() == block.batch.ids.size() &&
                    execution.results.size() == block.batch.ids.size(),
                "a body and a result for each id of the batch");
  QUORATE_CHECK(block.certificate.batch == digest_of_batch(header),
                "the certificate is over this batch");
  QUORATE_CHECK(block.certificate.epoch == execution.epoch,
                "the certificate is of the epoch that the state is in");

  const Record record{block.certificate.epoch, header, execution.effective_time,
                      execution.results_root};
  leveldb::WriteBatch batch;
  put(batch, keys::record(height), record);
  put(batch, keys::certificate(height), block.certificate);
  put(batch, keys::results(height), execution.results);
  put(batch, keys::writes(height), stored_writes(execution.writes));
  for (std::uint32_t i = 0; i < block.transactions.size(); ++i) {
    const SignedTransaction& transaction = *block.transactions[i]->signed_transaction;
    const TxId& id = block.batch.ids[i];
    const Outcome outcome = execution.results[i].outcome;
    put(batch, keys::transaction(height, i), transaction);
    if (is_skipped(outcome)) continue;
    if (uses_nonce(outcome)) {
      batch.Put(as_slice(keys::nonce_owner(transaction.body.sender, transaction.body.nonce)),
                as_slice(id.digest.bytes));
    } else {
      // An expired transaction may be ordered again and expire again; its first end stands.
      QUORATE_ASSIGN(const std::optional<TxLocation> earlier, find(id));
      if (earlier) continue;
    }
    put(batch, keys::location(id), TxLocation{height, i});
  }
  put_state(batch, execution.writes);
  StoredHead grown = put_leaf(batch, before->head, record);
  return impl_->append(batch, std::move(grown), execution);
}

Status Store::sync() {
  leveldb::WriteBatch batch;  // the seal alone: a synced write makes those before it durable
  return impl_->database->write(batch, true);
}

}  // namespace quorate::ledger
