#include "node/join.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <variant>

#include "crypto/bcs.h"
#include "node/clock.h"
#include "node/log.h"
#include "node/peers.h"
#include "node/snapshot_fetch.h"

namespace quorate::node {
namespace {

using ledger::ReplicaId;

constexpr std::uint64_t kOffersWithinMs = 10'000;  // for a first one
constexpr std::uint64_t kOfferPatienceMs = 1'000;  // for more of them after it
constexpr std::uint64_t kPaceMs = 100;
constexpr int kRoundsMax = 8;
constexpr std::size_t kEventsMax = 4096;

struct Gone {};
struct Connected {};
using Event = std::variant<Connected, Gone, SnapshotOffer, ChunkAnswer>;

class Joiner {
 public:
  Joiner(const Home& home, const Config& config, const ledger::Genesis& genesis,
         const Identity& identity, const std::function<bool()>& is_stopped)
      : home_(home),
        config_(config),
        genesis_(genesis),
        identity_(identity),
        chain_id_(ledger::chain_id_of(genesis)),
        is_stopped_(is_stopped) {}

  [[nodiscard]] Result<bool> run() {
    QUORATE_TRY(start_mesh());
    QUORATE_ASSIGN(staging_, ledger::SnapshotStaging::open(staging_folder(), chain_id_));
    for (int round = 0; round < kRoundsMax; ++round) {
      const auto head = choose();
      if (!head) return false;
      QUORATE_ASSIGN(const bool is_complete, fetch(*head));
      if (is_stopped_()) return false;
      if (is_complete) return finish(*head);
    }
    log_event(Severity::kWarning, "snapshot-given-up", {{"rounds", std::to_string(kRoundsMax)}});
    return false;
  }

 private:
  [[nodiscard]] std::filesystem::path staging_folder() const {
    return home_.root / "ledger.snapshot";
  }
  [[nodiscard]] std::filesystem::path new_ledger() const { return home_.root / "ledger.new"; }

  [[nodiscard]] Status start_mesh() {
    PeerMeshOptions options;
    options.self = identity_.self;
    options.chain_id = chain_id_;
    options.listen = config_.peer_listen;
    QUORATE_ASSIGN(options.peers, peer_addresses(genesis_, identity_.self, config_));
    PeerMesh::Callbacks callbacks;
    callbacks.on_frame = [this](InboundFrame frame) { on_frame(frame); };
    callbacks.on_connected = [this](ReplicaId peer) { push(peer, Connected{}); };
    callbacks.on_disconnected = [this](ReplicaId peer) { push(peer, Gone{}); };
    callbacks.on_refusal = [](const Error&) {};
    QUORATE_ASSIGN(mesh_, PeerMesh::start(io_, identity_.network_key, std::move(options),
                                          std::move(callbacks)));
    return {};
  }

  void on_frame(const InboundFrame& frame) {
    auto message = crypto::decode<PeerMessage>(frame.bytes);
    if (!message) return;
    if (auto* offer = std::get_if<SnapshotOffer>(&*message)) push(frame.from, std::move(*offer));
    if (auto* chunk = std::get_if<ChunkAnswer>(&*message)) push(frame.from, std::move(*chunk));
  }

  void push(ReplicaId from, Event event) {
    const std::lock_guard lock(mutex_);
    if (events_.size() >= kEventsMax) return;  // it is asked for again
    events_.emplace_back(from, std::move(event));
    wake_.notify_one();
  }

  // The next event; nullopt: none within the pace.
  std::optional<std::pair<ReplicaId, Event>> pop() {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::milliseconds(kPaceMs), [this] { return !events_.empty(); });
    if (events_.empty()) return std::nullopt;
    auto event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

  void send(ReplicaId to, const PeerMessage& message) {
    mesh_->send(to, std::make_shared<const Bytes>(crypto::encode(message)));
  }

  // --- which state

  void note(ReplicaId from, Event event) {
    if (std::holds_alternative<Connected>(event)) {
      connected_.insert(from);
      send(from, SnapshotRequest{});
    } else if (std::holds_alternative<Gone>(event)) {
      connected_.erase(from);
      offers_.erase(from);
    } else if (auto* offer = std::get_if<SnapshotOffer>(&event)) {
      take_offer(from, std::move(*offer));
    }
  }

  void take_offer(ReplicaId from, SnapshotOffer offer) {
    answered_.insert(from);
    offers_.erase(from);
    if (!offer.head) return;
    if (const Status good = ledger::check_snapshot_head(*offer.head, genesis_); !good) {
      return refuse({from, good.error().to_string()});
    }
    if (offer.head->checkpoint.note.sequence.value < config_.snapshot_blocks_min) return;
    offers_.emplace(from, std::move(*offer.head));
  }

  void refuse(ledger::RefusedSource source) {
    log_event(Severity::kWarning, "snapshot-source-refused",
              {{"peer", std::to_string(source.replica.value)}, {"detail", source.code}});
    refused_.push_back(std::move(source));
  }

  // The state that most of those who answer hold, the newest of these.
  [[nodiscard]] std::optional<ledger::SnapshotHead> best() const {
    std::map<std::pair<std::size_t, ledger::Sequence>, const ledger::SnapshotHead*> ranked;
    std::map<ledger::Sequence, std::size_t> holders;
    for (const auto& [peer, head] : offers_) ++holders[head.checkpoint.note.sequence];
    for (const auto& [peer, head] : offers_) {
      const ledger::Sequence sequence = head.checkpoint.note.sequence;
      ranked[{holders[sequence], sequence}] = &head;
    }
    if (ranked.empty()) return std::nullopt;
    return *ranked.rbegin()->second;
  }

