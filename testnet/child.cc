#include "testnet/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "node/descriptor.h"

namespace quorate::testnet {
namespace {

tl::unexpected<Error> start_failed(std::string_view what, int trouble) {
  return fail(ErrorKind::kEnvironment, "process-start-failed",
              fmt::format("Cannot start a process: {}: {}", what,
                          std::generic_category().message(trouble)),
              "Free memory, processes or disk space and try again.");
}

// In the child, between fork and exec: only calls that are safe there. Never returns.
[[noreturn]] void become(const char* const* arguments, int input, int output, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  // The parent may have ended before the line above.
  if (::getppid() != parent) ::_exit(127);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGHUP, SIG_IGN);  // the testnet outlives its terminal
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execv(kThisProgram, const_cast<char* const*>(arguments));
  static constexpr char kMessage[] = "cannot execute this program again\n";
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  ::_exit(127);
}

}  // namespace

Result<pid_t> start_child(const std::vector<std::string>& arguments,
                          const std::filesystem::path& output) {
  const node::Descriptor input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const node::Descriptor log(
      ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!input.is_open() || !log.is_open()) return start_failed(output.string(), errno);
  std::vector<const char*> argv{"quorate"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return start_failed("fork", errno);
  if (child == 0) become(argv.data(), input.get(), log.get(), parent);
  return child;
}

std::string describe_end(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    const char* name = ::sigabbrev_np(signal);
    return fmt::format("signal {}{}", signal, name == nullptr ? "" : fmt::format(" (SIG{})", name));
  }
  return fmt::format("exit code {}", WEXITSTATUS(wait_status));
}

}  // namespace quorate::testnet
