#pragma once

// The guided tour: what a newcomer types in their first ten minutes, and what to see in it.
//
// A step is one command, typed as the tour shows it in the tour's folder. The steps depend on
// each other, so they are run in order and the first surprise ends the tour.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/result.h"

namespace quorate::testnet {

struct TourStep {
  std::string_view chapter;            // the same for steps that belong together
  std::string_view before;             // why it is typed, for people; lines end with \n
  std::vector<std::string> arguments;  // without the program's name
  int exit_code = 0;                   // that it is to end with
  std::string_view after;              // what has been seen
};

// `base_port`: where the first of its testnets listens; empty: where there is room.
[[nodiscard]] std::vector<TourStep> tour_steps(const std::string& base_port = {});

// "quorate testnet kill 0", with quotes where a shell wants them.
[[nodiscard]] std::string command_text(const std::vector<std::string>& arguments);

// Runs this executable in the current folder and waits for its end; it reads nothing. What it
// prints goes where this process prints, or all to standard error. SIGINT and SIGTERM end it even
// where this process holds them back. Returns its exit code, 128 + n after signal n. Error:
// "process-start-failed" (kEnvironment).
enum class Prints : bool { kAsItself, kToStandardError };
[[nodiscard]] Result<int> run_command(const std::vector<std::string>& arguments, Prints prints);

}  // namespace quorate::testnet
