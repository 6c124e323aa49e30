#include "ledger/log_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <span>

#include "ledger/store_impl.h"

namespace quorate::ledger {

namespace merkle = crypto::merkle;

namespace {

// The widest complete subtree that begins at `first` and has at most `count` leaves.
std::size_t widest(std::uint64_t first, std::size_t count) {
  const std::size_t width = std::bit_floor(count);
  if (first == 0) return width;
  const auto aligned = std::uint64_t{1} << std::countr_zero(first);
  return static_cast<std::size_t>(std::min<std::uint64_t>(width, aligned));
}

}  // namespace

std::uint64_t LogView::size() const { return moment_->head.frontier.size; }
std::uint64_t LogView::base() const { return moment_->base.value; }

Status LogView::check_size(std::uint64_t size) const {
  if (size <= this->size() && size >= base()) return {};
  return moment_->check_height(Height{size});
}

Result<Digest> LogView::node(std::uint8_t level, std::uint64_t index) const {
  const std::uint64_t end = (index + 1) << level;
  if (end <= base()) {
    const std::vector<merkle::NodeId> kept = subtrees_of(base());
    const merkle::NodeId id{level, index};
    if (std::find(kept.begin(), kept.end(), id) == kept.end()) {
      QUORATE_TRY(moment_->check_height(Height{end}));
    }
  }
  return moment_->node({level, index});
}

Result<Digest> LogView::root(std::uint64_t size) const {
  if (size == this->size()) return moment_->head.root;
  if (moment_->proved && size == moment_->proved->note.head.size) {
    return moment_->proved->note.head.root;
  }
  QUORATE_TRY(check_size(size));
  return moment_->log_root(size);
}

Result<std::vector<Digest>> LogView::nodes(std::uint8_t level, std::uint64_t first,
                                           std::size_t count) const {
  const std::uint64_t there = level < 64 ? size() >> level : 0;
  if (first > there || count > there - first) {
    return fail(ErrorKind::kNotFound, "block-not-found",
                fmt::format("{} nodes of level {} of the log were asked for from node {} on; a log "
                            "of {} records has {} there",
                            count, level, first, size(), there),
                "Wait until they are there, or ask for earlier ones.");
  }
  std::vector<Digest> found;
  found.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    QUORATE_ASSIGN(const Digest each, node(level, first + i));
    found.push_back(each);
  }
  for (std::size_t at = 0; at < count;) {
    const std::size_t width = widest(first + at, count - at);
    if (width > 1) {
      const auto above = static_cast<std::uint8_t>(level + std::countr_zero(width));
      QUORATE_ASSIGN(const Digest stored, node(above, (first + at) / width));
      if (merkle::root(std::span(found).subspan(at, width)) != stored) {
        return moment_->database->corrupt(
            fmt::format("nodes {} to {} of level {} of the log do not add up to node {} of level "
                        "{}",
                        first + at, first + at + width - 1, level, (first + at) / width, above));
      }
    }
    at += width;
  }
  return found;
}

Result<std::vector<Bytes>> LogView::records(std::uint64_t first, std::size_t count) const {
  std::vector<Bytes> found;
  found.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    QUORATE_ASSIGN(const Record record, moment_->record(Height{first + i + 1}));
    found.push_back(crypto::encode(record));
  }
  return found;
}

Result<std::vector<Digest>> LogView::inclusion_path(std::uint64_t index,
                                                    std::uint64_t size) const {
  QUORATE_TRY(check_size(size));
  QUORATE_TRY(moment_->check_height(Height{index + 1}));
  const auto get = [this](const merkle::NodeId& id) { return node(id.level, id.index); };
  QUORATE_ASSIGN(auto path, merkle::inclusion_path(index, size, get));
  QUORATE_ASSIGN(const Digest leaf, node(0, index));
  QUORATE_ASSIGN(const Digest led_to, root(size));
  if (!merkle::verify_inclusion(leaf, index, size, path, led_to)) {
    return moment_->differs("inclusion path", Height{index + 1});
  }
  return path;
}

Result<std::vector<Digest>> LogView::consistency_path(std::uint64_t first,
                                                      std::uint64_t second) const {
  QUORATE_TRY(check_size(second));
  if (first != 0) QUORATE_TRY(check_size(first));
  const auto get = [this](const merkle::NodeId& id) { return node(id.level, id.index); };
  QUORATE_ASSIGN(auto path, merkle::consistency_path(first, second, get));
  if (first == 0) return path;
  QUORATE_ASSIGN(const Digest old_root, root(first));
  QUORATE_ASSIGN(const Digest new_root, root(second));
  if (!merkle::verify_consistency(first, second, old_root, new_root, path)) {
    return moment_->differs("consistency path", Height{second});
  }
  return path;
}

LogView Store::log() const { return LogView(impl_->now()); }

}  // namespace quorate::ledger
