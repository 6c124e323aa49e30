#include "node/node.h"

#include <fmt/format.h>

#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>

#include "crypto/check.h"
#include "crypto/ed25519.h"
#include "ledger/published_checkpoint.h"
#include "node/chain_side.h"
#include "node/clock.h"
#include "node/disk_space.h"
#include "node/drain.h"
#include "node/evidence_reporter.h"
#include "node/executor.h"
#include "node/files.h"
#include "node/healing.h"
#include "node/join.h"
#include "node/log.h"
#include "node/log_publisher.h"
#include "node/node_parts.h"
#include "node/pbft_node.h"
#include "node/peer_router.h"
#include "node/recorder.h"
#include "node/rpc_methods.h"
#include "node/rpc_server.h"
#include "node/scrubber.h"
#include "node/service.h"
#include "node/snapshot_server.h"
#include "node/stop_signals.h"
#include "node/vote_writer.h"

namespace quorate::node {

namespace {

constexpr std::size_t kGenesisBytesMax = 16 << 20;

// What a node is made of. Built in the order of the members, stopped by `stop`, which lets each
// stage finish what the one before it handed over.
class Node final : public RunningNode {
 public:
  // Null: it was told to stop before it was there.
  static Result<std::unique_ptr<Node>> start(const Home& home, const Config& config,
                                             const NodeOptions& options, const Ready& ready);
  ~Node() override { stop(); }

  void stop() override;
  void keep_house() override;
  void follow_faults() override;
  [[nodiscard]] std::optional<Error> fatal() const override;
  // Its core serves nobody any more, and signs nothing.
  [[nodiscard]] bool has_epoch_ended() const override { return epoch_ended_; }
  [[nodiscard]] Ready ready() const override;

 private:
  Node(const Home& home, const Config& config, ledger::Genesis genesis, Identity identity,
       Stores stores, Service service, const NodeOptions& options);
  [[nodiscard]] Status start_core(const NodeOptions& options);
  [[nodiscard]] Status start_recorder(const NodeOptions& options,
                                      const pbft::ReplicaConfig& config,
                                      const pbft::ReplicaStart& start);
  [[nodiscard]] Status open_chain();
  [[nodiscard]] Status start_network();
  void release(pbft::Output output);
  void set_fatal(const Error& error);
  void publish_log();
  void set_diverged(const pbft::StateDiverged& diverged);
  void say(ledger::ReplicaId to, OutboundFrame frame);
  void say_to_all(const OutboundFrame& frame, bool also_observers);
  [[nodiscard]] Result<bool> admit(const ledger::TransactionPtr& transaction);
  [[nodiscard]] Result<SubmitOutcome> submit(ByteView encoded);
  [[nodiscard]] Result<TxStatus> transaction_status(const ledger::TxId& id) const;
  [[nodiscard]] std::optional<std::string> trouble() const;

  Home home_;
  Config config_;
  ledger::Genesis genesis_;
  ledger::Digest chain_id_;
  Identity identity_;
  Stores stores_;
  Service service_;
  LogPublisher publisher_;
  std::string_view log_refusal_;  // said by now; for the main thread
  crypto::SignatureCache signatures_;
  ledger::TransactionVerifier transactions_{genesis_, chain_id_, &signatures_};
  pbft::MessageVerifier messages_{chain_id_, &signatures_, service_.set, genesis_.parameters};
  SignatureTap tap_{*identity_.vote_signer};
  pbft::Voter voter_;
  Tracker tracker_;
  Mempool mempool_;
  Drain drain_{config_.request_timeout_ms / 2, genesis_.parameters.batch_transactions_max};
  WorkPool pool_;
  SnapshotServer snapshots_;
  PeerRouter router_;
  EvidenceReporter reporter_;

  std::unique_ptr<Scrubber> scrubber_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<VoteWriter> writer_;
  std::unique_ptr<Recorder> recorder_;  // null: nobody records
  std::unique_ptr<CoreLoop> core_;
  IoThread io_;
  std::unique_ptr<PeerMesh> mesh_;
  std::atomic<PeerMesh*> mesh_view_ = nullptr;  // what other threads see of mesh_
  Speak mouth_;  // empty: the mesh itself
  std::optional<NodeView> view_;
  std::unique_ptr<RpcMethods> methods_;
  std::unique_ptr<ChainSide> chain_;  // null: votes alone
  std::optional<BothRpc> both_;
  std::unique_ptr<RpcServer> rpc_;

