// quorate tour

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <system_error>

#include "testnet/commands/registry.h"
#include "testnet/interrupt.h"
#include "testnet/tour.h"

namespace quorate::testnet {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using node::Console;
using node::ExitCode;

constexpr const char* kDefaultFolder = "quorate-tour";

struct Options {
  std::string dir = kDefaultFolder;
  std::optional<std::uint64_t> base_port;
  bool goes_on = false;
  bool lists = false;
};

Status make_folder(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder, error)) {
    return fail(ErrorKind::kConflict, "tour-folder-exists",
                fmt::format("The tour makes a folder {}, and there is one", folder.string()),
                "Remove it, or name another one with --dir.");
  }
  fs::create_directories(folder, error);
  if (!error) fs::current_path(folder, error);
  if (!error) return {};
  return fail(ErrorKind::kEnvironment, "tour-folder-failed",
              fmt::format("The folder {} cannot be made: {}", folder.string(), error.message()),
              "Name another one with --dir.");
}

Status interrupted() {
  return fail(ErrorKind::kTimeout, "tour-interrupted", "The tour was interrupted",
              "Its folder stays; remove it before the next one.");
}

class Tour {
 public:
  Tour(const Options& options, Console& console)
      : console_(console),
        waits_(!options.goes_on && !console.is_json() && ::isatty(STDIN_FILENO) != 0),
        steps_(tour_steps(options.base_port ? std::to_string(*options.base_port)
                                            : std::string())) {}

  // Whatever happens, nothing runs afterwards.
  [[nodiscard]] Result<ExitCode> run() {
    Status walked = walk();
    if (is_up_) {
      const auto down = run_command({"testnet", "down"}, Prints::kToStandardError);
      if (!down && walked) walked = tl::unexpected(down.error());
    }
    QUORATE_TRY(walked);
    console_.json(json::object{{"steps", done_}});
    return ExitCode::kSuccess;
  }

 private:
  [[nodiscard]] Status walk() {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      introduce(i);
      QUORATE_ASSIGN(const bool goes_on, wait_for_enter());
      if (!goes_on) return {};
      QUORATE_TRY(take(steps_[i]));
      console_.line(steps_[i].after.empty() ? "" : fmt::format("\n{}", steps_[i].after));
      if (interrupt_.wait_for(std::chrono::milliseconds(0))) return interrupted();
    }
    return {};
  }

  void introduce(std::size_t number) {
    const TourStep& step = steps_[number];
    if (number == 0 || steps_[number - 1].chapter != step.chapter) {
      console_.line(fmt::format("-- {} {}\n", step.chapter,
                                std::string(76 - step.chapter.size(), '-')));
    }
    console_.line(step.before);
    console_.line("$ " + command_text(step.arguments));
  }

  [[nodiscard]] Status take(const TourStep& step) {
    using Clock = std::chrono::steady_clock;
    const auto began = Clock::now();
    QUORATE_ASSIGN(const int code,
                   run_command(step.arguments, console_.is_json() ? Prints::kToStandardError
                                                                  : Prints::kAsItself));
    if (interrupt_.wait_for(std::chrono::milliseconds(0))) return interrupted();
    if (step.arguments[1] == "up") is_up_ = true;
    if (step.arguments[1] == "down") is_up_ = false;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
    done_.push_back(json::object{{"chapter", step.chapter},
                                 {"command", command_text(step.arguments)},
                                 {"exit_code", code},
                                 {"ms", took.count()}});
    if (code == step.exit_code) return {};
    return fail(ErrorKind::kUnavailable, "tour-step-failed",
                fmt::format("`{}` ended with exit code {}, and {} was expected",
                            command_text(step.arguments), code, step.exit_code),
                "What it printed says why; the tour's folder stays.");
  }

  // False: the person has seen enough.
  [[nodiscard]] Result<bool> wait_for_enter() {
    if (!waits_) return true;
    console_.remark("(Enter runs it, q ends the tour)");
    pollfd input{STDIN_FILENO, POLLIN, 0};
    while (::poll(&input, 1, 0) == 0) {
      if (interrupt_.wait_for(std::chrono::milliseconds(100))) {
        return tl::unexpected(interrupted().error());
      }
    }
    std::string typed;
    return std::getline(std::cin, typed) && !typed.starts_with('q');
  }

  Console& console_;
  bool waits_;
  std::vector<TourStep> steps_;
  Interrupt interrupt_;
  bool is_up_ = false;
  json::array done_;
};

ExitCode list(Console& console) {
  json::array steps;
  for (const TourStep& step : tour_steps()) {
    console.line(fmt::format("{:<20}  {}", step.chapter, command_text(step.arguments)));
    steps.push_back(
        json::object{{"chapter", step.chapter}, {"command", command_text(step.arguments)}});
  }
  console.json(json::object{{"steps", std::move(steps)}});
  return ExitCode::kSuccess;
}

}  // namespace

void add_tour_command(node::CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add(
      {.path = "tour",
       .sentence = "See in ten minutes what this is about, on your own machine",
       .details = "Agreement, a crash, a primary that lies, the proof of it, one liar too many "
                  "and who is to blame: each\nstep is a command that you could have typed. It is "
                  "explained and shown, runs when you press Enter, and what it\nprinted is "
                  "explained. Everything happens in a folder of its own, which stays.",
       .example = "  quorate tour\n  quorate tour --yes --dir /tmp/tour\n  quorate tour --list",
       .parameters = {{.name = "--dir",
                       .value = "DIR",
                       .help = "The folder to make; else quorate-tour here",
                       .target = &options->dir},
                      {.name = "--base-port",
                       .value = "P",
                       .help = "The first port of its testnet; else where there is room",
                       .target = &options->base_port},
                      {.name = "--yes",
                       .help = "Go on without waiting for Enter, as without a terminal",
                       .target = &options->goes_on},
                      {.name = "--list",
                       .help = "Only list the commands",
                       .target = &options->lists}},
       .run = [options](Console& console) -> Result<ExitCode> {
         if (options->lists) return list(console);
         QUORATE_TRY(make_folder(options->dir));
         return Tour(*options, console).run();
       }});
}

}  // namespace quorate::testnet
