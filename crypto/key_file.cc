#include "crypto/key_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <span>
#include <system_error>

#include "crypto/check.h"

namespace quorate::crypto::key_file {
namespace {

constexpr std::string_view kMagic = "quorate-key ";
constexpr std::string_view kVersion = "1";
constexpr std::string_view kEncrypted = "argon2id xchacha20-poly1305";
constexpr std::string_view kClear = "none";
constexpr std::string_view kWarning =
    "INSECURE: not encrypted, whoever reads this file can sign with the key; for testnets only";

constexpr std::size_t kFileBytesMax = 4096;
constexpr std::size_t kSaltBytes = crypto_pwhash_argon2id_SALTBYTES;
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kCipherKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t kSealedBytes =
    SecretKey::kSeedBytes + crypto_aead_xchacha20poly1305_ietf_ABYTES;

// Memory that held a secret and is wiped when it goes.
template <std::size_t N>
struct Wiped {
  Wiped() = default;
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { sodium_memzero(bytes.data(), N); }

  std::array<std::uint8_t, N> bytes{};
};
using FileBuffer = Wiped<kFileBytesMax + 1>;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

struct Parsed {
  Header header;
  Cost cost;
  std::array<std::uint8_t, kSaltBytes> salt{};
  std::array<std::uint8_t, kNonceBytes> nonce{};
  std::string_view authenticated;  // all text before the line of the secret
  std::string_view secret_hex;     // sealed if header.encrypted, else the seed
};

std::string os_reason() { return std::generic_category().message(errno); }

tl::unexpected<Error> malformed(const std::string& path, std::string_view what) {
  return fail(ErrorKind::kInvalid, "key-file-malformed",
              fmt::format("the key file {} {}", path, what),
              "Restore the file from a backup; a key file must not be edited.");
}

bool is_purpose(std::string_view text) {
  return !text.empty() && text.size() <= kPurposeBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

bool is_within_bounds(const Cost& cost) {
  return cost.passes >= kCostMin.passes && cost.passes <= kCostMax.passes &&
         cost.memory_kib >= kCostMin.memory_kib && cost.memory_kib <= kCostMax.memory_kib;
}

bool parse_hex(std::string_view hex, std::span<std::uint8_t> out) {
  std::size_t length = 0;
  return hex.size() == 2 * out.size() &&
         sodium_hex2bin(out.data(), out.size(), hex.data(), hex.size(), nullptr, &length,
                        nullptr) == 0 &&
         length == out.size();
}

bool parse_decimal(std::string_view text, std::uint32_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// Takes the line `name value\n` off the front of `text`.
bool take_line(std::string_view& text, std::string_view name, std::string_view& value) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(name)) return false;
  value = text.substr(0, end).substr(name.size());
  if (!value.starts_with(' ')) return false;
  value.remove_prefix(1);
  text.remove_prefix(end + 1);
  return true;
}

Result<Parsed> parse(const std::string& path, std::string_view text) {
  if (!text.starts_with(kMagic)) return malformed(path, "does not begin with \"quorate-key\"");
  Parsed out;
  std::string_view rest = text;
  std::string_view value;
  if (!take_line(rest, kMagic.substr(0, kMagic.size() - 1), value)) {
    return malformed(path, "ends in its first line");
  }
  if (value != kVersion) {
    return fail(ErrorKind::kUnsupported, "key-file-version",
                fmt::format("the key file {} has another version than {}, the only one that this "
                            "program reads",
                            path, kVersion),
                "Use the release that made the file, or a newer one.");
  }
  if (!take_line(rest, "purpose", value) || !is_purpose(value)) {
    return malformed(path, "has no proper purpose line");
  }
  out.header.purpose = value;
  if (!take_line(rest, "public-key", value) || !parse_hex(value, out.header.public_key.bytes)) {
    return malformed(path, "has no proper public-key line");
  }
  if (!take_line(rest, "protection", value) || (value != kEncrypted && value != kClear)) {
    return malformed(path, "has no proper protection line");
  }
  out.header.encrypted = value == kEncrypted;
  if (out.header.encrypted) {
    if (!take_line(rest, "passes", value) || !parse_decimal(value, out.cost.passes) ||
        !take_line(rest, "memory-kib", value) || !parse_decimal(value, out.cost.memory_kib) ||
        !is_within_bounds(out.cost)) {
      return malformed(path, fmt::format("lacks a cost within {} passes and {} KiB",
                                         kCostMax.passes, kCostMax.memory_kib));
    }
    if (!take_line(rest, "salt", value) || !parse_hex(value, out.salt) ||
        !take_line(rest, "nonce", value) || !parse_hex(value, out.nonce)) {
      return malformed(path, "has no proper salt and nonce lines");
    }
  } else if (!take_line(rest, "warning", value) || value != kWarning) {
    return malformed(path, "is not encrypted but lacks the warning that says so");
  }
  out.authenticated = text.substr(0, text.size() - rest.size());
  const std::size_t secret_bytes = out.header.encrypted ? kSealedBytes : SecretKey::kSeedBytes;
  if (!take_line(rest, "secret", out.secret_hex) || out.secret_hex.size() != 2 * secret_bytes ||
      !rest.empty()) {
    return malformed(path, "does not end with one proper secret line");
  }
  return out;
}

Result<std::string_view> load(const std::string& path, FileBuffer& buffer, bool must_be_private) {
  // Non-blocking, so that a pipe under this name cannot hold us up.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return fail(ErrorKind::kNotFound, "key-file-not-found",
                  fmt::format("there is no key file {}", path),
                  "Check the path, or make a key with `quorate keys new`.");
    }
    return fail(ErrorKind::kEnvironment, "key-file-unreadable",
                fmt::format("the key file {} cannot be opened: {}", path, os_reason()),
                "Run as the user who owns the file.");
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return malformed(path, "is not a regular file");
  }
  if (must_be_private && (status.st_mode & 077) != 0) {
    return fail(ErrorKind::kDenied, "key-file-permissions",
                fmt::format("the key file {} has mode {:04o}, but nobody except its owner may "
                            "have access",
                            path, status.st_mode & 07777),
                fmt::format("Run: chmod 600 {}. If others could read it, replace the key.", path));
  }
  std::size_t length = 0;
  while (length < buffer.bytes.size()) {
    const ssize_t got =
        ::read(file.get(), buffer.bytes.data() + length, buffer.bytes.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return fail(ErrorKind::kEnvironment, "key-file-unreadable",
                  fmt::format("the key file {} cannot be read: {}", path, os_reason()),
                  "Check the disk.");
    }
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  if (length > kFileBytesMax) return malformed(path, "is longer than any key file");
  return as_text({buffer.bytes.data(), length});
}

