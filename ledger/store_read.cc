// Reading the ledger: what is stored, held against the log. What writes it stands in store.cc.

#include <algorithm>

#include "ledger/audit_window.h"
#include "ledger/execution.h"
#include "ledger/log_view.h"
#include "ledger/nonce_window.h"
#include "ledger/store_impl.h"

namespace quorate::ledger {

namespace merkle = crypto::merkle;

namespace {

tl::unexpected<Error> block_not_found(std::uint64_t asked, std::uint64_t height) {
  return fail(
      ErrorKind::kNotFound, "block-not-found",
      fmt::format("block {} was asked for, and the ledger has blocks 1 to {}", asked, height),
      "Wait until it is committed, or ask for an earlier one.");
}

tl::unexpected<Error> block_not_kept(std::uint64_t asked, std::uint64_t base) {
  return fail(ErrorKind::kNotFound, "block-not-kept",
              fmt::format("block {} was asked for; this ledger began from a snapshot of height {}, "
                          "or was pruned up to it, and keeps the blocks after it",
                          asked, base),
              "Ask a node that has the whole ledger.");
}

}  // namespace

std::vector<merkle::NodeId> subtrees_of(std::uint64_t size) {
  std::vector<merkle::NodeId> ids;
  std::uint64_t begin = 0;
  for (int level = 63; level >= 0; --level) {
    const std::uint64_t width = std::uint64_t{1} << level;
    if ((size & width) == 0) continue;
    ids.push_back({static_cast<std::uint8_t>(level), begin >> level});
    begin += width;
  }
  return ids;
}

// --- one moment

Result<Digest> StoreMoment::node(const merkle::NodeId& id) const {
  if (id.level < LogNodes::kLowestLevel) return stored_node(id);
  if (const auto kept = log_nodes->find(id)) return *kept;
  keep_nodes_around(id);
  if (const auto kept = log_nodes->find(id)) return *kept;
  return stored_node(id);  // missing or damaged: it says which
}

// In the order of the keys 256 nodes are neighbours, so that they cost little more than one. What
// cannot be read is left to those who ask for it.
void StoreMoment::keep_nodes_around(const merkle::NodeId& id) const {
  constexpr std::uint64_t kNodes = 256;  // the last byte of a key
  const Bytes first = keys::node({id.level, id.index - id.index % kNodes});
  merkle::NodeId at{id.level, 0};
  const std::uint64_t complete = head.frontier.size >> id.level;
  const Status whole = database->for_each_at(
      first, first.size() - 1, snapshot, [&](ByteView key, ByteView value) -> Status {
        Digest digest;
        at.index = id.index - id.index % kNodes + key.back();
        if (key.size() != first.size() || value.size() != digest.bytes.size()) return {};
        if (at.index >= complete) return {};
        std::copy(value.begin(), value.end(), digest.bytes.begin());
        log_nodes->keep(at, digest);
        return {};
      });
  if (!whole) return;
}

Result<Digest> StoreMoment::stored_node(const merkle::NodeId& id) const {
  const std::string what = fmt::format("node {} of level {} of the log", id.index, id.level);
  QUORATE_ASSIGN(const std::optional<Bytes> bytes, find(keys::node(id), what));
  Digest digest;
  if (!bytes || bytes->size() != digest.bytes.size()) {
    return database->corrupt(fmt::format("{} is missing", what));
  }
  std::copy(bytes->begin(), bytes->end(), digest.bytes.begin());
  return digest;
}

Result<Digest> StoreMoment::log_root(std::uint64_t size) const {
  QUORATE_ASSIGN(const merkle::Frontier frontier, frontier_at(size));
  return frontier.root();
}

Result<merkle::Frontier> StoreMoment::frontier_at(std::uint64_t size) const {
  merkle::Frontier frontier;
  frontier.size = size;
  for (const merkle::NodeId& id : subtrees_of(size)) {
    QUORATE_ASSIGN(const Digest stored, node(id));
    frontier.nodes.push_back(stored);
  }
  return frontier;
}

Status StoreMoment::check_height(Height height) const {
  if (height > base && height <= head.height) return {};
  if (height.value >= 1 && height <= base) return block_not_kept(height.value, base.value);
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
  const std::vector<merkle::NodeId> ids = subtrees_of(frontier.size);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    QUORATE_ASSIGN(const Digest stored, node(ids[i]));
    if (stored != frontier.nodes[i]) {
      return database->corrupt(fmt::format("node {} of level {} of the log is not the head's",
                                           ids[i].index, ids[i].level));
    }
  }
  if (head.height <= base) return {};
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

// --- the head and what is below it

Height Store::base() const { return impl_->now()->base; }
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

Result<bool> Store::may_precede(const Transaction& body) const {
  const StoreView state = view();
  if (base().value == 0) return false;
  QUORATE_ASSIGN(const auto owner, nonce_owner(body.sender, body.nonce));
  if (owner) return false;
  QUORATE_ASSIGN(const NonceWindow nonces, read_nonces(state, body.sender));
  const NonceVerdict verdict = judge_nonce(nonces, body.nonce);
  return verdict == NonceVerdict::kUsed || verdict == NonceVerdict::kTooOld;
}

Result<std::vector<Digest>> Store::inclusion_path(Height height, std::uint64_t size) const {
  const auto moment = impl_->now();
  QUORATE_TRY(moment->check_height(height));
  if (size < height.value || size > moment->head.frontier.size) {
    return block_not_found(size, moment->head.height.value);
  }
  return log().inclusion_path(height.value - 1, size);
}

Result<AuditWindow> Store::stored_window(Height first, Height last) const {
  return read_window(*impl_->database, first, last);
}

}  // namespace quorate::ledger
