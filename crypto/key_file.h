#pragma once

// Key files: one Ed25519 secret key each, in text, encrypted under a passphrase or plainly marked
// as not encrypted. The layout, with an example, is in crypto/README.md.
//
// The purpose ("sender", "vote", "network", ...) and the public key stand in clear and can be read
// without the passphrase; an encrypted file authenticates them, so that nobody who holds the file
// can relabel it. Creating never overwrites, and returns only when the file and its folder entry
// are on the disk. Blocking; no shared state, so thread-safe.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/ed25519.h"
#include "crypto/result.h"

namespace quorate::crypto::key_file {

// What one guess of the passphrase costs (Argon2id, RFC 9106, one lane). The default is RFC 9106's
// choice for machines with little memory; an opening takes about a tenth of a second.
struct Cost {
  std::uint32_t passes = 3;
  std::uint32_t memory_kib = 64 * 1024;

  friend bool operator==(const Cost&, const Cost&) = default;
};

// What a file may ask of its reader; more is refused as malformed, before any work.
inline constexpr Cost kCostMin{1, 8};
inline constexpr Cost kCostMax{16, 512 * 1024};

inline constexpr std::size_t kPurposeBytesMax = 32;

struct Header {
  std::string purpose;
  PublicKey public_key;
  bool encrypted = false;
};

// Without a passphrase the key is stored in clear, and the file says in words that it is insecure
// and for testnets. Preconditions, checked: `purpose` is 1 to 32 of a-z, 0-9 and '-'; the cost lies
// within the bounds.
// Errors: "key-file-exists" (kConflict), "key-file-empty-passphrase" (kUsage),
// "key-file-write-failed" (kEnvironment; nothing is left behind), "key-file-no-memory"
// (kEnvironment).
[[nodiscard]] Status create(const std::string& path, std::string_view purpose, const SecretKey& key,
                            std::optional<std::string_view> passphrase, const Cost& cost = {});

// Whatever the file's permissions are. The public key of a file that is not encrypted, and the
// header of one that is, are claims until `read_secret` has checked them.
// Errors: "key-file-not-found" (kNotFound), "key-file-unreadable" (kEnvironment),
// "key-file-malformed" (kInvalid), "key-file-version" (kUnsupported).
[[nodiscard]] Result<Header> read_public(const std::string& path);

// A passphrase that is given for a file without encryption is ignored.
// Errors, besides those of read_public: "key-file-permissions" (kDenied) if group or others may
// read or write the file, "key-file-wrong-purpose" (kConflict), "key-file-passphrase-needed"
// (kDenied), "key-file-wrong-passphrase" (kDenied; a damaged secret looks the same),
// "key-file-no-memory" (kEnvironment).
[[nodiscard]] Result<SecretKey> read_secret(const std::string& path, std::string_view purpose,
                                            std::optional<std::string_view> passphrase);

}  // namespace quorate::crypto::key_file
