#include "node/injected_faults.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <limits>
#include <optional>
#include <vector>

#include "node/config.h"
#include "node/files.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::size_t kFaultsBytesMax = 64 << 10;

tl::unexpected<Error> malformed(const std::filesystem::path& file, std::string_view what) {
  return fail(ErrorKind::kInvalid, "faults-malformed",
              fmt::format("{}: {}", file.string(), what),
              "Let `quorate testnet partition, heal, delay` and `skew` write it.");
}

std::optional<std::int64_t> integer_in(const json::value& value, std::int64_t min,
                                       std::int64_t max) {
  if (!value.is_int64() || value.get_int64() < min || value.get_int64() > max) return std::nullopt;
  return value.get_int64();
}

std::optional<ledger::ReplicaId> replica_in(std::string_view text) {
  std::uint16_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return ledger::ReplicaId{id};
}

// False: a member is not what it must be.
bool take(const json::object& object, InjectedFaults& faults) {
  for (const auto& [name, value] : object) {
    if (name == "number") {
      const auto number = integer_in(value, 0, std::numeric_limits<std::int64_t>::max());
      if (!number) return false;
      faults.number = static_cast<std::uint64_t>(*number);
    } else if (name == "cut" && value.is_array()) {
      for (const json::value& each : value.get_array()) {
        const auto id = integer_in(each, 0, std::numeric_limits<std::uint16_t>::max());
        if (!id) return false;
        faults.cut.insert({static_cast<std::uint16_t>(*id)});
      }
    } else if (name == "delay_ms" && value.is_object()) {
      for (const auto& [who, delay] : value.get_object()) {
        const auto id = replica_in(who);
        const auto ms = integer_in(delay, 1, kDelayMsMax);
        if (!id || !ms) return false;
        faults.delay_ms[*id] = static_cast<std::uint32_t>(*ms);
      }
    } else if (name == "skew_ms") {
      const auto max = static_cast<std::int64_t>(kSkewMsMax);
      const auto ms = integer_in(value, -max, max);
      if (!ms) return false;
      faults.skew_ms = *ms;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

std::filesystem::path faults_file(const std::filesystem::path& home) {
  return Home{home}.faults();
}

Result<InjectedFaults> read_faults(const std::filesystem::path& file) {
  const auto text = read_file(file, kFaultsBytesMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) return InjectedFaults{};
  if (!text) return tl::unexpected(text.error());
  json::error_code trouble;
  const json::value parsed = json::parse(*text, trouble);
  if (trouble || !parsed.is_object()) return malformed(file, "found no JSON object");
  InjectedFaults faults;
  if (!take(parsed.get_object(), faults)) {
    return malformed(file,
                     fmt::format("found {}, expected number, cut (replicas), delay_ms (1 to {} by "
                                 "replica) and skew_ms",
                                 *text, kDelayMsMax));
  }
  return faults;
}

Status write_faults(const std::filesystem::path& file, const InjectedFaults& faults) {
  return replace_file(file, json::serialize(faults_to_json(faults)) + '\n');
}

json::object faults_to_json(const InjectedFaults& faults) {
  json::array cut;
  for (const ledger::ReplicaId id : faults.cut) cut.push_back(id.value);
  json::object delays;
  for (const auto& [id, ms] : faults.delay_ms) delays[fmt::to_string(id.value)] = ms;
  return {{"number", static_cast<std::int64_t>(faults.number)},
          {"cut", std::move(cut)},
          {"delay_ms", std::move(delays)},
          {"skew_ms", faults.skew_ms}};
}

std::string faults_text(const InjectedFaults& faults) {
  std::vector<std::string> parts;
  std::vector<std::uint16_t> cut;
  for (const ledger::ReplicaId id : faults.cut) cut.push_back(id.value);
  if (!cut.empty()) parts.push_back(fmt::format("cut off from {}", fmt::join(cut, ", ")));
  for (const auto& [id, ms] : faults.delay_ms) {
    parts.push_back(fmt::format("{} ms to {}", ms, id.value));
  }
  if (faults.skew_ms != 0) {
    parts.push_back(fmt::format("clock {} ms {}", std::abs(faults.skew_ms),
                                faults.skew_ms > 0 ? "ahead" : "behind"));
  }
  return parts.empty() ? "none" : fmt::to_string(fmt::join(parts, "; "));
}

}  // namespace quorate::node
