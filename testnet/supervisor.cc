#include "testnet/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>

#include "node/descriptor.h"
#include "node/json_members.h"
#include "node/rpc_error.h"
#include "node/time_text.h"
#include "testnet/child.h"
#include "testnet/control.h"
#include "testnet/file_lock.h"
#include "testnet/layout.h"
#include "testnet/liars_file.h"
#include "testnet/link_faults.h"
#include "testnet/supervision.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

// A node syncs and ends within this, or it hangs and is killed.
constexpr std::chrono::seconds kShutdownPatience{15};
constexpr int kPollMs = 1000;

// A recording is one life; those of earlier ones stay.
std::filesystem::path next_recording(const std::filesystem::path& home) {
  std::error_code ignored;
  for (std::uint64_t number = 1;; ++number) {
    const std::filesystem::path file = home / fmt::format("recording-{}", number);
    if (!std::filesystem::exists(file, ignored)) return file;
  }
}

class Supervisor {
 public:
  Supervisor(const node::NetworkFolder& folder, bool record) : folder_(folder), record_(record) {
    for (const node::NetworkReplica& replica : folder.replicas) {
      processes_.push_back({.replica = replica.id.value});
    }
  }

  Status prepare() {
    const Files files{folder_.root};
    QUORATE_ASSIGN(auto lock, FileLock::try_acquire(files.lock()));
    if (!lock) {
      return fail(ErrorKind::kConflict, "supervisor-running",
                  fmt::format("The testnet in {} runs already", folder_.root.string()),
                  "Look with `quorate testnet status`.");
    }
    lock_ = std::move(lock);
    QUORATE_TRY(catch_signals());
    QUORATE_ASSIGN(auto server,
                   ControlServer::create(files.socket(), [this](const json::object& question) {
                     return answer(question);
                   }));
    control_ = std::make_unique<ControlServer>(std::move(server));
    // Ports are each node's own business; what the user set for one node must not reach all.
    for (const char* name :
         {"QUORATE_RPC_LISTEN", "QUORATE_PEERS_LISTEN", "QUORATE_PEERS_ADDRESSES"}) {
      ::unsetenv(name);
    }
    remove_link_faults(folder_);
    note(fmt::format("supervisor started, process {}", ::getpid()));
    for (ProcessStatus& process : processes_) QUORATE_TRY(start(process));
    return {};
  }

  void serve() {
    while (control_ && (!is_shutting_down_ || any_running())) {
      std::vector<pollfd> entries{{signals_.get(), POLLIN, 0}};
      control_->watch(entries);
      ::poll(entries.data(), entries.size(), kPollMs);
      if (entries[0].revents != 0) take_signals();
      reap();
      control_->serve(entries);
      // Who removes the folder of a running testnet means the testnet.
      if (!lock_->is_current()) begin_shutdown();
      if (is_shutting_down_ && Clock::now() > shutdown_deadline_) kill_the_rest();
    }
    note("supervisor ends");
    control_.reset();
    lock_.reset();
  }

  void begin_shutdown() {
    if (is_shutting_down_) return;
    is_shutting_down_ = true;
    shutdown_deadline_ = Clock::now() + kShutdownPatience;
    note("shutting down");
    for (ProcessStatus& process : processes_) {
      const bool is_there = process.state == ProcessState::kRunning ||
                            process.state == ProcessState::kPaused;
      if (is_there) stop(process);
    }
  }

