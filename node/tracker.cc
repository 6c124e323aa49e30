#include "node/tracker.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace quorate::node {
namespace {

using ledger::TxId;
using SteadyClock = std::chrono::steady_clock;

constexpr std::array<std::string_view, 9> kLevelTexts = {"unknown",  "local",      "promised",
                                                         "quorum",   "replicated", "stable",
                                                         "anchored", "rejected",   "expired"};

// Of one transaction: views come and go, and each may propose it anew.
constexpr std::size_t kStepsMax = 12;
// Sequences with a proposal that was not executed; the core's window is far smaller.
constexpr std::size_t kProposalsMax = 1024;
constexpr std::uint64_t kTimeoutMsMax = 3'600'000;
// Heights with transactions that no checkpoint covers; as with proposals.
constexpr std::size_t kHeightsMax = 4096;

std::uint64_t steady_us() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now().time_since_epoch())
          .count());
}

std::uint64_t wall_ms() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

// What a step rests on, in one phrase.
std::string evidence_of(Level level, ledger::View view, ledger::Sequence sequence,
                        const TxStatus& status) {
  switch (level) {
    case Level::kLocal:
      return "taken by this node";
    case Level::kPromised:
      return fmt::format("proposed at sequence {} in view {}", sequence.value, view.value);
    case Level::kQuorum:
      return fmt::format("prepared by a quorum at sequence {} in view {}", sequence.value,
                         view.value);
    case Level::kReplicated:
      return fmt::format("committed by a quorum and executed at height {}", sequence.value);
    case Level::kRejected:
      if (status.height) return fmt::format("ordered and refused at height {}", sequence.value);
      if (status.outcome == ledger::Outcome::kSkippedNonceTooOld) {
        return "the nonce window moved past it";
      }
      return fmt::format("its nonce went to {}", status.nonce_owner
                                                     ? status.nonce_owner->short_hex()
                                                     : "another transaction");
    case Level::kExpired:
      if (status.height) return fmt::format("ordered too late, at height {}", sequence.value);
      return "agreed time passed its valid-until";
    case Level::kStable:
      return fmt::format("under the checkpoint of height {}, which a quorum cosigned",
                         sequence.value);
    case Level::kUnknown:
    case Level::kAnchored:
      break;
  }
  return {};
}

}  // namespace

std::string_view level_text(Level level) { return kLevelTexts[static_cast<std::size_t>(level)]; }

Result<Level> parse_level(std::string_view text) {
  const auto* const found = std::find(kLevelTexts.begin(), kLevelTexts.end(), text);
  if (found == kLevelTexts.end()) {
    return fail(ErrorKind::kInvalid, "level-unknown",
                fmt::format("found the level \"{}\"; one of {} was expected", text,
                            fmt::join(kLevelTexts, ", ")),
                "Name one of them.");
  }
  return static_cast<Level>(found - kLevelTexts.begin());
}

Result<Wish> parse_wish(std::string_view text) {
  constexpr std::uint64_t kDepthMax = 1'000'000;
  const std::size_t equals = text.find('=');
  const auto level = parse_level(text.substr(0, equals));
  Wish wish;
  bool is_good = level && *level >= Level::kLocal && *level <= Level::kAnchored;
  if (is_good) wish.level = *level;
  if (is_good && equals != std::string_view::npos) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + equals + 1, end, wish.depth);
    is_good = wish.level == Level::kAnchored && error == std::errc{} && stop == end &&
              wish.depth >= 1 && wish.depth <= kDepthMax;
  }
  if (is_good) return wish;
  return fail(ErrorKind::kInvalid, "level-unknown",
              fmt::format("found \"{}\"; one of local, promised, quorum, replicated, stable, "
                          "anchored, or anchored=N with N blocks, was expected",
                          text.substr(0, 32)),
              "Name one of them.");
}

Level level_of(ledger::Outcome outcome) {
  if (outcome == ledger::Outcome::kApplied) return Level::kReplicated;
  return outcome == ledger::Outcome::kRejectedExpired ? Level::kExpired : Level::kRejected;
}

bool is_end(Level level) { return level == Level::kRejected || level == Level::kExpired; }

bool satisfies(Level level, Level wanted) {
  if (is_end(level)) return true;
  return level >= (is_end(wanted) ? Level::kReplicated : wanted);
}

Level Tracker::Entry::level() const {
  return steps.empty() ? Level::kUnknown : steps.back().fact.level;
}

Tracker::Tracker(std::size_t entries_max)
    : entries_max_(std::max<std::size_t>(entries_max, 1)), timer_([this] { run_timer(); }) {}

Tracker::~Tracker() { stop(); }

void Tracker::stop() {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
      const TxId id = waiter->second.id;
      waiter = take(waiter, render(id, entries_.at(id)), due);
    }
  }
  wake_.notify_all();
  if (timer_.joinable()) timer_.join();
  answer_all(due);
}

