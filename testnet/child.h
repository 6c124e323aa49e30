#pragma once

// A child process of the supervisor.

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "crypto/result.h"

namespace quorate::testnet {

// This executable as the kernel knows it: also after the file was rebuilt or removed.
inline constexpr const char* kThisProgram = "/proc/self/exe";

// Starts this executable with these arguments (without the program's own name). Its standard input
// is empty; what it prints is appended to `output`. It gets SIGTERM when the calling thread's
// process ends, however that happens. Call from a process with one thread. Error:
// "process-start-failed" (kEnvironment).
[[nodiscard]] Result<pid_t> start_child(const std::vector<std::string>& arguments,
                                        const std::filesystem::path& output);

// "exit code 3", "signal 9 (Killed)": how a process ended, from waitpid's status.
[[nodiscard]] std::string describe_end(int wait_status);

}  // namespace quorate::testnet
