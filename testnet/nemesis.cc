#include "testnet/nemesis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace quorate::testnet {

namespace {

constexpr std::uint64_t kNemesisStream = 3;
constexpr std::uint32_t kArmedPointsMax = 40;
constexpr std::uint32_t kFlapsMax = 10;
constexpr std::uint64_t kWildClockMsMax = 10ULL * 365 * 86'400'000;

// "0,2/1", with one side or both given as places in `order`.
std::string sides(const std::vector<std::size_t>& order, std::size_t first) {
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(first);
  return fmt::format("{}/{}", fmt::join(order.begin(), middle, ","),
                     fmt::join(middle, order.end(), ","));
}

std::array<std::uint32_t, 11> weights_of(const NemesisOptions& options) {
  return {options.crash, options.crash_all, options.partition, options.clog,    options.quality,
          options.pause, options.clock,     options.disk,      options.amnesia, options.rebuild,
          options.membership};
}

std::uint32_t weight_of_all(const NemesisOptions& options) {
  const auto weights = weights_of(options);
  return std::accumulate(weights.begin(), weights.end(), 0U);
}

}  // namespace

NemesisOptions draw_nemesis(Prng& dice, std::size_t tolerated) {
  NemesisOptions options;
  options.lost_max = dice.below(tolerated + 1);
  options.wild_max = dice.below(tolerated + 1);
  options.pause_us_max = dice.between(options.pause_us_min, options.pause_us_max);
  options.fault_us_max = dice.between(10'000, options.fault_us_max);
  options.loss_permille_max = static_cast<std::uint32_t>(dice.below(301));
  options.repeat_permille_max = static_cast<std::uint32_t>(dice.below(501));
  // Most runs lack some kinds: a rare fault is seen best when nothing louder covers it.
  for (std::uint32_t* weight :
       {&options.crash, &options.crash_all, &options.partition, &options.clog, &options.quality,
        &options.pause, &options.clock, &options.disk, &options.amnesia, &options.rebuild}) {
    if (dice.chance(250)) *weight = 0;
  }
  // Stores alone, and nobody may lose one: that would be a run without a fault.
  const std::uint32_t stores = options.amnesia + options.rebuild;
  if (options.lost_max == 0 && stores > 0 && weight_of_all(options) == stores) {
    options.quality = NemesisOptions{}.quality;
  }
  return options;
}

Nemesis::Nemesis(Simulator& simulator, const NemesisOptions& options)
    : simulator_(simulator),
      options_(options),
      dice_(simulator.dice(kNemesisStream)),
      world_(simulator, dice_),
      restarts_(simulator.hosts().size(), false),
      taken_in_(simulator.options().replicas),
      wild_(simulator.hosts().size(), false) {
  world_.also_cuts_power = [this](std::size_t, CrashPoint point) {
    return also_cuts_power(point);
  };
  world_.on_power_cut = [this](std::size_t index) {
    note(fmt::format("power cut at a persistence point of {}", index));
    start_later(index, duration_us());
  };
}

void Nemesis::act(std::string_view verb, std::size_t index) {
  world_.apply({std::string(verb), fmt::format("{}", index)});
}

void Nemesis::act(std::string_view verb, const std::string& word, const std::string& second) {
  FaultWords words = {std::string(verb), word};
  if (!second.empty()) words.push_back(second);
  world_.apply(words);
}

void Nemesis::note(const std::string& text) {
  ++faults_;
  simulator_.trace().note(
      {TraceEvent::Kind::kFault, simulator_.agenda().now_us(), {}, {}, 0, nullptr, text});
}

// Ends of faults, which `heal` makes void.
void Nemesis::after(std::uint64_t delay_us, std::function<void()> action) {
  simulator_.agenda().in(delay_us, [this, action = std::move(action)] {
    if (is_active_) action();
  });
}

void Nemesis::start() {
  is_active_ = true;
  act("copy-votes", "all");
  next_later();
}

void Nemesis::next_later() {
  after(dice_.between(options_.pause_us_min, options_.pause_us_max), [this] {
    // Who stopped itself, over a disk, comes back as soon as its operator looks.
    for (std::size_t i = 0; i < simulator_.hosts().size(); ++i) {
      if (!simulator_.host(i).is_up() && !restarts_[i]) start_later(i, duration_us());
    }
    strike();
    next_later();
  });
}

Nemesis::Kind Nemesis::draw_kind() {
  const auto weights = weights_of(options_);
  const std::uint64_t total = weight_of_all(options_);
  if (total == 0) return Kind::kQuality;
  std::uint64_t thrown = dice_.below(total);
  std::uint8_t kind = 0;
  while (thrown >= weights[kind]) thrown -= weights[kind++];
  return static_cast<Kind>(kind);
}

void Nemesis::strike() {
  switch (draw_kind()) {
    case Kind::kCrash:
      return crash_one();
    case Kind::kCrashAll:
      return crash_all();
    case Kind::kPartition:
      return partition();
    case Kind::kClog:
      return clog();
    case Kind::kQuality:
      return change_quality();
    case Kind::kPause:
      return pause();
    case Kind::kClock:
      return move_clock();
    case Kind::kDisk:
      return break_disk();
    case Kind::kAmnesia:
      return forget();
    case Kind::kRebuild:
      return lose_ledger();
    case Kind::kMembership:
      return change_membership();
  }
}

// "0,1,3", as one side of a cut.
std::string Nemesis::all_but(std::size_t index) const {
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < simulator_.hosts().size(); ++i) {
    if (i != index) others.push_back(i);
  }
  return fmt::format("{}", fmt::join(others, ","));
}

