#include "pbft/block_sources.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace quorate::pbft {

namespace {
constexpr std::uint32_t kDoublingsMax = 5;
// One request may take this many timeouts, however steadily its answer drips.
constexpr std::uint64_t kRequestTimeoutsMax = 16;
}  // namespace

void BlockSources::claim(ReplicaId peer, Sequence executed) {
  sources_[peer].executed = end_ ? std::min(executed, *end_) : executed;
  highest_ = {};
  for (const auto& [id, source] : sources_) highest_ = std::max(highest_, source.executed);
}

void BlockSources::set_end(Sequence last) {
  end_ = last;
  for (auto& [id, source] : sources_) source.executed = std::min(source.executed, last);
  highest_ = std::min(highest_, last);
  if (request_) request_->last = std::min(request_->last, last);
}

void BlockSources::forgive(ReplicaId peer) {
  const auto source = sources_.find(peer);
  if (source == sources_.end()) return;
  source->second.failures = 0;
  source->second.not_before_ms = 0;
}

std::uint64_t BlockSources::patience_ms(const Source& source) const {
  return timeout_ms_ << std::min(source.failures, kDoublingsMax);
}

void BlockSources::fail(std::uint64_t not_before_ms) {
  Source& source = sources_[request_->from];
  if (source.failures < std::numeric_limits<std::uint32_t>::max()) ++source.failures;
  source.not_before_ms = not_before_ms;
  is_flowing_ = request_->has_progress;
  request_.reset();
}

void BlockSources::judge(Sequence committed, std::uint64_t now_ms) {
  if (!request_) return;
  Source& source = sources_[request_->from];
  if (committed > request_->committed) {
    request_->committed = committed;
    request_->has_progress = true;
    request_->patient_until_ms = std::min(now_ms + patience_ms(source), request_->end_ms);
  }
  if (committed >= request_->last) {
    source.failures = 0;
    is_flowing_ = true;
    request_.reset();
  } else if (now_ms >= request_->patient_until_ms) {
    fail(now_ms);
  }
}

void BlockSources::answer_ended(ReplicaId peer, Sequence committed, std::uint64_t now_ms) {
  judge(committed, now_ms);
  if (!request_ || request_->from != peer) return;
  if (!request_->has_progress) return fail(now_ms + patience_ms(sources_[peer]));
  // A part of it: the rest is asked for at once, from whoever is best then.
  is_flowing_ = true;
  request_.reset();
}

std::optional<BlockFetch> BlockSources::ask(Sequence committed, std::uint64_t now_ms) {
  if (request_) return std::nullopt;
  const auto rank = [&](const auto& entry) {
    return std::tuple(entry.second.failures, distance(entry.first));
  };
  auto best = sources_.end();
  // Nobody is ahead most of the time, and this is asked after every input.
  const auto begin = any_ahead_of(committed) ? sources_.begin() : sources_.end();
  for (auto it = begin; it != sources_.end(); ++it) {
    if (it->second.executed <= committed || it->second.not_before_ms > now_ms) continue;
    if (best == sources_.end() || rank(*it) < rank(*best)) best = it;
  }
  if (best == sources_.end()) {
    is_flowing_ = false;
    return std::nullopt;
  }
  const auto& [peer, source] = *best;
  const std::uint64_t count =
      std::min<std::uint64_t>(source.executed.value - committed.value, blocks_max_);
  request_ = Request{peer,
                     {committed.value + count},
                     committed,
                     false,
                     now_ms + patience_ms(source),
                     now_ms + std::max(timeout_ms_ * kRequestTimeoutsMax, 2 * patience_ms(source))};
  return BlockFetch{peer, next(committed), static_cast<std::uint32_t>(count)};
}

Sequence BlockSources::highest_claim(ReplicaId peer) const {
  const auto source = sources_.find(peer);
  return source == sources_.end() ? Sequence{} : source->second.executed;
}

std::optional<std::uint64_t> BlockSources::deadline_ms(Sequence committed,
                                                       std::uint64_t ask_from_ms) const {
  if (request_) return request_->patient_until_ms;
  if (!any_ahead_of(committed)) return std::nullopt;
  std::optional<std::uint64_t> earliest;
  for (const auto& [peer, source] : sources_) {
    if (source.executed <= committed) continue;
    const std::uint64_t from = std::max(source.not_before_ms, ask_from_ms);
    earliest = std::min(earliest.value_or(from), from);
  }
  return earliest;
}

}  // namespace quorate::pbft
