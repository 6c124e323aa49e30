#pragma once

// The command line as data: each command is a value with its words, help, parameters and body.
//
// The parser (CLI11) stands behind this in one source. Every command gets --json and --help for
// nothing; a failure becomes the exit code of its kind (node/exit_code.h).

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "crypto/result.h"
#include "node/commands/console.h"
#include "node/exit_code.h"

namespace quorate::node {

// One argument; a vector takes every one of an option that is repeated, or all that stand at its
// position. The target outlives the command line and is written before the command runs.
struct Parameter {
  using Target = std::variant<bool*, std::string*, std::optional<std::string>*, std::uint64_t*,
                              std::int64_t*, std::optional<std::uint64_t>*,
                              std::vector<std::string>*>;

  std::string name;  // "KEY": by position; "--wait": an option, or a switch if bool* is its target
  std::string value = {};  // the word for an option's value in the help: "LEVEL"
  std::string help = {};
  Target target;
  bool required = true;  // by position only; options are optional
};

struct Command {
  std::string path;           // "tx put"
  std::string sentence;       // what it does, for the list of commands
  std::string details = {};   // what a person should know before typing it
  std::string example = {};   // lines that can be typed
  std::vector<Parameter> parameters = {};
  std::function<Result<ExitCode>(Console&)> run = {};  // required
  bool is_hidden = false;
};

class CommandLine {
 public:
  // `version` is the text of --version.
  CommandLine(std::string sentence, std::string version)
      : sentence_(std::move(sentence)), version_(std::move(version)) {}

  // "tx": what its commands have in common. Before any command of the group.
  void add_group(std::string path, std::string sentence);
  void add(Command command);

  // Parses, runs the command and prints its error, if any. argv[0] is the program. Returns the exit
  // code.
  int run(const std::vector<std::string>& argv, std::ostream& out, std::ostream& err) const;

 private:
  struct Group {
    std::string path;
    std::string sentence;
  };
  std::string sentence_;
  std::string version_;
  std::vector<Group> groups_;
  std::vector<Command> commands_;
};

}  // namespace quorate::node
