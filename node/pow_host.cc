#include "node/pow_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "node/log.h"
#include "pow/miner.h"

namespace quorate::node {
namespace {

constexpr std::size_t kWatchersMax = 1024;
constexpr std::uint64_t kMinerWorkMsMax = 10'000;  // its time is that old at most
constexpr std::uint64_t kNoncesAtOnce = 1 << 16;   // of `generate`, then others have their turn
constexpr std::size_t kStepsLogged = 20;

Error carries_anchors() {
  return {ErrorKind::kUnsupported, "pow-carries-anchors",
          "a transaction was given to a chain whose blocks carry anchors alone",
          "Send it to the replicas, with `quorate tx`: its checkpoint is anchored by itself."};
}

}  // namespace

struct PowHost::Generating {
  std::uint64_t count = 0;
  ledger::PublicKey miner;
  std::uint64_t tries_left = 0;
  Generated then;
  std::vector<ledger::Digest> hashes;
  std::uint64_t extranonce = 0;
  std::optional<std::vector<ledger::TransactionPtr>> only;  // nullopt: what waits
  std::optional<pow::Block> draft;  // being worked on
  std::uint64_t next_nonce = 0;
};

PowHost::PowHost(PowChain& chain, const ledger::PublicKey& miner, Doors doors)
    : chain_(chain), miner_(miner), doors_(std::move(doors)) {
  // Drafts of an earlier life had others.
  extranonce_ = doors_.wall_time().value << 16;
}

ledger::TimeMs PowHost::now() const {
  return mock_seconds_ ? ledger::TimeMs{*mock_seconds_ * 1000} : doors_.wall_time();
}

void PowHost::set_mock_time(std::optional<std::uint64_t> seconds) {
  mock_seconds_ = seconds;
  note_change(false);
}

// -- Steps -------------------------------------------------------------------------------------

Result<pow::Happened> PowHost::step(const PowEvent& event, std::optional<pow::PeerId> from) {
  if (fatal_) {
    return fail(ErrorKind::kEnvironment, "pow-host-stopped",
                "This node's store failed earlier: " + fatal_->message, fatal_->next);
  }
  // What peers bring can be asked for again; what was made here cannot.
  auto happened = chain_.step(event, now(), !from.has_value());
  if (!happened) {
    fatal_ = happened.error();
    doors_.on_fatal(*fatal_);
    return happened;
  }
  is_unsynced_ = from.has_value();
  after(*happened, from);
  return happened;
}

void PowHost::sync() {
  if (fatal_ || !std::exchange(is_unsynced_, false)) return;
  if (const Status synced = chain_.sync(); !synced) {
    fatal_ = synced.error();
    doors_.on_fatal(*fatal_);
  }
}

Result<pow::Happened> PowHost::act(const PowEvent& event) { return step(event, std::nullopt); }

void PowHost::after(const pow::Happened& happened, std::optional<pow::PeerId> from) {
  for (const pow::Refusal& refusal : happened.refused) {
    // Of a block that the state refused, whoever completed its branch.
    const bool is_of_state = refusal.why == pow::Reject::kRefusedByState;
    const auto bringer = is_of_state && !refusal.from ? from : refusal.from;
    if (bringer) punish(*bringer, points_of(refusal.why), refusal.error);
  }
  for (const pow::BlockPtr& body : happened.bodies) asked_.erase(body->hash);
  for (const ledger::Digest& hash : happened.forgotten) asked_.erase(hash);
  if (happened.ask_headers_of) ask_headers(*happened.ask_headers_of);
  ask_bodies(happened.wanted, from);
  if (happened.steps.empty()) return;
  log_steps(happened);
  if (doors_.on_moved) doors_.on_moved(happened);
  tell_tip(happened, from);
  std::vector<ledger::TransactionPtr> displaced;
  std::set<ledger::TxId> ids;
  for (const pow::Step& step : happened.steps) {
    ids.insert(step.displaced.begin(), step.displaced.end());
  }
  if (!ids.empty()) {
    for (const auto& transaction : chain_.memory().pool()) {
      if (ids.contains(transaction->id)) displaced.push_back(transaction);
    }
  }
  send_transactions(displaced, std::nullopt, std::nullopt);
  note_change(true);
}

void PowHost::log_steps(const pow::Happened& happened) const {
  std::size_t logged = 0;
  for (const pow::Step& step : happened.steps) {
    if (++logged > kStepsLogged) break;
    const bool connects = step.move.kind == pow::Move::Kind::kConnect;
    log_event(Severity::kInfo, connects ? "block-connected" : "block-disconnected",
              {{"height", std::to_string(step.move.height.value)},
               {"hash", pow::display_hex(step.move.hash)},
               {connects ? "transactions" : "displaced",
                std::to_string(connects ? step.results.size() : step.displaced.size())},
               {"anchors", std::to_string(step.anchors.size())}});
  }
  if (happened.steps.size() > kStepsLogged) {
    log_event(Severity::kInfo, "blocks-moved",
              {{"steps", std::to_string(happened.steps.size())},
               {"height", std::to_string(chain_.chain().tip().height.value)}});
  }
}

// -- Transactions and drafts -------------------------------------------------------------------

Result<bool> PowHost::submit(const ledger::TransactionPtr& transaction) {
  if (fatal_) return tl::unexpected(*fatal_);
  if (chain_.anchors() != nullptr) return tl::unexpected(carries_anchors());
  const Status added = chain_.memory().add_transaction(transaction);
  if (!added) {
    const bool is_here = added.error().code == "pow-pool-has-it" ||
                         chain_.find_transaction(transaction->id).has_value();
    if (is_here) return false;
    return tl::unexpected(added.error());
  }
  if (const Status kept = chain_.keep_waiting(*transaction); !kept) {
    fatal_ = kept.error();
    doors_.on_fatal(*fatal_);
    return tl::unexpected(kept.error());
  }
  is_unsynced_ = true;
  send_transactions({transaction}, std::nullopt, std::nullopt);
  note_change(false);
  return true;
}

void PowHost::offer(const pow::AnchorPtr& anchor) {
  chain_.memory().add_anchor(anchor);
  note_change(false);
}

Result<pow::Block> PowHost::draft(const ledger::PublicKey& miner) {
  return chain_.memory().draft(miner, ++extranonce_, now().value / 1000, kPowBlockBytesMax);
}

void PowHost::feed_miner() {
  if (!doors_.mine || fatal_) return;
  const std::uint64_t now_ms = doors_.monotonic_ms();
  if (!miner_work_is_old_ && now_ms < mined_on_ms_ + kMinerWorkMsMax) return;
  miner_work_is_old_ = false;
  mined_on_ms_ = now_ms;
  auto work = draft(miner_);
  if (!work) return doors_.on_fatal(work.error());
  doors_.mine(std::move(*work));
}

void PowHost::on_mined(const pow::BlockPtr& block) {
  // One that came too late is no loss: the next draft is on its way.
  static_cast<void>(act(pow::BlockArrived{std::nullopt, block}));
  on_exhausted();
}

void PowHost::on_exhausted() {
  miner_work_is_old_ = true;
  feed_miner();
}

void PowHost::generate(std::uint64_t count, const ledger::PublicKey& miner,
                       std::uint64_t tries_max, Generated then) {
  auto work = std::make_shared<Generating>();
  work->count = count;
  work->miner = miner;
  work->tries_left = tries_max;
  work->then = std::move(then);
  go_on_generating(work);
}

void PowHost::generate_block(std::vector<ledger::TransactionPtr> transactions,
                             const ledger::PublicKey& miner, Generated then) {
  auto work = std::make_shared<Generating>();
  work->count = 1;
  work->miner = miner;
  work->tries_left = UINT64_MAX;
  work->then = std::move(then);
  work->only = std::move(transactions);
  go_on_generating(work);
}

Result<pow::Block> PowHost::draft_for(const Generating& work) {
  QUORATE_ASSIGN(pow::Block draft,
                 chain_.memory().draft(work.miner, work.extranonce, now().value / 1000,
                                       kPowBlockBytesMax));
  if (!work.only) return draft;
  if (chain_.anchors() != nullptr && !work.only->empty()) {
    return tl::unexpected(carries_anchors());
  }
  pow::Block exact = pow::draft_block(draft.header.previous, draft.coinbase, *work.only);
  exact.header.time = draft.header.time;
  exact.header.bits = draft.header.bits;
  QUORATE_TRY(pow::execute_block(exact, chain_.chain().tip(), chain_.genesis(),
                                 chain_.memory().state()));
  return exact;
}

void PowHost::go_on_generating(const std::shared_ptr<Generating>& work) {
  const pow::Chain& chain = chain_.chain();
  if (work->hashes.size() >= work->count || work->tries_left == 0) return work->then(work->hashes);
  if (!work->draft || work->draft->header.previous != chain.tip().hash) {
    auto draft = draft_for(*work);
    if (!draft) return work->then(tl::unexpected(draft.error()));
    work->draft = std::move(*draft);
    work->next_nonce = 0;
  }
  const std::uint64_t tries = std::min(kNoncesAtOnce, work->tries_left);
  const auto nonce = pow::find_nonce(work->draft->header,
                                     static_cast<std::uint32_t>(work->next_nonce), tries);
  const std::uint64_t tried = nonce ? *nonce - work->next_nonce + 1 : tries;
  work->tries_left -= tried;
  work->next_nonce += tried;
  if (nonce) {
    pow::Header header = work->draft->header;
    header.nonce = *nonce;
    const pow::BlockPtr block = pow::finish_block(std::move(*work->draft), header);
    work->draft.reset();
    if (chain.find(block->hash) != nullptr) {
      ++work->extranonce;
    } else {
      work->extranonce = 0;
      const auto happened = act(pow::BlockArrived{std::nullopt, block});
      if (!happened) return work->then(tl::unexpected(happened.error()));
      if (!happened->refused.empty()) {
        return work->then(tl::unexpected(happened->refused.front().error));
      }
      work->hashes.push_back(block->hash);
    }
  } else if (work->next_nonce > UINT32_MAX) {
    work->draft.reset();
    ++work->extranonce;
  }
  doors_.post([this, work] { go_on_generating(work); });
}

// -- Waits -------------------------------------------------------------------------------------

bool PowHost::watch(std::uint64_t timeout_ms, std::function<bool(bool is_late)> done) {
  if (watchers_.size() >= kWatchersMax) return false;
  if (!done(timeout_ms == 0)) {
    watchers_.push_back({doors_.monotonic_ms() + timeout_ms, std::move(done)});
  }
  return true;
}

void PowHost::run_watchers() {
  const std::uint64_t now_ms = doors_.monotonic_ms();
  // What is answered may make others wait.
  std::vector<Watcher> watchers = std::exchange(watchers_, {});
  std::erase_if(watchers, [now_ms](const Watcher& watcher) {
    return watcher.done(now_ms >= watcher.deadline_ms);
  });
  watchers_.insert(watchers_.begin(), std::make_move_iterator(watchers.begin()),
                   std::make_move_iterator(watchers.end()));
}

void PowHost::note_change(bool tip_moved) {
  ++pool_number_;
  miner_work_is_old_ = true;
  if (tip_moved) {
    ++tip_number_;
    feed_miner();
  }
  run_watchers();
}

}  // namespace quorate::node
