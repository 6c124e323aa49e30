#include "ledger/store.h"

#include <fmt/format.h>
#include <leveldb/write_batch.h>

#include <mutex>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "ledger/leveldb_open.h"
#include "ledger/store_keys.h"

namespace quorate::ledger {

namespace merkle = crypto::merkle;

// One whole block: the head, and LevelDB as it was when the head was written.
struct StoreMoment {
  std::shared_ptr<LevelDb> database;
  StoredHead head;
  LevelDb::Snapshot snapshot;

  [[nodiscard]] Result<std::optional<Bytes>> find(const Bytes& key, std::string_view what) const {
    return database->get(key, snapshot, what);
  }

  // A value that must be there and decode; `part` names it, e.g. "record".
  template <class T>
  [[nodiscard]] Result<T> read(const Bytes& key, Height height, std::string_view part) const {
    const std::string what = fmt::format("the {} of height {}", part, height.value);
    QUORATE_ASSIGN(const std::optional<Bytes> bytes, find(key, what));
    if (!bytes) return database->corrupt(fmt::format("{} is missing", what));
    auto value = crypto::decode<T>(*bytes);
    if (!value) {
      return database->corrupt(fmt::format("{} does not decode ({})", what, value.error().code));
    }
    return value;
  }

  [[nodiscard]] tl::unexpected<Error> differs(std::string_view part, Height height) const {
    return database->corrupt(
        fmt::format("the {} of height {} is not the one that the log holds", part, height.value));
  }

  [[nodiscard]] Result<Digest> node(const merkle::NodeId& id) const;
  [[nodiscard]] Status check_height(Height height) const;
  [[nodiscard]] Result<Record> record(Height height) const;
  [[nodiscard]] Result<CommitCertificate> certificate(Height height, const Record& record) const;
  [[nodiscard]] Status check_head() const;
};

struct Store::Impl {
  std::shared_ptr<LevelDb> database;
  Digest chain_id;
  mutable std::mutex mutex;
  std::shared_ptr<const StoreMoment> moment;  // replaced as a whole

  [[nodiscard]] std::shared_ptr<const StoreMoment> now() const {
    const std::lock_guard lock(mutex);
    return moment;
  }