  std::optional<ledger::SnapshotHead> choose() {
    offers_.clear();
    answered_.clear();
    for (const ReplicaId peer : connected_) send(peer, SnapshotRequest{});
    const std::uint64_t start = monotonic_ms();
    std::uint64_t first_offer = 0;
    while (!is_stopped_()) {
      if (auto event = pop()) note(event->first, std::move(event->second));
      const std::uint64_t now = monotonic_ms();
      if (!offers_.empty() && first_offer == 0) first_offer = now;
      const std::size_t all = genesis_.replicas.size() - 1;
      if (answered_.size() >= all) break;
      if (first_offer != 0 && now >= first_offer + kOfferPatienceMs) break;
      // f+1 who have nothing include a correct one, but it may be one that joins as well.
      if (now >= start + kOffersWithinMs) break;
    }
    return best();
  }

  // --- its chunks

  [[nodiscard]] Result<bool> fetch(const ledger::SnapshotHead& head) {
    const ledger::CheckpointNote& note = head.checkpoint.note;
    ledger::SnapshotWork work(note.state_root, *staging_);
    SnapshotFetch fetch(work, note.sequence);
    for (const auto& [peer, offered] : offers_) {
      if (offered.checkpoint.note == note) fetch.add_source(peer);
    }
    log_event(Severity::kInfo, "snapshot-fetching",
              {{"sequence", std::to_string(note.sequence.value)},
               {"state_root", note.state_root.short_hex()},
               {"sources", std::to_string(offers_.size())}});
    std::size_t named = 0;
    while (!is_stopped_()) {
      QUORATE_ASSIGN(const auto questions, fetch.ask(monotonic_ms()));
      for (const auto& question : questions) send(question.to, question.request);
      if (fetch.is_done() || fetch.is_stranded()) break;
      auto event = pop();
      if (!event) continue;
      if (const auto* answer = std::get_if<ChunkAnswer>(&event->second)) {
        QUORATE_TRY(fetch.on_answer(event->first, *answer));
      } else {
        if (std::holds_alternative<Gone>(event->second)) fetch.remove_source(event->first);
        this->note(event->first, std::move(event->second));
      }
      for (; named < fetch.refused().size(); ++named) refuse(fetch.refused()[named]);
    }
    chunks_ = work.chunks();
    found_ = work.found();
    for (const ReplicaId peer : fetch.contributors()) contributors_.insert(peer);
    return fetch.is_done();
  }

  // --- the ledger

  [[nodiscard]] Result<bool> finish(const ledger::SnapshotHead& head) {
    ledger::SnapshotOrigin origin;
    origin.taken_ms = wall_time().value;
    origin.chunks = chunks_;
    origin.sources.assign(contributors_.begin(), contributors_.end());
    origin.refused = refused_;
    std::error_code failed;
    std::filesystem::remove_all(new_ledger(), failed);
    QUORATE_TRY(ledger::make_ledger(new_ledger(), genesis_, head, *staging_, origin));
    std::filesystem::rename(new_ledger(), home_.ledger(), failed);
    if (failed) {
      return fail(ErrorKind::kEnvironment, "ledger-unreadable",
                  fmt::format("{} cannot become {}: {}", new_ledger().string(),
                              home_.ledger().string(), failed.message()),
                  "Check permissions and the disk.");
    }
    staging_.reset();
    std::filesystem::remove_all(staging_folder(), failed);
    report(origin);
    return true;
  }

  void report(const ledger::SnapshotOrigin& origin) const {
    const ledger::CheckpointNote& note = origin.checkpoint.note;
    std::vector<std::uint16_t> signers, sources, refused;
    for (const auto& each : origin.checkpoint.cosignatures) signers.push_back(each.replica.value);
    for (const ReplicaId each : origin.sources) sources.push_back(each.value);
    for (const auto& each : origin.refused) refused.push_back(each.replica.value);
    log_event(Severity::kInfo, "joined-by-snapshot",
              {{"sequence", std::to_string(note.sequence.value)},
               {"log_root", note.head.root.short_hex()},
               {"state_root", note.state_root.short_hex()},
               {"signers", fmt::format("{}", fmt::join(signers, ","))},
               {"sources", fmt::format("{}", fmt::join(sources, ","))},
               {"refused", fmt::format("{}", fmt::join(refused, ","))},
               {"chunks", std::to_string(origin.chunks)},
               {"found", std::to_string(found_)},
               {"keys", std::to_string(origin.keys)},
               {"bytes", std::to_string(origin.bytes)}});
  }

  const Home& home_;
  const Config& config_;
  const ledger::Genesis& genesis_;
  const Identity& identity_;
  ledger::Digest chain_id_;
  const std::function<bool()>& is_stopped_;
  std::unique_ptr<ledger::SnapshotStaging> staging_;
  std::set<ReplicaId> connected_;
  std::set<ReplicaId> answered_;
  std::map<ReplicaId, ledger::SnapshotHead> offers_;
  std::set<ReplicaId> contributors_;
  std::vector<ledger::RefusedSource> refused_;
  std::uint64_t chunks_ = 0;
  std::uint64_t found_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::pair<ReplicaId, Event>> events_;
  IoThread io_;
  std::unique_ptr<PeerMesh> mesh_;  // last: its callbacks end before what they use
};

}  // namespace

Result<bool> join_by_snapshot(const Home& home, const Config& config,
                              const ledger::Genesis& genesis, const Identity& identity,
                              const std::function<bool()>& is_stopped) {
  if (genesis.replicas.size() < 2) return false;
  return Joiner(home, config, genesis, identity, is_stopped).run();
}

}  // namespace quorate::node