Status derive(std::string_view passphrase, const Cost& cost, ByteView salt,
              Wiped<kCipherKeyBytes>& out) {
  if (crypto_pwhash(out.bytes.data(), out.bytes.size(), passphrase.data(), passphrase.size(),
                    salt.data(), cost.passes, std::size_t{cost.memory_kib} * 1024,
                    crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return fail(
        ErrorKind::kEnvironment, "key-file-no-memory",
        fmt::format("{} KiB of memory for the passphrase could not be had", cost.memory_kib),
        "Free some memory and try again.");
  }
  return {};
}

// Seals `key` into the last line; `text` so far is authenticated with it.
Status append_sealed(std::string& text, const SecretKey& key, std::string_view passphrase,
                     const Cost& cost) {
  std::array<std::uint8_t, kSaltBytes> salt;
  std::array<std::uint8_t, kNonceBytes> nonce;
  randombytes_buf(salt.data(), salt.size());
  randombytes_buf(nonce.data(), nonce.size());
  text += fmt::format("passes {}\nmemory-kib {}\nsalt {}\nnonce {}\n", cost.passes, cost.memory_kib,
                      to_hex(salt), to_hex(nonce));
  Wiped<kCipherKeyBytes> cipher_key;
  QUORATE_TRY(derive(passphrase, cost, salt, cipher_key));
  std::array<std::uint8_t, kSealedBytes> sealed;
  crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data(), nullptr, key.seed().data(),
                                             key.seed().size(), as_bytes(text).data(), text.size(),
                                             nullptr, nonce.data(), cipher_key.bytes.data());
  text += fmt::format("secret {}\n", to_hex(sealed));
  return {};
}

