#pragma once

// The log as tiles (C2SP tlog-tiles): static files of 256 hashes or 256 entries, by which anyone
// computes any proof, and any cache serves the log.
//
//   tile/<L>/<N>[.p/<W>]        hash i of tile N at level L: the root over the 256^L leaves from
//                               number (256 N + i) 256^L on, 32 bytes each
//   tile/entries/<N>[.p/<W>]    u16 big-endian length and BCS(Record), for each leaf
//
// N stands in groups of three digits, all but the last with an x before it: 1234067 is
// x001/x234/067. A partial tile says its width, 1 to 255; a full one has 256 and no suffix. A tile,
// full or partial, never changes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/bytes.h"
#include "ledger/log_view.h"

namespace quorate::ledger {

inline constexpr std::uint32_t kTileWidth = 256;
inline constexpr unsigned kTileHeight = 8;  // levels of the tree that one level of tiles spans

struct TileName {
  bool is_entries = false;
  std::uint8_t level = 0;  // 0 for entries
  std::uint64_t index = 0;
  std::uint32_t width = kTileWidth;

  friend bool operator==(const TileName&, const TileName&) = default;
};

// From "tile/" on, without a slash before it; strict: one tile has one path.
[[nodiscard]] std::string tile_path(const TileName& name);
[[nodiscard]] std::optional<TileName> parse_tile_path(std::string_view path);

// Of the first `size` records: those that a published checkpoint covers. Errors: "tile-not-found"
// (kNotFound: none of that name in a log of that size), those of LogView.
[[nodiscard]] Result<Bytes> read_tile(const LogView& log, const TileName& name,
                                      std::uint64_t size);

}  // namespace quorate::ledger
