#include "testnet/supervision.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

#include "node/descriptor.h"
#include "node/json_members.h"
#include "node/rpc_error.h"
#include "testnet/child.h"
#include "testnet/control.h"
#include "testnet/file_lock.h"
#include "testnet/layout.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLaunchPatience{15};
constexpr std::chrono::seconds kStopPatience{20};
constexpr std::chrono::seconds kShutdownPatience{30};
constexpr std::chrono::milliseconds kPollPause{20};

constexpr std::array<std::string_view, 6> kStateTexts = {"running", "stopping", "stopped",
                                                         "killed",  "exited",   "paused"};

tl::unexpected<Error> launch_failed(const node::NetworkFolder& folder, std::string_view what) {
  return fail(ErrorKind::kEnvironment, "supervisor-start-failed",
              fmt::format("The supervisor of {} did not start: {}", folder.root.string(), what),
              fmt::format("Look at {}.", Files{folder.root}.log().string()));
}

// In the grandchild: the supervisor, which belongs to no terminal and no parent. Never returns.
[[noreturn]] void become_supervisor(const char* const* arguments, int input, int log, int ready) {
  ::dup2(input, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::fcntl(ready, F_SETFD, 0);  // this one it shall keep
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  [[maybe_unused]] const int ignored = ::chdir("/");
  ::execv(kThisProgram, const_cast<char* const*>(arguments));
  ::_exit(127);
}

// What the supervisor writes when it runs, or why it does not.
Status read_ready(const node::NetworkFolder& folder, int fd) {
  std::string line;
  const auto deadline = Clock::now() + kLaunchPatience;
  while (!line.ends_with('\n')) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd entry{fd, POLLIN, 0};
    if (left.count() <= 0) return launch_failed(folder, "it said nothing in time");
    if (::poll(&entry, 1, static_cast<int>(left.count())) <= 0) continue;
    char chunk[1024];
    const ssize_t got = ::read(fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return launch_failed(folder, "it ended at once");
    line.append(chunk, static_cast<std::size_t>(got));
  }
  if (line == "ok\n") return {};
  json::error_code trouble;
  const json::value parsed = json::parse(line, trouble);
  auto refusal = trouble ? std::nullopt : node::error_from_json(parsed);
  if (refusal) return tl::unexpected(std::move(*refusal));
  return launch_failed(folder, "it gave no reason");
}

Result<json::value> ask(const node::NetworkFolder& folder, const json::object& question) {
  return ask_supervisor(Files{folder.root}.socket(), question);
}

// Until the process is gone.
Status await_end(const node::NetworkFolder& folder, std::uint64_t replica) {
  const auto deadline = Clock::now() + kStopPatience;
  while (Clock::now() < deadline) {
    QUORATE_ASSIGN(const SupervisorStatus status, ask_status(folder));
    if (status.replicas[replica].pid == 0) return {};
    std::this_thread::sleep_for(kPollPause);
  }
  return fail(ErrorKind::kTimeout, "replica-still-stopping",
              fmt::format("replica-{} has not ended within {} s", replica, kStopPatience.count()),
              fmt::format("Look with `quorate testnet logs {0}`, or end it with `quorate testnet "
                          "kill {0}`.",
                          replica));
}

}  // namespace

std::string_view process_state_text(ProcessState state) {
  return kStateTexts[static_cast<std::size_t>(state)];
}

json::object supervisor_status_to_json(const SupervisorStatus& status) {
  json::array replicas;
  for (const ProcessStatus& process : status.replicas) {
    replicas.push_back(json::object{{"replica", process.replica},
                                    {"state", process_state_text(process.state)},
                                    {"pid", process.pid},
                                    {"since_ms", process.since_ms},
                                    {"end", process.end}});
  }
  return {{"pid", status.pid},
          {"shutting_down", status.is_shutting_down},
          {"replicas", std::move(replicas)}};
}

