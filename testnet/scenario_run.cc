#include "testnet/scenario_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "testnet/behaviours_sim.h"
#include "testnet/sim_faults.h"

namespace quorate::testnet {

using ledger::ReplicaId;
using Kind = TraceEvent::Kind;

namespace {

constexpr std::uint64_t kMsUs = 1'000;
constexpr std::uint64_t kSettleMs = 60'000;
constexpr std::uint64_t kScenarioStream = 7;

ReplicaId replica_of(std::string_view word) {
  return {static_cast<std::uint16_t>(number_of(word))};
}

std::set<Behaviour> behaviours_of(const ScenarioLine& line) {
  std::set<Behaviour> result;
  for (std::size_t i = 1; i < line.words.size(); ++i) {
    if (const auto behaviour = find_behaviour(line.words[i])) result.insert(*behaviour);
  }
  return result;
}

// As the first byte of a packet says it.
std::size_t kind_of(const std::string& message) {
  const auto kinds = message_kinds();
  return static_cast<std::size_t>(std::ranges::find(kinds, message) - kinds.begin());
}

bool is_as_drawn(const Scenario& scenario) {
  return std::ranges::any_of(scenario.lines,
                             [](const ScenarioLine& line) { return line.verb == "as-drawn"; });
}

SimOptions world_of(const Scenario& scenario, const ScenarioOptions& options, const Liars& liars) {
  SimOptions world;
  if (is_as_drawn(scenario)) world.parameters = draw_world(options.seed).parameters;
  world.replicas = options.replicas.value_or(replicas_of(scenario));
  world.spares = spares_of(scenario);
  world.seed = options.seed;
  for (const ScenarioLine& line : scenario.lines) {
    if (line.verb == "signatures") world.signatures = SimSignatures::kStandIn;
    if (line.verb != "checkpoint-interval" && line.verb != "batch-transactions") continue;
    ledger::Parameters& parameters = world.parameters;
    (line.verb == "checkpoint-interval" ? parameters.checkpoint_interval
                                        : parameters.batch_transactions_max) =
        static_cast<std::uint32_t>(number_of(line.words[0]));
  }
  for (const auto& [id, behaviours] : liars) world.liars.insert(id);
  return world;
}

class Run {
 public:
  Run(const SimOptions& world, const WorkloadOptions& clients, const Liars& liars,
      const std::function<void(const TraceEvent&)>& on_event)
      : simulator_(world),
        workload_(simulator_, clients),
        cabal_(simulator_, liars),
        liars_(liars) {
    simulator_.trace().on_event = [this, on_event](const TraceEvent& event) {
      tell(event);
      if (on_event) on_event(event);
    };
    simulator_.start_all();
  }

  // False: the run is over, for good or ill.
  [[nodiscard]] bool perform(const ScenarioLine& line);
  [[nodiscard]] ScenarioReport finish();
  [[nodiscard]] Simulator& simulator() { return simulator_; }

 private:
  void tell(const TraceEvent& event);
  void submit(const ScenarioLine& line);
  [[nodiscard]] bool trickle(const ScenarioLine& line);
  [[nodiscard]] bool settle(const ScenarioLine& line);
  [[nodiscard]] bool clients(const ScenarioLine& line);
  void plan(const ScenarioLine& line);
  void do_fault(const ScenarioLine& line);
  void expect(const ScenarioLine& line);
  void lose(const ScenarioLine& line);
  void delay(const ScenarioLine& line);
  [[nodiscard]] std::size_t primary();
  [[nodiscard]] bool is_sealed();
  [[nodiscard]] bool is_alike();
  [[nodiscard]] bool is_one_view();
  [[nodiscard]] bool is_in_epoch(ledger::Epoch epoch);
  [[nodiscard]] std::vector<const pbft::Replica*> correct_and_up();

