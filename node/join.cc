#include "node/join.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <variant>

#include "crypto/bcs.h"
#include "ledger/durable_file.h"
#include "node/clock.h"
#include "node/disk_space.h"
#include "node/log.h"
#include "node/peers.h"
#include "node/snapshot_fetch.h"

namespace quorate::node {
namespace {

using ledger::ReplicaId;

constexpr std::uint64_t kOffersWithinMs = 10'000;  // for a first one
constexpr std::uint64_t kOfferPatienceMs = 1'000;  // for more of them after it
constexpr std::uint64_t kAskAgainMs = 1'000;
constexpr std::uint64_t kPaceMs = 100;
constexpr std::uint64_t kProgressMs = 2'000;
constexpr int kRoundsMax = 64;
constexpr int kIdleRoundsMax = 8;  // that brought no chunk
constexpr std::size_t kFramesMax = 4096;

std::filesystem::path new_ledger(const Home& home) { return home.root / "ledger.new"; }

// Frames about snapshots between the I/O thread and the one that joins. Each holds its credit, so
// the mesh bounds their bytes.
class Inbox {
 public:
  void push(InboundFrame frame) {
    if (frame.bytes.empty() || frame.bytes.front() < kSnapshotTagFirst) return;
    const std::lock_guard lock(mutex_);
    if (frames_.size() >= kFramesMax || ignored_.contains(frame.from)) return;
    frames_.push_back(std::move(frame));
    wake_.notify_one();
  }
  // nullopt: none within the pace.
  std::optional<InboundFrame> pop() {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::milliseconds(kPaceMs), [this] { return !frames_.empty(); });
    if (frames_.empty()) return std::nullopt;
    InboundFrame frame = std::move(frames_.front());
    frames_.pop_front();
    return frame;
  }
  void ignore(ReplicaId peer) {
    const std::lock_guard lock(mutex_);
    ignored_.insert(peer);
    std::erase_if(frames_, [peer](const InboundFrame& frame) { return frame.from == peer; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<InboundFrame> frames_;
  std::set<ReplicaId> ignored_;
};

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

  [[nodiscard]] Result<JoinOutcome> run() {
    QUORATE_TRY(open_staging());
    QUORATE_TRY(start_mesh());
    int idle = 0;
    for (int round = 0; round < kRoundsMax && idle < kIdleRoundsMax; ++round) {
      const auto head = choose();
      if (is_stopped_()) return JoinOutcome::kStopped;
      if (!head) return JoinOutcome::kNoOffer;
      const std::uint64_t before = taken_;
      const Result<bool> made = fetch_and_make(*head);
      if (is_stopped_() && !(made && *made)) return JoinOutcome::kStopped;
      if (made && *made) return JoinOutcome::kJoined;
      if (!made) QUORATE_TRY(mend(made.error()));
      idle = taken_ > before ? 0 : idle + 1;
    }
    log_event(Severity::kWarning, "snapshot-given-up", {{"chunks", std::to_string(taken_)}});
    return JoinOutcome::kNoOffer;
  }

 private:
  [[nodiscard]] Status open_staging() {
    QUORATE_ASSIGN(staging_, ledger::SnapshotStaging::open(home_.staging(), chain_id_));
    return {};
  }

  // Damage to what can be fetched again is no reason to stop.
  [[nodiscard]] Status mend(const Error& error) {
    const bool is_useless = error.code == "snapshot-corrupt";
    if (!is_useless && error.code != "snapshot-incomplete") return tl::unexpected(error);
    log_event(Severity::kWarning, "snapshot-damaged",
              {{"code", std::string(error.code)}, {"detail", error.message}});
    if (!is_useless) return {};
    staging_.reset();
    std::error_code ignored;  // what cannot be removed cannot be made anew either
    std::filesystem::remove_all(home_.staging(), ignored);
    return open_staging();
  }

  [[nodiscard]] Status start_mesh() {
    PeerMeshOptions options;
    options.self = identity_.self;
    options.chain_id = chain_id_;
    options.listen = config_.peer_listen;
    options.credit_bytes_max = kJoinCreditBytes;
    QUORATE_ASSIGN(options.peers, peer_addresses(genesis_, identity_.self, config_));
    PeerMesh::Callbacks callbacks;
    callbacks.on_frame = [this](InboundFrame frame) { inbox_.push(std::move(frame)); };
    callbacks.on_connected = [](ReplicaId) {};
    callbacks.on_disconnected = [](ReplicaId) {};
    callbacks.on_refusal = [](const Error& error) {
      log_event(Severity::kWarning, "peer-refused",
                {{"code", std::string(error.code)}, {"detail", error.message}});
    };
    QUORATE_ASSIGN(mesh_, PeerMesh::start(io_, identity_.network_key, std::move(options),
                                          std::move(callbacks)));
    return {};
  }

  void send(ReplicaId to, const PeerMessage& message) {
    mesh_->send(to, std::make_shared<const Bytes>(crypto::encode(message)));
  }

  void refuse(ledger::RefusedSource source) {
    log_event(Severity::kWarning, "snapshot-source-refused",
              {{"peer", std::to_string(source.replica.value)},
               {"code", source.code},
               {"detail", source.detail}});
    flush_log();
    offers_.erase(source.replica);
    inbox_.ignore(source.replica);
    refused_.push_back(std::move(source));
  }

  [[nodiscard]] bool is_refused(ReplicaId peer) const {
    return std::any_of(refused_.begin(), refused_.end(),
                       [peer](const auto& each) { return each.replica == peer; });
  }

  // The next message of a peer that is still believed to be honest.
  std::optional<PeerMessage> receive(ReplicaId& from, std::size_t& bytes) {
    const auto frame = inbox_.pop();
    if (!frame || is_refused(frame->from)) return std::nullopt;
    from = frame->from;
    bytes = frame->bytes.size();
    auto message = crypto::decode<PeerMessage>(frame->bytes);
    if (message) return std::move(*message);
    refuse({from, std::string(message.error().code), message.error().message});
    return std::nullopt;
  }

  void note_unasked(ReplicaId from, std::size_t bytes) {
    std::uint64_t& sum = unasked_bytes_[from];
    sum += bytes;
    if (sum <= kUnaskedBytesMax) return;
    refuse({from, "snapshot-not-asked",
            fmt::format("it sent {} bytes of answers that nobody had asked for; at most {} can be "
                        "late ones",
                        sum, kUnaskedBytesMax)});
  }

  // --- which state

  // Asks those who are there and have not answered, again and again.
  void ask_for_offers() {
    const std::uint64_t now = monotonic_ms();
    for (const PeerState& peer : mesh_->peers()) {
      if (!peer.connected_out || answered_.contains(peer.id) || is_refused(peer.id)) continue;
      std::uint64_t& asked = asked_ms_[peer.id];
      if (asked != 0 && now < asked + kAskAgainMs) continue;
      asked = now;
      send(peer.id, SnapshotRequest{});
    }
  }

  void on_other(ReplicaId from, PeerMessage message, std::size_t bytes) {
    if (auto* offer = std::get_if<SnapshotOffer>(&message)) {
      if (!answered_.insert(from).second) return note_unasked(from, bytes);
      if (!offer->head) return;
      return take_offer(from, {std::move(*offer->head), {}});
    }
    if (auto* offer = std::get_if<EpochSnapshotOffer>(&message)) {
      if (!answered_.insert(from).second) return note_unasked(from, bytes);
      return take_offer(from, std::move(*offer));
    }
    // Who joins as well is not to wait for this one.
    if (std::holds_alternative<SnapshotRequest>(message)) return send(from, SnapshotOffer{});
    if (std::holds_alternative<ChunkAnswer>(message)) note_unasked(from, bytes);
  }

  void take_offer(ReplicaId from, EpochSnapshotOffer offer) {
    const Status good = ledger::check_snapshot_head(offer.head, genesis_, offer.epochs);
    if (!good) return refuse({from, std::string(good.error().code), good.error().message});
    if (offer.head.checkpoint.note.sequence.value < config_.snapshot_blocks_min) return;
    offers_.insert_or_assign(from, std::move(offer));
  }

  [[nodiscard]] bool all_have_answered() const {
    const auto peers = mesh_->peers();
    return std::all_of(peers.begin(), peers.end(), [this](const PeerState& peer) {
      return answered_.contains(peer.id) || is_refused(peer.id);
    });
  }

  // The state that most of those who answer hold, the newest of these.
  [[nodiscard]] std::optional<EpochSnapshotOffer> best() const {
    std::map<std::pair<std::size_t, ledger::Sequence>, const EpochSnapshotOffer*> ranked;
    std::map<ledger::Sequence, std::size_t> holders;
    for (const auto& [peer, offer] : offers_) ++holders[offer.head.checkpoint.note.sequence];
    for (const auto& [peer, offer] : offers_) {
      const ledger::Sequence sequence = offer.head.checkpoint.note.sequence;
      ranked[{holders[sequence], sequence}] = &offer;
    }
    if (ranked.empty()) return std::nullopt;
    return *ranked.rbegin()->second;
  }

  std::optional<EpochSnapshotOffer> choose() {
    offers_.clear();
    answered_.clear();
    asked_ms_.clear();
    const std::uint64_t start = monotonic_ms();
    std::uint64_t first_offer = 0;
    while (!is_stopped_()) {
      ask_for_offers();
      ReplicaId from;
      std::size_t bytes = 0;
      if (auto message = receive(from, bytes)) on_other(from, std::move(*message), bytes);
      const std::uint64_t now = monotonic_ms();
      if (!offers_.empty() && first_offer == 0) first_offer = now;
      if (all_have_answered()) break;
      if (first_offer != 0 && now >= first_offer + kOfferPatienceMs) break;
      // f+1 who have nothing include a correct one, but it may be one that joins as well.
      if (now >= start + kOffersWithinMs) break;
    }
    return best();
  }

  // --- its chunks

  [[nodiscard]] Result<bool> fetch_and_make(const EpochSnapshotOffer& chosen) {
    const ledger::CheckpointNote& note = chosen.head.checkpoint.note;
    ledger::SnapshotWork work(note.state_root, *staging_);
    SnapshotFetch fetch(work, note.sequence);
    log_event(Severity::kInfo, "snapshot-fetching",
              {{"sequence", std::to_string(note.sequence.value)},
               {"state_root", note.state_root.short_hex()},
               {"offers", std::to_string(offers_.size())}});
    std::uint64_t looked_ms = 0;
    std::uint64_t told_ms = monotonic_ms();
    while (!is_stopped_() && !fetch.is_done()) {
      const std::uint64_t now = monotonic_ms();
      if (now >= looked_ms + kPaceMs) {
        looked_ms = now;
        ask_for_offers();
        match_sources(fetch, note);
        if (fetch.is_stranded()) break;
      }
      if (now >= told_ms + kProgressMs) {
        told_ms = now;
        QUORATE_TRY(check_disk_space(home_.root, config_.disk_free_bytes_min));
        log_event(Severity::kInfo, "snapshot-progress",
                  {{"chunks", std::to_string(work.chunks())},
                   {"found", std::to_string(work.found())}});
        flush_log();
      }
      QUORATE_ASSIGN(const auto questions, fetch.ask(now));
      for (const auto& question : questions) send(question.to, question.request);
      if (fetch.is_done()) break;
      QUORATE_TRY(receive_chunk(fetch));
    }
    taken_ += work.chunks() - work.found();
    contributors_.insert(fetch.contributors().begin(), fetch.contributors().end());
    if (!fetch.is_done()) return false;
    QUORATE_TRY(finish(chosen, work));
    return true;
  }

  // The sources are those who hold this state and are connected now.
  void match_sources(SnapshotFetch& fetch, const ledger::CheckpointNote& note) const {
    for (const PeerState& peer : mesh_->peers()) {
      const auto offer = offers_.find(peer.id);
      if (peer.connected_out && offer != offers_.end() &&
          offer->second.head.checkpoint.note == note) {
        fetch.add_source(peer.id);
      } else {
        fetch.remove_source(peer.id);
      }
    }
  }

  [[nodiscard]] Status receive_chunk(SnapshotFetch& fetch) {
    ReplicaId from;
    std::size_t bytes = 0;
    auto message = receive(from, bytes);
    if (!message) return {};
    const auto* answer = std::get_if<ChunkAnswer>(&*message);
    if (answer == nullptr) {
      on_other(from, std::move(*message), bytes);
      return {};
    }
    const std::size_t known = fetch.refused().size();
    QUORATE_ASSIGN(const bool was_asked, fetch.on_answer(from, *answer));
    if (!was_asked) note_unasked(from, bytes);
    for (std::size_t i = known; i < fetch.refused().size(); ++i) refuse(fetch.refused()[i]);
    return {};
  }

  // --- the ledger

  [[nodiscard]] Status finish(const EpochSnapshotOffer& chosen,
                              const ledger::SnapshotWork& work) {
    ledger::SnapshotOrigin origin;
    origin.taken_ms = wall_time().value;
    origin.chunks = work.chunks();
    origin.found = work.found();
    origin.sources.assign(contributors_.begin(), contributors_.end());
    origin.refused = refused_;
    std::error_code failed;
    std::filesystem::remove_all(new_ledger(home_), failed);
    QUORATE_TRY(ledger::make_ledger(new_ledger(home_), genesis_, chosen.head, chosen.epochs,
                                    *staging_, origin));
    std::filesystem::rename(new_ledger(home_), home_.ledger(), failed);
    const int unsynced = failed ? 0 : ledger::sync_directory(home_.root);
    if (failed || unsynced != 0) {
      return fail(ErrorKind::kEnvironment, "ledger-unreadable",
                  fmt::format("{} cannot become {}: {}", new_ledger(home_).string(),
                              home_.ledger().string(),
                              failed ? failed.message() : ledger::errno_text(unsynced)),
                  "Check permissions and the disk.");
    }
    staging_.reset();
    remove_join_leftovers(home_);
    report(origin);
    return {};
  }

  static void report(const ledger::SnapshotOrigin& origin) {
    const ledger::CheckpointNote& note = origin.checkpoint.note;
    std::vector<std::uint16_t> signers, sources, refused;
    for (const auto& each : origin.checkpoint.cosignatures) signers.push_back(each.replica.value);
    for (const ReplicaId each : origin.sources) sources.push_back(each.value);
    for (const auto& each : origin.refused) refused.push_back(each.replica.value);
    log_event(Severity::kInfo, "joined-by-snapshot",
              {{"sequence", std::to_string(note.sequence.value)},
               {"log_root", note.head.root.hex()},
               {"state_root", note.state_root.hex()},
               {"signers", fmt::format("{}", fmt::join(signers, ","))},
               {"sources", fmt::format("{}", fmt::join(sources, ","))},
               {"refused", fmt::format("{}", fmt::join(refused, ","))},
               {"chunks", std::to_string(origin.chunks)},
               {"found", std::to_string(origin.found)},
               {"keys", std::to_string(origin.keys)},
               {"bytes", std::to_string(origin.bytes)}});
    flush_log();
  }

  const Home& home_;
  const Config& config_;
  const ledger::Genesis& genesis_;
  const Identity& identity_;
  ledger::Digest chain_id_;
  const std::function<bool()>& is_stopped_;
  std::unique_ptr<ledger::SnapshotStaging> staging_;
  std::map<ReplicaId, std::uint64_t> asked_ms_;  // for an offer, in this round
  std::set<ReplicaId> answered_;
  std::map<ReplicaId, EpochSnapshotOffer> offers_;
  std::map<ReplicaId, std::uint64_t> unasked_bytes_;
  std::set<ReplicaId> contributors_;
  std::vector<ledger::RefusedSource> refused_;  // each peer once, for all rounds
  std::uint64_t taken_ = 0;                     // chunks, in all rounds
  Inbox inbox_;
  IoThread io_;
  std::unique_ptr<PeerMesh> mesh_;  // last: its callbacks end before what they use
};

}  // namespace

Result<JoinOutcome> join_by_snapshot(const Home& home, const Config& config,
                                     const ledger::Genesis& genesis, const Identity& identity,
                                     const std::function<bool()>& is_stopped) {
  if (genesis.replicas.size() < 2) return JoinOutcome::kNoOffer;
  return Joiner(home, config, genesis, identity, is_stopped).run();
}

void remove_join_leftovers(const Home& home) {
  std::error_code ignored;  // they are tried again at the next start
  std::filesystem::remove_all(home.staging(), ignored);
  std::filesystem::remove_all(new_ledger(home), ignored);
}

}  // namespace quorate::node
