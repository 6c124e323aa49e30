#include "node/exit_code.h"

#include "crypto/check.h"

namespace quorate::node {

ExitCode exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUsage: return ExitCode::kUsage;
    case ErrorKind::kInvalid: return ExitCode::kInvalid;
    case ErrorKind::kRejected: return ExitCode::kRejected;
    case ErrorKind::kNotFound: return ExitCode::kNotFound;
    case ErrorKind::kConflict: return ExitCode::kConflict;
    case ErrorKind::kUnavailable: return ExitCode::kUnavailable;
    case ErrorKind::kTimeout: return ExitCode::kTimeout;
    case ErrorKind::kDenied: return ExitCode::kDenied;
    case ErrorKind::kCorrupt: return ExitCode::kCorrupt;
    case ErrorKind::kEnvironment: return ExitCode::kEnvironment;
    case ErrorKind::kUnsupported: return ExitCode::kUnsupported;
  }
  QUORATE_CHECK(false, "an ErrorKind without an exit code");
}

}  // namespace quorate::node