  Simulator simulator_;
  Workload workload_;
  Cabal cabal_;
  Liars liars_;
  Prng dice_ = simulator_.dice(kScenarioStream);
  SimFaults faults_{simulator_, dice_};
  std::vector<std::string> story_;
  std::set<std::uint64_t> entered_;  // views of the last epoch that began
  std::set<std::uint64_t> begun_;    // epochs
  std::set<std::pair<ReplicaId, ReplicaId>> accused_;  // by whom, whom
  std::optional<std::string> unmet_;
  bool is_live_ = true;
  bool is_healed_ = false;  // for good: what is planned for later does not happen
  std::uint64_t clients_turn_ = 0;
  using Kinds = std::tuple<std::size_t, ReplicaId, ReplicaId>;  // kind of message, from, to
  std::set<Kinds> losses_;
  std::map<Kinds, std::uint64_t> delays_us_;
};

void Run::tell(const TraceEvent& event) {
  const auto say = [&](const std::string& text) {
    const std::uint64_t now_ms = event.time_us / kMsUs;
    story_.push_back(fmt::format("{}.{:03} s  {}", now_ms / 1000, now_ms % 1000, text));
  };
  if (event.replica && liars_.contains(*event.replica)) return;
  if (event.kind == Kind::kLeave) {
    say(fmt::format("replica {} moves to view {}: {}", event.replica->value, event.number,
                    event.text));
  } else if (event.kind == Kind::kEnter && entered_.insert(event.number).second) {
    say(fmt::format("view {} begins", event.number));
  } else if (event.kind == Kind::kRecovered) {
    say(fmt::format("replica {} has recovered", event.replica->value));
  } else if (event.kind == Kind::kEpoch && begun_.insert(event.number).second) {
    entered_.clear();
    say(fmt::format("epoch {} begins", event.number));
  } else if (event.kind == Kind::kEvidence &&
             accused_.insert({*event.replica, *event.peer}).second) {
    say(fmt::format("replica {} proves that {} lied", event.replica->value, event.peer->value));
  }
}

void Run::submit(const ScenarioLine& line) {
  for (std::uint64_t i = number_of(line.words[0]); i > 0; --i) {
    const std::size_t replica = line.words.size() > 1 ? number_of(line.words[1])
                                                      : clients_turn_ % simulator_.world().size();
    (void)workload_.submit(clients_turn_++ % simulator_.world().clients(), replica);
  }
}

bool Run::trickle(const ScenarioLine& line) {
  for (std::uint64_t i = number_of(line.words[0]); i > 0; --i) {
    (void)workload_.submit(clients_turn_ % simulator_.world().clients(),
                           clients_turn_ % simulator_.world().size());
    ++clients_turn_;
    if (!simulator_.run_for(number_of(line.words[1]) * kMsUs)) return false;
  }
  return true;
}

void Run::lose(const ScenarioLine& line) {
  for (const auto& [from, to] : links_between(line.words[1])) {
    losses_.emplace(kind_of(line.words[0]), from, to);
  }
  simulator_.network().passes = [this](ReplicaId from, ReplicaId to, const Bytes& packet) {
    return packet.empty() || !losses_.contains({packet[0], from, to});
  };
}

void Run::delay(const ScenarioLine& line) {
  for (const auto& [from, to] : links_between(line.words[1])) {
    delays_us_[{kind_of(line.words[0]), from, to}] = number_of(line.words[2]) * kMsUs;
  }
  simulator_.network().holds = [this](ReplicaId from, ReplicaId to, const Bytes& packet) {
    if (packet.empty()) return std::uint64_t{0};
    const auto found = delays_us_.find({packet[0], from, to});
    return found == delays_us_.end() ? 0 : found->second;
  };
}

// The seat of that of the highest view that a correct replica is in.
std::size_t Run::primary() {
  const pbft::Replica* furthest = nullptr;
  for (const pbft::Replica* replica : correct_and_up()) {
    if (replica->is_observer()) continue;
    const auto place = std::pair(replica->epoch(), replica->view());
    if (!furthest || place > std::pair(furthest->epoch(), furthest->view())) furthest = replica;
  }
  if (!furthest) return 0;
  const ledger::ReplicaInfo& info =
      furthest->config().replicas.replicas[furthest->primary().value];
  return simulator_.world().seat_of(info.vote_key).value;
}

bool Run::is_sealed() {
  const ledger::Sequence executed = simulator_.checkers().highest_executed();
  return std::ranges::all_of(correct_and_up(), [&](const pbft::Replica* replica) {
    return replica->low_watermark() >= executed;
  });
}

bool Run::is_alike() {
  std::set<ledger::Sequence> executed;
  for (const pbft::Replica* replica : correct_and_up()) executed.insert(replica->executed());
  return executed.size() == 1;
}

bool Run::is_in_epoch(ledger::Epoch epoch) {
  return std::ranges::all_of(correct_and_up(), [&](const pbft::Replica* replica) {
    return replica->epoch() == epoch;
  });
}

bool Run::is_one_view() {
  std::set<std::pair<ledger::Epoch, ledger::View>> views;
  bool are_in = true;
  for (const pbft::Replica* replica : correct_and_up()) {
    if (replica->is_observer()) continue;
    views.emplace(replica->epoch(), replica->view());
    are_in &= replica->in_view();
  }
  return are_in && views.size() == 1;
}

std::vector<const pbft::Replica*> Run::correct_and_up() {
  std::vector<const pbft::Replica*> result;
  for (std::size_t i = 0; i < simulator_.world().size(); ++i) {
    const bool is_liar = liars_.contains({static_cast<std::uint16_t>(i)});
    const SimHost& host = simulator_.host(i);
    if (host.is_up() && !is_liar) result.push_back(&host.replica());
  }
  return result;
}

bool Run::settle(const ScenarioLine& line) {
  const std::uint64_t limit_ms = line.words.empty() ? kSettleMs : number_of(line.words[0]);
  const bool drains = line.verb == "drain";
  if (drains) do_fault({line.number, "heal", {"all"}});
  is_healed_ = is_healed_ || drains;
  is_live_ = drains ? drain(simulator_, workload_)
                    : workload_.run_until_all_end(limit_ms * kMsUs);
  if (!is_live_ && simulator_.is_sound()) {
    unmet_ = fmt::format("line {}: {}", line.number, line.verb);
  }
  return is_live_;
}

void Run::expect(const ScenarioLine& line) {
  const Checkers::Counters& counts = simulator_.checkers().counters();
  const std::string& what = line.words[0];
  bool holds = false;
  if (what == "view-change") holds = counts.views > 0;
  if (what == "no-view-change") holds = counts.views == 0;
  if (what == "no-evidence") holds = simulator_.accusations().empty();
  if (what == "recovery") holds = counts.recoveries > 0;
  if (what == "decided") holds = workload_.open() == 0;
  if (what == "alike") holds = is_alike();
  if (what == "one-view") holds = is_one_view();
  if (what == "sealed") holds = is_sealed();
  if (what == "epoch") holds = is_in_epoch({number_of(line.words[1])});
  if (what == "diverged") holds = simulator_.checkers().has_diverged(replica_of(line.words[1]));
  if (what == "stalled") holds = workload_.open() > 0;
  if (what == "evidence") {
    holds = std::ranges::any_of(simulator_.accusations(), [&](const auto& accusation) {
      return ledger::accused(accusation.evidence) == replica_of(line.words[1]);
    });
  }
  if (holds) return;
  unmet_ = fmt::format("line {}: expected {}{}; found {} views entered, {} pieces of evidence, {} "
                       "recoveries, {} open transactions",
                       line.number, what, line.words.size() > 1 ? " " + line.words[1] : "",
                       counts.views, simulator_.accusations().size(), counts.recoveries,
                       workload_.open());
}

bool Run::clients(const ScenarioLine& line) {
  workload_.start();
  const bool is_sound = simulator_.run_for(number_of(line.words[0]) * kMsUs);
  workload_.stop();
  return is_sound;
}

void Run::plan(const ScenarioLine& line) {
  const ScenarioLine fault{line.number, line.words[1], {line.words.begin() + 2, line.words.end()}};
  const FaultTime time = parse_fault_time(line.words[0]).value_or(FaultTime{});
  const auto happen = [this, fault] {
    if (is_healed_) return;
    const std::string text = fmt::format("{} {}", fault.verb, fmt::join(fault.words, " "));
    simulator_.trace().note(
        {Kind::kFault, simulator_.agenda().now_us(), {}, {}, 0, nullptr, text});
    do_fault(fault);
  };
  // Planned now, it is the first of its moment.
  simulator_.agenda().at(time.us, [this, happen, is_late = time.is_late] {
    is_late ? simulator_.agenda().in(0, happen) : happen();
  });
}

void Run::do_fault(const ScenarioLine& line) {
  if (line.verb == "heal") {
    losses_.clear();
    delays_us_.clear();
  }
  FaultWords words = {line.verb};
  words.insert(words.end(), line.words.begin(), line.words.end());
  if (words.back() == "primary") words.back() = fmt::format("{}", primary());
  faults_.apply(words);
}

bool Run::perform(const ScenarioLine& line) {
  if (is_head_verb(line.verb)) return true;
  if (line.verb == "run") return simulator_.run_for(number_of(line.words[0]) * kMsUs);
  if (line.verb == "settle" || line.verb == "drain") return settle(line);
  if (line.verb == "trickle") return trickle(line);
  if (line.verb == "clients") return clients(line);
  if (line.verb == "submit") {
    submit(line);
  } else if (line.verb == "rivals") {
    for (std::uint64_t i = number_of(line.words[0]); i > 0; --i) {
      const std::size_t replica = clients_turn_ % simulator_.world().size();
      workload_.submit_rivals(clients_turn_++ % simulator_.world().clients(), replica,
                              (replica + 1) % simulator_.world().size());
    }
  } else if (line.verb == "offer-again") {
    workload_.offer_again(number_of(line.words[0]));
  } else if (line.verb == "at") {
    plan(line);
  } else if (line.verb == "lose") {
    lose(line);
  } else if (line.verb == "delay") {
    delay(line);
  } else if (line.verb == "expect") {
    expect(line);
  } else {
    do_fault(line);
  }
  return !unmet_ && simulator_.is_sound();
}

ScenarioReport Run::finish() {
  ScenarioReport report;
  report.run = make_report(simulator_, workload_, is_live_);
  report.run.liars = liars_;
  report.story = story_;
  report.genesis = simulator_.world().genesis();
  report.seats = simulator_.world().size();
  report.lacking_a_store_max = faults_.lacking_a_store_max();
  if (simulator_.is_sound()) report.unmet = unmet_;
  return report;
}

}  // namespace

Liars liars_of(const Scenario& scenario, const ScenarioOptions& options) {
  Liars liars;
  std::set<Behaviour> first = {Behaviour::kEquivocate, Behaviour::kDoubleVote};
  for (const ScenarioLine& line : scenario.lines) {
    if (line.verb != "liar") continue;
    if (liars.empty()) first = behaviours_of(line);
    liars[replica_of(line.words[0])].merge(behaviours_of(line));
  }
  if (options.byzantine.empty()) return liars;
  liars.clear();
  for (const ReplicaId id : options.byzantine) liars[id] = first;
  return liars;
}

Result<ScenarioReport> run_scenario(const Scenario& scenario, const ScenarioOptions& options) {
  const Liars liars = liars_of(scenario, options);
  const SimOptions world = world_of(scenario, options, liars);
  if (world.replicas < replicas_of(scenario) ||
      (!liars.empty() && liars.rbegin()->first.value >= world.replicas)) {
    return fail(ErrorKind::kInvalid, "scenario-malformed",
                fmt::format("{} names replicas beyond the {} that there are", scenario.name,
                            world.replicas));
  }
  const WorkloadOptions clients =
      is_as_drawn(scenario) ? draw_world(options.seed).workload : WorkloadOptions{};
  Run run(world, clients, liars, options.on_event);
  for (const ScenarioLine& line : scenario.lines) {
    if (!run.perform(line)) break;
  }
  ScenarioReport report = run.finish();
  if (options.at_end) options.at_end(run.simulator());
  return report;
}

}  // namespace quorate::testnet
