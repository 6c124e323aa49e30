#include "node/pow_node.h"

#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "crypto/bcs.h"
#include "crypto/key_file.h"
#include "node/clock.h"
#include "node/disk_space.h"
#include "node/files.h"
#include "node/init.h"
#include "node/log.h"
#include "node/node_parts.h"
#include "node/pow_engine.h"
#include "node/pow_rpc.h"

namespace quorate::node {
namespace {

constexpr std::size_t kGenesisFileBytesMax = 16 << 20;

// Which of the listed this node is: there is no vote key, so the network key says.
Result<ledger::ReplicaId> find_self(const ledger::Genesis& genesis,
                                    const ledger::PublicKey& network_key) {
  for (std::size_t i = 0; i < genesis.replicas.size(); ++i) {
    if (genesis.replicas[i].network_key == network_key) {
      return ledger::ReplicaId{static_cast<std::uint16_t>(i)};
    }
  }
  return fail(ErrorKind::kInvalid, "node-not-a-member",
              fmt::format("genesis lists {} nodes, and none has the network key {}",
                          genesis.replicas.size(), network_key.hex()),
              "check that genesis.json and network.key belong to the same network");
}

class PowNode final : public RunningNode {
 public:
  struct Opened {
    std::unique_ptr<ledger::Genesis> genesis;
    crypto::SecretKey network_key;
    ledger::ReplicaId self;
    ledger::PublicKey miner;
    std::unique_ptr<PowChain> chain;
  };
  PowNode(Home home, Config config, Opened opened)
      : home_(std::move(home)),
        config_(std::move(config)),
        opened_(std::move(opened)),
        pool_(config_.verify_threads),
        engine_(std::move(opened_.chain), opened_.miner, config_.pow_miner_threads, pool_,
                {[this](pow::PeerId to, const PowMessage& message) { send(to, message); },
                 [this](const Error& error) { set_fatal(error); }}) {}
  ~PowNode() override { stop(); }

  Status start();
  void stop() override;
  void keep_house() override;
  void follow_faults() override;
  [[nodiscard]] std::optional<Error> fatal() const override;

 private:
  [[nodiscard]] Status start_mesh();
  void send(pow::PeerId to, const PowMessage& message);
  void set_fatal(const Error& error);
  [[nodiscard]] std::optional<std::string> trouble() const;
  [[nodiscard]] const ledger::Genesis& genesis() const { return *opened_.genesis; }

  Home home_;
  Config config_;
  Opened opened_;
  WorkPool pool_;
  PowEngine engine_;
  IoThread io_;
  std::unique_ptr<PeerMesh> mesh_;
  std::atomic<PeerMesh*> mesh_view_ = nullptr;  // what other threads see of mesh_
  std::optional<PowView> view_;
  std::unique_ptr<PowRpc> methods_;
  std::unique_ptr<RpcServer> rpc_;
  bool is_stopped_ = false;