Result<SupervisorStatus> parse_supervisor_status(const json::value& answer) {
  const auto strange = [] {
    return fail(ErrorKind::kTimeout, "supervisor-silent",
                "The supervisor answered with something else than its status",
                "Take the testnet down and up again with one version of quorate.");
  };
  SupervisorStatus status;
  status.pid = static_cast<pid_t>(node::number_member(answer, "pid").value_or(0));
  const json::value* shutting_down = node::find_member(answer, "shutting_down");
  const json::value* replicas = node::find_member(answer, "replicas");
  if (shutting_down == nullptr || !shutting_down->is_bool() || replicas == nullptr ||
      !replicas->is_array()) {
    return strange();
  }
  status.is_shutting_down = shutting_down->get_bool();
  for (const json::value& each : replicas->get_array()) {
    ProcessStatus process;
    process.replica = static_cast<std::uint16_t>(status.replicas.size());
    const auto text = node::text_member(each, "state").value_or("");
    const auto known = std::find(kStateTexts.begin(), kStateTexts.end(), text);
    if (known == kStateTexts.end()) return strange();
    process.state = static_cast<ProcessState>(known - kStateTexts.begin());
    process.pid = static_cast<pid_t>(node::number_member(each, "pid").value_or(0));
    process.since_ms = node::number_member(each, "since_ms").value_or(0);
    process.end = node::text_member(each, "end").value_or("");
    status.replicas.push_back(std::move(process));
  }
  return status;
}

Status launch_supervisor(const node::NetworkFolder& folder, bool record) {
  const Files files{folder.root};
  const node::Descriptor input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const node::Descriptor log(
      ::open(files.log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  std::array<int, 2> ends{};
  if (!input.is_open() || !log.is_open() || ::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return launch_failed(folder, std::generic_category().message(errno));
  }
  const node::Descriptor read_end(ends[0]);
  node::Descriptor write_end(ends[1]);
  const std::string root = folder.root.string();
  const std::string ready = fmt::to_string(write_end.get());
  // The last two end the list.
  const std::array<const char*, 9> arguments = {
      "quorate",    "testnet",     "supervise", "--dir", root.c_str(),
      "--ready-fd", ready.c_str(), record ? "--record" : nullptr, nullptr};
  const pid_t child = ::fork();
  if (child < 0) return launch_failed(folder, std::generic_category().message(errno));
  if (child == 0) {
    // A session of its own, and then no leader of it: it can never get a terminal again.
    ::setsid();
    const pid_t grandchild = ::fork();
    if (grandchild != 0) ::_exit(grandchild < 0 ? 1 : 0);
    become_supervisor(arguments.data(), input.get(), log.get(), write_end.get());
  }
  write_end.reset();
  int ignored = 0;
  while (::waitpid(child, &ignored, 0) < 0 && errno == EINTR) {
  }
  return read_ready(folder, read_end.get());
}

Result<SupervisorStatus> ask_status(const node::NetworkFolder& folder) {
  QUORATE_ASSIGN(const json::value answer, ask(folder, {{"do", "status"}}));
  QUORATE_ASSIGN(SupervisorStatus status, parse_supervisor_status(answer));
  // Callers index by replica.
  status.replicas.resize(folder.replicas.size());
  return status;
}

Status ask_kill(const node::NetworkFolder& folder, std::uint64_t replica) {
  QUORATE_TRY(ask(folder, {{"do", "kill"}, {"replica", replica}}));
  return await_end(folder, replica);
}

Status ask_stop(const node::NetworkFolder& folder, std::uint64_t replica) {
  QUORATE_TRY(ask(folder, {{"do", "stop"}, {"replica", replica}}));
  return await_end(folder, replica);
}

Status ask_start(const node::NetworkFolder& folder, std::uint64_t replica) {
  QUORATE_TRY(ask(folder, {{"do", "start"}, {"replica", replica}}));
  return {};
}

Status ask_pause(const node::NetworkFolder& folder, std::uint64_t replica) {
  QUORATE_TRY(ask(folder, {{"do", "pause"}, {"replica", replica}}));
  return {};
}

Status ask_resume(const node::NetworkFolder& folder, std::uint64_t replica) {
  QUORATE_TRY(ask(folder, {{"do", "resume"}, {"replica", replica}}));
  return {};
}

Status ask_shutdown(const node::NetworkFolder& folder) {
  QUORATE_TRY(ask(folder, {{"do", "shutdown"}}));
  // The lock ends with the process, whatever became of the socket.
  QUORATE_ASSIGN(auto lock, FileLock::acquire_within(Files{folder.root}.lock(), kShutdownPatience));
  if (!lock) {
    return fail(ErrorKind::kTimeout, "supervisor-still-stopping",
                fmt::format("The testnet in {} has not ended within {} s", folder.root.string(),
                            kShutdownPatience.count()),
                "Look with `quorate testnet status` and at supervisor.log.");
  }
  return {};
}

}  // namespace quorate::testnet
