#pragma once

// Result<T>: a value or an Error that a person can act on.
//
// Every refusal in Quorate has a stable code, a sentence that says what was found and what was
// expected, and a way forward. The code is for programs and never changes its meaning; the
// sentences are for people and may improve.

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace quorate {

// What kind of trouble it is; the command line derives its exit code from it (node/exit_code.h).
enum class ErrorKind : std::uint8_t {
  kUsage,        // the command line itself is wrong
  kInvalid,      // input does not have the form that it must have
  kRejected,     // well formed, but the rules refuse it, finally
  kNotFound,     // no such thing
  kConflict,     // something else already stands there (a port, a lock, a nonce)
  kUnavailable,  // cannot be reached or is too busy now; trying again may help
  kTimeout,      // no answer by the deadline; the outcome is still open
  kDenied,       // permissions, passphrases
  kCorrupt,      // data is damaged or a signature or proof does not verify
  kEnvironment,  // the operating system said no: disk, memory, sockets
  kUnsupported,  // made by a newer version, or a feature that this build lacks
};

struct Error {
  ErrorKind kind = ErrorKind::kInvalid;
  std::string_view code;  // kebab-case, of static storage, e.g. "genesis-duplicate-key"
  std::string message;    // one sentence: what was found, what was expected
  std::string next;       // what to do next; may be empty where the message says it all

  // "message (code). next"
  [[nodiscard]] std::string to_string() const;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// `code` must outlive the program: pass a string literal.
[[nodiscard]] inline tl::unexpected<Error> fail(ErrorKind kind, std::string_view code,
                                                std::string message, std::string next = {}) {
  return tl::unexpected<Error>(Error{kind, code, std::move(message), std::move(next)});
}

}  // namespace quorate

// Leaves the enclosing function with the error of `expression` if it failed.
#define QUORATE_TRY(expression)                                          \
  do {                                                                   \
    if (auto quorate_try_ = (expression); !quorate_try_) {               \
      return ::tl::unexpected(std::move(quorate_try_).error());          \
    }                                                                    \
  } while (false)

#define QUORATE_CONCAT_INNER(a, b) a##b
#define QUORATE_CONCAT(a, b) QUORATE_CONCAT_INNER(a, b)

// Declares `variable` and assigns the value of `expression`, or leaves with its error.
#define QUORATE_ASSIGN(variable, expression)                                              \
  auto QUORATE_CONCAT(quorate_result_, __LINE__) = (expression);                          \
  if (!QUORATE_CONCAT(quorate_result_, __LINE__)) {                                       \
    return ::tl::unexpected(std::move(QUORATE_CONCAT(quorate_result_, __LINE__)).error()); \
  }                                                                                       \
  variable = std::move(*QUORATE_CONCAT(quorate_result_, __LINE__))
