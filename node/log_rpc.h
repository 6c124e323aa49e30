#pragma once

// The log over HTTP: C2SP's pages and methods for its two proofs.
//
//   GET /checkpoint                     the newest stable checkpoint, a signed note;
//                                       at most a second old
//   GET /tile/<L>/<N>[.p/<W>]           hashes (ledger/log_tiles.h); immutable, to be cached
//   GET /tile/entries/<N>[.p/<W>]       records
//
//   quorate_log           -> {origin, key, cosigners[], size, root, base, checkpoint, note,
//                             refusal}
//                            `key` and `cosigners` as note keys; `key` is empty where there is
//                            none. note and checkpoint are null until something is stable;
//                            `refusal` is why the note lacks this node's signature, else null
//   quorate_inclusion {height, size?}   -> {index, size, root, record, path[]}
//   quorate_consistency {first, second?} -> {first, second, first_root, second_root, path[]}
//
// Hashes are hex, records base64. Sizes are the newest stable checkpoint's unless given; up to that
// of the head they may be given, and prove what this node holds. Tiles stop at the checkpoint.

#include <optional>
#include <string_view>
#include <vector>

#include "node/rpc_method.h"

namespace quorate::node {

[[nodiscard]] std::vector<RpcMethod> log_methods();
// nullopt: the path is none of the log's.
[[nodiscard]] std::optional<HttpPage> log_page(const NodeView& view, std::string_view path);

}  // namespace quorate::node
