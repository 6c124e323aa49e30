#include "ledger/prune.h"

#include <fmt/format.h>
#include <leveldb/write_batch.h>

#include <algorithm>

#include "crypto/bcs.h"
#include "ledger/store_impl.h"
#include "ledger/store_keys.h"
#include "ledger/store_kinds.h"

namespace quorate::ledger {
namespace {

constexpr std::size_t kBatchBytes = 1 << 20;
constexpr std::uint64_t kKeysAStep = 4096;

// What stays is written in batches of about a megabyte.
class Copy {
 public:
  Copy(LevelDb& to, const std::function<void(std::uint64_t)>& on_keys)
      : to_(to), on_keys_(on_keys) {}

  Status put(ByteView key, ByteView value) {
    batch_.Put(as_slice(key), as_slice(value));
    bytes_ += key.size() + value.size();
    if (++keys_ % kKeysAStep == 0 && on_keys_) on_keys_(keys_);
    return bytes_ < kBatchBytes ? Status{} : flush(false);
  }
  Status flush(bool synced) {
    QUORATE_TRY(to_.write(batch_, synced));
    batch_.Clear();
    bytes_ = 0;
    return {};
  }

 private:
  LevelDb& to_;
  const std::function<void(std::uint64_t)>& on_keys_;
  leveldb::WriteBatch batch_;
  std::size_t bytes_ = 0;
  std::uint64_t keys_ = 0;
};

class Keeper {
 public:
  Keeper(const LevelDb& database, Height base)
      : database_(database), base_(base), roots_(subtrees_of(base.value)) {}

  [[nodiscard]] Result<bool> keeps(ByteView key, ByteView value) const {
    switch (static_cast<char>(key.front())) {
      case 'r':
      case 'c':
      case 't':
      case 'u':
      case 'w':
        return keys::height_in(key) > base_;
      case 'k':
      case 'q':
        return keys::height_in(key) >= base_;
      case 'm':
        return keeps_node(key);
      case 'i':
        return is_above(value);
      case 'n':
        return keeps_nonce(value);
      case 'j':
      case 'h':
      case 'f':
        return false;  // written by themselves
      default:
        return true;
    }
  }

 private:
  [[nodiscard]] bool keeps_node(ByteView key) const {
    if (key.size() != 10 || key[1] > 63) return true;  // the audit says what is wrong with it
    std::uint64_t index = 0;
    for (std::size_t i = 2; i < key.size(); ++i) index = index << 8 | key[i];
    const crypto::merkle::NodeId id{key[1], index};
    return (index + 1) << key[1] > base_.value ||
           std::find(roots_.begin(), roots_.end(), id) != roots_.end();
  }
  [[nodiscard]] Result<bool> is_above(ByteView place) const {
    const auto decoded = crypto::decode<TxLocation>(place);
    if (!decoded) return database_.corrupt("the place of a transaction does not decode");
    return decoded->height > base_;
  }
  [[nodiscard]] Result<bool> keeps_nonce(ByteView owner) const {
    const auto id = crypto::decode<TxId>(owner);
    if (!id) return database_.corrupt("the owner of a nonce does not decode");
    QUORATE_ASSIGN(const auto place,
                   database_.get(keys::location(*id), nullptr, "the place of a transaction"));
    if (!place) return database_.corrupt("the place of a nonce's owner is missing");
    return is_above(*place);
  }

  const LevelDb& database_;
  const Height base_;
  const std::vector<crypto::merkle::NodeId> roots_;
};

Result<StoredHead> read_head(const LevelDb& database) {
  QUORATE_ASSIGN(const auto bytes, database.get(keys::head(), nullptr, "the head"));
  const auto head = crypto::decode<StoredHead>(bytes.value_or(Bytes{}));
  if (!head) return database.corrupt("the head is missing or does not decode");
  return *head;
}

Result<Height> read_base(const LevelDb& database) {
  QUORATE_ASSIGN(const auto bytes, database.get(keys::origin(), nullptr, "the origin"));
  if (!bytes) return Height{0};
  const auto origin = crypto::decode<SnapshotOrigin>(*bytes);
  if (!origin) return database.corrupt("the origin does not decode");
  return origin->checkpoint.note.sequence;
}

}  // namespace

Result<PrunePlan> plan_prune(const LevelDb& database, Height below, Height ceiling) {
  PrunePlan plan;
  QUORATE_ASSIGN(plan.base_before, read_base(database));
  QUORATE_ASSIGN(const StoredHead head, read_head(database));
  plan.head = head.height;
  const Height highest{std::min({below.value == 0 ? 0 : below.value - 1, ceiling.value,
                                 head.height.value})};
  if (plan.base_before < highest) {
    QUORATE_ASSIGN(const auto found, database.last_between(keys::stable(next(plan.base_before)),
                                                           keys::stable(next(highest))));
    if (found) {
      auto stable = crypto::decode<StableCheckpoint>(found->value);
      if (!stable) return database.corrupt("a stable checkpoint does not decode");
      plan.base = stable->note.sequence;
      plan.checkpoint = std::move(*stable);
      return plan;
    }
  }
  return fail(ErrorKind::kNotFound, "nothing-to-prune",
              fmt::format("found no stable checkpoint from height {} to {}, expected one to begin "
                          "the ledger with",
                          plan.base_before.value + 1, highest.value),
              "Give a larger height, or wait until a quorum has cosigned more.");
}

Status copy_pruned(const LevelDb& database, const StoreIdentity& identity, const PrunePlan& plan,
                   const std::filesystem::path& to, std::uint64_t taken_ms,
                   const std::function<void(std::uint64_t)>& on_keys) {
  QUORATE_ASSIGN(const StoredHead head, read_head(database));
  QUORATE_ASSIGN(const auto made, LevelDb::create(to, kLedgerWords, {}));
  const Keeper keeper(database, plan.base);
  Copy copy(*made, on_keys);
  for (const StoreKind& kind : kStoreKinds) {
    if (kind.letter == kSealPrefix) continue;
    QUORATE_TRY(database.for_each(kind.letter, [&](ByteView key, ByteView value) -> Status {
      QUORATE_ASSIGN(const bool is_kept, keeper.keeps(key, value));
      return is_kept ? copy.put(key, value) : Status{};
    }));
  }
  SnapshotOrigin origin;
  origin.checkpoint = plan.checkpoint;
  origin.taken_ms = taken_ms;
  QUORATE_TRY(copy.put(keys::origin(), crypto::encode(origin)));
  QUORATE_TRY(copy.put(keys::head(), crypto::encode(head)));
  leveldb::WriteBatch last;
  put_identity(last, identity);
  QUORATE_TRY(copy.flush(false));
  return made->write(last, true);
}

}  // namespace quorate::ledger
