// The vote store and its guard, in memory.

#include <algorithm>
#include <map>
#include <utility>

#include "crypto/check.h"
#include "crypto/signing.h"
#include "testnet/sim_disk.h"

namespace quorate::testnet {
namespace {

using ledger::VoteRecord;

struct Contents {
  std::map<Bytes, Bytes> records;
  ledger::Digest store_id;
  std::uint64_t last_write = 0;
};

class MemoryVotes final : public VoteDisk {
 public:
  explicit MemoryVotes(const ledger::Digest& chain_id) {
    guard_.chain_id = chain_id;
    wipe();
    guard_.store_id = contents_.store_id;
    synced_guard_ = guard_;
  }

  Status begin_write(std::vector<VoteRecord> records) override {
    QUORATE_CHECK(!writing_, "one write at a time");
    if (stopped_) return stopped();
    if (faults.is_full) return refuse("no space is left on the disk");
    writing_ = std::move(records);
    return {};
  }

  Status finish_write() override {
    QUORATE_CHECK(writing_.has_value(), "a write was begun");
    if (faults.syncs_fail) return refuse("the sync failed");
    apply(*std::exchange(writing_, std::nullopt));
    if (guard_.store_id == contents_.store_id) guard_.last_write = noteworthy_;
    return {};
  }

  void erase(const std::vector<Bytes>& keys) override {
    for (const Bytes& key : keys) {
      if (auto found = contents_.records.extract(key)) erased_.insert(std::move(found));
    }
  }

  void erase_range(ByteView first, ByteView last) override {
    auto at = contents_.records.lower_bound(Bytes(first.begin(), first.end()));
    const auto end = contents_.records.lower_bound(Bytes(last.begin(), last.end()));
    while (at != end) erased_.insert(contents_.records.extract(at++));
  }

  Status for_each_from(
      ByteView first,
      const std::function<Status(ByteView key, ByteView value)>& visit) const override {
    const Bytes begin(first.begin(), first.end());
    for (auto at = contents_.records.lower_bound(begin);
         at != contents_.records.end() && at->first.front() == begin.front(); ++at) {
      QUORATE_TRY(visit(at->first, at->second));
    }
    return {};
  }

  Result<std::optional<Bytes>> get(ByteView key) const override {
    const auto found = contents_.records.find(Bytes(key.begin(), key.end()));
    if (found == contents_.records.end()) return std::nullopt;
    return found->second;
  }

  Status reserve(ledger::Epoch epoch, ledger::View view, ledger::Sequence ceiling) override {
    if (stopped_) return stopped();
    const bool is_covered = epoch <= guard_.epoch_ceiling && view <= guard_.view_ceiling &&
                            ceiling <= guard_.sequence_ceiling;
    if (is_covered) return {};
    if (faults.is_full || faults.syncs_fail) return refuse("the guard could not be synced");
    if (std::pair(epoch, view) > std::pair(guard_.epoch_ceiling, guard_.view_ceiling)) {
      guard_.epoch_ceiling = epoch;
      guard_.view_ceiling = view;
    }
    guard_.sequence_ceiling = std::max(guard_.sequence_ceiling, ceiling);
    synced_guard_ = guard_;
    return {};
  }

  Status adopt() override {
    if (stopped_) return stopped();
    if (faults.is_full || faults.syncs_fail) return refuse("the guard could not be synced");
    guard_.store_id = contents_.store_id;
    guard_.last_write = noteworthy_ = contents_.last_write;
    synced_guard_ = guard_;
    return {};
  }

  ledger::GuardState guard() const override { return guard_; }
  ledger::StoreAge age() const override {
    return ledger::judge_store_age(guard_, contents_.store_id, contents_.last_write);
  }

  void crash(CrashKind kind, Prng& dice) override {
    const bool write_survives = writing_ && dice.chance(500);
    if (write_survives) apply(*writing_);
    writing_.reset();
    if (kind == CrashKind::kPower) {
      // What was erased since the last write comes back, unless it reached the disk by itself.
      if (dice.chance(500)) contents_.records.merge(erased_);
      // The guard notes writes without a sync of its own.
      if (dice.chance(500)) guard_ = synced_guard_;
    }
    erased_.clear();
    stopped_ = false;
  }

  void copy() override { copy_ = contents_; }
  void restore_copy() override {
    if (!copy_) return;
    contents_ = *copy_;
    checksum_.reset();
    if (guard_.last_write != noteworthy_) wipe();
  }
  void wipe() override {
    contents_ = {};
    contents_.store_id = crypto::digest_of("simulated-store", ++stores_);
    checksum_.reset();
  }
  void flip(Prng& dice) override {
    if (contents_.records.empty()) return;
    checksum_ = checksum();
    auto at = contents_.records.begin();
    std::advance(at, dice.below(contents_.records.size()));
    if (at->second.empty()) return;
    at->second[dice.below(at->second.size())] ^= static_cast<std::uint8_t>(1U << dice.below(8));
  }
  bool is_damaged() const override { return checksum_ && *checksum_ != checksum(); }

 private:
  void apply(const std::vector<VoteRecord>& records) {
    for (const VoteRecord& record : records) contents_.records[record.key] = record.value;
    ++contents_.last_write;
    if (guard_.store_id == contents_.store_id) noteworthy_ = contents_.last_write;
    erased_.clear();
  }
  Status refuse(std::string why) {
    stopped_ = true;
    return fail(ErrorKind::kEnvironment, "vote-store-write-failed", std::move(why));
  }
  ledger::Digest checksum() const {
    crypto::Sha256 all;
    for (const auto& [key, value] : contents_.records) all.update(key).update(value);
    return all.finish();
  }
  static Status stopped() {
    return fail(ErrorKind::kEnvironment, "vote-store-stopped", "an earlier write failed");
  }

  Contents contents_;
  std::optional<Contents> copy_;
  std::optional<std::vector<VoteRecord>> writing_;
  std::map<Bytes, Bytes> erased_;  // not durably
  ledger::GuardState guard_;
  ledger::GuardState synced_guard_;
  std::uint64_t noteworthy_ = 0;  // the last write of the store that the guard knows
  std::optional<ledger::Digest> checksum_;  // from before a bit flipped
  std::uint64_t stores_ = 0;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<VoteDisk> memory_votes(const ledger::Digest& chain_id) {
  return std::make_unique<MemoryVotes>(chain_id);
}

}  // namespace quorate::testnet