  void publish(StoredHead head) {
    auto next = std::make_shared<const StoreMoment>(
        StoreMoment{database, std::move(head), database->snapshot()});
    const std::lock_guard lock(mutex);
    moment.swap(next);
  }
};

namespace {

constexpr StoreWords kWords = {
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
};

tl::unexpected<Error> block_not_found(std::uint64_t asked, std::uint64_t height) {
  return fail(
      ErrorKind::kNotFound, "block-not-found",
      fmt::format("block {} was asked for, and the ledger has blocks 1 to {}", asked, height),
      "Wait until it is committed, or ask for an earlier one.");
}

template <class T>
void put(leveldb::WriteBatch& batch, const Bytes& key, const T& value) {
  batch.Put(as_slice(key), as_slice(crypto::encode(value)));
}

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

// --- one moment
// -----------------------------------------------------------------------------------

Result<Digest> StoreMoment::node(const merkle::NodeId& id) const {
  const std::string what = fmt::format("node {} of level {} of the log", id.index, id.level);
  QUORATE_ASSIGN(const std::optional<Bytes> bytes, find(keys::node(id), what));
  Digest digest;
  if (!bytes || bytes->size() != digest.bytes.size()) {
    return database->corrupt(fmt::format("{} is missing", what));
  }
  std::copy(bytes->begin(), bytes->end(), digest.bytes.begin());
  return digest;
}

Status StoreMoment::check_height(Height height) const {
  if (height.value >= 1 && height <= head.height) return {};
  return block_not_found(height.value, head.height.value);
}

Result<Record> StoreMoment::record(Height height) const {
  QUORATE_TRY(check_height(height));
  QUORATE_ASSIGN(Record found, read<Record>(keys::record(height), height, "record"));
  QUORATE_ASSIGN(const Digest leaf, node({0, height.value - 1}));
  if (record_leaf(found) != leaf || found.batch.sequence != height)
    return differs("record", height);
  return found;
}

Result<CommitCertificate> StoreMoment::certificate(Height height, const Record& record) const {
  QUORATE_ASSIGN(CommitCertificate found,
                 read<CommitCertificate>(keys::certificate(height), height, "certificate"));
  const bool fits = found.sequence == height && found.epoch == record.epoch &&
                    found.batch == digest_of_batch(record.batch);
  if (!fits) return differs("certificate", height);
  return found;
}

// The head against itself, against the nodes under it, and against the last block.
Status StoreMoment::check_head() const {
  const merkle::Frontier& frontier = head.frontier;
  if (!frontier.is_well_formed() || frontier.size != head.height.value ||
      frontier.root() != head.root) {
    return database->corrupt("the root of the head is not that of its frontier");
  }
  std::uint64_t begin = 0;
  std::size_t next = 0;
  for (int level = 63; level >= 0; --level) {
    const std::uint64_t width = std::uint64_t{1} << level;
    if ((frontier.size & width) == 0) continue;
    const merkle::NodeId id{static_cast<std::uint8_t>(level), begin >> level};
    QUORATE_ASSIGN(const Digest stored, node(id));
    if (stored != frontier.nodes[next]) {
      return database->corrupt(
          fmt::format("node {} of level {} of the log is not the head's", id.index, id.level));
    }
    begin += width;
    ++next;
  }
  if (head.height.value == 0) return {};
  QUORATE_ASSIGN(const Record last, record(head.height));
  if (last.effective_time != head.time) return differs("time", head.height);
  if (auto found = certificate(head.height, last); !found) return tl::unexpected(found.error());
  return {};
}

Height StoreView::height() const { return moment_->head.height; }
TimeMs StoreView::time() const { return moment_->head.time; }
TreeHead StoreView::tree_head() const { return {moment_->head.frontier.size, moment_->head.root}; }
Result<std::optional<Bytes>> StoreView::get(ByteView key) const {
  return moment_->find(keys::state(key), "a value of the state");
}

// --- opening and writing
// --------------------------------------------------------------------------

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::create(const std::filesystem::path& folder,
                                             const Genesis& genesis, const StoreOptions& options) {
  QUORATE_ASSIGN(auto database, LevelDb::create(folder, kWords, options));
  auto impl = std::make_unique<Impl>();
  impl->database = std::move(database);
  impl->chain_id = chain_id_of(genesis);

  StoredHead head;
  head.time = genesis.time;
  head.root = head.frontier.root();
  leveldb::WriteBatch batch;
  put_identity(batch, {kStoreFormat, impl->chain_id, {}});
  put_state(batch, genesis_state(genesis));
  put(batch, keys::head(), head);
  QUORATE_TRY(impl->database->write(batch, true));
  impl->publish(std::move(head));
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& folder,
                                           const Digest& chain_id, const StoreOptions& options) {
  QUORATE_ASSIGN(auto database, LevelDb::open(folder, kWords, options));
  QUORATE_TRY(read_identity(*database, chain_id));
  auto impl = std::make_unique<Impl>();
  impl->database = std::move(database);
  impl->chain_id = chain_id;

  QUORATE_ASSIGN(const std::optional<Bytes> bytes,
                 impl->database->get(keys::head(), nullptr, "the head"));
  if (!bytes) return impl->database->corrupt("the head is missing");
  auto head = crypto::decode<StoredHead>(*bytes);
  if (!head) return impl->database->corrupt("the head does not decode");
  impl->publish(std::move(*head));
  QUORATE_TRY(impl->moment->check_head());
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
  QUORATE_TRY(impl_->database->write(batch, false));
  impl_->publish(std::move(grown));
  return {};
}

Status Store::sync() {
  leveldb::WriteBatch batch;  // the seal alone: a synced write makes those before it durable
  return impl_->database->write(batch, true);
}

// --- reading
// --------------------------------------------------------------------------------------

Height Store::height() const { return impl_->now()->head.height; }
TimeMs Store::time() const { return impl_->now()->head.time; }
TreeHead Store::tree_head() const { return view().tree_head(); }
const Digest& Store::chain_id() const { return impl_->chain_id; }
StoreView Store::view() const { return StoreView(impl_->now()); }
const std::vector<DroppedTail>& Store::dropped_tails() const {
  return impl_->database->dropped_tails();
}
Result<std::optional<Bytes>> Store::get(ByteView key) const { return view().get(key); }

Result<StoredBlock> Store::block(Height height) const {
  const auto moment = impl_->now();
  StoredBlock block;
  QUORATE_ASSIGN(block.record, moment->record(height));
  QUORATE_ASSIGN(block.certificate, moment->certificate(height, block.record));
  QUORATE_ASSIGN(block.results,
                 moment->read<std::vector<TxResult>>(keys::results(height), height, "results"));
  if (results_root(block.results) != block.record.results_root) {
    return moment->differs("results", height);
  }
  std::vector<TxId> ids;
  for (std::uint32_t i = 0; i < block.record.batch.transaction_count; ++i) {
    const std::string part = fmt::format("transaction {}", i);
    QUORATE_ASSIGN(SignedTransaction transaction,
                   moment->read<SignedTransaction>(keys::transaction(height, i), height, part));
    ids.push_back(id_of(transaction.body));
    block.transactions.push_back(std::move(transaction));
  }
  if (transaction_root(ids) != block.record.batch.transaction_root) {
    return moment->differs("list of transactions", height);
  }
  return block;
}

Result<Record> Store::record(Height height) const { return impl_->now()->record(height); }

Result<CommitCertificate> Store::certificate(Height height) const {
  const auto moment = impl_->now();
  QUORATE_ASSIGN(const Record record, moment->record(height));
  return moment->certificate(height, record);
}

Result<WriteSet> Store::writes(Height height) const {
  const auto moment = impl_->now();
  QUORATE_TRY(moment->check_height(height));
  QUORATE_ASSIGN(auto stored, moment->read<std::vector<StoredWrite>>(keys::writes(height), height,
                                                                     "list of writes"));
  WriteSet writes;
  for (StoredWrite& write : stored) writes.emplace(std::move(write.key), std::move(write.value));
  return writes;
}

Result<std::optional<TxLocation>> Store::find(const TxId& id) const {
  const auto moment = impl_->now();
  QUORATE_ASSIGN(const std::optional<Bytes> bytes,
                 moment->find(keys::location(id), "the place of a transaction"));
  if (!bytes) return std::nullopt;
  const auto location = crypto::decode<TxLocation>(*bytes);
  if (!location || !moment->check_height(location->height)) {
    return moment->database->corrupt(
        fmt::format("the place of transaction {} is none of the log", id.hex()));
  }
  return *location;
}

Result<std::optional<TxId>> Store::nonce_owner(const PublicKey& sender, std::uint64_t nonce) const {
  const auto moment = impl_->now();
  QUORATE_ASSIGN(const std::optional<Bytes> bytes,
                 moment->find(keys::nonce_owner(sender, nonce), "the owner of a nonce"));
  if (!bytes) return std::nullopt;
  const auto owner = crypto::decode<TxId>(*bytes);
  if (!owner) {
    return moment->database->corrupt(
        fmt::format("the owner of nonce {} of {} does not decode", nonce, sender.hex()));
  }
  return *owner;
}

Result<std::vector<Digest>> Store::inclusion_path(Height height, std::uint64_t size) const {
  const auto moment = impl_->now();
  QUORATE_TRY(moment->check_height(height));
  if (size < height.value || size > moment->head.frontier.size) {
    return block_not_found(size, moment->head.height.value);
  }
  const std::uint64_t index = height.value - 1;
  QUORATE_ASSIGN(auto path, merkle::inclusion_path(index, size, [&](const merkle::NodeId& id) {
                   return moment->node(id);
                 }));
  if (size == moment->head.frontier.size) {
    QUORATE_ASSIGN(const Digest leaf, moment->node({0, index}));
    if (!merkle::verify_inclusion(leaf, index, size, path, moment->head.root)) {
      return moment->differs("inclusion path", height);
    }
  }
  return path;
}

}  // namespace quorate::ledger
