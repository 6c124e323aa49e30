#include "node/mempool.h"

#include <fmt/format.h>

#include <algorithm>

namespace quorate::node {
namespace {

using ledger::TxId;

// Ids that wait for agreed time to pass their valid-until; 40 bytes each. The oldest go first, and
// are then answered from the ledger alone.
constexpr std::size_t kExpiredMax = 100'000;

const ledger::Transaction& body_of(const ledger::CheckedTransaction& transaction) {
  return transaction.signed_transaction->body;
}

}  // namespace

Mempool::Mempool(const ledger::Genesis& genesis, const ledger::StateReader& state,
                 MempoolLimits limits, Callbacks callbacks)
    : genesis_(genesis), state_(state), limits_(limits), callbacks_(std::move(callbacks)) {
  limits_.sender_transactions_max = std::min<std::size_t>(limits_.sender_transactions_max,
                                                          genesis.parameters.sender_pending_max);
}

Status Mempool::check_bounds(const ledger::CheckedTransaction& transaction) {
  const auto busy = [](std::string message) {
    return fail(ErrorKind::kUnavailable, "busy", std::move(message),
                "It was not taken. Submit the same transaction again in a moment, or to another "
                "node.");
  };
  if (counters_.transactions >= limits_.transactions_max) {
    return busy(fmt::format("{} transactions wait here, of at most {}", counters_.transactions,
                            limits_.transactions_max));
  }
  if (counters_.bytes + transaction.encoded_bytes > limits_.bytes_max) {
    return busy(
        fmt::format("{} bytes of transactions wait here; with the {} of this one they would "
                    "exceed {}",
                    counters_.bytes, transaction.encoded_bytes, limits_.bytes_max));
  }
  const ledger::Transaction& body = body_of(transaction);
  const auto slots = by_sender_.find(body.sender);
  if (slots == by_sender_.end()) return {};
  if (const auto rival = slots->second.find(body.nonce); rival != slots->second.end()) {
    return fail(ErrorKind::kConflict, "tx-nonce-pending",
                fmt::format("nonce {} of this sender is taken by transaction {}, which waits here",
                            body.nonce, rival->second.hex()),
                "Sign again with a free nonce, or wait for the fate of the other one.");
  }
  if (slots->second.size() >= limits_.sender_transactions_max) {
    return busy(fmt::format("{} transactions of this sender wait here, of at most {}",
                            slots->second.size(), limits_.sender_transactions_max));
  }
  return {};
}

Result<bool> Mempool::add(const ledger::TransactionPtr& transaction, ledger::TimeMs now) {
  const std::lock_guard announcing(announce_mutex_);
  if (is_ready(transaction->id)) return false;
  Status verdict = ledger::check_admission(*transaction, genesis_, state_, now);
  {
    const std::lock_guard lock(mutex_);
    if (verdict) verdict = check_bounds(*transaction);
    if (!verdict) {
      ++counters_.refused;
      return tl::unexpected(std::move(verdict).error());
    }
    insert(transaction);
  }
  if (callbacks_.on_ready) callbacks_.on_ready(transaction);
  return true;
}

void Mempool::insert(const ledger::TransactionPtr& transaction) {
  const ledger::Transaction& body = body_of(*transaction);
  // It may be here without being ready, if the clock was set back since it expired.
  std::uint64_t pinned_until = 0;
  if (const auto old = entries_.find(transaction->id); old != entries_.end()) {
    pinned_until = old->second.pinned_until;
    erase(transaction->id);
  }
  const std::uint64_t place = next_place_++;
  entries_.emplace(transaction->id, Entry{transaction, place, pinned_until});
  if (pinned_until != 0) by_pin_.emplace(pinned_until, transaction->id);
  by_sender_[body.sender].emplace(body.nonce, transaction->id);
  by_place_.emplace(place, transaction->id);
  by_expiry_.emplace(body.valid_until, transaction->id);
  expired_.erase({body.valid_until, transaction->id});
  ++counters_.transactions;
  ++counters_.admitted;
  counters_.bytes += transaction->encoded_bytes;
}

bool Mempool::is_ready(const TxId& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  return found != entries_.end() && found->second.ready;
}

void Mempool::cease_to_be_ready(Entry& entry) {
  if (!entry.ready) return;
  entry.ready = false;
  by_place_.erase(entry.place);
  const ledger::Transaction& body = body_of(*entry.transaction);
  const auto slots = by_sender_.find(body.sender);
  slots->second.erase(body.nonce);
  if (slots->second.empty()) by_sender_.erase(slots);
}

void Mempool::erase(const TxId& id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  cease_to_be_ready(entry);
  by_expiry_.erase({body_of(*entry.transaction).valid_until, id});
  if (entry.pinned_until != 0) by_pin_.erase({entry.pinned_until, id});
  --counters_.transactions;
  counters_.bytes -= entry.transaction->encoded_bytes;
  entries_.erase(found);
}

ledger::TransactionPtr Mempool::find(const TxId& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second.transaction;
}

void Mempool::pin(const std::vector<TxId>& ids) {
  const std::lock_guard lock(mutex_);
  // No proposal lies beyond the watermark window, which is 4W blocks (see pbft/).
  const std::uint64_t until = blocks_ + 4ULL * genesis_.parameters.window_batches;
  for (const TxId& id : ids) {
    const auto found = entries_.find(id);
    if (found == entries_.end() || found->second.pinned_until == until) continue;
    std::uint64_t& pinned_until = found->second.pinned_until;
    if (pinned_until != 0) by_pin_.erase({pinned_until, id});
    pinned_until = until;
    by_pin_.emplace(until, id);
  }
}

void Mempool::lift_pins() {
  while (!by_pin_.empty() && by_pin_.begin()->first <= blocks_) {
    const TxId id = by_pin_.begin()->second;
    by_pin_.erase(by_pin_.begin());
    Entry& entry = entries_.at(id);
    entry.pinned_until = 0;
    // It was kept for its body alone.
    if (entry.overtaken) erase(id);
  }
}

void Mempool::overtake(const TxId& id, std::optional<TxId> owner,
                       std::vector<Overtaken>& overtaken) {
  Entry& entry = entries_.at(id);
  if (entry.pinned_until != 0) {
    cease_to_be_ready(entry);
    entry.overtaken = true;
  } else {
    erase(id);
  }
  overtaken.push_back({id, owner});
}

void Mempool::settle_nonce(const ledger::CheckedTransaction& winner,
                           std::vector<Overtaken>& overtaken) {
  const ledger::Transaction& body = body_of(winner);
  const auto rivals = [&]() -> NonceSlots* {
    const auto slots = by_sender_.find(body.sender);
    return slots == by_sender_.end() ? nullptr : &slots->second;
  };
  if (const NonceSlots* slots = rivals()) {
    const auto rival = slots->find(body.nonce);
    if (rival != slots->end()) overtake(TxId(rival->second), winner.id, overtaken);
  }
  // What the window left behind: judge_nonce says kTooOld from 1,024 below the highest on.
  while (const NonceSlots* slots = rivals()) {
    const auto& [nonce, id] = *slots->begin();
    if (body.nonce < ledger::kNonceWindow || nonce > body.nonce - ledger::kNonceWindow) break;
    overtake(TxId(id), std::nullopt, overtaken);
  }
}

std::vector<TxId> Mempool::on_executed(const std::vector<ledger::TransactionPtr>& transactions,
                                       const std::vector<ledger::TxResult>& results,
                                       std::vector<Overtaken>* overtaken) {
  std::vector<TxId> gone;
  std::vector<Overtaken> lost;
  const std::lock_guard announcing(announce_mutex_);
  const std::lock_guard lock(mutex_);
  for (const ledger::TransactionPtr& transaction : transactions) {
    expired_.erase({body_of(*transaction).valid_until, transaction->id});
    const auto found = entries_.find(transaction->id);
    if (found == entries_.end()) continue;
    if (found->second.ready) gone.push_back(transaction->id);
    erase(transaction->id);
  }
  for (std::size_t i = 0; i < std::min(transactions.size(), results.size()); ++i) {
    if (ledger::uses_nonce(results[i].outcome)) settle_nonce(*transactions[i], lost);
  }
  ++blocks_;
  lift_pins();
  for (const Overtaken& each : lost) gone.push_back(each.id);
  if (overtaken != nullptr) overtaken->insert(overtaken->end(), lost.begin(), lost.end());
  return gone;
}

void Mempool::remember_expired(ledger::TimeMs until, const TxId& id) {
  expired_.emplace(until, id);
  if (expired_.size() > kExpiredMax) expired_.erase(expired_.begin());
}

std::vector<TxId> Mempool::end_readiness(ledger::TimeMs now) {
  std::vector<TxId> gone;
  std::vector<TxId> dropped;
  const std::uint64_t horizon = now.value + genesis_.parameters.time_slack_ms;
  for (auto at = by_expiry_.begin(); at != by_expiry_.end() && at->first.value <= horizon; ++at) {
    Entry& entry = entries_.at(at->second);
    if (entry.pinned_until != 0) continue;
    if (entry.ready) {
      gone.push_back(at->second);
      cease_to_be_ready(entry);
    }
    // Until then a primary with a slower clock may still propose it, and needs the body.
    if (at->first <= now) dropped.push_back(at->second);
  }
  for (const TxId& id : dropped) {
    remember_expired(body_of(*entries_.at(id).transaction).valid_until, id);
    erase(id);
  }
  return gone;
}

std::vector<TxId> Mempool::drop_expired(ledger::TimeMs now) {
  const std::lock_guard announcing(announce_mutex_);
  // A damaged store stops the node elsewhere; here nothing is final then.
  const ledger::TimeMs agreed = ledger::read_time(state_).value_or(ledger::TimeMs{0});
  std::vector<TxId> gone;
  std::vector<TxId> final_ones;
  {
    const std::lock_guard lock(mutex_);
    gone = end_readiness(now);
    while (!expired_.empty() && expired_.begin()->first <= agreed) {
      final_ones.push_back(expired_.begin()->second);
      expired_.erase(expired_.begin());
    }
  }
  if (callbacks_.on_gone) {
    for (const TxId& id : gone) callbacks_.on_gone(id);
  }
  return final_ones;
}

std::uint64_t Mempool::next_nonce(const ledger::PublicKey& sender,
                                  std::uint64_t highest_used) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t nonce = highest_used + 1;
  const auto slots = by_sender_.find(sender);
  if (slots == by_sender_.end()) return nonce;
  for (auto at = slots->second.lower_bound(nonce);
       at != slots->second.end() && at->first == nonce; ++at) {
    ++nonce;
  }
  return nonce;
}

std::vector<ledger::TransactionPtr> Mempool::oldest(std::size_t count_max,
                                                    std::size_t bytes_max) const {
  std::vector<ledger::TransactionPtr> out;
  std::size_t bytes = 0;
  const std::lock_guard lock(mutex_);
  for (const auto& [place, id] : by_place_) {
    if (out.size() >= count_max) break;
    const ledger::TransactionPtr& transaction = entries_.at(id).transaction;
    bytes += transaction->encoded_bytes;
    if (bytes > bytes_max) break;
    out.push_back(transaction);
  }
  return out;
}

MempoolCounters Mempool::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace quorate::node
