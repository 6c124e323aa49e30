#include "testnet/sim_faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "testnet/scenario.h"

namespace quorate::testnet {

using ledger::ReplicaId;

namespace {

constexpr std::uint64_t kUsPerMs = 1'000;
constexpr std::size_t kDecimalsMax = 3;
constexpr std::string_view kAtAdoption = "adoption";

constexpr std::array<std::string_view, 26> kFaultVerbs = {
    "crash",     "power-cut", "power-cut-after", "start",  "pause",   "clock",
    "partition", "rejoin",    "cut",             "mend",   "clog",    "network",
    "heal",      "disk-full", "sync-fails",      "disk-good",         "copy-votes",
    "restore-votes", "wipe-votes", "flip-votes", "flip-ledger", "lose-ledger", "damage-state",
    "add-replica", "remove-replica", "rekey-replica"};

std::uint64_t us_of(const std::string& word) { return parse_ms(word).value_or(0); }

}  // namespace

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

std::optional<std::uint64_t> parse_ms(std::string_view word) {
  const std::size_t point = std::min(word.find('.'), word.size());
  const auto whole = parse_numbers(word.substr(0, point));
  if (!whole || whole->size() != 1) return std::nullopt;
  std::uint64_t us = 0;
  if (point < word.size()) {
    const std::string_view decimals = word.substr(point + 1);
    const auto part = parse_numbers(decimals);
    if (!part || part->size() != 1 || decimals.size() > kDecimalsMax) return std::nullopt;
    us = part->front();
    for (std::size_t i = decimals.size(); i < kDecimalsMax; ++i) us *= 10;
  }
  return whole->front() * kUsPerMs + us;
}

std::string ms_text(std::uint64_t time_us) {
  if (time_us % kUsPerMs == 0) return fmt::format("{}", time_us / kUsPerMs);
  return fmt::format("{}.{:03}", time_us / kUsPerMs, time_us % kUsPerMs);
}

bool is_fault_verb(std::string_view verb) {
  return std::ranges::find(kFaultVerbs, verb) != kFaultVerbs.end();
}

SimFaults::SimFaults(Simulator& simulator, Prng& dice)
    : simulator_(simulator),
      dice_(dice),
      armed_(simulator.hosts().size()),
      rebuilt_to_(simulator.hosts().size()) {
  for (std::size_t i = 0; i < simulator_.hosts().size(); ++i) {
    simulator_.host(i).crashes_here = [this, i](CrashPoint point) { return cuts_power(i, point); };
  }
}

void SimFaults::note(const FaultWords& words, bool is_late) {
  done_.push_back({"at", ms_text(simulator_.agenda().now_us()) + (is_late ? "+" : "")});
  done_.back().insert(done_.back().end(), words.begin(), words.end());
}

// Called by hosts, in the middle of what they do.
bool SimFaults::cuts_power(std::size_t index, CrashPoint point) {
  auto& armed = armed_[index];
  if (also_cuts_power && also_cuts_power(index, point)) {
    note({"power-cut-after", fmt::format("{}", index), std::string(kAtAdoption)},
         false);
  } else {
    if (!armed) return false;
    if (armed->at_adoption ? point != CrashPoint::kAfterAdoption : armed->points > 0) {
      if (armed->points > 0) --armed->points;
      return false;
    }
  }
  armed.reset();
  if (on_power_cut) on_power_cut(index);
  return true;
}

std::vector<std::size_t> SimFaults::chosen(const std::string& word) const {
  if (word != "all") return {number_of(word)};
  std::vector<std::size_t> all(simulator_.world().size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

void SimFaults::apply(const FaultWords& words) {
  note(words, simulator_.agenda().is_late_now());
  if (words[0] == "heal" && words.size() > 1) return heal_all();
  if (apply_to_links(words) || change_membership(words)) return;
  for (const std::size_t index : chosen(words[1])) apply_to_host(words, index);
}

bool SimFaults::apply_to_links(const FaultWords& words) {
  const std::string& verb = words[0];
  SimNetwork& network = simulator_.network();
  if (verb == "heal") {
    network.heal();
  } else if (verb == "network") {
    LinkQuality quality = simulator_.options().quality;
    quality.loss_permille = static_cast<std::uint32_t>(number_of(words[1]));
    quality.repeat_permille = static_cast<std::uint32_t>(number_of(words[2]));
    quality.delay_us_max = us_of(words[3]);
    quality.slow_permille = static_cast<std::uint32_t>(number_of(words[4]));
    quality.slow_us_max = us_of(words[5]);
    network.set_quality(quality);
  } else if (verb == "cut" || verb == "mend" || verb == "partition" || verb == "rejoin") {
    const bool cut = verb == "cut" || verb == "partition";
    for (const auto& [from, to] : links_between(words[1])) {
      network.set_cut(from, to, cut);
      if (verb == "partition" || verb == "rejoin") network.set_cut(to, from, cut);
    }
  } else if (verb == "clog") {
    for (const auto& [from, to] : links_between(words[1])) {
      network.clog(from, to, simulator_.agenda().now_us() + us_of(words[2]));
    }
  } else {
    return false;
  }
  return true;
}

// No fault, but done like one.
bool SimFaults::change_membership(const FaultWords& words) {
  const auto info = [&](std::size_t word) {
    return simulator_.world().info({static_cast<std::uint16_t>(number_of(words[word]))});
  };
  if (words[0] == "add-replica") {
    simulator_.pursue(ledger::AddReplica{info(1)});
  } else if (words[0] == "remove-replica") {
    simulator_.pursue(ledger::RemoveReplica{info(1).vote_key});
  } else if (words[0] == "rekey-replica") {
    simulator_.pursue(ledger::RekeyReplica{info(1).vote_key, info(2)});
  } else {
    return false;
  }
  return true;
}

void SimFaults::crash(std::size_t index, CrashKind kind) {
  SimHost& host = simulator_.host(index);
  if (!host.is_up()) return;
  armed_[index].reset();
  host.crash(kind);
}

void SimFaults::start(SimHost& host) {
  if (host.is_up()) return;
  host.votes().faults = {};
  host.ledger().faults = {};
  host.start();
}

void SimFaults::apply_to_host(const FaultWords& words, std::size_t index) {
  const std::string& verb = words[0];
  SimHost& host = simulator_.host(index);
  if (verb == "crash") return crash(index, CrashKind::kProcess);
  if (verb == "power-cut") return crash(index, CrashKind::kPower);
  if (verb == "start") return start(host);
  if (verb == "pause") return host.pause(simulator_.agenda().now_us() + us_of(words[2]));
  if (verb == "power-cut-after") {
    const bool at_adoption = words[2] == kAtAdoption;
    armed_[index] = Armed{at_adoption ? 0 : number_of(words[2]), at_adoption};
    return;
  }
  if (verb == "clock") {
    const bool is_behind = words[2].starts_with('-');
    const auto away = static_cast<std::int64_t>(number_of(words[2].substr(is_behind ? 1 : 0)));
    host.clock_offset_ms = is_behind ? -away : away;
    return;
  }
  if (verb == "disk-full" || verb == "sync-fails") {
    DiskFaults& faults = words[2] == "votes" ? host.votes().faults : host.ledger().faults;
    (verb == "disk-full" ? faults.is_full : faults.syncs_fail) = true;
    return;
  }
  apply_to_disk(verb, host);
}

void SimFaults::apply_to_disk(const std::string& verb, SimHost& host) {
  if (verb == "disk-good") {
    host.votes().faults = {};
    host.ledger().faults = {};
    return;
  }
  if (verb == "copy-votes") return host.votes().copy();
  if (verb == "damage-state") {
    host.ledger().damage_state();
    return simulator_.checkers().on_damage(host.self());
  }
  const std::size_t index = host.self().value;
  if (host.is_up()) crash(index, CrashKind::kProcess);
  lacking_max_ = std::max(lacking_max_, lacking_a_store_but(index) + 1);
  if (verb.ends_with("-ledger")) rebuilt_to_[index] = simulator_.checkers().highest_executed();
  if (verb == "restore-votes") host.votes().restore_copy();
  if (verb == "wipe-votes") host.votes().wipe();
  if (verb == "flip-votes") host.votes().flip(dice_);
  if (verb == "flip-ledger") host.ledger().flip(dice_);
  if (verb == "lose-ledger") {
    host.ledger().wipe();
    simulator_.checkers().on_repair(host.self());
  }
}

std::size_t SimFaults::lacking_a_store_but(std::size_t index) const {
  std::size_t others = 0;
  for (std::size_t i = 0; i < rebuilt_to_.size(); ++i) {
    SimHost& host = simulator_.host(i);
    const bool lacks = host.is_recovering() || host.votes().is_damaged() ||
                       host.ledger().is_damaged() || host.ledger().synced() < rebuilt_to_[i];
    if (i != index && lacks) ++others;
  }
  return others;
}

void SimFaults::heal_all() {
  simulator_.network().heal();
  simulator_.network().set_quality(simulator_.options().quality);
  for (std::size_t i = 0; i < simulator_.hosts().size(); ++i) {
    SimHost& host = simulator_.host(i);
    armed_[i].reset();
    host.votes().faults = {};
    host.ledger().faults = {};
    host.clock_offset_ms = 0;
    host.pause(0);
    if (!host.is_up()) host.start();
  }
}

}  // namespace quorate::testnet
