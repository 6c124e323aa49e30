#include "ledger/log_nodes.h"

namespace quorate::ledger {

std::optional<crypto::Digest> LogNodes::find(const crypto::merkle::NodeId& id) const {
  const std::lock_guard lock(mutex_);
  const std::vector<Place>& places = levels_.at(id.level);
  const std::uint64_t at = id.index % kNodesALevel;
  if (at >= places.size() || places[at].next_index != id.index + 1) return std::nullopt;
  return places[at].digest;
}

void LogNodes::keep(const crypto::merkle::NodeId& id, const crypto::Digest& digest) {
  const std::lock_guard lock(mutex_);
  std::vector<Place>& places = levels_.at(id.level);
  const std::uint64_t at = id.index % kNodesALevel;
  if (at >= places.size()) places.resize(at + 1);
  places[at] = {id.index + 1, digest};
}

}  // namespace quorate::ledger