Tracker::Entry& Tracker::track(const TxId& id, Due& due) {
  if (const auto found = entries_.find(id); found != entries_.end()) return found->second;
  if (entries_.size() >= entries_max_) {
    const TxId oldest = finished_.empty() ? active_.front() : finished_.front();
    forget(oldest, render(oldest, entries_.at(oldest)), due);
  }
  Entry& entry = entries_[id];
  entry.first_us = steady_us();
  entry.place = active_.insert(active_.end(), id);
  return entry;
}

// Who still waits is told `last`.
void Tracker::forget(const TxId& id, const TxStatus& last, Due& due) {
  const auto found = entries_.find(id);
  const Entry& entry = found->second;
  for (auto at = waiters_by_id_.lower_bound({id, 0});
       at != waiters_by_id_.end() && at->first == id;) {
    const auto waiter = waiters_.find(at->second);
    ++at;  // before it is taken out of the set
    take(waiter, last, due);
  }
  (entry.level() >= Level::kReplicated ? finished_ : active_).erase(entry.place);
  entries_.erase(found);
}

void Tracker::advance(const TxId& id, Entry& entry, const Fact& fact, Due& due) {
  const Level level = entry.level();
  const bool proposed_anew = fact.level == Level::kPromised && level == Level::kPromised &&
                             fact.view > entry.steps.back().fact.view;
  if (is_end(level) || (fact.level <= level && !proposed_anew)) return;
  const Step step{fact, wall_ms(), steady_us() - entry.first_us};
  if (entry.steps.size() < kStepsMax) {
    entry.steps.push_back(step);
  } else {
    entry.steps.back() = step;
  }
  if (level < Level::kReplicated && fact.level >= Level::kReplicated) {
    finished_.splice(finished_.end(), active_, entry.place);
  }
  const auto waiting = waiters_by_id_.lower_bound({id, 0});
  if (waiting != waiters_by_id_.end() && waiting->first == id) {
    answer_satisfied(id, render(id, entry), due);
  }
}

void Tracker::answer_satisfied(const TxId& id, const TxStatus& status, Due& due) {
  for (auto at = waiters_by_id_.lower_bound({id, 0});
       at != waiters_by_id_.end() && at->first == id;) {
    const auto waiter = waiters_.find(at->second);
    ++at;  // before it is taken out of the set
    if (satisfies(status.level, waiter->second.wanted)) take(waiter, status, due);
  }
}

Tracker::Waiters::iterator Tracker::take(Waiters::iterator waiter, TxStatus status, Due& due) {
  waiters_by_id_.erase({waiter->second.id, waiter->first});
  deadlines_.erase({waiter->second.deadline_ms, waiter->first});
  due.emplace_back(std::move(waiter->second.answer), std::move(status));
  return waiters_.erase(waiter);
}

void Tracker::answer_all(Due& due) {
  for (auto& [answer, status] : due) answer(std::move(status));
}

void Tracker::on_local(const TxId& id) {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = track(id, due);
    entry.admitted = true;
    advance(id, entry, {Level::kLocal, {}, {}}, due);
  }
  answer_all(due);
}

void Tracker::on_proposed(ledger::View view, ledger::Sequence sequence,
                          const std::vector<TxId>& ids) {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    for (const TxId& id : ids) {
      advance(id, track(id, due), {Level::kPromised, view, sequence}, due);
    }
    proposals_[sequence] = {view, ids};
    if (proposals_.size() > kProposalsMax) proposals_.erase(proposals_.begin());
  }
  answer_all(due);
}

void Tracker::on_prepared(ledger::View view, ledger::Sequence sequence) {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    const auto proposal = proposals_.find(sequence);
    if (proposal == proposals_.end() || proposal->second.view != view) return;
    for (const TxId& id : proposal->second.ids) {
      const auto found = entries_.find(id);
      if (found == entries_.end()) continue;
      advance(id, found->second, {Level::kQuorum, view, sequence}, due);
    }
  }
  answer_all(due);
}

void Tracker::on_executed(ledger::Height height, const std::vector<ledger::TxResult>& results,
                          const std::vector<std::optional<TxId>>& nonce_owners) {
  Due due;
  std::shared_ptr<const std::function<void(ledger::Height)>> listener;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < results.size(); ++i) {
      judge(results[i], height, static_cast<std::uint32_t>(i),
            i < nonce_owners.size() ? nonce_owners[i] : std::nullopt, due);
    }
    proposals_.erase(proposals_.begin(), proposals_.upper_bound(height));
    listener = listener_;
  }
  answer_all(due);
  if (listener && *listener) (*listener)(height);
}

void Tracker::judge(const ledger::TxResult& result, ledger::Height height, std::uint32_t index,
                    const std::optional<TxId>& nonce_owner, Due& due) {
  const auto found = entries_.find(result.id);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (entry.level() >= Level::kReplicated) return;
  // It may still happen once the sender's other nonces have caught up.
  if (result.outcome == ledger::Outcome::kSkippedNonceTooFar) return;
  const bool skipped = ledger::is_skipped(result.outcome);
  const bool lost_its_nonce = nonce_owner ? *nonce_owner != result.id : entry.admitted;
  if (skipped && !lost_its_nonce) {
    // An old block may contain it already; so the ledger knows, and this does not.
    TxStatus unknown;
    unknown.id = result.id;
    return forget(unknown.id, unknown, due);
  }
  entry.outcome = result.outcome;
  entry.nonce_owner = nonce_owner;
  if (!skipped) {
    entry.height = height;
    entry.index = index;
  }
  const Level level = level_of(result.outcome);
  advance(result.id, entry, {level, {}, height}, due);
  if (level == Level::kReplicated) await_stable(result.id, entry, due);
}

