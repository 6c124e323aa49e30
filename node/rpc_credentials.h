#pragma once

// Who may speak to the RPC port, where that is asked: HTTP basic authentication (RFC 7617), as
// Bitcoin's miners send it.
//
// The password crosses the network in clear, so it keeps other users of this machine and of a
// trusted network out and nobody who listens. What is compared are digests, whole and in constant
// time, so an answer's time says nothing about how much was right. Immutable, thread-safe.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/result.h"
#include "crypto/sha256.h"
#include "node/config.h"

namespace quorate::node {

class RpcCredentials {
 public:
  // `user` has no colon (checked).
  RpcCredentials(std::string_view user, std::string_view password);

  // nullopt: none are asked for. The password is the file's first line, at least
  // kPasswordCharactersMin characters. Errors (kInvalid): "rpc-credentials-incomplete" (one of user
  // and file without the other), "rpc-user-malformed", "rpc-password-too-short";
  // "rpc-password-readable" (kDenied: others may read the file); those of read_file.
  [[nodiscard]] static Result<std::optional<RpcCredentials>> load(const Config& config);
  static constexpr std::size_t kPasswordCharactersMin = 12;

  enum class Verdict : std::uint8_t { kGood, kMissing, kOtherScheme, kMalformed, kWrong };
  // Of the value of the header Authorization; empty: there is none.
  [[nodiscard]] Verdict judge(std::string_view authorization) const;

 private:
  crypto::Digest expected_;  // of "user:password"
};

// A sentence with a code, for who is refused.
[[nodiscard]] std::string refusal_text(RpcCredentials::Verdict verdict);
// "Basic dXNlcjpwYXNz" of "user:pass".
[[nodiscard]] std::string basic_authorization(std::string_view user_and_password);

}  // namespace quorate::node