std::optional<std::size_t> Nemesis::any_up() {
  std::vector<std::size_t> up;
  for (std::size_t i = 0; i < simulator_.hosts().size(); ++i) {
    if (simulator_.host(i).is_up()) up.push_back(i);
  }
  if (up.empty()) return std::nullopt;
  return dice_.pick(up);
}

void Nemesis::crash(std::size_t index, std::uint64_t outage_us) {
  act(dice_.chance(500) ? "power-cut" : "crash", index);
  start_later(index, outage_us);
}

void Nemesis::start_later(std::size_t index, std::uint64_t outage_us) {
  restarts_[index] = true;
  after(outage_us, [this, index] { start_now(index); });
}

void Nemesis::start_now(std::size_t index) {
  restarts_[index] = false;
  SimHost& host = simulator_.host(index);
  if (host.is_up()) return;
  if (host.votes().faults.is_full) return start_later(index, duration_us());
  act("start", index);
}

// What comes once a recovery would never be hit by counting.
bool Nemesis::also_cuts_power(CrashPoint point) {
  return is_active_ && point == CrashPoint::kAfterAdoption && options_.crash > 0 &&
         dice_.chance(300);
}

void Nemesis::crash_one() {
  const auto index = any_up();
  if (!index) return;
  if (dice_.chance(500)) {
    return act("power-cut-after", fmt::format("{}", *index),
               fmt::format("{}", dice_.below(kArmedPointsMax)));
  }
  note(fmt::format("crash {}", *index));
  crash(*index, duration_us());
}

void Nemesis::crash_all() {
  note("crash all");
  for (std::size_t i = 0; i < simulator_.hosts().size(); ++i) {
    if (simulator_.host(i).is_up()) crash(i, duration_us());
  }
}

void Nemesis::partition() {
  if (simulator_.hosts().size() < 2) return;
  switch (dice_.below(5)) {
    case 0:
      return cut_halves();
    case 1:
      return cut_ring();
    case 2:
      return cut_one(false);
    case 3:
      return cut_one(true);
    default:
      break;
  }
  const std::size_t index = dice_.below(simulator_.hosts().size());
  note(fmt::format("{} flaps", index));
  flap(index, static_cast<std::uint32_t>(dice_.between(1, kFlapsMax)));
}

void Nemesis::cut_halves() {
  const std::size_t n = simulator_.hosts().size();
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = i;
  dice_.shuffle(order);
  const std::size_t half = dice_.between(1, n - 1);
  note("partition " + sides(order, half));
  act("partition", sides(order, half));
  after(duration_us(), [this] { world_.apply({"heal"}); });
}

// Each sees a majority, its neighbours, and no two see the same one.
void Nemesis::cut_ring() {
  const std::size_t n = simulator_.hosts().size();
  note("partition ring");
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t away = n / 4 + 1; away < n - n / 4; ++away) {
      act("cut", fmt::format("{}/{}", i, (i + away) % n));
    }
  }
  after(duration_us(), [this] { world_.apply({"heal"}); });
}

void Nemesis::cut_one(bool one_way) {
  const std::size_t index = dice_.below(simulator_.hosts().size());
  const bool outgoing = dice_.chance(500);
  note(fmt::format("{} {}", one_way ? (outgoing ? "nobody hears" : "hears nobody") : "isolated",
                   index));
  if (!one_way) {
    act("partition", fmt::format("{}/{}", index, all_but(index)));
  } else if (outgoing) {
    act("cut", fmt::format("{}/{}", index, all_but(index)));
  } else {
    act("cut", fmt::format("{}/{}", all_but(index), index));
  }
  after(duration_us(), [this] { world_.apply({"heal"}); });
}

void Nemesis::flap(std::size_t index, std::uint32_t times) {
  act(times % 2 == 1 ? "partition" : "rejoin", fmt::format("{}/{}", index, all_but(index)));
  if (times == 0) return;
  after(dice_.between(1'000, options_.fault_us_max / 4 + 1'000),
        [this, index, times] { flap(index, times - 1); });
}

void Nemesis::clog() {
  const std::size_t n = simulator_.hosts().size();
  if (n < 2) return;
  const std::size_t from = dice_.below(n);
  const std::size_t to = (from + dice_.between(1, n - 1)) % n;
  note(fmt::format("clog {} to {}", from, to));
  act("clog", fmt::format("{}/{}", from, to), ms_text(duration_us()));
}

