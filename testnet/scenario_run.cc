#include "testnet/scenario_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "testnet/behaviours_sim.h"

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

// From each of the replicas before the slash to each behind it.
std::vector<std::pair<ReplicaId, ReplicaId>> links_between(const std::string& sides) {
  const std::size_t slash = sides.find('/');
  const auto first = parse_numbers(std::string_view(sides).substr(0, slash));
  const auto second = parse_numbers(std::string_view(sides).substr(slash + 1));
  std::vector<std::pair<ReplicaId, ReplicaId>> links;
  for (const std::uint64_t from : *first) {
    for (const std::uint64_t to : *second) {
      if (from == to) continue;
      links.emplace_back(ReplicaId{static_cast<std::uint16_t>(from)},
                         ReplicaId{static_cast<std::uint16_t>(to)});
    }
  }
  return links;
}

// As the first byte of a packet says it.
std::size_t kind_of(const std::string& message) {
  const auto kinds = message_kinds();
  return static_cast<std::size_t>(std::ranges::find(kinds, message) - kinds.begin());
}

SimOptions world_of(const Scenario& scenario, const ScenarioOptions& options, const Liars& liars) {
  SimOptions world;
  world.replicas = options.replicas.value_or(replicas_of(scenario));
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
  Run(const SimOptions& world, const Liars& liars,
      const std::function<void(const TraceEvent&)>& on_event)
      : simulator_(world), workload_(simulator_, {}), cabal_(simulator_, liars), liars_(liars) {
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
  void expect(const ScenarioLine& line);
  void change_host(const ScenarioLine& line, SimHost& host);
  void partition(const std::string& sides);
  void lose(const ScenarioLine& line);
  void delay(const ScenarioLine& line);
  void heal();
  [[nodiscard]] std::size_t primary();
  [[nodiscard]] bool is_sealed();
  [[nodiscard]] bool is_alike();
  [[nodiscard]] bool is_one_view();
  [[nodiscard]] std::vector<const pbft::Replica*> correct_and_up();
  [[nodiscard]] std::vector<std::size_t> chosen(const std::string& word);

  Simulator simulator_;
  Workload workload_;
  Cabal cabal_;
  Liars liars_;
  Prng dice_ = simulator_.dice(kScenarioStream);
  std::vector<std::string> story_;
  std::set<std::uint64_t> entered_;
  std::set<std::pair<ReplicaId, ReplicaId>> accused_;  // by whom, whom
  std::optional<std::string> unmet_;
  bool is_live_ = true;
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
  } else if (event.kind == Kind::kEvidence &&
             accused_.insert({*event.replica, *event.peer}).second) {
    say(fmt::format("replica {} proves that {} lied", event.replica->value, event.peer->value));
  }
}

std::vector<std::size_t> Run::chosen(const std::string& word) {
  if (word == "primary") return {primary()};
  if (word != "all") return {number_of(word)};
  std::vector<std::size_t> all(simulator_.world().size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
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

void Run::partition(const std::string& sides) {
  for (const auto& [one, other] : links_between(sides)) {
    simulator_.network().set_cut(one, other, true);
    simulator_.network().set_cut(other, one, true);
  }
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

void Run::heal() {
  simulator_.network().heal();
  losses_.clear();
  delays_us_.clear();
}

// Of the highest view that a correct replica is in.
std::size_t Run::primary() {
  ledger::View view;
  for (const pbft::Replica* replica : correct_and_up()) view = std::max(view, replica->view());
  return pbft::primary_of(view, simulator_.world().size()).value;
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

bool Run::is_one_view() {
  std::set<ledger::View> views;
  bool are_in = true;
  for (const pbft::Replica* replica : correct_and_up()) {
    views.insert(replica->view());
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
  is_live_ = workload_.run_until_all_end(limit_ms * kMsUs);
  if (!is_live_ && simulator_.is_sound()) unmet_ = fmt::format("line {}: settle", line.number);
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

void Run::change_host(const ScenarioLine& line, SimHost& host) {
  if (line.verb == "crash" && host.is_up()) host.crash(CrashKind::kProcess);
  if (line.verb == "power-cut" && host.is_up()) host.crash(CrashKind::kPower);
  if (line.verb == "start" && !host.is_up()) host.start();
  if (line.verb == "copy-votes") host.votes().copy();
  if (line.verb == "damage-state") {
    host.ledger().damage_state();
    simulator_.checkers().on_damage(host.self());
  }
  if (line.verb == "clock") {
    const std::string& word = line.words[1];
    const auto away = static_cast<std::int64_t>(number_of(word.substr(word.starts_with('-'))));
    host.clock_offset_ms = word.starts_with('-') ? -away : away;
  }
  const bool takes = line.verb == "restore-votes" || line.verb == "wipe-votes" ||
                     line.verb == "lose-ledger" || line.verb.starts_with("flip-");
  if (!takes) return;
  if (host.is_up()) host.crash(CrashKind::kProcess);
  if (line.verb == "restore-votes") host.votes().restore_copy();
  if (line.verb == "wipe-votes") host.votes().wipe();
  if (line.verb == "lose-ledger") {
    host.ledger().wipe();
    simulator_.checkers().on_repair(host.self());
  }
  if (line.verb == "flip-votes") host.votes().flip(dice_);
  if (line.verb == "flip-ledger") host.ledger().flip(dice_);
}

bool Run::perform(const ScenarioLine& line) {
  if (is_head_verb(line.verb)) return true;
  if (line.verb == "run") return simulator_.run_for(number_of(line.words[0]) * kMsUs);
  if (line.verb == "settle") return settle(line);
  if (line.verb == "trickle") return trickle(line);
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
  } else if (line.verb == "partition") {
    partition(line.words[0]);
  } else if (line.verb == "heal") {
    heal();
  } else if (line.verb == "lose") {
    lose(line);
  } else if (line.verb == "delay") {
    delay(line);
  } else if (line.verb == "expect") {
    expect(line);
  } else {
    for (const std::size_t index : chosen(line.words[0])) change_host(line, simulator_.host(index));
  }
  return !unmet_ && simulator_.is_sound();
}

ScenarioReport Run::finish() {
  ScenarioReport report;
  report.run = make_report(simulator_, workload_, is_live_);
  report.run.liars = liars_;
  report.story = story_;
  report.genesis = simulator_.world().genesis();
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
  Run run(world, liars, options.on_event);
  for (const ScenarioLine& line : scenario.lines) {
    if (!run.perform(line)) break;
  }
  ScenarioReport report = run.finish();
  if (options.at_end) options.at_end(run.simulator());
  return report;
}

}  // namespace quorate::testnet
