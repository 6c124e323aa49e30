#include "ledger/chain_store.h"

#include <leveldb/write_batch.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "ledger/leveldb_open.h"

namespace quorate::ledger {
namespace {

namespace merkle = crypto::merkle;

constexpr StoreWords kChainStoreWords = {
    .name = "chain store",
    .missing = "chain-store-missing",
    .exists = "chain-store-exists",
    .in_use = "chain-store-in-use",
    .other_chain = "chain-store-other-chain",
    .newer_format = "chain-store-newer-format",
    .corrupt = "chain-store-corrupt",
    .unreadable = "chain-store-unreadable",
    .write_failed = "chain-store-write-failed",
    .stopped = "chain-store-stopped",
    .rebuild = "Set aside the folder, make a new one and let it take the chain from others.",
    .format = kChainStoreFormat,
};

constexpr std::array<std::uint8_t, 1> kChainHeadKey = {'h'};

struct StoredChainHead {
  std::uint64_t next_record = 0;
  merkle::Frontier journal;
};

void put_big_endian(Bytes& key, std::uint64_t number) {
  for (unsigned shift = 64; shift > 0; shift -= 8) {
    key.push_back(static_cast<std::uint8_t>(number >> (shift - 8)));
  }
}

Bytes numbered_key(char kind, std::uint64_t number) {
  Bytes key = {static_cast<std::uint8_t>(kind)};
  put_big_endian(key, number);
  return key;
}

// nullopt: a key that numbered_key did not make.
std::optional<std::uint64_t> number_in_key(ByteView key) {
  if (key.size() != 9) return std::nullopt;
  std::uint64_t number = 0;
  for (const std::uint8_t byte : key.subspan(1)) number = number << 8 | byte;
  return number;
}

Bytes journal_node_key(const merkle::NodeId& id) {
  Bytes key = {'m', id.level};
  put_big_endian(key, id.index);
  return key;
}

Result<StoredChainHead> read_chain_head(const LevelDb& database) {
  QUORATE_ASSIGN(const std::optional<Bytes> bytes,
                 database.get(kChainHeadKey, nullptr, "the head of the chain"));
  auto head = bytes ? crypto::decode<StoredChainHead>(*bytes) : Result<StoredChainHead>();
  if (!bytes || !head || !head->journal.is_well_formed()) {
    return database.corrupt("its head does not decode");
  }
  return std::move(*head);
}

}  // namespace

struct ChainStore::Impl {
  std::shared_ptr<LevelDb> database;
  Digest store_id;
  StoredChainHead head;