void Nemesis::change_quality() {
  LinkQuality quality = simulator_.options().quality;
  quality.loss_permille = static_cast<std::uint32_t>(dice_.below(options_.loss_permille_max + 1));
  quality.repeat_permille =
      static_cast<std::uint32_t>(dice_.below(options_.repeat_permille_max + 1));
  quality.delay_us_max = dice_.between(quality.delay_us_min, 50'000);
  quality.slow_permille = static_cast<std::uint32_t>(dice_.below(100));
  quality.slow_us_max = dice_.below(options_.slow_us_max + 1);
  note(fmt::format("network loses {}, repeats {} of 1000", quality.loss_permille,
                   quality.repeat_permille));
  world_.apply({"network", fmt::format("{}", quality.loss_permille),
                fmt::format("{}", quality.repeat_permille), ms_text(quality.delay_us_max),
                fmt::format("{}", quality.slow_permille), ms_text(quality.slow_us_max)});
}

void Nemesis::pause() {
  const auto index = any_up();
  if (!index) return;
  note(fmt::format("pause {}", *index));
  act("pause", fmt::format("{}", *index), ms_text(duration_us()));
}

void Nemesis::move_clock() {
  const std::size_t index = dice_.below(simulator_.hosts().size());
  // Always the same: what one of them prepared years ahead is still there when its clock is right
  // again, and f more a moment later would make a quorum.
  const auto others = static_cast<std::size_t>(std::ranges::count(wild_, true));
  const bool is_wild = (wild_[index] || others < options_.wild_max) && dice_.chance(500);
  if (is_wild) wild_[index] = true;
  const std::uint64_t away_ms =
      dice_.below((is_wild ? kWildClockMsMax : options_.clock_ms_max) + 1);
  const std::string offset_ms =
      fmt::format("{}{}", dice_.chance(500) && away_ms > 0 ? "-" : "", away_ms);
  note(fmt::format("clock of {} at {} ms", index, offset_ms));
  act("clock", fmt::format("{}", index), offset_ms);
}

void Nemesis::break_disk() {
  const auto index = any_up();
  if (!index) return;
  const bool full = dice_.chance(500);
  note(fmt::format("{} {}", full ? "disk full at" : "syncs fail at", *index));
  act(full ? "disk-full" : "sync-fails", fmt::format("{}", *index),
      dice_.chance(700) ? "votes" : "ledger");
  after(duration_us(), [this, index] { act("disk-good", *index); });
}

void Nemesis::forget() {
  const auto index = any_up();
  if (!index) return;
  if (dice_.chance(300)) return act("copy-votes", *index);  // a backup is made
  if (!may_lose_a_store(*index)) return;
  const std::uint64_t how = dice_.below(3);
  constexpr std::array<std::string_view, 3> kTexts = {"loses its votes", "gets back old votes",
                                                      "has a bit flipped in its votes"};
  note(fmt::format("{} {}", *index, kTexts[how]));
  crash(*index, duration_us());
  constexpr std::array<std::string_view, 3> kVerbs = {"wipe-votes", "restore-votes", "flip-votes"};
  act(kVerbs[how], *index);
}

// More lost stores than faults are tolerated is a matter for operators.
bool Nemesis::may_lose_a_store(std::size_t index) {
  return world_.lacking_a_store_but(index) < options_.lost_max;
}

void Nemesis::lose_ledger() {
  const auto index = any_up();
  if (!index || !may_lose_a_store(*index)) return;
  const bool flipped = dice_.chance(500);
  note(fmt::format("{} {}", *index, flipped ? "has a bit flipped in its ledger"
                                            : "loses its ledger"));
  crash(*index, duration_us());
  act(flipped ? "flip-ledger" : "lose-ledger", *index);
}

// One change at a time: the next spare seat takes a new place or that of somebody, or one goes.
void Nemesis::change_membership() {
  const ledger::Membership membership = simulator_.membership();
  if (membership.pending() != nullptr) return;
  const auto& members = membership.current().replicas;
  const std::size_t least = 3U * simulator_.world().genesis().faults + 1;
  const std::string member = fmt::format(
      "{}", simulator_.world().seat_of(dice_.pick(members).vote_key).value);
  const bool has_spare = taken_in_ < simulator_.hosts().size();
  const std::uint64_t how = dice_.below(3);
  if (how == 0 && members.size() > least) {
    note("remove " + member);
    return act("remove-replica", member);
  }
  if (!has_spare) return;
  const std::string spare = fmt::format("{}", taken_in_++);
  if (how == 1) {
    note(fmt::format("{} in the place of {}", spare, member));
    return act("rekey-replica", member, spare);
  }
  note("add " + spare);
  act("add-replica", spare);
}

void Nemesis::heal() {
  is_active_ = false;
  world_.apply({"heal", "all"});
  simulator_.trace().note(
      {TraceEvent::Kind::kFault, simulator_.agenda().now_us(), {}, {}, 0, nullptr, "healed"});
}

}  // namespace quorate::testnet
