#include "node/snapshot_server.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "node/clock.h"

namespace quorate::node {
namespace {

// Linux: of the calling thread alone. Without it votes wait a little longer, no more.
constexpr int kNiceness = 10;

}  // namespace

SnapshotServer::SnapshotServer(const ledger::Store& store, Send send)
    : store_(store), send_(std::move(send)), thread_([this] { run(); }) {}

bool SnapshotServer::post(ledger::ReplicaId from, Question question) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return false;
  auto& waiting = waiting_[from];
  if (waiting.size() >= kServedQuestionsMax) return false;
  waiting.push_back(std::move(question));
  wake_.notify_one();
  return true;
}

void SnapshotServer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

bool SnapshotServer::take(ledger::ReplicaId& from, Question& question) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
  if (stopping_) return false;
  auto turn = waiting_.upper_bound(served_);
  if (turn == waiting_.end()) turn = waiting_.begin();
  served_ = from = turn->first;
  question = std::move(turn->second.front());
  turn->second.pop_front();
  if (turn->second.empty()) waiting_.erase(turn);
  return true;
}

void SnapshotServer::run() {
  static_cast<void>(setpriority(PRIO_PROCESS, 0, kNiceness));
  ledger::ReplicaId from;
  Question question;
  while (take(from, question)) serve(from, question);
}

void SnapshotServer::serve(ledger::ReplicaId from, const Question& question) {
  Result<PeerMessage> reply = SnapshotOffer{};
  if (const auto* chunk = std::get_if<ChunkRequest>(&question)) {
    reply = answer(*chunk);
  } else {
    reply = offer();
  }
  if (reply) return send_(from, std::move(*reply));
  if (!fault_limit_.allow(monotonic_ms())) return;
  log_event(Severity::kError, "snapshot-unreadable",
            {{"code", std::string(reply.error().code)}, {"detail", reply.error().message}});
}

Result<PeerMessage> SnapshotServer::offer() {
  auto view = store_.stable_view();
  if (!view) return SnapshotOffer{};
  QUORATE_ASSIGN(auto head, ledger::snapshot_head(*view));
  QUORATE_ASSIGN(auto epochs, view->epoch_proofs());
  const ledger::Sequence sequence = head.checkpoint.note.sequence;
  const std::lock_guard lock(mutex_);
  held_.insert_or_assign(sequence, Held{std::move(*view), monotonic_ms()});
  while (held_.size() > kSnapshotsMax) {
    held_.erase(std::min_element(held_.begin(), held_.end(), [](const auto& a, const auto& b) {
      return a.second.asked_ms < b.second.asked_ms;
    }));
  }
  if (epochs.empty()) return SnapshotOffer{std::move(head)};
  return EpochSnapshotOffer{std::move(head), std::move(epochs)};
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
