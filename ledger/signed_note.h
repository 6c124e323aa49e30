#pragma once

// Signed notes (C2SP signed-note): a text, a blank line, and lines of signatures that name their
// keys:
//
//   — <name> <base64(key id, 4 bytes || signature)>
//
// The key id is the first four bytes of SHA-256(name || "\n" || type || public key). Whoever knows
// a key gets it as text, `<name>+<key id, hex>+<base64(type || public key)>`.
//
// Here two types are made and checked: 0x01, Ed25519 over the text, and 0x04, a cosignature (C2SP
// tlog-cosignature): u64 big-endian seconds and Ed25519 over "cosignature/v1\ntime <seconds>\n" and
// the text. Lines of keys that a reader does not know are no concern of his.
//
// Pure functions, thread-safe.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/ed25519.h"
#include "crypto/signing.h"

namespace quorate::ledger {

inline constexpr std::size_t kNoteBytesMax = 4 << 20;
inline constexpr std::size_t kNoteLinesMax = 1024;

enum class NoteKeyType : std::uint8_t { kEd25519 = 0x01, kCosignature = 0x04 };
using NoteKeyId = std::array<std::uint8_t, 4>;

struct NoteKey {
  std::string name;  // not empty; no white space, no '+'
  NoteKeyType type = NoteKeyType::kEd25519;
  crypto::PublicKey key;

  [[nodiscard]] NoteKeyId id() const;
  [[nodiscard]] std::string text() const;  // for others to know it by
};
// Error: "note-key-malformed" (kInvalid): not as `text` writes it, or of another type.
[[nodiscard]] Result<NoteKey> parse_note_key(std::string_view text);

struct NoteLine {
  std::string name;
  NoteKeyId key_id{};
  Bytes signature;  // behind the key id

  friend bool operator==(const NoteLine&, const NoteLine&) = default;
};

struct SignedNote {
  std::string text;  // ends with a newline
  std::vector<NoteLine> lines;

  [[nodiscard]] std::string to_text() const;
};
// Judges no signature. Names are taken as bytes above 7f, without white space of ASCII. Error:
// "note-malformed" (kInvalid).
[[nodiscard]] Result<SignedNote> parse_note(std::string_view note);

// Of type 0x01.
[[nodiscard]] NoteLine sign_note(std::string_view text, std::string name,
                                 const crypto::Signer& signer);
// Of type 0x04, from a signature that was made over cosigned_bytes (ledger/checkpoint.h).
[[nodiscard]] NoteLine cosignature_line(const NoteKey& key, std::uint64_t time_seconds,
                                        const crypto::Signature& signature);
struct Cosignature {
  std::uint64_t time_seconds = 0;
  crypto::Signature signature;
};
// Of a line of type 0x04; nullopt: it has not its length.
[[nodiscard]] std::optional<Cosignature> read_cosignature(const NoteLine& line);

// Whether the line is one by this key; says nothing of its signature.
[[nodiscard]] bool is_by(const NoteLine& line, const NoteKey& key);
// Whether it is, and its signature over the text verifies.
[[nodiscard]] bool verify_line(const NoteLine& line, const NoteKey& key, std::string_view text);

}  // namespace quorate::ledger
