#pragma once

// Healing: a node whose ledger is damaged sets it aside, keeps of it what verifies, and gets the
// rest from its peers.
//
// The damaged folder is renamed, never written to again and never served from. Its blocks up to the
// first bad one are executed anew into a ledger of their own (ledger/salvage.h), the node starts
// with that, and catches up from its peers as any replica that is behind: by blocks with their
// certificates, or by a snapshot where there is nothing to keep. Vote store and guard stay, so
// nothing that was voted is forgotten. What happened stands in home.healing(), from before the
// rename on, so a node that is killed meanwhile goes on where it was, and `status` tells it for
// good.

#include <boost/json/object.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "ledger/genesis.h"
#include "node/config.h"

namespace quorate::node {

struct Healing {
  std::uint64_t found_ms = 0;  // wall clock
  std::string damage;          // what was found
  std::string set_aside;       // name of the folder, in the home
  bool is_done = false;        // what follows is known
  std::uint64_t kept_blocks = 0;
  std::string ended;           // why no more were kept
};

// Whether an error says that the ledger's own bytes are not what was written: what healing is for.
// A ledger that others contradict ("ledger-diverged") is no damage, and is never rebuilt unasked.
[[nodiscard]] bool is_ledger_damage(const Error& error);

// The last one; nullopt: none. Errors: "healing-malformed" (kInvalid), those of read_file.
[[nodiscard]] Result<std::optional<Healing>> read_healing(const std::filesystem::path& file);
[[nodiscard]] boost::json::object healing_to_json(const Healing& healing);
// "On 2026-11-27T02:30:00Z this ledger was found damaged (...). ..."
[[nodiscard]] std::string healing_text(const Healing& healing);

// Sets the ledger aside. Precondition: nothing has it open. Errors: "healing-failed"
// (kEnvironment).
[[nodiscard]] Status set_ledger_aside(const Home& home, const Error& damage);

// What `set_ledger_aside` began; without effect if it is done. Afterwards there is a ledger, or
// none if nothing could be kept. Errors: "salvage-interrupted", those of the new ledger.
[[nodiscard]] Status rebuild_ledger(const Home& home, const ledger::Genesis& genesis,
                                    const std::function<bool()>& is_stopped);

}  // namespace quorate::node
