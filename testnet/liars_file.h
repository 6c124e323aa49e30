#pragma once

// Which replicas of a testnet lie, and how: liars.json in its folder, as `up --byzantine` wrote it.
//
// An object of replica numbers and what each does: {"3": "equivocate@20..40"}. No file: nobody
// lies. The supervisor reads it whenever it starts a node, and `status` shows it.

#include "node/network_folder.h"
#include "testnet/behaviours_live.h"

namespace quorate::testnet {

inline constexpr std::string_view kLiarsFile = "liars.json";

// Errors: "liars-file-malformed" (kInvalid), those of the file system and of parse_live_liars.
[[nodiscard]] Result<LiveLiars> read_liars(const node::NetworkFolder& folder);
// Without liars the file goes. Errors: "byzantine-not-a-testnet" (kRejected), those of the genesis
// document and of the file system.
[[nodiscard]] Status write_liars(const node::NetworkFolder& folder, const LiveLiars& liars);

}  // namespace quorate::testnet