  std::atomic<bool> epoch_ended_ = false;
  std::atomic<std::uint64_t> votes_refused_ = 0;
  std::atomic<std::uint64_t> evidence_seen_ = 0;
  std::string faults_refusal_;  // said by now; for the main thread
  mutable std::mutex faults_mutex_;
  InjectedFaults faults_;
  mutable std::mutex trouble_mutex_;
  std::optional<Error> fatal_;
  std::optional<Error> disk_;
};

Node::Node(const Home& home, const Config& config, ledger::Genesis genesis, Identity identity,
           Stores stores, Service service, const NodeOptions& options)
    : home_(home),
      config_(config),
      genesis_(std::move(genesis)),
      chain_id_(ledger::chain_id_of(genesis_)),
      identity_(std::move(identity)),
      stores_(std::move(stores)),
      service_(std::move(service)),
      publisher_(home_, chain_id_, ledger::genesis_replicas(genesis_), options.passphrase),
      voter_(tap_, chain_id_, service_.self, service_.set, stores_.standing, ceiling_of(stores_)),
      mempool_(genesis_, *stores_.ledger,
               {config_.mempool_transactions_max, config_.mempool_bytes_max,
                genesis_.parameters.sender_pending_max},
               {[this](ledger::TransactionPtr transaction) {
                  tracker_.on_local(transaction->id);
                  core_->post(pbft::TransactionReady{std::move(transaction)});
                },
                [this](ledger::TxId id) { core_->post(pbft::TransactionGone{id}); }}),
      pool_(config_.verify_threads),
      snapshots_(*stores_.ledger,
                 [this](ledger::ReplicaId to, const PeerMessage& answer) {
                   router_.send(to, answer);
                 }),
      router_({messages_, transactions_, *stores_.ledger, snapshots_, mempool_, pool_,
               [this](CoreLoop::Event event) { core_->post(std::move(event)); },
               [this](ledger::ReplicaId to, OutboundFrame frame) {
                 mouth_ ? mouth_(to, std::move(frame)) : say(to, std::move(frame));
               },
               [this](const OutboundFrame& frame, bool also_observers) {
                 say_to_all(frame, also_observers);
               },
               [this](ledger::ReplicaId from, Bytes message, std::shared_ptr<void> credit) {
                 if (!chain_) return;
                 chain_->engine().on_frame(from, std::make_shared<const Bytes>(std::move(message)),
                                           std::move(credit));
               }}),
      reporter_({genesis_, chain_id_, identity_.self, identity_.network_key, *stores_.ledger,
                 [this](std::uint64_t highest_used) {
                   return mempool_.next_nonce(identity_.network_key.public_key(), highest_used);
                 },
                 [this](ByteView encoded) { return submit(encoded); },
                 home_.evidence()}) {
  if (!options.mouth) return;
  mouth_ = options.mouth([this](ledger::ReplicaId to, OutboundFrame frame) {
    say(to, std::move(frame));
  });
}

Result<std::unique_ptr<Node>> Node::start(const Home& home, const Config& config,
                                          const NodeOptions& options, const Ready& ready) {
  QUORATE_ASSIGN(const std::string json, read_file(home.genesis(), kGenesisBytesMax));
  QUORATE_ASSIGN(ledger::Genesis genesis, ledger::parse_genesis(json));
  const ledger::Digest chain_id = ledger::chain_id_of(genesis);
  QUORATE_ASSIGN(Identity identity, load_identity(home, genesis, options.passphrase));
  QUORATE_TRY(check_disk_space(home.root, config.disk_free_bytes_min));
  const Status rebuilt = rebuild_ledger(home, genesis, is_told_to_stop);
  if (!rebuilt && is_told_to_stop()) return nullptr;
  QUORATE_TRY(rebuilt);
  if (!std::filesystem::exists(home.ledger()) && std::filesystem::exists(home.guard())) {
    QUORATE_ASSIGN(const JoinOutcome outcome,
                   join_by_snapshot(home, config, genesis, identity, is_told_to_stop));
    if (outcome == JoinOutcome::kStopped) return nullptr;
  }
  QUORATE_ASSIGN(Stores stores, open_stores(home, genesis, chain_id));
  QUORATE_ASSIGN(Service service, choose_service(stores, genesis, identity, config));
  identity.self = service.self;
  remove_join_leftovers(home);
  std::unique_ptr<Node> node(
      new Node(home, config, std::move(genesis), std::move(identity), std::move(stores),
               std::move(service), options));
  node->publish_log();
  if (const auto fatal = node->fatal()) return tl::unexpected(*fatal);
  QUORATE_TRY(node->open_chain());
  QUORATE_TRY(node->start_core(options));
  QUORATE_TRY(node->start_network());
  for (const ledger::TransactionPtr& transaction : ready) {
    static_cast<void>(node->mempool_.add(transaction, wall_time()));
  }
  node->scrubber_ = std::make_unique<Scrubber>(*node->stores_.ledger, config.read_through_s);
  return node;
}

Status Node::start_recorder(const NodeOptions& options, const pbft::ReplicaConfig& config,
                            const pbft::ReplicaStart& start) {
  if (!options.record) return {};
  RecordingHead head = recording_head(genesis_, config, voter_, start);
  head.program = options.program;
  head.boot = boot_id();
  QUORATE_ASSIGN(recorder_, Recorder::create(*options.record, head,
                                             {.file_bytes = options.record_bytes_max},
                                             [](const Error& error) {
                                               log_event(Severity::kWarning, "recording-ended",
                                                         {{"code", std::string(error.code)},
                                                          {"detail", error.message}});
                                             }));
  tap_.is_open = true;
  log_event(Severity::kInfo, "recording", {{"file", *options.record}});
  return {};
}

Status Node::start_core(const NodeOptions& options) {
  QUORATE_ASSIGN(const auto membership, ledger::Membership::read(*stores_.ledger, genesis_));
  for (const ledger::EpochStart& each : membership.starts()) {
    if (each.epoch <= service_.set.epoch) transactions_.admit_reporters(each.replicas);
  }
  QUORATE_ASSIGN(pbft::ReplicaStart start, restore_start(stores_, transactions_));
  start.boundary = service_.boundary;
  start.past = service_.past;
  QUORATE_ASSIGN(const auto stable, stores_.ledger->latest_stable());
  if (stable) tracker_.on_stable(stable->note.sequence);
  log_event(Severity::kInfo, "start",
            {{"chain", chain_id_.short_hex()},
             {"replica", std::to_string(service_.self.value)},
             {"epoch", std::to_string(service_.set.epoch.value)},
             {"of", std::to_string(service_.set.size())},
             {"height", std::to_string(start.executed.value)},
             {"votes_above", std::to_string(start.votes.proposals.size())},
             {"root", stores_.ledger->tree_head().root.short_hex()}});
  for (const std::string& name : service_.without_address) {
    log_event(Severity::kError, "peer-address-missing",
              {{"replica", name},
               {"next", "add it under [peers.addresses] in config.toml, and start again"}});
  }
  if (service_.is_observer()) log_event(Severity::kInfo, "observer");
  if (voter_.standing() != pbft::Standing::kVoter) {
    const bool recovers = voter_.standing() == pbft::Standing::kRecovering;
    log_event(Severity::kWarning, recovers ? "recovering" : "learner",
              {{"reason", stores_.reason}});
  }
  pbft::ReplicaConfig config;
  config.self = service_.self;
  config.replicas = service_.set;
  config.parameters = genesis_.parameters;
  config.request_timeout_ms = config_.request_timeout_ms;
  config.request_timeout_ms_max = config_.request_timeout_ms_max;
  const std::vector<pbft::ProposalRecord> restored = start.votes.proposals;
  // A power cut may have taken from the ledger what the synced votes kept.
  std::vector<pbft::Transcript> transcripts = start.votes.transcripts;
  QUORATE_TRY(start_recorder(options, config, start));
  auto replica = std::make_unique<pbft::Replica>(std::move(config), voter_, std::move(start));
  const auto on_fatal = [this](const Error& error) { set_fatal(error); };
  executor_ = std::make_unique<Executor>(
      genesis_, *stores_.ledger, mempool_, tracker_,
      [this](pbft::BatchExecuted executed) {
        if (executed.checkpoint) writer_->on_ledger_synced(executed.sequence);
        drain_.on_executed(executed.settled.size(), mempool_.counters().transactions,
                           monotonic_ms());
        core_->post(std::move(executed));
      },
      on_fatal);
  executor_->post({.transcripts = std::move(transcripts)});
  writer_ = std::make_unique<VoteWriter>(
      *stores_.votes, stores_.guard.get(), stores_.standing == pbft::Standing::kVoter, restored,
      [this](pbft::Output output) { release(std::move(output)); }, on_fatal);
  CoreLoop::Watch watch;
  if (recorder_) {
    watch = [this](const pbft::Input& input, const pbft::Output& output) {
      recorder_->note(input, output, tap_.take());
    };
  }
  core_ = std::make_unique<CoreLoop>(
      std::move(replica), [this](CoreTurn turn) { writer_->post(std::move(turn)); },
      std::move(watch));
  return {};
}

Status Node::open_chain() {
  if (config_.engine != "both") return {};
  QUORATE_ASSIGN(chain_,
                 ChainSide::open({home_, config_, genesis_, *stores_.ledger,
                                  [this](ledger::ReplicaId to, OutboundFrame frame) {
                                    say(to, std::move(frame));
                                  },
                                  [this](const Error& error) { set_fatal(error); }}));
  return {};
}

Status Node::start_network() {
  PeerMeshOptions options;
  options.self = identity_.self;
  options.chain_id = chain_id_;
  options.listen = config_.peer_listen;
  options.peers = service_.peers;
  PeerMesh::Callbacks callbacks;
  callbacks.on_frame = [this](InboundFrame frame) { router_.on_frame(std::move(frame)); };
  callbacks.on_connected = [this](ledger::ReplicaId peer) {
    log_event(Severity::kInfo, "peer-connected", {{"peer", std::to_string(peer.value)}});
    router_.on_connected(peer);
    if (chain_) chain_->engine().on_connected(peer);
  };
  callbacks.on_disconnected = [this](ledger::ReplicaId peer) {
    log_event(Severity::kInfo, "peer-disconnected", {{"peer", std::to_string(peer.value)}});
    router_.on_disconnected(peer);
    if (chain_) chain_->engine().on_disconnected(peer);
  };
  callbacks.on_refusal = [](const Error& error) {
    log_event(Severity::kWarning, "peer-refused",
              {{"code", std::string(error.code)}, {"detail", error.message}});
  };
  QUORATE_ASSIGN(mesh_, PeerMesh::start(io_, identity_.network_key, std::move(options),
                                        std::move(callbacks)));
  mesh_view_ = mesh_.get();
  follow_faults();
  view_.emplace(NodeView{
      genesis_, chain_id_, identity_.self, stores_.reason, config_.rpc_listen, config_.peer_listen,
      wall_time().value, *stores_.ledger, publisher_, mempool_, tracker_,
      [this] {
        CoreSnapshot snapshot = core_->snapshot();
        snapshot.votes_refused = votes_refused_;
        snapshot.evidence_seen = evidence_seen_;
        return snapshot;
      },
      [this](std::function<void(const pbft::Waiting&)> then) {
        core_->inspect([then = std::move(then)](const pbft::Replica& replica) {
          then(pbft::waiting_of(replica, monotonic_ms()));
        });
      },
      [this] { return mesh_->peers(); }, [this](ByteView encoded) { return submit(encoded); },
      [this](const ledger::TxId& id) { return transaction_status(id); },
      [this] { return trouble(); }});
  QUORATE_ASSIGN(view_->healing, read_healing(home_.healing()));
  if (genesis_.testnet) {
    view_->faults = [this] {
      const std::lock_guard lock(faults_mutex_);
      return faults_;
    };
  }
  if (chain_) chain_->start(*view_);
  methods_ = std::make_unique<RpcMethods>(*view_);
  both_.emplace(*methods_, view_->chain);
  RpcServerOptions rpc;
  rpc.listen = config_.rpc_listen;
  QUORATE_ASSIGN(rpc.credentials, RpcCredentials::load(config_));
  QUORATE_ASSIGN(rpc_, RpcServer::start(io_, rpc, *both_));
  return {};
}

void Node::say(ledger::ReplicaId to, OutboundFrame frame) {
  if (PeerMesh* mesh = mesh_view_) mesh->send(to, std::move(frame));
}

void Node::say_to_all(const OutboundFrame& frame, bool also_observers) {
  for (const PeerAddress& peer : service_.peers) {
    if (!also_observers && peer.id.value >= service_.set.size()) continue;
    mouth_ ? mouth_(peer.id, frame) : say(peer.id, frame);
  }
}

RunningNode::Ready Node::ready() const {
  constexpr auto kAll = std::numeric_limits<std::size_t>::max();
  return mempool_.oldest(kAll, kAll);
}

// The host honours the order of an Output's fields; `persist` is done.
void Node::release(pbft::Output output) {
  for (const pbft::Send& send : output.send) router_.send(send);
  for (const ledger::Evidence& found : output.evidence) {
    ++evidence_seen_;
    reporter_.found(found);
    log_event(Severity::kWarning, "equivocation",
              {{"replica", std::to_string(ledger::accused(found).value)},
               {"evidence", ledger::evidence_sentence(found)}});
  }
  if (output.recovered) log_event(Severity::kInfo, "recovered");
  for (const pbft::Event& event : output.events) {
    if (std::holds_alternative<pbft::VoteWasRefused>(event)) ++votes_refused_;
    if (const auto* diverged = std::get_if<pbft::StateDiverged>(&event)) set_diverged(*diverged);
  }
  for (pbft::BodyFetch& fetch : output.fetch_bodies) router_.fetch(std::move(fetch));
  for (const pbft::BlockFetch& fetch : output.fetch_blocks) router_.fetch(fetch);
  for (const pbft::BodySend& bodies : output.send_bodies) router_.send(bodies);
  std::vector<pbft::Transcript> transcripts;
  for (pbft::DurableRecord& record : output.persist) {
    auto* kept = std::get_if<pbft::TranscriptRecord>(&record);
    if (kept != nullptr) transcripts.push_back(std::move(kept->transcript));
  }
  executor_->post({std::move(output.events), std::move(output.commit), std::move(output.stable),
                   std::move(transcripts)});
  // The executor keeps what ended it before it stops.
  if (output.epoch_ended) epoch_ended_ = true;
}

void Node::set_diverged(const pbft::StateDiverged& diverged) { set_fatal(error_of(diverged)); }

void Node::set_fatal(const Error& error) {
  log_event(Severity::kError, "fatal",
            {{"code", std::string(error.code)}, {"detail", error.message}});
  const std::lock_guard lock(trouble_mutex_);
  if (!fatal_) fatal_ = error;
}

std::optional<Error> Node::fatal() const {
  const std::lock_guard lock(trouble_mutex_);
  return fatal_;
}

std::optional<std::string> Node::trouble() const {
  const std::lock_guard lock(trouble_mutex_);
  if (fatal_) return fatal_->to_string();
  if (disk_) return disk_->to_string();
  return std::nullopt;
}

// A log that cannot be signed is none of the replicas' concern: they agree without it.
void Node::publish_log() {
  if (const Status published = publisher_.refresh(*stores_.ledger); !published) {
    return set_fatal(published.error());
  }
  const auto refusal = publisher_.refusal();
  const std::string_view code = refusal ? refusal->code : std::string_view();
  if (code != std::exchange(log_refusal_, code) && refusal) {
    log_event(Severity::kWarning, "log-not-signed",
              {{"code", std::string(code)}, {"detail", refusal->message}});
  }
}

void Node::follow_faults() {
  if (!genesis_.testnet) return;
  const auto found = read_faults(home_.faults());
  const std::string refusal = found ? std::string() : found.error().message;
  if (refusal != std::exchange(faults_refusal_, refusal) && !found) {
    log_event(Severity::kWarning, "faults-refused",
              {{"code", std::string(found.error().code)}, {"detail", refusal}});
  }
  if (!found || *found == faults_) return;
  wall_skew_ms = found->skew_ms;
  mesh_->set_faults({found->cut, found->delay_ms});
  const bool were_any = faults_.any();
  {
    const std::lock_guard lock(faults_mutex_);
    faults_ = *found;
  }
  if (found->any()) {
    log_event(Severity::kWarning, "faults-injected", {{"faults", faults_text(*found)}});
  } else if (were_any) {
    log_event(Severity::kInfo, "faults-ended");
  }
}

void Node::keep_house() {
  flush_log();  // whoever reads along sees it a second later at most
  if (const auto damage = stores_.ledger->damage()) set_fatal(*damage);
  publish_log();
  if (chain_) chain_->engine().sync();
  tracker_.on_expired(mempool_.drop_expired(wall_time()));
  snapshots_.tidy();
  reporter_.tend(wall_time());
  const Status space = check_disk_space(home_.root, config_.disk_free_bytes_min);
  const std::lock_guard lock(trouble_mutex_);
  const bool was_short = disk_.has_value();
  disk_ = space ? std::nullopt : std::optional(space.error());
  if (disk_ && !was_short) {
    log_event(Severity::kError, "disk-nearly-full", {{"detail", disk_->message}});
  }
}

Result<bool> Node::admit(const ledger::TransactionPtr& transaction) {
  if (!mempool_.find(transaction->id)) {
    QUORATE_TRY(drain_.check_room(mempool_.counters().transactions));
  }
  return mempool_.add(transaction, wall_time());
}

Result<SubmitOutcome> Node::submit(ByteView encoded) {
  {
    const std::lock_guard lock(trouble_mutex_);
    if (fatal_) return tl::unexpected(*fatal_);
    if (disk_) return tl::unexpected(*disk_);
  }
  QUORATE_ASSIGN(const ledger::TransactionPtr transaction, transactions_.check(encoded));
  const Result<bool> is_new = admit(transaction);
  if (is_new) {
    if (*is_new) router_.gossip(transaction);
    return SubmitOutcome{transaction->id, *is_new};
  }
  // The same transaction, settled earlier, is no error: its fate stands.
  QUORATE_ASSIGN(const auto place, stores_.ledger->find(transaction->id));
  if (place) return SubmitOutcome{transaction->id, false};
  QUORATE_ASSIGN(const bool may_precede,
                 stores_.ledger->may_precede(transaction->signed_transaction->body));
  if (may_precede) return tl::unexpected(before_snapshot(*stores_.ledger, *transaction));
  return tl::unexpected(is_new.error());
}

Result<TxStatus> Node::transaction_status(const ledger::TxId& id) const {
  auto tracked = tracker_.status(id);
  if (!tracked) {
    QUORATE_ASSIGN(tracked, settled_status(*stores_.ledger, id));
  }
  if (chain_) chain_->annotate(*tracked);
  return std::move(*tracked);
}

void Node::stop() {
  // Those who wait get their answer; then no more requests; then the stages in the order of the
  // flow, so that a vote that was synced still leaves; the network last.
  tracker_.stop();
  rpc_.reset();
  if (scrubber_) scrubber_->stop();
  if (core_) core_->stop();
  if (recorder_) {
    recorder_->stop(epoch_ended_ ? RecordingEnded::kEpoch : RecordingEnded::kStopped);
  }
  if (writer_) writer_->stop();
  if (executor_) executor_->stop();
  pool_.stop();
  if (chain_) chain_->stop();
  snapshots_.stop();
  mouth_ = nullptr;
  mesh_view_ = nullptr;
  mesh_.reset();
  io_.stop();
}

}  // namespace

Result<std::unique_ptr<RunningNode>> start_pbft_node(const Home& home, const Config& config,
                                                     const NodeOptions& options,
                                                     const RunningNode::Ready& ready) {
  return Node::start(home, config, options, ready);
}

}  // namespace quorate::node
