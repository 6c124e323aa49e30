#include "testnet/workload.h"

#include <algorithm>
#include <string>

namespace quorate::testnet {

using ledger::TransactionPtr;
using ledger::TxId;

namespace {

constexpr std::uint64_t kWorkloadStream = 2;
constexpr std::uint64_t kLifeMs = 3'600'000;
constexpr std::uint64_t kKeys = 16;
constexpr std::size_t kSkippedMax = 64;

const ledger::Transaction& body_of(const TransactionPtr& transaction) {
  return transaction->signed_transaction->body;
}

}  // namespace

Workload::Workload(Simulator& simulator, const WorkloadOptions& options)
    : simulator_(simulator),
      options_(options),
      dice_(simulator.dice(kWorkloadStream)),
      clients_(simulator.world().clients()) {
  simulator_.checkers().on_first_execution = [this](const ledger::CertifiedBatch& batch,
                                                    const ledger::Execution& execution) {
    on_executed(batch, execution);
  };
}

void Workload::start() {
  is_running_ = true;
  next_later();
}

void Workload::next_later() {
  std::uint64_t pause_us = dice_.between(options_.pause_us_min, options_.pause_us_max);
  if (dice_.chance(options_.idle_permille)) pause_us = dice_.below(options_.idle_us_max + 1);
  simulator_.agenda().in(pause_us, [this] {
    if (!is_running_) return;
    const std::uint64_t count =
        dice_.chance(options_.burst_permille) ? dice_.between(1, options_.burst_max) : 1;
    for (std::uint64_t i = 0; i < count; ++i) issue();
    next_later();
  });
}

std::uint64_t Workload::next_nonce(Client& client) {
  if (!client.skipped.empty() && dice_.chance(300)) {
    const std::size_t which = dice_.below(client.skipped.size());
    const std::uint64_t nonce = client.skipped[which];
    client.skipped.erase(client.skipped.begin() + static_cast<std::ptrdiff_t>(which));
    return nonce;
  }
  if (dice_.chance(options_.gap_permille)) {
    for (std::uint64_t i = dice_.between(1, 8); i > 0; --i) {
      client.skipped.push_back(client.next_nonce++);
    }
    // Those that are left behind for long fall out of the nonce window: such a client gives up.
    if (client.skipped.size() > kSkippedMax) {
      client.skipped.erase(client.skipped.begin(), client.skipped.end() - kSkippedMax);
    }
  }
  return client.next_nonce++;
}

std::vector<ledger::Operation> Workload::operations() {
  const Bytes key = to_bytes("key-" + std::to_string(dice_.below(kKeys)));
  switch (dice_.below(4)) {
    case 0:
      return {ledger::Add{to_bytes("count"), 1}};
    case 1:
      return {ledger::Transfer{simulator_.world().client_key(dice_.below(clients_.size())),
                               dice_.between(1, 100)}};
    case 2:
      return {ledger::Delete{key}, ledger::Put{to_bytes("last"), key, std::nullopt}};
    default:
      return {ledger::Put{key, Bytes(dice_.below(options_.value_bytes_max + 1), 7), std::nullopt}};
  }
}

void Workload::issue() {
  const std::size_t client = dice_.below(clients_.size());
  const std::uint64_t nonce = next_nonce(clients_[client]);
  sign_and_offer(client, nonce);
  if (dice_.chance(options_.rival_permille)) sign_and_offer(client, nonce);
}

TransactionPtr Workload::sign(std::size_t client, std::uint64_t nonce, std::uint64_t life_ms) {
  return simulator_.world().sign(client, nonce, {simulator_.wall().value + life_ms}, operations());
}

Workload::Pending& Workload::add(const TransactionPtr& transaction, std::size_t replica) {
  simulator_.checkers().on_signed(transaction->id);
  ++submitted_;
  const ledger::Transaction& body = body_of(transaction);
  by_nonce_[{body.sender, body.nonce}].insert(transaction->id);
  by_expiry_.emplace(body.valid_until, transaction->id);
  return pending_[transaction->id] = {transaction, replica};
}

TransactionPtr Workload::sign_and_offer(std::size_t client, std::uint64_t nonce,
                                        std::size_t replica) {
  TransactionPtr transaction = sign(client, nonce, kLifeMs);
  (void)offer(add(transaction, replica));
  retry_later();
  return transaction;
}

TransactionPtr Workload::submit(std::size_t client, std::size_t replica) {
  return sign_and_offer(client, clients_[client].next_nonce++, replica);
}

void Workload::submit_rivals(std::size_t client, std::size_t first, std::size_t second) {
  const std::uint64_t nonce = clients_[client].next_nonce++;
  (void)sign_and_offer(client, nonce, first);
  (void)sign_and_offer(client, nonce, second);
}

void Workload::offer_again(std::size_t replica) {
  for (auto& [id, pending] : pending_) {
    pending.replica = replica;
    (void)offer(pending);
  }
}

void Workload::sign_and_offer(std::size_t client, std::uint64_t nonce) {
  const std::uint64_t life_ms =
      dice_.chance(options_.expiring_permille) ? dice_.between(1, options_.expiry_ms_max) : kLifeMs;
  const TransactionPtr transaction = sign(client, nonce, life_ms);
  if (pending_.contains(transaction->id)) return;  // the very same again
  Pending& pending = add(transaction, dice_.below(simulator_.hosts().size()));
  if (dice_.chance(options_.everywhere_permille)) {
    for (std::size_t i = 0; i < simulator_.hosts().size(); ++i) {
      if (i != pending.replica) (void)simulator_.host(i).submit(transaction);
    }
  }
  (void)offer(pending);
  retry_later();
}

bool Workload::offer(Pending& pending) {
  const auto answer = simulator_.host(pending.replica).submit(pending.transaction);
  simulator_.trace().note({TraceEvent::Kind::kSubmit,
                           simulator_.agenda().now_us(),
                           simulator_.host(pending.replica).self(),
                           {},
                           answer ? 1U : 0U,
                           nullptr,
                           as_text(pending.transaction->id.digest.bytes)});
  // A nonce that the window left behind does not come back.
  return !answer && answer.error().code == "tx-nonce-too-old" &&
         !simulator_.options().liars.contains(simulator_.host(pending.replica).self());
}

void Workload::retry_later() {
  if (retries_ || pending_.empty()) return;
  retries_ = true;
  simulator_.agenda().in(options_.retry_us, [this] { retry(); });
}

void Workload::retry() {
  retries_ = false;
  drop_expired();
  for (auto at = pending_.begin(); at != pending_.end();) {
    Pending& pending = at->second;
    pending.replica = (pending.replica + 1) % simulator_.hosts().size();
    const bool has_ended = offer(pending);
    at = has_ended ? pending_.erase(at) : std::next(at);
    settled_ += has_ended ? 1 : 0;
  }
  retry_later();
}

void Workload::drop_expired() {
  const ledger::TimeMs now = simulator_.wall();
  while (!by_expiry_.empty() && by_expiry_.begin()->first <= now) {
    expired_ += pending_.erase(by_expiry_.begin()->second);
    by_expiry_.erase(by_expiry_.begin());
  }
}

std::size_t Workload::open() {
  drop_expired();
  return pending_.size();
}

bool Workload::run_until_all_end(std::uint64_t limit_us) {
  return simulator_.run_until([this] { return open() == 0 && simulator_.is_level(); }, limit_us);
}

bool Workload::run_while_any_settles(std::uint64_t pause_us_max) {
  std::uint64_t settled_before = 0;
  do {
    settled_before = settled_;
    if (run_until_all_end(pause_us_max)) return true;
  } while (settled_ > settled_before && simulator_.is_sound());
  return false;
}

void Workload::settle(const TxId& id) { settled_ += pending_.erase(id); }

void Workload::on_executed(const ledger::CertifiedBatch& batch,
                           const ledger::Execution& execution) {
  for (std::size_t i = 0; i < execution.results.size(); ++i) {
    const ledger::TxResult& result = execution.results[i];
    settle(result.id);
    if (!ledger::uses_nonce(result.outcome)) continue;
    const ledger::Transaction& body = body_of(batch.transactions[i]);
    const auto rivals = by_nonce_.extract({body.sender, body.nonce});
    if (rivals.empty()) continue;
    for (const TxId& rival : rivals.mapped()) settle(rival);
  }
}

}  // namespace quorate::testnet
