#include "ledger/signed_note.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "ledger/checkpoint.h"

namespace quorate::ledger {
namespace {

constexpr std::string_view kDash = "\xe2\x80\x94 ";  // U+2014 and a space
constexpr std::string_view kBlankLine = "\n\n";

[[nodiscard]] tl::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorKind::kInvalid, "note-malformed",
              fmt::format("{}; a text, a blank line and signature lines were expected", what),
              "Fetch the note again; ledger/README.md shows one.");
}

bool is_control_or_space(char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }

bool is_name(std::string_view name) {
  return !name.empty() && name.find('+') == std::string_view::npos &&
         std::none_of(name.begin(), name.end(), is_control_or_space);
}

Bytes typed(const NoteKey& key) {
  Bytes bytes = {static_cast<std::uint8_t>(key.type)};
  bytes.insert(bytes.end(), key.key.bytes.begin(), key.key.bytes.end());
  return bytes;
}

std::optional<NoteLine> parse_line(std::string_view line) {
  if (!line.starts_with(kDash)) return std::nullopt;
  line.remove_prefix(kDash.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || !is_name(line.substr(0, space))) return std::nullopt;
  const auto bytes = from_base64(line.substr(space + 1));
  NoteLine parsed{std::string(line.substr(0, space)), {}, {}};
  if (!bytes || bytes->size() <= parsed.key_id.size()) return std::nullopt;
  const auto end_of_id = bytes->begin() + static_cast<std::ptrdiff_t>(parsed.key_id.size());
  std::copy(bytes->begin(), end_of_id, parsed.key_id.begin());
  parsed.signature.assign(end_of_id, bytes->end());
  return parsed;
}

}  // namespace

NoteKeyId NoteKey::id() const {
  const crypto::Digest digest = crypto::Sha256()
                                    .update(as_bytes(name))
                                    .update(as_bytes("\n"))
                                    .update(typed(*this))
                                    .finish();
  NoteKeyId id;
  std::copy_n(digest.bytes.begin(), id.size(), id.begin());
  return id;
}

std::string NoteKey::text() const {
  return fmt::format("{}+{}+{}", name, to_hex(id()), to_base64(typed(*this)));
}

Result<NoteKey> parse_note_key(std::string_view text) {
  const std::size_t first = text.find('+');
  const std::size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  NoteKey key;
  if (second != std::string_view::npos) {
    const auto bytes = from_base64(text.substr(second + 1));
    key.name = text.substr(0, first);
    if (bytes && bytes->size() == 1 + key.key.bytes.size()) {
      key.type = NoteKeyType{bytes->front()};
      std::copy(bytes->begin() + 1, bytes->end(), key.key.bytes.begin());
    }
  }
  const bool is_known = key.type == NoteKeyType::kEd25519 || key.type == NoteKeyType::kCosignature;
  if (is_known && is_name(key.name) && key.text() == text) return key;
  return fail(ErrorKind::kInvalid, "note-key-malformed",
              fmt::format("found \"{}\"; a note key is <name>+<id, 8 hex digits>+<base64 of its "
                          "type, 1 or 4, and 32 bytes>",
                          text.substr(0, 120)),
              "Copy it again from whom it belongs to.");
}

std::string SignedNote::to_text() const {
  std::string out = text + "\n";
  for (const NoteLine& line : lines) {
    Bytes bytes(line.key_id.begin(), line.key_id.end());
    bytes.insert(bytes.end(), line.signature.begin(), line.signature.end());
    out += fmt::format("{}{} {}\n", kDash, line.name, to_base64(bytes));
  }
  return out;
}

Result<SignedNote> parse_note(std::string_view note) {
  if (note.size() > kNoteBytesMax) {
    return malformed(fmt::format("found {} bytes, at most {} are read", note.size(),
                                 kNoteBytesMax));
  }
  const auto is_control = [](char c) {
    return c != '\n' && static_cast<unsigned char>(c) < 0x20;
  };
  if (std::any_of(note.begin(), note.end(), is_control)) {
    return malformed("it holds a control character");
  }
  const std::size_t blank = note.rfind(kBlankLine);
  if (blank == std::string_view::npos || blank == 0) return malformed("it has no blank line");
  SignedNote parsed{std::string(note.substr(0, blank + 1)), {}};
  std::string_view rest = note.substr(blank + kBlankLine.size());
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return malformed("its last line has no end");
    auto line = parse_line(rest.substr(0, end));
    if (!line) {
      return malformed(
          fmt::format("line {} behind the text is no signature line", parsed.lines.size() + 1));
    }
    if (parsed.lines.size() == kNoteLinesMax) return malformed("it has too many signature lines");
    parsed.lines.push_back(std::move(*line));
    rest.remove_prefix(end + 1);
  }
  if (parsed.lines.empty()) return malformed("it has no signature line");
  return parsed;
}

NoteLine sign_note(std::string_view text, std::string name, const crypto::Signer& signer) {
  const NoteKey key{std::move(name), NoteKeyType::kEd25519, signer.public_key()};
  const crypto::Signature signature = signer.sign(as_bytes(text));
  return {key.name, key.id(), Bytes(signature.bytes.begin(), signature.bytes.end())};
}

NoteLine cosignature_line(const NoteKey& key, std::uint64_t time_seconds,
                          const crypto::Signature& signature) {
  NoteLine line{key.name, key.id(), {}};
  for (int shift = 56; shift >= 0; shift -= 8) {
    line.signature.push_back(static_cast<std::uint8_t>(time_seconds >> shift));
  }
  line.signature.insert(line.signature.end(), signature.bytes.begin(), signature.bytes.end());
  return line;
}

std::optional<Cosignature> read_cosignature(const NoteLine& line) {
  Cosignature read;
  constexpr std::size_t kTimeBytes = 8;
  if (line.signature.size() != kTimeBytes + read.signature.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < kTimeBytes; ++i) {
    read.time_seconds = read.time_seconds << 8 | line.signature[i];
  }
  std::copy(line.signature.begin() + kTimeBytes, line.signature.end(),
            read.signature.bytes.begin());
  return read;
}

bool is_by(const NoteLine& line, const NoteKey& key) {
  return line.name == key.name && line.key_id == key.id();
}

bool verify_line(const NoteLine& line, const NoteKey& key, std::string_view text) {
  if (!is_by(line, key)) return false;
  if (key.type == NoteKeyType::kCosignature) {
    const auto cosignature = read_cosignature(line);
    return cosignature &&
           crypto::verify(key.key, as_bytes(cosigned_bytes(text, cosignature->time_seconds)),
                          cosignature->signature);
  }
  crypto::Signature signature;
  if (line.signature.size() != signature.bytes.size()) return false;
  std::copy(line.signature.begin(), line.signature.end(), signature.bytes.begin());
  return crypto::verify(key.key, as_bytes(text), signature);
}

}  // namespace quorate::ledger
