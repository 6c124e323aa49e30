#include "testnet/tour.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "testnet/child.h"

namespace quorate::testnet {
namespace {

constexpr std::string_view kAgreement = "Agreement";
constexpr std::string_view kCrash = "A crash";
constexpr std::string_view kLie = "A primary that lies";
constexpr std::string_view kTooMany = "One liar too many";
constexpr std::string_view kEnd = "The end";

// What `simulate equivocating-primary --seed 7` leaves behind, and under which folder.
constexpr const char* kEvidence = "equivocating-primary-7.evidence";
constexpr const char* kGenesis = "equivocating-primary-7.genesis.json";

std::vector<TourStep> agreement_steps(const std::string& base_port) {
  TourStep up{kAgreement,
              "Four processes start, each a replica with its own keys, databases and TLS\n"
              "connections. Four tolerate one liar: f = 1, n = 3f + 1.\n",
              {"testnet", "up", "--detach"},
              0,
              "Equal tree heads: the four agree on every byte so far. One is the primary, who\n"
              "proposes; the others vote.\n"};
  if (!base_port.empty()) up.arguments.insert(up.arguments.end(), {"--base-port", base_port});
  return {
      std::move(up),
      {kAgreement,
       "You sign a transaction with a key of your own. Watch what becomes of it.\n",
       {"tx", "put", "colour", "blue", "--wait", "stable"},
       0,
       "promised is one replica's word. quorum: three of four voted, so no other order is\n"
       "possible in this view. replicated: it is on disks and executed. stable: a quorum\n"
       "signed the result as well.\n"},
      {kAgreement,
       "One node alone may tell you anything. Ask for proof.\n",
       {"get", "colour", "--prove", "--out", "colour.json"},
       0,
       "The answer came from one node, and its word was not needed: three signatures and a\n"
       "path of hashes were. colour.json convinces anyone with the genesis document.\n"}};
}

std::vector<TourStep> crash_steps() {
  return {{kCrash,
           "kill -9 for the primary, in the middle of its work.\n",
           {"testnet", "kill", "0"},
           0,
           {}},
          {kCrash,
           "The other three notice that nothing moves.\n",
           {"tx", "put", "shape", "round"},
           0,
           "It took about a second longer: that is how long the backups wait before they vote\n"
           "the primary out. View 1 has another primary, who began with what view 0 left.\n"},
          {kCrash,
           "The dead one comes back. It trusts nobody either: what it missed comes with\n"
           "certificates.\n",
           {"testnet", "start", "0"},
           0,
           {}},
          {kCrash,
           "Everybody's view, height and tree head:\n",
           {"testnet", "status"},
           0,
           "It lost nothing that it had signed, for a vote is on disk before it leaves.\n"}};
}

std::vector<TourStep> lie_steps() {
  return {{kLie,
           "Crashes are the easy case. Here replica 0 tells one half of the network one thing\n"
           "and the other half another. The same code runs in virtual time: a seed is a history.\n",
           {"simulate", "equivocating-primary", "--seed", "7", "--trace", "lie.html"},
           0,
           "The backups compared votes, kept both signatures as proof, and moved to view 1.\n"
           "Open lie.html in a browser to see every message of it.\n"},
          {kLie,
           "The proof is a small file. It needs no witness.\n",
           {"evidence", "verify", kEvidence, "--genesis", kGenesis},
           0,
           "Two signatures of one key under two statements that exclude each other. An honest\n"
           "replica never makes them, whatever crashes; so nobody is accused wrongly.\n"}};
}

std::vector<TourStep> too_many_steps() {
  return {{kTooMany,
           "With f + 1 = 2 liars of four, no protocol can save agreement. Does anyone notice?\n",
           {"simulate", "equivocating-primary", "--seed", "7", "--byzantine", "0,1", "--ledgers",
            "lives"},
           13,
           "Agreement broke, and each half has a ledger that looks perfect. (Exit code 13 says\n"
           "so to scripts.)\n"},
          {kTooMany,
           "Somebody compares two ledgers, perhaps years later.\n",
           {"ledger", "blame", "lives/replica-2", "lives/replica-3", "--evidence", "proofs"},
           13,
           "To commit both, f + 1 replicas had to vote twice, and signed votes are in both\n"
           "ledgers: whoever breaks agreement signs a confession.\n"}};
}

std::vector<TourStep> end_steps() {
  return {{kEnd,
           "The four processes of the beginning still run.\n",
           {"testnet", "down"},
           0,
           "What you can do next: `quorate --help` lists the commands, each with an example;\n"
           "`quorate simulate --list` names the other lies; README.md goes on from here.\n"}};
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_./,:=@").find(c) != std::string_view::npos;
}

}  // namespace

std::vector<TourStep> tour_steps(const std::string& base_port) {
  std::vector<TourStep> steps = agreement_steps(base_port);
  for (auto more : {crash_steps(), lie_steps(), too_many_steps(), end_steps()}) {
    steps.insert(steps.end(), more.begin(), more.end());
  }
  return steps;
}

std::string command_text(const std::vector<std::string>& arguments) {
  std::string text = "quorate";
  for (const std::string& argument : arguments) {
    if (!argument.empty() && std::ranges::all_of(argument, is_plain)) {
      text += ' ' + argument;
      continue;
    }
    text += " '";
    for (const char c : argument) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    text += '\'';
  }
  return text;
}

Result<int> run_command(const std::vector<std::string>& arguments, Prints prints) {
  std::vector<const char*> argv{"quorate"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (prints == Prints::kToStandardError) {
    ::posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t child = 0;
  const int trouble = ::posix_spawn(&child, kThisProgram, &files, &attributes,
                                    const_cast<char* const*>(argv.data()), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  if (trouble != 0) {
    return fail(ErrorKind::kEnvironment, "process-start-failed",
                fmt::format("Cannot start a process: {}",
                            std::generic_category().message(trouble)),
                "Free memory or processes and try again.");
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace quorate::testnet
