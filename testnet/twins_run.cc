#include "testnet/twins_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "testnet/agenda.h"
#include "testnet/sim_host.h"
#include "testnet/sim_network.h"

namespace quorate::testnet {

using ledger::ReplicaId;
using ledger::View;
using Kind = TraceEvent::Kind;

namespace {

constexpr std::uint64_t kDelayUs = 500;
constexpr HostTimes kTimes{200, 200, 100, 100};
// Every primary has its turn: the timeout, and then its cap for each of the others.
constexpr std::uint64_t kTimeoutUs = 1'000'000;
constexpr std::uint64_t kTimeoutUsMax = 4'000'000;
std::uint64_t round_us(std::size_t replicas) {
  return kTimeoutUs + (replicas - 1) * kTimeoutUsMax;
}
// Reports pass so long after a round began: they repair what earlier rounds lost. Within a round
// nothing is lost but what it holds back.
constexpr std::uint64_t kReportsUs = 20'000;
// What was reached reaches the others meanwhile, and no timeout ends.
constexpr std::uint64_t kSettleUs = 30'000;
constexpr std::uint64_t kEndUs = 120'000'000;
// Instances of one replica that propose the same transactions at the same moment still differ.
constexpr std::int64_t kSecondClockMs = 1;
constexpr std::uint64_t kLifeMs = 3'600'000;

std::set<ReplicaId> twins_of(const TwinsSize& size) {
  std::set<ReplicaId> twins;
  for (std::size_t i = 0; i < size.twins; ++i) twins.insert({static_cast<std::uint16_t>(i)});
  return twins;
}

class TwinsRun {
 public:
  TwinsRun(const TwinsWorld& shared, std::function<void(const TraceEvent&)> on_event);

  TwinsReport run(const TwinsScenario& scenario);

 private:
  class Voice final : public Mouth {
   public:
    Voice(TwinsRun& run, std::size_t instance) : run_(run), instance_(instance) {}
    void speak(ReplicaId to, const node::PeerMessage& message) override {
      run_.speak(instance_, to, message);
    }
    bool hear(ReplicaId, const node::PeerMessage&) override { return true; }

   private:
    TwinsRun& run_;
    std::size_t instance_;
  };
  struct Instance {
    std::unique_ptr<Voice> voice;
    std::unique_ptr<SimHost> host;
    std::vector<std::set<std::size_t>> peers;  // connected instances, by replica
  };

  [[nodiscard]] std::size_t count() const { return shared_.size().instances(); }
  [[nodiscard]] bool is_correct(std::size_t instance) const {
    return !checkers_.is_liar(instances_[instance].host->self());
  }
  [[nodiscard]] bool leads(View view) const {
    return !round_ || pbft::primary_of(view, shared_.size().replicas) == round_->primary;
  }

  void speak(std::size_t from, ReplicaId to, const node::PeerMessage& message);
  void arrive(std::size_t from, std::size_t to, std::uint64_t number, const SharedBytes& frame);
  // Whether the round lets it through to this instance.
  [[nodiscard]] bool passes(std::size_t to, const node::PeerMessage& message) const;
  void note_reached(TwinsReach reach, View view);
  void note_reached(const node::PeerMessage& message);

  void connect();
  void submit(std::size_t round);
  void run_round(const TwinsRound& round, std::size_t number);
  void run_end(std::size_t number);
  // Runs events for so long, or until the condition holds or an invariant broke.
  [[nodiscard]] bool run_until(const std::function<bool()>& condition, std::uint64_t end_us);
  // Everything that a correct replica was given is executed at all of them.
  [[nodiscard]] bool is_at_rest() const;
  [[nodiscard]] std::string unrest() const;
  void run_next();
  void note(const TraceEvent& event);
  void mix(std::uint64_t word);

  const TwinsWorld& shared_;
  std::function<void(const TraceEvent&)> on_event_;
  Agenda agenda_;
  Trace trace_;
  Checkers checkers_;
  SimNetwork network_;  // nobody is connected by it
  std::vector<Instance> instances_;
  std::uint64_t packets_ = 0;

