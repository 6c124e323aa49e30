#include "ledger/log_tiles.h"

#include <fmt/format.h>

#include <charconv>

#include "crypto/check.h"
#include "ledger/decimal.h"

namespace quorate::ledger {
namespace {

constexpr std::string_view kTile = "tile/";
constexpr std::string_view kEntries = "entries/";
constexpr std::string_view kPartial = ".p/";
constexpr std::size_t kPathBytesMax = 64;  // seven groups of digits are enough for any index
constexpr std::uint8_t kLevelMax = 63;
constexpr std::uint64_t kGroup = 1000;

// Three digits.
std::optional<std::uint64_t> read_group(std::string_view text) {
  std::uint64_t number = 0;
  if (text.size() != 3) return std::nullopt;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + 3, number);
  if (error != std::errc{} || stop != text.data() + 3) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> read_index(std::string_view text) {
  std::uint64_t index = 0;
  while (true) {
    const std::size_t slash = text.find('/');
    const bool is_last = slash == std::string_view::npos;
    std::string_view group = text.substr(0, slash);
    if (!is_last && !group.starts_with('x')) return std::nullopt;
    if (!is_last) group.remove_prefix(1);
    const auto number = read_group(group);
    if (!number || index > (UINT64_MAX - *number) / kGroup) return std::nullopt;
    index = index * kGroup + *number;
    if (is_last) return index;
    text.remove_prefix(slash + 1);
  }
}

std::string index_path(std::uint64_t index) {
  std::string path = fmt::format("{:03}", index % kGroup);
  for (index /= kGroup; index > 0; index /= kGroup) {
    path.insert(0, fmt::format("x{:03}/", index % kGroup));
  }
  return path;
}

std::optional<std::uint32_t> take_width(std::string_view& path) {
  const std::size_t at = path.find(kPartial);
  if (at == std::string_view::npos) return kTileWidth;
  const auto width = parse_decimal(path.substr(at + kPartial.size()));
  if (!width || *width == 0 || *width >= kTileWidth) return std::nullopt;
  path = path.substr(0, at);
  return static_cast<std::uint32_t>(*width);
}

// Whether a log of so many records has it.
bool exists(const TileName& name, std::uint64_t size) {
  const unsigned shift = kTileHeight * name.level;
  const std::uint64_t hashes = shift < 64 ? size >> shift : 0;
  return name.index <= hashes / kTileWidth &&
         hashes - name.index * kTileWidth >= name.width;
}

}  // namespace

std::string tile_path(const TileName& name) {
  std::string path(kTile);
  path += name.is_entries ? std::string(kEntries) : fmt::format("{}/", name.level);
  path += index_path(name.index);
  if (name.width < kTileWidth) path += fmt::format("{}{}", kPartial, name.width);
  return path;
}

std::optional<TileName> parse_tile_path(std::string_view path) {
  if (path.size() > kPathBytesMax || !path.starts_with(kTile)) return std::nullopt;
  const std::string_view whole = path;
  path.remove_prefix(kTile.size());
  TileName name;
  name.is_entries = path.starts_with(kEntries);
  if (name.is_entries) {
    path.remove_prefix(kEntries.size());
  } else {
    const std::size_t slash = path.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto level = parse_decimal(path.substr(0, slash));
    if (!level || *level > kLevelMax) return std::nullopt;
    name.level = static_cast<std::uint8_t>(*level);
    path.remove_prefix(slash + 1);
  }
  const auto width = take_width(path);
  const auto index = read_index(path);
  if (!width || !index) return std::nullopt;
  name.width = *width;
  name.index = *index;
  // An index in more groups than it needs is another address of the same tile.
  if (tile_path(name) != whole) return std::nullopt;
  return name;
}

Result<Bytes> read_tile(const LogView& log, const TileName& name, std::uint64_t size) {
  if (!exists(name, size)) {
    return fail(ErrorKind::kNotFound, "tile-not-found",
                fmt::format("there is no {} in a log of {} records", tile_path(name), size),
                "Ask for the tiles that the newest checkpoint's size implies.");
  }
  Bytes tile;
  const std::uint64_t first = name.index * kTileWidth;
  if (!name.is_entries) {
    const auto level = static_cast<std::uint8_t>(kTileHeight * name.level);
    QUORATE_ASSIGN(const std::vector<Digest> hashes, log.nodes(level, first, name.width));
    for (const Digest& hash : hashes) {
      tile.insert(tile.end(), hash.bytes.begin(), hash.bytes.end());
    }
    return tile;
  }
  QUORATE_ASSIGN(const std::vector<Bytes> records, log.records(first, name.width));
  for (const Bytes& record : records) {
    QUORATE_CHECK(record.size() <= UINT16_MAX, "a record has a fixed, small size");
    tile.push_back(static_cast<std::uint8_t>(record.size() >> 8));
    tile.push_back(static_cast<std::uint8_t>(record.size()));
    tile.insert(tile.end(), record.begin(), record.end());
  }
  return tile;
}

}  // namespace quorate::ledger
