#include "testnet/sim_host.h"

#include <algorithm>
#include <utility>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "pbft/durable.h"

namespace quorate::testnet {

using ledger::ReplicaId;
using ledger::Sequence;
using Kind = TraceEvent::Kind;

namespace {

// A deadline beyond this is none.
constexpr std::uint64_t kDeadlineMsMax = std::uint64_t{1} << 50;

}  // namespace

SimHost::SimHost(const Parts& parts, ReplicaId seat, Prng dice)
    : parts_(parts),
      self_(seat),
      dice_(dice),
      votes_(memory_votes(parts.world.chain_id())),
      ledger_(memory_ledger(parts.world.genesis())) {}

SimHost::~SimHost() = default;

ledger::TimeMs SimHost::wall() const {
  const std::int64_t shown = static_cast<std::int64_t>(SimWorld::kStart.value) +
                             static_cast<std::int64_t>(parts_.agenda.now_ms()) + clock_offset_ms;
  return {static_cast<std::uint64_t>(std::max<std::int64_t>(shown, 0))};
}

void SimHost::start() {
  QUORATE_CHECK(!is_up(), "a replica starts once a life");
  ++life_;
  if (votes_->is_damaged()) votes_->wipe();
  if (ledger_->is_damaged()) ledger_->wipe();
  parts_.trace.note({Kind::kStart, parts_.agenda.now_us(), self_, {}, ledger_->height().value});
  parts_.checkers.on_start(self_, ledger_->height(), is_recovering());
  if (bug == HostBug::kForgetsVotes && life_ > 1) votes_ = memory_votes(parts_.world.chain_id());
  make_mempool();
  // As the node opens its stores: one that is older than its guard gives way to an empty one.
  const bool recovers = is_recovering();
  if (recovers) votes_->wipe();
  const Status synced = ledger_->sync();
  begin_core();
  parts_.network.set_up(self_, true);
  if (!synced) return stop(synced.error());
  // From here on no older copy passes for this store.
  if (!recovers) {
    if (const Status noted = votes_->adopt(); !noted) return stop(noted.error());
  }
  post(pbft::Tick{});
  work();
}

void SimHost::crash(CrashKind kind) {
  QUORATE_CHECK(is_up(), "what is down cannot crash");
  parts_.trace.note({Kind::kCrash,
                     parts_.agenda.now_us(),
                     self_,
                     {},
                     0,
                     nullptr,
                     kind == CrashKind::kPower ? "power" : "process"});
  ++life_;
  replica_.reset();
  voter_.reset();
  tap_.reset();
  messages_.reset();
  sessions_.clear();
  mempool_.reset();
  inbox_.clear();
  waiting_.clear();
  writing_.clear();
  is_writing_ = false;
  stable_ = {};
  truncated_ = {};
  bodies_.clear();
  deadline_ms_.reset();
  timer_us_.reset();
  to_execute_.clear();
  is_executing_ = false;
  keeps_house_ = false;
  wanted_.clear();
  paused_until_us_ = 0;
  votes_->crash(kind, dice_);
  ledger_->crash(kind, dice_);
  parts_.network.set_up(self_, false);
}

void SimHost::stop(const Error& error) {
  parts_.trace.note({Kind::kStop, parts_.agenda.now_us(), self_, {}, 0, nullptr, error.code});
  crash(CrashKind::kProcess);
}

bool SimHost::crashed(CrashPoint point) {
  if (!crashes_here || !crashes_here(point)) return false;
  crash(CrashKind::kPower);
  return true;
}

void SimHost::later(std::uint64_t delay_us, std::function<void()> action) {
  parts_.agenda.in(delay_us, [this, life = life_, action = std::move(action)] {
    if (life != life_) return;
    if (const std::uint64_t now = parts_.agenda.now_us(); paused_until_us_ > now) {
      return later(paused_until_us_ - now, action);
    }
    action();
    work();
  });
}

// Inputs first, all of them: their votes share a write.
void SimHost::work() {
  if (working_) return;
  working_ = true;
  while (is_up()) {
    if (!inbox_.empty()) {
      step_next();
    } else if (!is_writing_ && !waiting_.empty()) {
      write_next();
    } else {
      break;
    }
  }
  working_ = false;
}

void SimHost::step_next() {
  const pbft::Input input{{parts_.agenda.now_ms(), wall()}, std::move(inbox_.front())};
  inbox_.pop_front();
  static_cast<void>(tap_->take());  // what checkers had it sign
  waiting_.push_back(replica_->step(input));
  const pbft::Output& output = waiting_.back();
  if (on_step) on_step(input, output, tap_->take());
  parts_.checkers.on_step(self_, *replica_, output);
  parts_.checkers.tempt(self_, *replica_, output, *voter_);
  deadline_ms_ = output.deadline_ms;
  arm_timer();
}

void SimHost::arm_timer() {
  if (!deadline_ms_ || *deadline_ms_ > kDeadlineMsMax) return;
  const std::uint64_t due_us = *deadline_ms_ * 1000;
  // An earlier timer looks again when it fires.
  if (timer_us_ && *timer_us_ <= due_us) return;
  timer_us_ = std::max(due_us, parts_.agenda.now_us());
  later(*timer_us_ - parts_.agenda.now_us(), [this, time_us = *timer_us_] { on_timer(time_us); });
}

void SimHost::on_timer(std::uint64_t time_us) {
  if (timer_us_ != time_us) return;
  timer_us_.reset();
  if (deadline_ms_ && *deadline_ms_ <= parts_.agenda.now_ms()) {
    deadline_ms_.reset();
    post(pbft::Tick{});
  } else {
    arm_timer();
  }
}

bool SimHost::send_all(const pbft::Output& output) {
  for (const pbft::Send& message : output.send) {
    if (crashed(CrashPoint::kBeforeSend)) return false;
    if (bug == HostBug::kHidesNewViews &&
        std::holds_alternative<pbft::NewView>(message.message)) {
      continue;
    }
    parts_.checkers.on_send(self_, message.message, *votes_, truncated_);
    const node::PeerMessage wire = std::visit(
        [](const auto& each) { return node::PeerMessage(each); }, message.message);
    if (message.to) {
      send(*message.to, wire);
    } else {
      broadcast(wire, pbft::concerns_observers(message.message));
    }
  }
  return true;
}

void SimHost::note_events(const pbft::Output& output) {
  const auto note = [this](Kind kind, std::uint64_t number, std::string_view text = {}) {
    parts_.trace.note({kind, parts_.agenda.now_us(), self_, {}, number, nullptr, text});
  };
  if (output.recovered) note(Kind::kRecovered, 0);
  for (const pbft::Event& event : output.events) {
    if (const auto* left = std::get_if<pbft::ViewLeft>(&event)) {
      note(Kind::kLeave, left->to.value, pbft::suspicion_text(left->why));
    } else if (const auto* entered = std::get_if<pbft::ViewEntered>(&event)) {
      note(Kind::kEnter, entered->view.value);
    } else if (const auto* stable = std::get_if<pbft::CheckpointStable>(&event)) {
      note(Kind::kStable, stable->sequence.value);
    }
  }
}

void SimHost::release(std::vector<pbft::Output> outputs) {
  const std::uint64_t life = life_;
  bool has_sent = false;
  for (pbft::Output& output : outputs) {
    note_events(output);
    if (!send_all(output)) return;
    has_sent = has_sent || !output.send.empty();
    for (const ledger::Evidence& found : output.evidence) {
      const std::string sentence = ledger::evidence_sentence(found);
      TraceEvent event{Kind::kEvidence, parts_.agenda.now_us(), self_, ledger::accused(found)};
      event.detail = sentence;
      parts_.trace.note(event);
      parts_.checkers.on_evidence(self_, found);
      if (on_evidence) on_evidence(found);
    }
    for (const pbft::BodyFetch& wanted : output.fetch_bodies) fetch(wanted);
    for (const pbft::BlockFetch& wanted : output.fetch_blocks) fetch(wanted);
    for (const pbft::BodySend& bodies : output.send_bodies) send(bodies);
    execute_later(output);
    if (life != life_) return;
    // What it said after that is of no use any more.
    if (output.epoch_ended) return end_epoch(*output.epoch_ended);
  }
  if (has_sent && crashed(CrashPoint::kAfterRelease)) return;
}

}  // namespace quorate::testnet