void append_clear(std::string& text, const SecretKey& key) {
  Wiped<2 * SecretKey::kSeedBytes + 1> hex;
  char* digits = reinterpret_cast<char*>(hex.bytes.data());
  sodium_bin2hex(digits, hex.bytes.size(), key.seed().data(), key.seed().size());
  text.append("warning ").append(kWarning).append("\nsecret ").append(digits).append("\n");
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(file, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

bool sync_folder_of(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory.get() >= 0 && ::fsync(directory.get()) == 0;
}

Status write_new(const std::string& path, std::string_view text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0 && errno == EEXIST) {
    return fail(ErrorKind::kConflict, "key-file-exists",
                fmt::format("{} exists already, and a key file is never overwritten", path),
                "Choose another name, or move the old key away yourself.");
  }
  const bool opened = file.get() >= 0;
  if (!opened || !write_all(file.get(), text) || ::fsync(file.get()) != 0 ||
      !sync_folder_of(path)) {
    const std::string reason = os_reason();
    if (opened) ::unlink(path.c_str());
    return fail(ErrorKind::kEnvironment, "key-file-write-failed",
                fmt::format("the key file {} could not be written: {}", path, reason),
                "Check that the folder exists, is writable and has space.");
  }
  return {};
}

Status open_secret(const std::string& path, const Parsed& parsed,
                   std::optional<std::string_view> passphrase, Wiped<SecretKey::kSeedBytes>& seed) {
  if (!parsed.header.encrypted) {
    if (!parse_hex(parsed.secret_hex, seed.bytes)) {
      return malformed(path, "does not end with one proper secret line");
    }
    return {};
  }
  std::array<std::uint8_t, kSealedBytes> sealed;
  if (!parse_hex(parsed.secret_hex, sealed)) {
    return malformed(path, "does not end with one proper secret line");
  }
  if (!passphrase) {
    return fail(ErrorKind::kDenied, "key-file-passphrase-needed",
                fmt::format("the key file {} is encrypted and no passphrase was given", path),
                "Give its passphrase.");
  }
  Wiped<kCipherKeyBytes> cipher_key;
  QUORATE_TRY(derive(*passphrase, parsed.cost, parsed.salt, cipher_key));
  const ByteView authenticated = as_bytes(parsed.authenticated);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          seed.bytes.data(), nullptr, nullptr, sealed.data(), sealed.size(), authenticated.data(),
          authenticated.size(), parsed.nonce.data(), cipher_key.bytes.data()) != 0) {
    return fail(ErrorKind::kDenied, "key-file-wrong-passphrase",
                fmt::format("the passphrase does not open the key file {}", path),
                "Try again; if you are sure of the passphrase, the file is damaged: restore it.");
  }
  return {};
}

}  // namespace

Status create(const std::string& path, std::string_view purpose, const SecretKey& key,
              std::optional<std::string_view> passphrase, const Cost& cost) {
  QUORATE_CHECK(is_purpose(purpose), "purposes are named by this program");
  QUORATE_CHECK(is_within_bounds(cost), "a file must be readable again");
  if (passphrase && passphrase->empty()) {
    return fail(ErrorKind::kUsage, "key-file-empty-passphrase", "the passphrase is empty",
                "Give a passphrase, or ask for a key file without encryption.");
  }
  std::string text;
  text.reserve(kFileBytesMax);  // never moved, so wiping this one place is enough
  text += fmt::format("{}{}\npurpose {}\npublic-key {}\nprotection {}\n", kMagic, kVersion, purpose,
                      key.public_key().hex(), passphrase ? kEncrypted : kClear);
  if (passphrase) {
    QUORATE_TRY(append_sealed(text, key, *passphrase, cost));
  } else {
    append_clear(text, key);
  }
  Status status = write_new(path, text);
  sodium_memzero(text.data(), text.size());
  return status;
}

Result<Header> read_public(const std::string& path) {
  FileBuffer buffer;
  QUORATE_ASSIGN(const std::string_view text, load(path, buffer, false));
  QUORATE_ASSIGN(Parsed parsed, parse(path, text));
  return std::move(parsed.header);
}

Result<SecretKey> read_secret(const std::string& path, std::string_view purpose,
                              std::optional<std::string_view> passphrase) {
  FileBuffer buffer;
  QUORATE_ASSIGN(const std::string_view text, load(path, buffer, true));
  QUORATE_ASSIGN(const Parsed parsed, parse(path, text));
  if (parsed.header.purpose != purpose) {
    return fail(ErrorKind::kConflict, "key-file-wrong-purpose",
                fmt::format("the key file {} is for \"{}\" and was opened for \"{}\"", path,
                            parsed.header.purpose, purpose),
                "Give the key file for this purpose; a key serves one purpose only.");
  }
  Wiped<SecretKey::kSeedBytes> seed;
  QUORATE_TRY(open_secret(path, parsed, passphrase, seed));
  SecretKey key = SecretKey::from_seed(seed.bytes);
  if (key.public_key() != parsed.header.public_key) {
    return malformed(path, "names another public key than its secret has");
  }
  return key;
}

}  // namespace quorate::crypto::key_file
