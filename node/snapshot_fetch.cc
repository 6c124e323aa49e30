#include "node/snapshot_fetch.h"

#include <algorithm>

namespace quorate::node {

using ledger::ChunkId;
using ledger::ReplicaId;

void SnapshotFetch::add_source(ReplicaId source) {
  if (!spent_.contains(source)) sources_.try_emplace(source);
}

SnapshotFetch::Sources::iterator SnapshotFetch::drop(Sources::iterator source) {
  for (const auto& [id, until_ms] : source->second.open) work_.give_back(id);
  return sources_.erase(source);
}

void SnapshotFetch::remove_source(ReplicaId source) {
  const auto found = sources_.find(source);
  if (found != sources_.end()) drop(found);
}

Result<std::vector<SnapshotFetch::Question>> SnapshotFetch::ask(std::uint64_t now_ms) {
  for (auto source = sources_.begin(); source != sources_.end();) {
    auto& open = source->second.open;
    const std::size_t late = std::erase_if(open, [&](const auto& question) {
      if (question.second > now_ms) return false;
      work_.give_back(question.first);
      return true;
    });
    source->second.failures += late > 0 ? 1 : 0;
    if (source->second.failures < kSourceFailuresMax) {
      ++source;
      continue;
    }
    spent_.insert(source->first);
    source = drop(source);
  }
  std::vector<Question> questions;
  for (std::size_t round = 0; round < kQuestionsMax; ++round) {
    for (auto& [id, source] : sources_) {
      if (source.open.size() >= kQuestionsMax) continue;
      QUORATE_ASSIGN(auto chunk, work_.next());
      if (!chunk) return questions;
      questions.push_back({id, {sequence_, chunk->path}});
      source.open.emplace(std::move(*chunk), now_ms + kChunkTimeoutMs);
    }
  }
  return questions;
}

Result<bool> SnapshotFetch::on_answer(ReplicaId from, const ChunkAnswer& answer) {
  const auto source = sources_.find(from);
  if (source == sources_.end() || answer.sequence != sequence_) return false;
  auto& open = source->second.open;
  const auto question = std::find_if(open.begin(), open.end(), [&](const auto& each) {
    return each.first.path == answer.path;
  });
  if (question == open.end()) return false;
  if (!answer.chunk) {  // it does not hold this state any more
    spent_.insert(from);
    drop(source);
    return true;
  }
  const ChunkId id = question->first;
  open.erase(question);
  const Status taken = work_.take(id, *answer.chunk);
  if (taken) {
    source->second.failures = 0;
    contributors_.insert(from);
    return true;
  }
  const Error& error = taken.error();
  if (error.code != "chunk-malformed" && error.code != "chunk-other-digest") {
    return tl::unexpected(error);
  }
  refused_.push_back({from, std::string(error.code), error.message});
  spent_.insert(from);
  drop(source);
  return true;
}

}  // namespace quorate::node
