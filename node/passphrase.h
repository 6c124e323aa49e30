#pragma once

// Where the passphrase of a key file comes from: a file, QUORATE_PASSPHRASE, or a prompt.

#include <optional>
#include <string>
#include <string_view>

#include "crypto/ed25519.h"
#include "crypto/result.h"

namespace quorate::node {

struct PassphraseSource {
  std::string file;                   // --passphrase-file: its first line; empty: not given
  bool is_insecure_no_passphrase = false;  // only for new keys: write them in clear
};

// For a new key. nullopt: it was asked that there be none. At a terminal it is typed twice.
// Errors: "passphrase-missing" (kDenied: none given and no terminal to ask at),
// "passphrase-mismatch" (kDenied), "passphrase-empty" (kUsage), those of read_file.
[[nodiscard]] Result<std::optional<std::string>> new_passphrase(const PassphraseSource& source,
                                                                std::string_view what);
// For a key that exists. Errors: as above.
[[nodiscard]] Result<std::string> known_passphrase(const PassphraseSource& source,
                                                   std::string_view what);

// Opens a key file of this purpose, asking for a passphrase only if it is encrypted.
// Errors: those of crypto::key_file::read_secret and of known_passphrase.
[[nodiscard]] Result<crypto::SecretKey> open_key_file(const std::string& path,
                                                      std::string_view purpose,
                                                      const PassphraseSource& source);

}  // namespace quorate::node
