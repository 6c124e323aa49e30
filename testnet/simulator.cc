#include "testnet/simulator.h"

#include <algorithm>
#include <utility>

namespace quorate::testnet {

using ledger::ReplicaId;

namespace {

// Streams of the dice; hosts take kHostStream + their number.
constexpr std::uint64_t kNetworkStream = 1;
constexpr std::uint64_t kHostStream = 1000;

constexpr std::uint64_t kRunOutUs = 50'000;
constexpr std::uint64_t kChangeRetryUs = 500'000;
constexpr std::uint64_t kChangeLifeMs = 3'600'000;

// How often, in events, and how far behind the slowest ledger the checkers forget.
constexpr std::uint64_t kForgetEvery = 1 << 16;
constexpr std::uint64_t kRemembered = 4096;

}  // namespace

Simulator::Simulator(const SimOptions& options)
    : options_(options),
      dice_(options.seed),
      world_(options.replicas, options.parameters, options.clients, options.signatures,
             options.spares),
      checkers_(world_, options.liars),
      network_(world_.size(), agenda_, trace_, dice_.fork(kNetworkStream),
               {[this](ReplicaId from, ReplicaId to, const SharedBytes& bytes) {
                  hosts_[to.value]->receive(from, bytes);
                },
                [this](ReplicaId at, ReplicaId peer, bool connected) {
                  hosts_[at.value]->on_session(peer, connected);
                }}) {
  network_.set_quality(options_.quality);
  for (std::size_t i = 0; i < world_.size(); ++i) {
    const ReplicaId id{static_cast<std::uint16_t>(i)};
    hosts_.push_back(
        std::make_unique<SimHost>(SimHost::Parts{world_, agenda_, network_, checkers_, trace_}, id,
                                  dice_.fork(kHostStream + i)));
    hosts_.back()->times = options_.times;
    hosts_.back()->on_evidence = [this, id](const ledger::Evidence& evidence) {
      accusations_.push_back({id, evidence});
    };
  }
}

void Simulator::start_all() {
  for (const auto& host : hosts_) {
    if (!host->is_up()) host->start();
  }
}

void Simulator::run_next() {
  checkers_.set_time_ms(*agenda_.next_us() / 1000);
  const std::size_t violations = checkers_.violations().size();
  agenda_.run_next();
  if (++events_ % kForgetEvery == 0) forget_settled();
  for (std::size_t i = violations; i < checkers_.violations().size(); ++i) {
    const Violation& found = checkers_.violations()[i];
    trace_.note({TraceEvent::Kind::kViolation,
                 agenda_.now_us(),
                 found.replica,
                 {},
                 0,
                 nullptr,
                 found.text});
  }
}

void Simulator::forget_settled() {
  const auto slowest = std::ranges::min_element(
      hosts_, {}, [](const auto& host) { return host->ledger().synced(); });
  const std::uint64_t synced = (*slowest)->ledger().synced().value;
  if (synced > kRemembered) checkers_.forget_below({synced - kRemembered});
}

bool Simulator::run_until(const std::function<bool()>& condition, std::uint64_t limit_us) {
  const std::uint64_t end_us = agenda_.now_us() + limit_us;
  while (is_sound()) {
    if (condition()) return true;
    const auto next_us = agenda_.next_us();
    if (!next_us || *next_us > end_us) {
      agenda_.advance_to(end_us);
      return false;
    }
    run_next();
  }
  return false;
}

bool Simulator::run_for(std::uint64_t duration_us) {
  (void)run_until([] { return false; }, duration_us);
  return is_sound();
}

void Simulator::run_out() {
  trace_.on_event = nullptr;
  const std::uint64_t end_us = agenda_.now_us() + kRunOutUs;
  for (auto next = agenda_.next_us(); next && *next <= end_us; next = agenda_.next_us()) {
    run_next();
  }
}

bool Simulator::is_level() const {
  return std::ranges::all_of(hosts_, [this](const auto& host) {
    return checkers_.is_liar(host->self()) ||
           (host->is_up() && !(host->is_recovering() && host->is_member()) &&
            host->replica().executed() >= checkers_.highest_executed() &&
            host->ledger().height() >= checkers_.highest_executed());
  });
}

ledger::Membership Simulator::membership() const {
  const auto furthest = std::ranges::max_element(
      hosts_, {}, [](const auto& host) { return host->ledger().height(); });
  return ledger::Membership::read((*furthest)->ledger(), world_.genesis()).value();
}

void Simulator::pursue(const ledger::MembershipChange& change) { pursue(change, 0); }

void Simulator::pursue(const ledger::MembershipChange& change, std::size_t tries) {
  const ledger::Membership now = membership();
  const ledger::EpochStart* pending = now.pending();
  const auto& decided = pending != nullptr ? pending->replicas : now.current().replicas;
  const auto has = [&](const ledger::PublicKey& key) {
    return std::ranges::find(decided, key, &ledger::ReplicaInfo::vote_key) != decided.end();
  };
  const ledger::ReplicaInfo* newcomer = ledger::newcomer(change);
  const auto* removal = std::get_if<ledger::RemoveReplica>(&change);
  const auto* rekeying = std::get_if<ledger::RekeyReplica>(&change);
  // A newcomer may have left again by now; it does not come back.
  const bool was_in = newcomer != nullptr &&
                      std::ranges::any_of(now.starts(), [&](const ledger::EpochStart& start) {
                        return std::ranges::find(start.replicas, newcomer->vote_key,
                                                 &ledger::ReplicaInfo::vote_key) !=
                               start.replicas.end();
                      });
  const bool is_done = newcomer != nullptr ? was_in : !has(removal->vote_key);
  // Another change came first: who was to go has gone, or is needed now.
  const std::size_t least = 3U * world_.genesis().faults + 1;
  const bool is_void = (removal != nullptr && decided.size() <= least) ||
                       (rekeying != nullptr && !has(rekeying->vote_key));
  if (is_done || is_void || tries >= kChangeTriesMax) return;
  if (pending == nullptr) offer(change, now.current());
  agenda_.in(kChangeRetryUs, [this, change, tries] { pursue(change, tries + 1); });
}

void Simulator::offer(const ledger::MembershipChange& change, const ledger::ReplicaSet& set) {
  const ledger::TransactionPtr signed_change =
      world_.sign_change(set, change, ++changes_, {wall().value + kChangeLifeMs});
  checkers_.on_signed(signed_change->id);
  for (const auto& host : hosts_) (void)host->submit(signed_change);
}

}  // namespace quorate::testnet
