#include "pbft/requests.h"

#include <utility>

namespace quorate::pbft {

void Requests::add(TransactionPtr transaction, std::uint64_t now_ms) {
  const TxId id = transaction->id;
  const auto [it, is_new] = entries_.try_emplace(id);
  if (!is_new) return;
  it->second = {std::move(transaction), now_ms, next_place_++};
  all_.emplace(it->second.place, &it->second);
  if (!named_.contains(id)) waiting_.emplace(it->second.place, &it->second);
}

void Requests::remove(const TxId& id) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return;
  all_.erase(it->second.place);
  waiting_.erase(it->second.place);
  entries_.erase(it);
}

void Requests::name(const std::vector<TxId>& ids) {
  for (const TxId& id : ids) {
    if (++named_[id] > 1) continue;
    const auto entry = entries_.find(id);
    if (entry != entries_.end()) waiting_.erase(entry->second.place);
  }
}

void Requests::unname(const std::vector<TxId>& ids) {
  for (const TxId& id : ids) {
    const auto named = named_.find(id);
    if (named == named_.end() || --named->second > 0) continue;
    named_.erase(named);
    const auto entry = entries_.find(id);
    if (entry != entries_.end()) waiting_.emplace(entry->second.place, &entry->second);
  }
}

TransactionPtr Requests::find(const TxId& id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : it->second.transaction;
}

std::vector<TransactionPtr> Requests::oldest(std::size_t count_max, std::size_t bytes_max) const {
  std::vector<TransactionPtr> result;
  std::size_t bytes = 0;
  for (const auto& [place, entry] : waiting_) {
    bytes += entry->transaction->encoded_bytes;
    if (result.size() == count_max || bytes > bytes_max) break;
    result.push_back(entry->transaction);
  }
  return result;
}

std::optional<std::uint64_t> Requests::ready_ms(const TxId& id) const {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return std::nullopt;
  return it->second.ready_ms;
}

std::optional<std::uint64_t> Requests::oldest_ready_ms() const {
  if (all_.empty()) return std::nullopt;
  return all_.begin()->second->ready_ms;
}

std::optional<Requests::Waiting> Requests::oldest_waiting() const {
  if (waiting_.empty()) return std::nullopt;
  const Entry& oldest = *waiting_.begin()->second;
  return Waiting{oldest.transaction->id, oldest.ready_ms};
}

std::vector<TransactionPtr> Requests::take_for_relay(std::uint64_t ready_by_ms,
                                                     std::size_t count_max) {
  std::vector<TransactionPtr> result;
  auto it = waiting_.upper_bound(relayed_to_);
  for (; it != waiting_.end() && result.size() < count_max; ++it) {
    if (it->second->ready_ms > ready_by_ms) break;
    result.push_back(it->second->transaction);
    relayed_to_ = it->first;
  }
  return result;
}

std::optional<std::uint64_t> Requests::next_for_relay_ms() const {
  const auto it = waiting_.upper_bound(relayed_to_);
  if (it == waiting_.end()) return std::nullopt;
  return it->second->ready_ms;
}

}  // namespace quorate::pbft
