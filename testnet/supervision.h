#pragma once

// The supervisor as commands see it: start one, ask it, have it end.

#include <sys/types.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/result.h"
#include "node/network_folder.h"

namespace quorate::testnet {

enum class ProcessState : std::uint8_t {
  kRunning,
  kStopping,  // asked to end, still there
  kStopped,   // ended in peace after it was asked to
  kKilled,    // ended by SIGKILL after `kill`
  kExited,    // ended for any other reason: look at `end`
  kPaused,    // stands still (SIGSTOP) until `resume`
};
[[nodiscard]] std::string_view process_state_text(ProcessState state);

// One node's process, as the supervisor tells it.
struct ProcessStatus {
  std::uint16_t replica = 0;
  ProcessState state = ProcessState::kStopped;
  pid_t pid = 0;               // 0: not there
  std::uint64_t since_ms = 0;  // wall clock of the last change
  std::string end = {};  // how it ended last: "exit code 3", "signal 9 (SIGKILL)"; may be empty
};

struct SupervisorStatus {
  pid_t pid = 0;
  bool is_shutting_down = false;
  std::vector<ProcessStatus> replicas;
};

[[nodiscard]] boost::json::object supervisor_status_to_json(const SupervisorStatus& status);
// Error: "supervisor-silent" (kTimeout): it answers something else.
[[nodiscard]] Result<SupervisorStatus> parse_supervisor_status(const boost::json::value& answer);

// Starts a supervisor that is nobody's child and waits until it runs; `record` as in
// SupervisorOptions. Errors: those of run_supervisor, "supervisor-start-failed" (kEnvironment).
[[nodiscard]] Status launch_supervisor(const node::NetworkFolder& folder, bool record);

// Questions of a command. Errors: those of ask_supervisor ("supervisor-not-running" above all), and
// "replica-unknown" (kNotFound), "replica-not-running", "replica-running" (kConflict).
[[nodiscard]] Result<SupervisorStatus> ask_status(const node::NetworkFolder& folder);
// "replica-other-state" (kConflict) unless it runs, or stands still.
[[nodiscard]] Status ask_pause(const node::NetworkFolder& folder, std::uint64_t replica);
[[nodiscard]] Status ask_resume(const node::NetworkFolder& folder, std::uint64_t replica);
[[nodiscard]] Status ask_kill(const node::NetworkFolder& folder, std::uint64_t replica);
// Both return when the process has ended, or "replica-still-stopping" (kTimeout).
[[nodiscard]] Status ask_stop(const node::NetworkFolder& folder, std::uint64_t replica);
[[nodiscard]] Status ask_start(const node::NetworkFolder& folder, std::uint64_t replica);
// Returns when the supervisor and all nodes have ended.
[[nodiscard]] Status ask_shutdown(const node::NetworkFolder& folder);

}  // namespace quorate::testnet
