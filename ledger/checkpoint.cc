#include "ledger/checkpoint.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

namespace quorate::ledger {
namespace {

constexpr std::string_view kOriginPrefix = "quorate.org/";
// The longest body that checkpoint_body makes has 341 bytes.
constexpr std::size_t kBodyBytesMax = 512;

[[nodiscard]] tl::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorKind::kInvalid, "checkpoint-malformed",
              fmt::format("{}; the four lines of a checkpoint body were expected", what),
              "Fetch the checkpoint again; ledger/README.md shows one.");
}

// Takes `prefix` and returns what stands before `end`, which it takes as well.
[[nodiscard]] std::optional<std::string_view> take(std::string_view& text, std::string_view prefix,
                                                   std::string_view end) {
  if (!text.starts_with(prefix)) return std::nullopt;
  const std::size_t at = text.find(end, prefix.size());
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view found = text.substr(prefix.size(), at - prefix.size());
  text.remove_prefix(at + end.size());
  return found;
}

[[nodiscard]] bool read_number(const std::optional<std::string_view>& text, std::uint64_t& out) {
  if (!text) return false;
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), out);
  return error == std::errc{} && stop == text->data() + text->size();
}

[[nodiscard]] bool read_digest(const std::optional<std::string_view>& text, Digest& out) {
  if (!text) return false;
  const auto digest = crypto::parse_digest(*text);
  if (digest) out = *digest;
  return digest.has_value();
}

[[nodiscard]] bool read_root(const std::optional<std::string_view>& text, Digest& out) {
  if (!text) return false;
  const auto bytes = from_base64(*text);
  if (!bytes || bytes->size() != out.bytes.size()) return false;
  std::memcpy(out.bytes.data(), bytes->data(), out.bytes.size());
  return true;
}

[[nodiscard]] bool read_boundary(const std::optional<std::string_view>& text,
                                 std::optional<Sequence>& out) {
  if (text && *text == "-") return true;
  return read_number(text, out.emplace().value);
}

}  // namespace

std::string checkpoint_origin(const Digest& chain_id) {
  return fmt::format("{}{}", kOriginPrefix, chain_id.hex());
}

std::string checkpoint_body(const CheckpointNote& note) {
  const std::string boundary =
      note.pending_boundary ? fmt::format("{}", note.pending_boundary->value) : "-";
  return fmt::format("{}\n{}\n{}\nquorate v1 seq={} epoch={} boundary={} state={}\n",
                     checkpoint_origin(note.chain_id), note.head.size,
                     to_base64(note.head.root.bytes), note.sequence.value, note.epoch.value,
                     boundary, note.state_root.hex());
}

Result<CheckpointNote> parse_checkpoint_body(std::string_view body) {
  if (body.size() > kBodyBytesMax) {
    return malformed(
        fmt::format("found {} bytes, at most {} can stand there", body.size(), kBodyBytesMax));
  }
  CheckpointNote note;
  std::string_view rest = body;
  if (!read_digest(take(rest, kOriginPrefix, "\n"), note.chain_id)) {
    return malformed("the first line is not \"quorate.org/\" and 64 hex digits");
  }
  if (!read_number(take(rest, "", "\n"), note.head.size)) {
    return malformed("the second line is not a tree size in decimal");
  }
  if (!read_root(take(rest, "", "\n"), note.head.root)) {
    return malformed("the third line is not a root of 32 bytes in base64");
  }
  const bool extension = read_number(take(rest, "quorate v1 seq=", " "), note.sequence.value) &&
                         read_number(take(rest, "epoch=", " "), note.epoch.value) &&
                         read_boundary(take(rest, "boundary=", " "), note.pending_boundary) &&
                         read_digest(take(rest, "state=", "\n"), note.state_root);
  if (!extension) {
    return malformed(
        "the fourth line is not \"quorate v1 seq=... epoch=... boundary=... state=...\"");
  }
  // Leading zeros, capital hex digits and what follows the last line.
  if (checkpoint_body(note) != body) {
    return malformed("a line is spelt otherwise than replicas sign it");
  }
  return note;
}

std::string cosigned_bytes(std::string_view body, std::uint64_t time_seconds) {
  return fmt::format("cosignature/v1\ntime {}\n{}", time_seconds, body);
}

}  // namespace quorate::ledger