  std::string faults_refusal_;  // said by now; for the main thread
  mutable std::mutex faults_mutex_;
  InjectedFaults faults_;
  mutable std::mutex trouble_mutex_;
  std::optional<Error> fatal_;
  std::optional<Error> disk_;
};

void PowNode::send(pow::PeerId to, const PowMessage& message) {
  PeerMesh* mesh = mesh_view_;
  if (mesh == nullptr) return;
  mesh->send(ledger::ReplicaId{static_cast<std::uint16_t>(to.value)},
             std::make_shared<const Bytes>(crypto::encode(message)));
}

Status PowNode::start_mesh() {
  PeerMeshOptions options;
  options.self = opened_.self;
  options.chain_id = pow_network_id(genesis(), engine_.chain().params());
  options.listen = config_.peer_listen;
  QUORATE_ASSIGN(options.peers, peer_addresses(genesis(), opened_.self, config_));
  PeerMesh::Callbacks callbacks;
  callbacks.on_frame = [this](InboundFrame frame) {
    engine_.on_frame(frame.from, std::make_shared<const Bytes>(std::move(frame.bytes)),
                     std::move(frame.credit));
  };
  callbacks.on_connected = [this](ledger::ReplicaId peer) {
    log_event(Severity::kInfo, "peer-connected", {{"peer", std::to_string(peer.value)}});
    engine_.on_connected(peer);
  };
  callbacks.on_disconnected = [this](ledger::ReplicaId peer) {
    log_event(Severity::kInfo, "peer-disconnected", {{"peer", std::to_string(peer.value)}});
    engine_.on_disconnected(peer);
  };
  callbacks.on_refusal = [](const Error& error) {
    log_event(Severity::kWarning, "peer-refused",
              {{"code", std::string(error.code)}, {"detail", error.message}});
  };
  QUORATE_ASSIGN(mesh_, PeerMesh::start(io_, opened_.network_key, std::move(options),
                                        std::move(callbacks)));
  mesh_view_ = mesh_.get();
  return {};
}

Status PowNode::start() {
  const pow::ChainPoint& tip = engine_.chain().chain().tip();
  log_event(Severity::kInfo, "start",
            {{"engine", "pow"},
             {"chain", ledger::chain_id_of(genesis()).short_hex()},
             {"node", std::to_string(opened_.self.value)},
             {"height", std::to_string(tip.height.value)},
             {"tip", pow::display_hex(tip.hash)}});
  QUORATE_TRY(start_mesh());
  follow_faults();
  view_.emplace(PowView{
      .host = engine_.host(),
      .genesis = genesis(),
      .chain_id = ledger::chain_id_of(genesis()),
      .self = opened_.self,
      .rpc_endpoint = config_.rpc_listen,
      .peer_endpoint = config_.peer_listen,
      .started_wall_ms = wall_time().value,
      .peers = [this] { return mesh_->peers(); },
      .trouble = [this] { return trouble(); },
      .miner_hashes = {},
      .miner_threads = config_.pow_miner_threads,
      .faults = {},
      .post = [this](std::function<void()> task) { engine_.post(std::move(task)); }});
  if (engine_.has_miner()) view_->miner_hashes = [this] { return engine_.miner_hashes(); };
  if (genesis().testnet) {
    view_->faults = [this] {
      const std::lock_guard lock(faults_mutex_);
      return faults_;
    };
  }
  methods_ = std::make_unique<PowRpc>(*view_);
  engine_.start();
  RpcServerOptions rpc;
  rpc.listen = config_.rpc_listen;
  QUORATE_ASSIGN(rpc.credentials, RpcCredentials::load(config_));
  QUORATE_ASSIGN(rpc_, RpcServer::start(io_, rpc, *methods_));
  return {};
}

void PowNode::set_fatal(const Error& error) {
  log_event(Severity::kError, "fatal",
            {{"code", std::string(error.code)}, {"detail", error.message}});
  const std::lock_guard lock(trouble_mutex_);
  if (!fatal_) fatal_ = error;
}

std::optional<Error> PowNode::fatal() const {
  const std::lock_guard lock(trouble_mutex_);
  return fatal_;
}

std::optional<std::string> PowNode::trouble() const {
  const std::lock_guard lock(trouble_mutex_);
  if (fatal_) return fatal_->to_string();
  if (disk_) return disk_->to_string();
  return std::nullopt;
}

void PowNode::follow_faults() {
  if (!genesis().testnet) return;
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

void PowNode::keep_house() {
  flush_log();
  engine_.sync();
  const Status space = check_disk_space(home_.root, config_.disk_free_bytes_min);
  const std::lock_guard lock(trouble_mutex_);
  const bool was_short = disk_.has_value();
  disk_ = space ? std::nullopt : std::optional(space.error());
  if (disk_ && !was_short) {
    log_event(Severity::kError, "disk-nearly-full", {{"detail", disk_->message}});
  }
}

void PowNode::stop() {
  if (std::exchange(is_stopped_, true)) return;
  rpc_.reset();
  mesh_view_ = nullptr;
  mesh_.reset();
  pool_.stop();
  engine_.stop();
  io_.stop();
}

}  // namespace

Result<std::unique_ptr<RunningNode>> start_pow_node(const Home& home, const Config& config,
                                                    const NodeOptions& options) {
  if (options.record || options.mouth) {
    return fail(ErrorKind::kUnsupported, "engine-cannot",
                "--record and liars are of the engine pbft, found pow",
                "Leave --record and --byzantine away.");
  }
  QUORATE_ASSIGN(const std::string json, read_file(home.genesis(), kGenesisFileBytesMax));
  auto genesis = std::make_unique<ledger::Genesis>();
  QUORATE_ASSIGN(*genesis, ledger::parse_genesis(json));
  std::optional<std::string_view> passphrase;
  if (options.passphrase) passphrase = *options.passphrase;
  QUORATE_ASSIGN(auto network_key,
                 crypto::key_file::read_secret(home.network_key().string(), kNetworkKeyPurpose,
                                               passphrase));
  QUORATE_ASSIGN(const ledger::ReplicaId self, find_self(*genesis, network_key.public_key()));
  ledger::PublicKey miner;
  if (!config.pow_miner.empty()) {
    QUORATE_ASSIGN(miner, crypto::parse_public_key(config.pow_miner));
  }
  QUORATE_TRY(check_disk_space(home.root, config.disk_free_bytes_min));
  QUORATE_ASSIGN(const pow::Params params, chain_params(*genesis, config));
  QUORATE_ASSIGN(auto chain, PowChain::open(home.chain(), *genesis, params));
  PowNode::Opened opened{std::move(genesis), std::move(network_key), self, miner,
                         std::move(chain)};
  auto node = std::make_unique<PowNode>(home, config, std::move(opened));
  QUORATE_TRY(node->start());
  return node;
}

}  // namespace quorate::node
