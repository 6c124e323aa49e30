#include "crypto/bytes.h"

#include <fmt/format.h>
#include <sodium.h>

namespace quorate {

std::string to_hex(ByteView bytes) {
  std::string text(bytes.size() * 2, '\0');
  // libsodium ends its text with a NUL, which a std::string has room for.
  sodium_bin2hex(text.data(), text.size() + 1, bytes.data(), bytes.size());
  return text;
}

Result<Bytes> from_hex(std::string_view text) {
  Bytes bytes(text.size() / 2);
  if (text.empty()) return bytes;  // libsodium takes no null pointer
  std::size_t length = 0;
  const bool good = text.size() % 2 == 0 &&
                    sodium_hex2bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr,
                                   &length, nullptr) == 0 &&
                    length == bytes.size();
  if (!good) {
    return fail(ErrorKind::kInvalid, "hex-malformed",
                fmt::format("found {} characters that are not pairs of hex digits", text.size()),
                "Give an even number of the digits 0-9 and a-f, without prefix or spaces.");
  }
  return bytes;
}

std::string to_base64(ByteView bytes) {
  constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
  std::string text(sodium_base64_encoded_len(bytes.size(), kVariant) - 1, '\0');
  sodium_bin2base64(text.data(), text.size() + 1, bytes.data(), bytes.size(), kVariant);
  return text;
}

Result<Bytes> from_base64(std::string_view text) {
  Bytes bytes(text.size() / 4 * 3);
  if (text.empty()) return bytes;  // libsodium takes no null pointer
  std::size_t length = 0;
  const bool is_read =
      text.size() % 4 == 0 &&
      sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &length,
                        nullptr, sodium_base64_VARIANT_ORIGINAL) == 0;
  // libsodium takes some bytes above 7f for characters.
  if (!is_read || to_base64(ByteView(bytes).first(length)) != text) {
    return fail(ErrorKind::kInvalid, "base64-malformed",
                fmt::format("found {} characters that are not base64", text.size()),
                "Give RFC 4648 base64 with padding, without white space.");
  }
  bytes.resize(length);
  return bytes;
}

}  // namespace quorate
