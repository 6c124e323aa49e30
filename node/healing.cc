#include "node/healing.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "ledger/durable_file.h"
#include "ledger/salvage.h"
#include "ledger/stopped_ledger.h"
#include "node/files.h"
#include "node/json_members.h"
#include "node/log.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kHealingBytesMax = 64 << 10;

tl::unexpected<Error> failed(const fs::path& path, const std::error_code& error) {
  return fail(ErrorKind::kEnvironment, "healing-failed",
              fmt::format("{}: {}", path.string(), error.message()),
              "Check permissions and the disk, then start the node again.");
}

Status write_healing(const Home& home, const Healing& healing) {
  return replace_file(home.healing(), json::serialize(healing_to_json(healing)) + "\n");
}

// "ledger.damaged-20261127T023000Z", and with "-2" and so on where that is taken.
std::string name_for(const Home& home, ledger::TimeMs now) {
  std::string time = time_to_text(now).substr(0, 19);
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  const std::string name = fmt::format("ledger.damaged-{}Z", time);
  std::string free = name;
  for (int i = 2; fs::exists(home.root / free); ++i) free = fmt::format("{}-{}", name, i);
  return free;
}

struct Kept {
  std::uint64_t blocks = 0;
  std::string ended;
};

Result<Kept> keep_blocks(const Home& home, const Healing& healing, const ledger::Genesis& genesis,
                         const std::function<bool()>& is_stopped) {
  const auto damaged =
      ledger::open_stopped_database(home.root / healing.set_aside, ledger::chain_id_of(genesis));
  if (!damaged) return Kept{0, damaged.error().message};
  std::error_code error;
  fs::remove_all(home.rebuilt(), error);
  if (error) return failed(home.rebuilt(), error);
  QUORATE_ASSIGN(const auto store, ledger::Store::create(home.rebuilt(), genesis));
  ledger::SalvageOptions options;
  options.goes_on = [&] { return !is_stopped(); };
  std::uint64_t said_ms = clock_now().value;
  options.on_step = [&](ledger::Height height) {
    constexpr std::uint64_t kSayEveryMs = 5000;
    if (clock_now().value < said_ms + kSayEveryMs) return;
    said_ms = clock_now().value;
    log_event(Severity::kInfo, "healing", {{"height", std::to_string(height.value)}});
    flush_log();
  };
  QUORATE_ASSIGN(ledger::Salvaged salvaged,
                 ledger::salvage(*damaged->database, genesis, *store, options));
  return Kept{salvaged.height.value, std::move(salvaged.ended)};
}

// A new ledger takes its place, or none where there would be nothing in it.
Status put_in_place(const Home& home, bool has_blocks) {
  std::error_code error;
  if (has_blocks) {
    fs::rename(home.rebuilt(), home.ledger(), error);
  } else {
    fs::remove_all(home.rebuilt(), error);
  }
  if (error) return failed(home.rebuilt(), error);
  const int failure = ledger::sync_directory(home.root);
  if (failure != 0) return failed(home.root, {failure, std::generic_category()});
  return {};
}

}  // namespace

bool is_ledger_damage(const Error& error) {
  return error.code == "ledger-corrupt" || error.code == "state-page-other" ||
         error.code == "state-malformed";
}

Result<std::optional<Healing>> read_healing(const fs::path& file) {
  if (!fs::exists(file)) return std::nullopt;
  QUORATE_ASSIGN(const std::string text, read_file(file, kHealingBytesMax));
  std::error_code error;
  const json::value value = json::parse(text, error);
  const auto found_ms = number_member(value, "found_ms");
  const auto damage = text_member(value, "damage");
  const auto set_aside = text_member(value, "set_aside");
  const auto kept_blocks = number_member(value, "kept_blocks");
  const json::value* is_done = find_member(value, "done");
  // A name and no path: what is opened is beside this file.
  const bool fits = !error && found_ms && damage && set_aside && kept_blocks &&
                    is_done != nullptr && is_done->is_bool() &&
                    set_aside->starts_with("ledger.damaged-") &&
                    set_aside->find('/') == std::string::npos;
  if (!fits) {
    return fail(ErrorKind::kInvalid, "healing-malformed",
                fmt::format("{} is not what a node writes there", file.string()),
                "Remove it; it only tells of a ledger that was damaged once.");
  }
  return Healing{*found_ms,          *damage,      *set_aside,
                 is_done->get_bool(), *kept_blocks, text_member(value, "ended").value_or("")};
}

json::object healing_to_json(const Healing& healing) {
  return {{"found_ms", healing.found_ms},       {"damage", healing.damage},
          {"set_aside", healing.set_aside},     {"done", healing.is_done},
          {"kept_blocks", healing.kept_blocks}, {"ended", healing.ended}};
}

std::string healing_text(const Healing& healing) {
  std::string text = fmt::format("On {} this node's ledger was found damaged ({}) and set aside in "
                                 "{}.",
                                 time_to_text({healing.found_ms}), healing.damage,
                                 healing.set_aside);
  if (!healing.is_done) return text + " It is being rebuilt.";
  return text + fmt::format(" {} blocks of it verified and were executed again; the rest came from "
                            "the other replicas, with their votes.",
                            healing.kept_blocks);
}

Status set_ledger_aside(const Home& home, const Error& damage) {
  Healing healing;
  healing.found_ms = clock_now().value;
  healing.damage = damage.message;
  healing.set_aside = name_for(home, clock_now());
  QUORATE_TRY(write_healing(home, healing));
  std::error_code error;
  fs::rename(home.ledger(), home.root / healing.set_aside, error);
  if (error) return failed(home.ledger(), error);
  const int failure = ledger::sync_directory(home.root);
  if (failure != 0) return failed(home.root, {failure, std::generic_category()});
  log_event(Severity::kError, "ledger-damaged",
            {{"detail", damage.message}, {"set_aside", healing.set_aside}});
  flush_log();
  return {};
}

Status rebuild_ledger(const Home& home, const ledger::Genesis& genesis,
                      const std::function<bool()>& is_stopped) {
  QUORATE_ASSIGN(auto healing, read_healing(home.healing()));
  if (!healing || healing->is_done || fs::exists(home.ledger())) return {};
  if (!fs::exists(home.root / healing->set_aside)) return {};  // somebody took it away
  QUORATE_ASSIGN(const Kept kept, keep_blocks(home, *healing, genesis, is_stopped));
  healing->is_done = true;
  healing->kept_blocks = kept.blocks;
  healing->ended = kept.ended;
  QUORATE_TRY(put_in_place(home, kept.blocks > 0));
  QUORATE_TRY(write_healing(home, *healing));
  log_event(Severity::kWarning, "ledger-rebuilt",
            {{"kept_blocks", std::to_string(kept.blocks)}, {"ended", kept.ended}});
  flush_log();
  return {};
}

}  // namespace quorate::node