void Tracker::await_stable(const TxId& id, Entry& entry, Due& due) {
  if (*entry.height <= stable_) return advance(id, entry, {Level::kStable, {}, stable_}, due);
  not_stable_[*entry.height].push_back(id);
  if (not_stable_.size() > kHeightsMax) not_stable_.erase(not_stable_.begin());
}

void Tracker::on_stable(ledger::Height height) {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    stable_ = std::max(stable_, height);
    const auto end = not_stable_.upper_bound(height);
    for (auto at = not_stable_.begin(); at != end; ++at) {
      for (const TxId& id : at->second) {
        const auto found = entries_.find(id);
        if (found == entries_.end()) continue;
        advance(id, found->second, {Level::kStable, {}, height}, due);
      }
    }
    not_stable_.erase(not_stable_.begin(), end);
  }
  answer_all(due);
}

void Tracker::adopt(const TxStatus& replicated) {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = track(replicated.id, due);
    if (entry.level() < Level::kReplicated && replicated.height) {
      entry.height = replicated.height;
      entry.index = replicated.index.value_or(0);
      entry.outcome = replicated.outcome;
      advance(replicated.id, entry, {Level::kReplicated, {}, *replicated.height}, due);
      await_stable(replicated.id, entry, due);
    }
  }
  answer_all(due);
}

void Tracker::on_expired(const std::vector<TxId>& ids) {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    for (const TxId& id : ids) {
      const auto found = entries_.find(id);
      if (found == entries_.end() || found->second.level() >= Level::kReplicated) continue;
      found->second.outcome = ledger::Outcome::kRejectedExpired;
      advance(id, found->second, {Level::kExpired, {}, {}}, due);
    }
  }
  answer_all(due);
}

void Tracker::on_overtaken(const TxId& id, std::optional<TxId> nonce_owner) {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end() || found->second.level() >= Level::kReplicated) return;
    found->second.outcome =
        nonce_owner ? ledger::Outcome::kSkippedNonceUsed : ledger::Outcome::kSkippedNonceTooOld;
    found->second.nonce_owner = nonce_owner;
    advance(id, found->second, {Level::kRejected, {}, {}}, due);
  }
  answer_all(due);
}

std::optional<TxStatus> Tracker::status(const TxId& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return std::nullopt;
  return render(id, found->second);
}

TxStatus Tracker::render(const TxId& id, const Entry& entry) {
  TxStatus status;
  status.id = id;
  status.level = entry.level();
  status.height = entry.height;
  if (entry.height) status.index = entry.index;
  status.outcome = entry.outcome;
  status.nonce_owner = entry.nonce_owner;
  status.history.reserve(entry.steps.size());
  for (const Step& step : entry.steps) {
    status.history.push_back(
        {step.fact.level, step.wall_ms, step.after_us,
         evidence_of(step.fact.level, step.fact.view, step.fact.sequence, status)});
  }
  return status;
}

void Tracker::wait(const TxId& id, Level wanted, std::uint64_t timeout_ms, Answer answer) {
  TxStatus now;
  now.id = id;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found != entries_.end()) {
      now = render(id, found->second);
      if (!satisfies(now.level, wanted) && timeout_ms > 0 && !stopping_ &&
          waiters_.size() < kWaitersMax) {
        const std::uint64_t number = next_waiter_++;
        const std::uint64_t deadline_ms = steady_us() / 1000 + std::min(timeout_ms, kTimeoutMsMax);
        waiters_.emplace(number, Waiter{id, wanted, deadline_ms, std::move(answer)});
        waiters_by_id_.emplace(id, number);
        const auto place = deadlines_.emplace(deadline_ms, number).first;
        if (place == deadlines_.begin()) wake_.notify_all();
        return;
      }
    }
  }
  answer(std::move(now));
}

void Tracker::set_block_listener(std::function<void(ledger::Height)> listener) {
  const std::lock_guard lock(mutex_);
  listener_ = std::make_shared<const std::function<void(ledger::Height)>>(std::move(listener));
}

void Tracker::run_timer() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (deadlines_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const std::uint64_t next_ms = deadlines_.begin()->first;
    if (next_ms > steady_us() / 1000) {
      wake_.wait_until(lock, SteadyClock::time_point(std::chrono::milliseconds(next_ms)));
      continue;
    }
    Due due;
    const auto waiter = waiters_.find(deadlines_.begin()->second);
    const TxId id = waiter->second.id;
    take(waiter, render(id, entries_.at(id)), due);
    lock.unlock();
    answer_all(due);
    lock.lock();
  }
}

}  // namespace quorate::node
