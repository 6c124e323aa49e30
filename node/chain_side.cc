#include "node/chain_side.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "crypto/bcs.h"
#include "node/clock.h"
#include "node/log.h"
#include "node/pow_rules.h"
#include "node/wire.h"

namespace quorate::node {
namespace {

// Between two ticks, so that the loop has its turn.
constexpr std::size_t kOffersAtOnce = 64;

}  // namespace

ChainSide::ChainSide(Parts parts, ledger::Digest chain_id)
    : parts_(std::move(parts)), chain_id_(chain_id) {}

Result<std::unique_ptr<ChainSide>> ChainSide::open(Parts parts) {
  QUORATE_ASSIGN(const pow::Params params, chain_params(parts.genesis, parts.config));
  QUORATE_ASSIGN(auto chain, PowChain::open(parts.home.chain(), parts.genesis, params));
  QUORATE_ASSIGN(const auto times, chain->anchored_times());
  ledger::PublicKey miner;
  if (!parts.config.pow_miner.empty()) {
    QUORATE_ASSIGN(miner, crypto::parse_public_key(parts.config.pow_miner));
  }
  const std::uint32_t miner_threads = parts.config.pow_miner_threads;
  std::unique_ptr<ChainSide> side(
      new ChainSide(std::move(parts), ledger::chain_id_of(parts.genesis)));
  side->book_.start(chain->memory(), times);
  const auto& anchored = chain->memory().anchored();
  if (!anchored.empty()) side->offered_ = anchored.rbegin()->first;
  PowEngine::Ways ways;
  ways.send = [self = side.get()](pow::PeerId to, const PowMessage& message) {
    self->parts_.say(ledger::ReplicaId{static_cast<std::uint16_t>(to.value)},
                     std::make_shared<const Bytes>(
                         crypto::encode(PeerMessage(ChainFrame{crypto::encode(message)}))));
  };
  ways.on_fatal = side->parts_.on_fatal;
  ways.on_moved = [self = side.get()](const pow::Happened& happened) {
    self->book_.on_moved(self->engine_->chain().memory(), happened, wall_time());
    static_cast<void>(self->book_.judge(self->parts_.ledger));
  };
  ways.on_tick = [self = side.get()] { self->on_tick(); };
  side->engine_ = std::make_unique<PowEngine>(std::move(chain), miner, miner_threads, side->pool_,
                                              std::move(ways));
  return side;
}

void ChainSide::start(NodeView& view) {
  const pow::ChainPoint& tip = engine_->chain().chain().tip();
  log_event(Severity::kInfo, "chain",
            {{"height", std::to_string(tip.height.value)},
             {"tip", pow::display_hex(tip.hash)},
             {"anchored", std::to_string(offered_.value)}});
  view_.emplace(PowView{
      .host = engine_->host(),
      .genesis = parts_.genesis,
      .chain_id = chain_id_,
      .self = view.self,
      .rpc_endpoint = view.rpc_endpoint,
      .peer_endpoint = view.peer_endpoint,
      .started_wall_ms = view.started_wall_ms,
      .peers = view.peers,
      .trouble = view.trouble,
      .miner_hashes = {},
      .miner_threads = parts_.config.pow_miner_threads,
      .faults = {},
      .post = [this](std::function<void()> task) { engine_->post(std::move(task)); },
      .ledger = &parts_.ledger,
      .anchors = &book_});
  if (engine_->has_miner()) view_->miner_hashes = [this] { return engine_->miner_hashes(); };
  view.anchors = &book_;
  view.chain = &*view_;
  engine_->start();
}

void ChainSide::stop() {
  pool_.stop();
  if (engine_) engine_->stop();
}

void ChainSide::on_tick() {
  // A ledger that cannot be read says so elsewhere (Store::damage).
  static_cast<void>(offer_checkpoints());
  static_cast<void>(book_.judge(parts_.ledger));
  note_contradiction();
}

// What a quorum cosigned since the last time.
Status ChainSide::offer_checkpoints() {
  const pow::AnchorVerifier& verifier = *engine_->chain().anchors();
  for (std::size_t i = 0; i < kOffersAtOnce; ++i) {
    QUORATE_ASSIGN(auto stable, parts_.ledger.stable_at_or_above(next(offered_)));
    if (!stable || stable->note.sequence > parts_.ledger.height()) return {};
    // Not proved yet where the boundary's own checkpoint is still to come.
    QUORATE_ASSIGN(auto epochs, parts_.ledger.epoch_proofs(stable->note.epoch));
    QUORATE_ASSIGN(const pow::AnchorPtr anchor,
                   verifier.check({std::move(*stable), std::move(epochs)}));
    offered_ = anchor->sequence();
    engine_->host().offer(anchor);
  }
  return {};
}

void ChainSide::note_contradiction() {
  const auto found = book_.contradiction();
  if (!found) {
    contradiction_logged_ = {};
    return;
  }
  if (std::exchange(contradiction_logged_, found->size) == found->size) return;
  log_event(Severity::kError, "anchor-contradicts",
            {{"size", std::to_string(found->size.value)},
             {"anchored_root", found->anchored_root.hex()},
             {"own_root", found->own_root.hex()},
             {"block", pow::display_hex(found->block)},
             {"next", "a quorum signed two histories: keep both ledgers, and see "
                      "`quorate ledger blame`"}});
}

void ChainSide::annotate(TxStatus& status) const {
  const bool may_be = status.level == Level::kReplicated || status.level == Level::kStable;
  if (!may_be || !status.height) return;
  if (const auto at = book_.find(*status.height)) {
    status.level = Level::kAnchored;
    status.depth = at->depth;
    status.history.push_back(
        {Level::kAnchored, at->since_ms, 0,
         fmt::format("under the anchor of size {} in block {} at height {}, depth {}",
                     at->size.value, pow::display_hex(at->block), at->block_height.value,
                     at->depth)});
  } else if (const auto lost = book_.lost(*status.height)) {
    status.history.push_back(
        {status.level, lost->lost_ms, 0,
         fmt::format("the anchor of size {} is lost: a heavier branch displaced block {}",
                     lost->size.value, pow::display_hex(lost->block))});
  }
}

// -- RPC ---------------------------------------------------------------------------------------

BothRpc::BothRpc(RpcMethods& replicas, PowView* chain) : replicas_(replicas) {
  if (chain != nullptr) chain_.emplace(*chain);
}

bool BothRpc::call(std::string_view method, const boost::json::object& params, bool from_get,
                   RpcReply reply) {
  if (replicas_.call(method, params, from_get, reply)) return true;
  return chain_ && chain_->call(method, params, from_get, std::move(reply));
}

std::optional<HttpPage> BothRpc::page(std::string_view path) {
  auto page = replicas_.page(path);
  if (page && chain_ && path == "/") page->body += "\n" + chain_->methods_text();
  return page;
}

}  // namespace quorate::node