  const TwinsRound* round_ = nullptr;  // null: everything passes
  std::uint64_t round_began_us_ = 0;
  std::vector<std::uint8_t> sides_;
  std::optional<std::uint64_t> reached_us_;

  std::set<ledger::TxId> open_;  // given to a correct replica, executed by none
  std::map<ledger::Digest, std::uint64_t> batches_;  // numbered as they were committed first
  TwinsReport report_;
};

TwinsRun::TwinsRun(const TwinsWorld& shared, std::function<void(const TraceEvent&)> on_event)
    : shared_(shared),
      on_event_(std::move(on_event)),
      checkers_(shared.world(), twins_of(shared.size())),
      network_(shared.size().replicas, agenda_, trace_, Prng(1),
               {[](ReplicaId, ReplicaId, const SharedBytes&) {},
                [](ReplicaId, ReplicaId, bool) {}}) {
  trace_.on_event = [this](const TraceEvent& event) { note(event); };
  checkers_.on_first_execution = [this](const ledger::CertifiedBatch&,
                                        const ledger::Execution& execution) {
    for (const ledger::TxResult& result : execution.results) open_.erase(result.id);
  };
  const std::size_t replicas = shared.size().replicas;
  for (std::size_t i = 0; i < replicas; ++i) {
    for (std::size_t j = 0; j < replicas; ++j) {
      if (i != j) network_.set_cut(shared.size().replica_of(i), shared.size().replica_of(j), true);
    }
  }
  for (std::size_t i = 0; i < count(); ++i) {
    Instance& instance = instances_.emplace_back();
    instance.voice = std::make_unique<Voice>(*this, i);
    instance.host = std::make_unique<SimHost>(
        SimHost::Parts{shared.world(), agenda_, network_, checkers_, trace_},
        shared.size().replica_of(i), Prng(1));
    instance.host->times = kTimes;
    instance.host->mouth = instance.voice.get();
    if (i >= replicas) instance.host->clock_offset_ms = kSecondClockMs;
    instance.peers.resize(replicas);
  }
}

void TwinsRun::mix(std::uint64_t word) {
  report_.history = std::rotl((report_.history ^ word) * 0x9e3779b97f4a7c15, 29) *
                    0xbf58476d1ce4e5b9;
}

void TwinsRun::note(const TraceEvent& event) {
  const auto mix_event = [&](std::uint64_t number) {
    mix(std::uint64_t{static_cast<std::uint8_t>(event.kind)} << 16 | event.replica->value);
    mix(number);
  };
  if (event.kind == Kind::kCommit) {
    note_reached(TwinsReach::kCommitted, event.batch->certificate.view);
    mix_event(batches_.emplace(event.batch->certificate.batch, batches_.size()).first->second);
    mix(event.number);
  } else if (event.kind == Kind::kEnter) {
    if (!checkers_.is_liar(*event.replica)) {
      report_.view = std::max(report_.view, View{event.number});
    }
    mix_event(event.number);
  } else if (event.kind == Kind::kLeave) {
    mix_event(event.number);
  } else if (event.kind == Kind::kEvidence) {
    mix_event(event.peer->value);
  }
  if (on_event_) on_event_(event);
}

void TwinsRun::note_reached(TwinsReach reach, View view) {
  if (round_ == nullptr || reached_us_ || reach != round_->reach || !leads(view)) return;
  reached_us_ = agenda_.now_us();
}

void TwinsRun::note_reached(const node::PeerMessage& message) {
  if (const auto* proposal = std::get_if<pbft::PrePrepare>(&message)) {
    note_reached(TwinsReach::kProposed, proposal->vote.view);
  } else if (const auto* opening = std::get_if<pbft::NewView>(&message)) {
    note_reached(TwinsReach::kProposed, opening->body.view);
  } else if (const auto* prepare = std::get_if<pbft::Prepare>(&message)) {
    note_reached(TwinsReach::kPrepared, prepare->vote.view);
  }
}

bool TwinsRun::passes(std::size_t to, const node::PeerMessage& message) const {
  if (round_ == nullptr) return true;
  if (const auto* proposal = std::get_if<pbft::PrePrepare>(&message)) {
    return leads(proposal->vote.view);
  }
  if (std::holds_alternative<pbft::StatusReport>(message)) {
    return agenda_.now_us() < round_began_us_ + kReportsUs;
  }
  if (std::holds_alternative<pbft::Prepare>(message)) {
    return round_->reach >= TwinsReach::kPrepared;
  }
  if (std::holds_alternative<pbft::Commit>(message)) {
    return round_->reach >= TwinsReach::kCommitted;
  }
  const auto* opening = std::get_if<pbft::NewView>(&message);
  if (opening == nullptr || leads(opening->body.view)) return true;
  // Behind a P entry it is asked for long after its view.
  const SimHost& host = *instances_[to].host;
  return host.is_up() && opening->body.view < host.replica().view();
}

void TwinsRun::speak(std::size_t from, ReplicaId to, const node::PeerMessage& message) {
  const std::uint64_t number = ++packets_;
  const SharedBytes frame = to_frame(message);
  const ReplicaId self = instances_[from].host->self();
  trace_.note({Kind::kSend, agenda_.now_us(), self, to, number, frame});
  bool goes = false;
  for (const std::size_t peer : instances_[from].peers[to.value]) {
    if (!passes(peer, message)) continue;
    goes = true;
    agenda_.in(kDelayUs, [this, from, peer, number, frame] { arrive(from, peer, number, frame); });
  }
  if (goes) {
    note_reached(message);
  } else {
    trace_.note({Kind::kDrop, agenda_.now_us(), self, to, number});
  }
}

void TwinsRun::arrive(std::size_t from, std::size_t to, std::uint64_t number,
                      const SharedBytes& frame) {
  const ReplicaId sender = instances_[from].host->self();
  SimHost& host = *instances_[to].host;
  if (sides_[from] != sides_[to] || !host.is_up()) {
    trace_.note({Kind::kDrop, agenda_.now_us(), sender, host.self(), number});
    return;
  }
  trace_.note({Kind::kDeliver, agenda_.now_us(), host.self(), sender, number});
  host.receive(sender, frame);
}

// As sessions end and begin: first all learn whom they lost, then whom they found. Before they have
// learnt of any, they count as connected, and nobody has anything to tell.
void TwinsRun::connect() {
  const bool is_first = agenda_.now_us() == 0;
  std::vector<std::vector<std::set<std::size_t>>> found(count());
  for (std::size_t i = 0; i < count(); ++i) {
    found[i].resize(shared_.size().replicas);
    for (std::size_t j = 0; j < count(); ++j) {
      const ReplicaId peer = instances_[j].host->self();
      if (peer != instances_[i].host->self() && sides_[i] == sides_[j]) {
        found[i][peer.value].insert(j);
      }
    }
    std::swap(found[i], instances_[i].peers);
  }
  for (const bool connects : {false, true}) {
    for (std::size_t i = 0; i < count(); ++i) {
      for (std::size_t peer = 0; peer < shared_.size().replicas; ++peer) {
        const ReplicaId id = shared_.size().replica_of(peer);
        const std::set<std::size_t>& before = found[i][peer];
        const std::set<std::size_t>& now = instances_[i].peers[peer];
        if (id == instances_[i].host->self() || now.empty() == connects) continue;
        if (!connects || (!is_first && !std::ranges::includes(before, now))) {
          instances_[i].host->on_session(id, connects);
        }
      }
    }
  }
}

// One a side, to a correct replica if there is one.
void TwinsRun::submit(std::size_t round) {
  std::set<std::uint8_t> served;
  for (std::size_t k = 0; k < count(); ++k) {
    const std::size_t instance = (k + shared_.size().twins) % count();
    if (!served.insert(sides_[instance]).second) continue;
    const ledger::TransactionPtr& transaction = shared_.transaction(instance, round);
    checkers_.on_signed(transaction->id);
    const bool is_taken = instances_[instance].host->submit(transaction).has_value();
    trace_.note({Kind::kSubmit, agenda_.now_us(), instances_[instance].host->self(), {},
                 is_taken ? 1U : 0U, nullptr, as_text(transaction->id.digest.bytes)});
    if (is_taken && is_correct(instance)) open_.insert(transaction->id);
  }
}

void TwinsRun::run_next() {
  checkers_.set_time_ms(*agenda_.next_us() / 1000);
  const std::size_t violations = checkers_.violations().size();
  agenda_.run_next();
  for (std::size_t i = violations; i < checkers_.violations().size(); ++i) {
    const Violation& found = checkers_.violations()[i];
    trace_.note({Kind::kViolation, agenda_.now_us(), found.replica, {}, 0, nullptr, found.text});
  }
}

bool TwinsRun::run_until(const std::function<bool()>& condition, std::uint64_t end_us) {
  while (checkers_.violations().empty()) {
    if (condition()) return true;
    const auto next_us = agenda_.next_us();
    if (!next_us || *next_us > end_us) {
      agenda_.advance_to(end_us);
      return false;
    }
    run_next();
  }
  return false;
}

void TwinsRun::run_round(const TwinsRound& round, std::size_t number) {
  round_ = &round;
  round_began_us_ = agenda_.now_us();
  sides_ = round.sides;
  reached_us_.reset();
  connect();
  submit(number);
  const std::uint64_t end_us = agenda_.now_us() + round_us(shared_.size().replicas);
  if (run_until([this] { return reached_us_.has_value(); }, end_us)) {
    (void)run_until([] { return false; }, *reached_us_ + kSettleUs);
  }
}

void TwinsRun::run_end(std::size_t number) {
  round_ = nullptr;
  std::ranges::fill(sides_, std::uint8_t{0});
  connect();
  submit(number);
  const bool rests = run_until([this] { return is_at_rest(); }, agenda_.now_us() + kEndUs);
  if (!rests && checkers_.violations().empty()) report_.stuck = unrest();
}

bool TwinsRun::is_at_rest() const {
  if (!open_.empty()) return false;
  for (std::size_t i = 0; i < count(); ++i) {
    const SimHost& host = *instances_[i].host;
    if (!is_correct(i)) continue;
    if (!host.is_up() || host.ledger().height() < checkers_.highest_executed()) return false;
  }
  return true;
}

std::string TwinsRun::unrest() const {
  std::string text = fmt::format("{} transactions are open, highest executed {}", open_.size(),
                                 checkers_.highest_executed().value);
  for (std::size_t i = 0; i < count(); ++i) {
    const SimHost& host = *instances_[i].host;
    if (!is_correct(i)) continue;
    if (!host.is_up()) {
      text += fmt::format("; {}: down", host.self().value);
    } else {
      const pbft::Replica& replica = host.replica();
      text += fmt::format("; {}: view {}{}, executed {}", host.self().value, replica.view().value,
                          replica.in_view() ? "" : " (between)", replica.executed().value);
    }
  }
  return text;
}

TwinsReport TwinsRun::run(const TwinsScenario& scenario) {
  sides_.assign(count(), 0);
  for (const Instance& instance : instances_) instance.host->start();
  for (std::size_t i = 0; i < scenario.size() && checkers_.violations().empty(); ++i) {
    run_round(scenario[i], i);
  }
  if (checkers_.violations().empty()) run_end(scenario.size());
  report_.violations = checkers_.violations();
  report_.trace = trace_.digest();
  report_.commits = checkers_.counters().commits;
  report_.evidence = checkers_.counters().evidence;
  report_.events = trace_.events();
  report_.virtual_us = agenda_.now_us();
  return std::move(report_);
}

}  // namespace

TwinsWorld::TwinsWorld(const TwinsSize& size, SimSignatures signatures)
    : size_(size), world_(size.replicas, {}, size.instances(), signatures) {
  for (std::size_t i = 0; i < size.instances(); ++i) {
    for (std::size_t round = 0; round <= kTwinsRoundsMax; ++round) {
      transactions_.push_back(world_.sign(i, round + 1, {SimWorld::kStart.value + kLifeMs},
                                          {ledger::Add{to_bytes("count"), 1}}));
    }
  }
}

TwinsReport run_twins(const TwinsWorld& world, const TwinsScenario& scenario,
                      std::function<void(const TraceEvent&)> on_event) {
  return TwinsRun(world, std::move(on_event)).run(scenario);
}

}  // namespace quorate::testnet