  // Adds what an append writes; `next` becomes the head that it leads to.
  void put(leveldb::WriteBatch& batch, const ChainAppend& append, StoredChainHead& next) const {
    for (const std::uint64_t number : append.erased) {
      QUORATE_CHECK(number < next.next_record, "what is erased was there");
      batch.Delete(as_slice(numbered_key('e', number)));
    }
    for (const Bytes& record : append.records) {
      batch.Put(as_slice(numbered_key('e', next.next_record++)), as_slice(record));
    }
    std::vector<merkle::Node> nodes;
    for (const std::string& line : append.journal) {
      batch.Put(as_slice(numbered_key('j', next.journal.size)), line);
      next.journal.append(merkle::leaf_hash(as_bytes(line)), &nodes);
    }
    for (const merkle::Node& node : nodes) {
      batch.Put(as_slice(journal_node_key(node.id)), as_slice(node.digest.bytes));
    }
    batch.Put(as_slice(kChainHeadKey), as_slice(crypto::encode(next)));
  }
};

ChainStore::ChainStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ChainStore::~ChainStore() = default;

Result<std::unique_ptr<ChainStore>> ChainStore::create(const std::filesystem::path& folder,
                                                       const Digest& chain, const Digest& store_id,
                                                       const ChainAppend& first,
                                                       const StoreOptions& options) {
  QUORATE_ASSIGN(auto database, LevelDb::create(folder, kChainStoreWords, options));
  auto impl = std::make_unique<Impl>(Impl{std::move(database), store_id, {}});
  leveldb::WriteBatch batch;
  put_identity(batch, {kChainStoreFormat, chain, store_id});
  impl->put(batch, first, impl->head);
  QUORATE_TRY(impl->database->write(batch, true));
  return std::unique_ptr<ChainStore>(new ChainStore(std::move(impl)));
}

Result<std::unique_ptr<ChainStore>> ChainStore::open(const std::filesystem::path& folder,
                                                     const Digest& chain,
                                                     const StoreOptions& options) {
  QUORATE_ASSIGN(auto database, LevelDb::open(folder, kChainStoreWords, options));
  QUORATE_ASSIGN(const StoreIdentity identity, read_identity(*database, chain));
  QUORATE_ASSIGN(StoredChainHead head, read_chain_head(*database));
  return std::unique_ptr<ChainStore>(new ChainStore(std::make_unique<Impl>(
      Impl{std::move(database), identity.store_id, std::move(head)})));
}

Status ChainStore::append(const ChainAppend& append, bool synced) {
  StoredChainHead next = impl_->head;
  leveldb::WriteBatch batch;
  impl_->put(batch, append, next);
  QUORATE_TRY(impl_->database->write(batch, synced));
  impl_->head = std::move(next);
  return {};
}

std::uint64_t ChainStore::next_record() const { return impl_->head.next_record; }

Status ChainStore::for_each_record(
    const std::function<Status(std::uint64_t number, ByteView record)>& visit) const {
  return impl_->database->for_each('e', [&](ByteView key, ByteView value) -> Status {
    const auto number = number_in_key(key);
    if (!number || *number >= next_record()) {
      return impl_->database->corrupt("it holds a record beyond its head");
    }
    return visit(*number, value);
  });
}

const Digest& ChainStore::store_id() const { return impl_->store_id; }

std::string ChainStore::journal_origin() const {
  return "quorate.chain-journal/" + impl_->store_id.hex();
}

std::uint64_t ChainStore::journal_size() const { return impl_->head.journal.size; }

Digest ChainStore::journal_root() const { return impl_->head.journal.root(); }

Result<std::vector<std::string>> ChainStore::journal_lines(std::uint64_t first,
                                                           std::uint64_t count_max) const {
  std::vector<std::string> lines;
  const std::uint64_t size = journal_size();
  for (std::uint64_t i = first; i < size && lines.size() < count_max; ++i) {
    QUORATE_ASSIGN(const auto line, impl_->database->get(numbered_key('j', i), nullptr,
                                                         "line " + std::to_string(i) +
                                                             " of the journal"));
    if (!line) {
      return impl_->database->corrupt("line " + std::to_string(i) + " of its journal is missing");
    }
    lines.emplace_back(as_text(*line));
  }
  return lines;
}

Result<merkle::Path> ChainStore::journal_consistency(std::uint64_t size1,
                                                     std::uint64_t size2) const {
  if (size2 > journal_size()) {
    return fail(ErrorKind::kNotFound, "merkle-out-of-range",
                "the journal has " + std::to_string(journal_size()) + " lines, found size " +
                    std::to_string(size2));
  }
  return merkle::consistency_path(size1, size2, [&](const merkle::NodeId& id) -> Result<Digest> {
    QUORATE_ASSIGN(const auto bytes, impl_->database->get(journal_node_key(id), nullptr,
                                                          "a node of the journal"));
    Digest digest;
    if (!bytes || bytes->size() != digest.bytes.size()) {
      return impl_->database->corrupt("a node of its journal is missing");
    }
    std::copy(bytes->begin(), bytes->end(), digest.bytes.begin());
    return digest;
  });
}

const std::vector<DroppedTail>& ChainStore::dropped_tails() const {
  return impl_->database->dropped_tails();
}

}  // namespace quorate::ledger
