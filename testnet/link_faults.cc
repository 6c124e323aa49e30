#include "testnet/link_faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

namespace quorate::testnet {
namespace {

using ledger::ReplicaId;
using Sides = std::vector<std::vector<std::uint16_t>>;

std::optional<std::uint16_t> parse_replica(std::string_view text, std::size_t replicas) {
  std::uint16_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size() || id >= replicas) {
    return std::nullopt;
  }
  return id;
}

// Calls `take` with what stands between the marks; false: it did not want one of them.
template <class Take>
bool split(std::string_view text, char mark, const Take& take) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(mark, begin), text.size());
    if (!take(text.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

// Who still hears of whom, directly or through others.
Sides sides_of(const LinkFaults& faults) {
  Sides sides;
  std::vector<bool> placed(faults.size(), false);
  const auto hears = [&](std::uint16_t a, std::uint16_t b) {
    return !faults[a].cut.contains({b}) && !faults[b].cut.contains({a});
  };
  for (std::uint16_t first = 0; first < faults.size(); ++first) {
    if (placed[first]) continue;
    std::vector<std::uint16_t> side{first};
    placed[first] = true;
    for (std::size_t at = 0; at < side.size(); ++at) {
      for (std::uint16_t other = 0; other < faults.size(); ++other) {
        if (placed[other] || !hears(side[at], other)) continue;
        placed[other] = true;
        side.push_back(other);
      }
    }
    std::sort(side.begin(), side.end());
    sides.push_back(std::move(side));
  }
  return sides;
}

}  // namespace

Result<Sides> parse_partition(std::string_view text, std::size_t replicas) {
  Sides sides;
  std::vector<bool> named(replicas, false);
  const bool is_good = split(text, '/', [&](std::string_view part) {
    sides.emplace_back();
    return split(part, ',', [&](std::string_view word) {
      const auto id = parse_replica(word, replicas);
      if (!id || named[*id]) return false;
      named[*id] = true;
      sides.back().push_back(*id);
      return true;
    });
  });
  std::vector<std::uint16_t> rest;
  for (std::uint16_t id = 0; id < replicas; ++id) {
    if (!named[id]) rest.push_back(id);
  }
  if (!rest.empty()) sides.push_back(std::move(rest));
  if (is_good && sides.size() > 1) return sides;
  return fail(ErrorKind::kUsage, "partition-malformed", fmt::format("Found \"{}\"", text),
              fmt::format("Expected two or more sides of replicas from 0 to {}, each once, such as "
                          "0,1/2,3; those that are not named are one more side.",
                          replicas - 1));
}

Result<std::pair<std::uint16_t, std::uint16_t>> parse_link(std::string_view text,
                                                           std::size_t replicas) {
  const std::size_t dash = std::min(text.find('-'), text.size());
  const auto one = parse_replica(text.substr(0, dash), replicas);
  const auto other = parse_replica(text.substr(std::min(dash + 1, text.size())), replicas);
  if (one && other && *one != *other) return std::pair{*one, *other};
  return fail(ErrorKind::kUsage, "link-malformed", fmt::format("Found \"{}\"", text),
              fmt::format("Expected two different replicas from 0 to {}, such as 0-1.",
                          replicas - 1));
}

void cut_into(LinkFaults& faults, const Sides& sides) {
  for (node::InjectedFaults& each : faults) each.cut.clear();
  for (const auto& side : sides) {
    for (const auto& other : sides) {
      if (&side == &other) continue;
      for (const std::uint16_t a : side) {
        for (const std::uint16_t b : other) faults[a].cut.insert({b});
      }
    }
  }
}

void delay_link(LinkFaults& faults, std::pair<std::uint16_t, std::uint16_t> link,
                std::uint32_t delay_ms) {
  const auto set = [&](std::uint16_t from, std::uint16_t to) {
    faults[from].delay_ms.erase({to});
    if (delay_ms > 0) faults[from].delay_ms[{to}] = delay_ms;
  };
  set(link.first, link.second);
  set(link.second, link.first);
}

void heal(LinkFaults& faults) {
  for (node::InjectedFaults& each : faults) {
    const std::uint64_t number = each.number;
    each = {};
    each.number = number;
  }
}

std::vector<std::string> describe(const LinkFaults& faults) {
  std::vector<std::string> lines;
  const Sides sides = sides_of(faults);
  LinkFaults clean(faults.size());
  cut_into(clean, sides);
  std::vector<std::string> texts;
  for (const auto& side : sides) texts.push_back(fmt::to_string(fmt::join(side, ",")));
  if (sides.size() > 1) lines.push_back(fmt::format("partition {}", fmt::join(texts, " / ")));
  for (std::uint16_t a = 0; a < faults.size(); ++a) {
    for (const ReplicaId b : faults[a].cut) {
      if (clean[a].cut.contains(b)) continue;
      lines.push_back(fmt::format("{} is cut off from {}", a, b.value));
    }
    for (const auto& [b, ms] : faults[a].delay_ms) {
      const bool is_known = b.value < faults.size();
      const auto back = is_known ? faults[b.value].delay_ms.find({a}) : faults[a].delay_ms.end();
      const bool is_both = is_known && back != faults[b.value].delay_ms.end() && back->second == ms;
      if (!is_both) lines.push_back(fmt::format("delay {} to {} {} ms", a, b.value, ms));
      if (is_both && a < b.value) lines.push_back(fmt::format("delay {}-{} {} ms", a, b.value, ms));
    }
    if (faults[a].skew_ms != 0) {
      lines.push_back(fmt::format("skew {} {:+} ms", a, faults[a].skew_ms));
    }
  }
  return lines;
}

Result<LinkFaults> read_link_faults(const node::NetworkFolder& folder) {
  LinkFaults faults;
  for (const node::NetworkReplica& replica : folder.replicas) {
    QUORATE_ASSIGN(auto each, node::read_faults(node::faults_file(folder.home_of(replica).root)));
    faults.push_back(std::move(each));
  }
  return faults;
}

Result<std::uint64_t> write_link_faults(const node::NetworkFolder& folder, LinkFaults faults) {
  std::uint64_t number = 0;
  for (const node::InjectedFaults& each : faults) number = std::max(number, each.number);
  ++number;
  for (const node::NetworkReplica& replica : folder.replicas) {
    node::InjectedFaults& own = faults[replica.id.value];
    own.number = number;
    QUORATE_TRY(node::write_faults(node::faults_file(folder.home_of(replica).root), own));
  }
  return number;
}

void remove_link_faults(const node::NetworkFolder& folder) {
  std::error_code ignored;
  for (const node::NetworkReplica& replica : folder.replicas) {
    std::filesystem::remove(node::faults_file(folder.home_of(replica).root), ignored);
  }
}

}  // namespace quorate::testnet