 private:
  Status catch_signals() {
    sigset_t caught;
    ::sigemptyset(&caught);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) ::sigaddset(&caught, signal);
    ::sigprocmask(SIG_BLOCK, &caught, nullptr);
    ::signal(SIGHUP, SIG_IGN);
    ::signal(SIGPIPE, SIG_IGN);
    signals_.reset(::signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK));
    if (signals_.is_open()) return {};
    return fail(ErrorKind::kEnvironment, "supervisor-start-failed",
                fmt::format("Cannot wait for signals: {}",
                            std::generic_category().message(errno)));
  }

  // Signals merge, so SIGCHLD only wakes the loop; who ended is asked of waitpid.
  void take_signals() {
    signalfd_siginfo signal{};
    while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
      if (signal.ssi_signo != SIGCHLD) begin_shutdown();
    }
  }

  void reap() {
    int wait_status = 0;
    pid_t pid = 0;
    while ((pid = ::waitpid(-1, &wait_status, WNOHANG)) > 0) {
      const auto process =
          std::find_if(processes_.begin(), processes_.end(),
                       [&](const ProcessStatus& each) { return each.pid == pid; });
      if (process != processes_.end()) ended(*process, wait_status);
    }
  }

  void ended(ProcessStatus& process, int wait_status) {
    const bool in_peace = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
    const bool was_killed = WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
    const bool kill_asked = asked_to_kill(process);
    process.end = describe_end(wait_status);
    if (kill_asked && was_killed) {
      change(process, ProcessState::kKilled);
    } else if (process.state == ProcessState::kStopping && in_peace) {
      change(process, ProcessState::kStopped);
    } else {
      change(process, ProcessState::kExited);
    }
    note(fmt::format("replica-{} (process {}) ended: {}, {}", process.replica, process.pid,
                     process_state_text(process.state), process.end));
    process.pid = 0;
    std::erase(killed_, process.replica);
  }

  [[nodiscard]] bool asked_to_kill(const ProcessStatus& process) const {
    return std::find(killed_.begin(), killed_.end(), process.replica) != killed_.end();
  }
  [[nodiscard]] bool any_running() const {
    return std::any_of(processes_.begin(), processes_.end(),
                       [](const ProcessStatus& each) { return each.pid != 0; });
  }

  Status start(ProcessStatus& process) {
    const node::NetworkReplica& replica = folder_.replicas[process.replica];
    const std::filesystem::path home = folder_.home_of(replica).root;
    QUORATE_ASSIGN(const LiveLiars liars, read_liars(folder_));
    const auto liar = liars.find(replica.id);
    const std::string does = liar == liars.end() ? "" : live_behaviours_text(liar->second);
    std::vector<std::string> arguments = {"node", "--home", home.string()};
    if (!does.empty()) {
      arguments = {"testnet", "liar", home.string(), does};
    } else if (record_) {
      arguments.insert(arguments.end(), {"--record", next_recording(home).string()});
    }
    QUORATE_ASSIGN(process.pid, start_child(arguments, output_file(folder_, replica)));
    change(process, ProcessState::kRunning);
    note(fmt::format("replica-{} started, process {}{}{}", process.replica, process.pid,
                     does.empty() ? "" : ", lies: ", does));
    return {};
  }
  void stop(ProcessStatus& process) {
    ::kill(process.pid, SIGTERM);
    ::kill(process.pid, SIGCONT);  // one that stands still would not hear of it
    change(process, ProcessState::kStopping);
  }
  Status pause(ProcessStatus& process) {
    if (process.state != ProcessState::kRunning) return not_in_state(process, "running");
    ::kill(process.pid, SIGSTOP);
    change(process, ProcessState::kPaused);
    note(fmt::format("replica-{} stands still", process.replica));
    return {};
  }
  Status resume(ProcessStatus& process) {
    if (process.state != ProcessState::kPaused) return not_in_state(process, "paused");
    ::kill(process.pid, SIGCONT);
    change(process, ProcessState::kRunning);
    note(fmt::format("replica-{} goes on", process.replica));
    return {};
  }
  static Status not_in_state(const ProcessStatus& process, std::string_view expected) {
    return fail(ErrorKind::kConflict, "replica-other-state",
                fmt::format("replica-{} is {}, expected it {}", process.replica,
                            process_state_text(process.state), expected),
                "Look with `quorate testnet status`.");
  }
  void kill_now(ProcessStatus& process) {
    killed_.push_back(process.replica);
    ::kill(process.pid, SIGKILL);
  }
  void kill_the_rest() {
    for (ProcessStatus& process : processes_) {
      if (process.pid == 0 || asked_to_kill(process)) continue;
      note(fmt::format("replica-{} does not end: killing it", process.replica));
      kill_now(process);
    }
  }

  static void change(ProcessStatus& process, ProcessState state) {
    process.state = state;
    process.since_ms = node::clock_now().value;
  }

  // Standard error is supervisor.log.
  static void note(const std::string& text) {
    fmt::print(stderr, "{} {}\n", node::time_to_text(node::clock_now()), text);
  }

  Result<json::value> answer(const json::object& question) {
    const std::string what = node::text_member(question, "do").value_or("");
    if (what == "status") {
      return json::value(
          supervisor_status_to_json({::getpid(), is_shutting_down_, processes_}));
    }
    if (what == "shutdown") {
      begin_shutdown();
      return json::value(true);
    }
    if (what != "kill" && what != "stop" && what != "start" && what != "pause" &&
        what != "resume") {
      return fail(ErrorKind::kInvalid, "control-question-malformed",
                  fmt::format("Found \"do\": \"{}\", expected status, kill, stop, start, "
                              "pause, resume or shutdown",
                              what));
    }
    const auto number = node::number_member(question, "replica");
    if (!number || *number >= processes_.size()) {
      return fail(ErrorKind::kNotFound, "replica-unknown",
                  fmt::format("There is no such replica, expected 0 to {}",
                              processes_.size() - 1));
    }
    QUORATE_TRY(act(what, processes_[*number]));
    return json::value(true);
  }

  Status act(const std::string& what, ProcessStatus& process) {
    if (what == "start") {
      if (process.pid != 0 || is_shutting_down_) {
        return fail(ErrorKind::kConflict, "replica-running",
                    fmt::format("replica-{} is {}", process.replica,
                                is_shutting_down_ ? "in a testnet that shuts down"
                                                  : process_state_text(process.state)),
                    "Stop it first with `quorate testnet stop`.");
      }
      return start(process);
    }
    if (process.pid == 0) {
      return fail(ErrorKind::kConflict, "replica-not-running",
                  fmt::format("replica-{} does not run: {}", process.replica,
                              process_state_text(process.state)),
                  "Start it with `quorate testnet start`.");
    }
    if (what == "pause") return pause(process);
    if (what == "resume") return resume(process);
    if (what == "kill") kill_now(process);
    if (what == "stop") stop(process);
    return {};
  }

  const node::NetworkFolder& folder_;
  const bool record_;
  std::optional<FileLock> lock_;
  node::Descriptor signals_;
  std::unique_ptr<ControlServer> control_;
  std::vector<ProcessStatus> processes_;
  std::vector<std::uint16_t> killed_;  // replicas that were sent SIGKILL and are not reaped yet
  bool is_shutting_down_ = false;
  Clock::time_point shutdown_deadline_;
};

void report_ready(std::optional<int> ready_fd, const Status& status) {
  if (!ready_fd) return;
  const node::Descriptor ready(*ready_fd);
  const std::string line =
      status ? "ok\n" : json::serialize(node::error_to_json(status.error())) + '\n';
  [[maybe_unused]] const ssize_t ignored = ::write(ready.get(), line.data(), line.size());
}

}  // namespace

Status run_supervisor(const node::NetworkFolder& folder, const SupervisorOptions& options) {
  if (options.ready_fd) ::fcntl(*options.ready_fd, F_SETFD, FD_CLOEXEC);
  Supervisor supervisor(folder, options.record);
  const Status prepared = supervisor.prepare();
  report_ready(options.ready_fd, prepared);
  // What was started before the trouble goes as it came.
  if (!prepared) supervisor.begin_shutdown();
  supervisor.serve();
  return prepared;
}

}  // namespace quorate::testnet
