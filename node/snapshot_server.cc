#include "node/snapshot_server.h"

#include <algorithm>

#include "node/clock.h"

namespace quorate::node {

Result<SnapshotOffer> SnapshotServer::offer() {
  auto view = store_.stable_view();
  if (!view) return SnapshotOffer{};
  QUORATE_ASSIGN(auto head, ledger::snapshot_head(*view));
  const ledger::Sequence sequence = head.checkpoint.note.sequence;
  const std::lock_guard lock(mutex_);
  held_.insert_or_assign(sequence, Held{std::move(*view), monotonic_ms()});
  while (held_.size() > kSnapshotsMax) {
    held_.erase(std::min_element(held_.begin(), held_.end(), [](const auto& a, const auto& b) {
      return a.second.asked_ms < b.second.asked_ms;
    }));
  }
  return SnapshotOffer{std::move(head)};
}

Result<ChunkAnswer> SnapshotServer::answer(const ChunkRequest& request) {
  ChunkAnswer answer{request.sequence, request.path, std::nullopt};
  std::optional<ledger::StableView> view;
  {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find(request.sequence);
    if (found == held_.end()) return answer;
    found->second.asked_ms = monotonic_ms();
    view = found->second.view;
  }
  auto chunk = ledger::read_chunk(*view, request.path);
  if (!chunk && chunk.error().kind != ErrorKind::kNotFound) return tl::unexpected(chunk.error());
  if (chunk) answer.chunk = std::move(*chunk);
  return answer;
}

void SnapshotServer::tidy() {
  const std::lock_guard lock(mutex_);
  std::erase_if(held_, [now = monotonic_ms()](const auto& each) {
    return each.second.asked_ms + kSnapshotIdleMs < now;
  });
}

}  // namespace quorate::node
