#include "node/rpc_credentials.h"

#include <fmt/format.h>

#include <filesystem>

#include "crypto/bytes.h"
#include "crypto/check.h"
#include "node/files.h"

namespace quorate::node {
namespace {

constexpr std::size_t kFileBytesMax = 4096;
constexpr std::string_view kScheme = "Basic ";

crypto::Digest digest_of_text(std::string_view text) {
  return crypto::sha256(as_bytes(text));
}

bool are_equal(const crypto::Digest& a, const crypto::Digest& b) {
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.bytes.size(); ++i) {
    difference = static_cast<std::uint8_t>(difference | (a.bytes[i] ^ b.bytes[i]));
  }
  return difference == 0;
}

// Names of schemes know no case (RFC 9110 §11.1).
bool has_scheme(std::string_view authorization) {
  if (authorization.size() < kScheme.size()) return false;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = authorization[i];
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const char expected = i == 0 ? 'b' : kScheme[i];
    if (lower != expected) return false;
  }
  return true;
}

}  // namespace

RpcCredentials::RpcCredentials(std::string_view user, std::string_view password)
    : expected_(digest_of_text(fmt::format("{}:{}", user, password))) {
  QUORATE_CHECK(user.find(':') == std::string_view::npos, "a user that was judged before");
}

Result<std::optional<RpcCredentials>> RpcCredentials::load(const Config& config) {
  if (config.rpc_user.empty() && config.rpc_password_file.empty()) return std::nullopt;
  if (config.rpc_user.empty() || config.rpc_password_file.empty()) {
    return fail(ErrorKind::kInvalid, "rpc-credentials-incomplete",
                fmt::format("found rpc.user \"{}\" and rpc.password_file \"{}\", expected both or "
                            "neither",
                            config.rpc_user, config.rpc_password_file),
                "Set the other one too, or leave both empty for a port without a password.");
  }
  if (config.rpc_user.find(':') != std::string::npos) {
    return fail(ErrorKind::kInvalid, "rpc-user-malformed",
                fmt::format("found rpc.user \"{}\", expected a name without a colon",
                            config.rpc_user),
                "HTTP's basic authentication ends the name at the first colon.");
  }
  std::error_code trouble;
  const auto mode = std::filesystem::status(config.rpc_password_file, trouble).permissions();
  constexpr auto kOthers = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
  if (!trouble && (mode & kOthers) != std::filesystem::perms::none) {
    return fail(ErrorKind::kDenied, "rpc-password-readable",
                fmt::format("others than its owner may read or write {}", config.rpc_password_file),
                fmt::format("chmod 600 {}", config.rpc_password_file));
  }
  QUORATE_ASSIGN(std::string text, read_file(config.rpc_password_file, kFileBytesMax));
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.pop_back();
  if (text.size() < kPasswordCharactersMin) {
    return fail(ErrorKind::kInvalid, "rpc-password-too-short",
                fmt::format("the first line of {} has {} characters, expected at least {}",
                            config.rpc_password_file, text.size(), kPasswordCharactersMin),
                "Write a longer one: `head -c 18 /dev/urandom | base64 > FILE`.");
  }
  return RpcCredentials(config.rpc_user, text);
}

RpcCredentials::Verdict RpcCredentials::judge(std::string_view authorization) const {
  if (authorization.empty()) return Verdict::kMissing;
  if (!has_scheme(authorization)) return Verdict::kOtherScheme;
  const auto given = from_base64(authorization.substr(kScheme.size()));
  if (!given) return Verdict::kMalformed;
  return are_equal(crypto::sha256(*given), expected_) ? Verdict::kGood : Verdict::kWrong;
}

std::string refusal_text(RpcCredentials::Verdict verdict) {
  using Verdict = RpcCredentials::Verdict;
  const auto text = [](std::string_view code, std::string_view found) {
    return fmt::format("{}: found {}, expected HTTP basic authentication with the node's rpc.user "
                       "and password. Write http://USER:PASSWORD@host:port, or curl -u.\n",
                       code, found);
  };
  switch (verdict) {
    case Verdict::kMissing: return text("rpc-credentials-missing", "no credentials");
    case Verdict::kOtherScheme: return text("rpc-credentials-scheme", "another scheme than Basic");
    case Verdict::kMalformed: return text("rpc-credentials-malformed", "what is no base64");
    case Verdict::kWrong: return text("rpc-credentials-wrong", "another user or password");
    case Verdict::kGood: break;
  }
  return {};
}

std::string basic_authorization(std::string_view user_and_password) {
  return fmt::format("{}{}", kScheme, to_base64(as_bytes(user_and_password)));
}

}  // namespace quorate::node
