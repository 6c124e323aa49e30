#include "node/anchor_book.h"

#include <algorithm>

#include "ledger/log_view.h"

namespace quorate::node {
namespace {

constexpr std::size_t kLostMax = 4096;

}  // namespace

void AnchorBook::add(const pow::AnchorPlace& place, std::uint64_t since_ms) {
  const ledger::Sequence size = place.anchor->sequence();
  entries_[size] = {place.anchor->note(), place.block, place.height, place.index, since_ms,
                    Verdict::kOpen,       {}};
  open_.insert(size);
  lost_.erase(size);
}

void AnchorBook::start(const pow::MemoryChain& chain,
                       const std::map<ledger::Digest, std::uint64_t>& times) {
  const std::lock_guard lock(mutex_);
  for (const auto& [size, place] : chain.anchored()) {
    const auto time = times.find(place.block);
    add(place, time == times.end() ? 0 : time->second);
  }
  tip_ = chain.chain().tip().height;
}

void AnchorBook::on_moved(const pow::MemoryChain& chain, const pow::Happened& happened,
                          ledger::TimeMs now) {
  const std::lock_guard lock(mutex_);
  for (const pow::Step& step : happened.steps) {
    if (step.move.kind != pow::Move::Kind::kDisconnect) continue;
    for (const pow::AnchorPtr& anchor : step.anchors) {
      const ledger::Sequence size = anchor->sequence();
      entries_.erase(size);
      open_.erase(size);
      lost_[size] = {size, step.move.hash, now.value};
      if (lost_.size() > kLostMax) lost_.erase(lost_.begin());
    }
  }
  for (const pow::Step& step : happened.steps) {
    for (const pow::AnchorPtr& anchor : step.anchors) {
      // It may be gone again, where a branch turned out bad half-way.
      const auto place = chain.anchored().find(anchor->sequence());
      if (place != chain.anchored().end() && place->second.block == step.move.hash) {
        add(place->second, now.value);
      }
    }
  }
  tip_ = chain.chain().tip().height;
  rebuild();
}

Result<bool> AnchorBook::judge(const ledger::Store& ledger) {
  const std::lock_guard lock(mutex_);
  if (open_.empty()) return false;
  const ledger::LogView log = ledger.log();
  bool is_news = false;
  while (!open_.empty() && open_.begin()->value <= log.size()) {
    const auto at = entries_.find(*open_.begin());
    Entry& entry = at->second;
    auto root = log.root(at->first.value);
    // What was before a ledger that began with a snapshot cannot be compared, and is asked by
    // nobody.
    if (!root && root.error().kind != ErrorKind::kNotFound) return tl::unexpected(root.error());
    open_.erase(open_.begin());
    if (!root) continue;
    entry.own_root = *root;
    entry.verdict = *root == entry.note.head.root ? Verdict::kAgrees : Verdict::kContradicts;
    is_news = true;
  }
  if (is_news) rebuild();
  return is_news;
}

void AnchorBook::rebuild() {
  std::vector<Entries::const_iterator> agreeing;
  for (auto at = entries_.cbegin(); at != entries_.cend(); ++at) {
    if (at->second.verdict == Verdict::kAgrees) agreeing.push_back(at);
  }
  std::sort(agreeing.begin(), agreeing.end(), [](const auto& a, const auto& b) {
    return std::pair(a->second.block_height, b->first) <
           std::pair(b->second.block_height, a->first);
  });
  covers_.clear();
  for (const auto& at : agreeing) {
    if (covers_.empty() || at->first > covers_.back()->first) covers_.push_back(at);
  }
}

AnchoredAt AnchorBook::render(const Entries::value_type& entry) const {
  const auto& [size, at] = entry;
  return {size,
          at.note.head.root,
          at.block,
          at.block_height,
          at.index,
          tip_.value >= at.block_height.value ? tip_.value - at.block_height.value + 1 : 0,
          at.since_ms};
}

std::optional<AnchoredAt> AnchorBook::find(ledger::Height height) const {
  const std::lock_guard lock(mutex_);
  const auto first = std::partition_point(
      covers_.begin(), covers_.end(), [height](const auto& at) { return at->first < height; });
  if (first == covers_.end()) return std::nullopt;
  return render(**first);
}

std::optional<LostAnchor> AnchorBook::lost(ledger::Height height) const {
  const std::lock_guard lock(mutex_);
  const bool is_anchored = !covers_.empty() && covers_.back()->first >= height;
  const auto at = lost_.lower_bound(height);
  if (is_anchored || at == lost_.end()) return std::nullopt;
  return at->second;
}

std::optional<AnchoredAt> AnchorBook::newest() const {
  const std::lock_guard lock(mutex_);
  if (covers_.empty()) return std::nullopt;
  return render(*covers_.back());
}

std::optional<AnchorContradiction> AnchorBook::contradiction() const {
  const std::lock_guard lock(mutex_);
  for (const auto& [size, at] : entries_) {
    if (at.verdict != Verdict::kContradicts) continue;
    return AnchorContradiction{size, at.note.head.root, at.own_root, at.block, at.block_height};
  }
  return std::nullopt;
}

}  // namespace quorate::node
