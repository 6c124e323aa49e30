#include "node/commands/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <memory>
#include <type_traits>

#include "crypto/check.h"
#include "node/nearest.h"

namespace quorate::node {
namespace {

// CLI11 takes "-5" for an option; no command has an option that begins with a digit, so a negative
// number passes the parser behind this mark.
constexpr char kNegativeMark = '\x01';
constexpr int kPositionalMax = 4096;

std::string mark_negative(std::string argument) {
  const bool is_negative = argument.size() > 1 && argument[0] == '-' &&
                           std::isdigit(static_cast<unsigned char>(argument[1])) != 0;
  return is_negative ? kNegativeMark + argument : argument;
}

void unmark(std::string& text) {
  if (!text.empty() && text[0] == kNegativeMark) text.erase(0, 1);
}

// CLI11 saturates an integer that is too large; an amount must never become another one silently.
template <class T>
std::string integer_fault(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size()) return {};
  return fmt::format("found \"{}\" where an integer from {} to {} was expected", text,
                     std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
}

struct Bind {
  CLI::App& app;
  const Parameter& parameter;

  CLI::Option* operator()(bool* target) const {
    return app.add_flag(parameter.name, *target, parameter.help);
  }
  template <class T>
  CLI::Option* operator()(T* target) const {
    CLI::Option* option = app.add_option(parameter.name, *target, parameter.help);
    const bool by_position = parameter.name[0] != '-';
    option->transform([](std::string text) {
      unmark(text);
      return text;
    });
    if constexpr (std::is_integral_v<T>) {
      option->check(integer_fault<T>);
    } else if constexpr (std::is_same_v<T, std::optional<std::uint64_t>>) {
      option->check(integer_fault<std::uint64_t>);
    }
    option->type_name(by_position ? "" : parameter.value);
    constexpr bool kMayRepeat = std::is_same_v<T, std::vector<std::string>>;
    // Each takes one argument; a vector takes all that follow, but only by position.
    const bool takes_all = kMayRepeat && by_position;
    option->allow_extra_args(takes_all);
    option->type_size(1)->expected(1, takes_all ? kPositionalMax : 1)->multi_option_policy(
        kMayRepeat ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::Throw);
    if (by_position) option->required(parameter.required);
    return option;
  }
};

std::string footer_of(const Command& command) {
  std::string footer = command.details;
  if (!footer.empty() && !command.example.empty()) footer += "\n\n";
  if (!command.example.empty()) footer += "Example:\n" + command.example;
  return footer;
}

// The app of "tx" or of "tx put"; makes what is missing.
CLI::App* descend(CLI::App& root, const std::string& path) {
  CLI::App* app = &root;
  std::size_t begin = 0;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find(' ', begin), path.size());
    const std::string word = path.substr(begin, end - begin);
    const auto known =
        app->get_subcommands([&](const CLI::App* child) { return child->get_name() == word; });
    app = known.empty() ? app->add_subcommand(word) : known.front();
    begin = end + 1;
  }
  return app;
}

// The words of commands that were expected where `app` stopped; none where it can go without.
std::vector<std::string> words_below(const CLI::App& app) {
  std::vector<std::string> words;
  if (app.get_require_subcommand_min() == 0) return words;
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!child->get_group().empty()) words.push_back(child->get_name());
  }
  return words;
}

// The deepest command that was reached: where the mistake is.
const CLI::App& deepest(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().back();
  return *app;
}

std::string full_name(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : full_name(*parent) + " " + app.get_name();
}

// What CLI11 could not place: the first argument that nobody wanted.
std::string first_stranger(const CLI::App& root) {
  const auto strangers = root.remaining(true);
  return strangers.empty() ? "" : strangers.front();
}

Error usage_error(const CLI::App& root, const CLI::ParseError& trouble) {
  const CLI::App& app = deepest(root);
  const std::string name = full_name(app);
  std::string stranger = first_stranger(root);
  unmark(stranger);
  Error error{ErrorKind::kUsage, "usage", trouble.what(),
              fmt::format("`{} --help` shows what it takes.", name)};
  const std::vector<std::string> words = words_below(app);
  if (!words.empty() && !stranger.empty()) {
    error.message = fmt::format("`{}` has no command \"{}\"", name, stranger);
    if (const auto nearest = nearest_word(stranger, words)) {
      error.next = fmt::format("Did you mean `{} {}`? {}", name, *nearest, error.next);
    }
  } else if (!words.empty()) {
    error.message = fmt::format("`{}` needs one of: {}", name, fmt::join(words, ", "));
  } else if (!stranger.empty()) {
    error.message = fmt::format("`{}` does not take \"{}\"", name, stranger);
    std::vector<std::string> options;
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& each : option->get_lnames()) options.push_back("--" + each);
    }
    const auto nearest = nearest_word(stranger.substr(0, stranger.find('=')), options);
    if (stranger.starts_with('-') && nearest) {
      error.next = fmt::format("Did you mean {}? {}", *nearest, error.next);
    }
  }
  return error;
}

// What was typed for a command between `quorate` and the one that was chosen would go unheard.
std::optional<Error> misplaced_option(const CLI::App& root) {
  const CLI::App& chosen = deepest(root);
  for (const CLI::App* app = chosen.get_parent(); app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      if (option->count() == 0 || option->get_name() == "--json") continue;
      return Error{ErrorKind::kUsage, "usage",
                   fmt::format("`{}` stands before `{}`, which does not see it",
                               option->get_name(), chosen.get_name()),
                   fmt::format("Put it behind, if it is one of those that `{} --help` shows.",
                               full_name(chosen))};
    }
  }
  return std::nullopt;
}

Result<ExitCode> run_guarded(const Command& command, Console& console) {
  // The standard library throws where memory or a thread cannot be had.
  try {
    return command.run(console);
  } catch (const std::exception& trouble) {
    return fail(ErrorKind::kEnvironment, "out-of-resources",
                fmt::format("`quorate {}` stopped: {}", command.path, trouble.what()),
                "Free memory or disk space and type it again.");
  }
}

}  // namespace

void CommandLine::add_group(std::string path, std::string sentence) {
  groups_.push_back({std::move(path), std::move(sentence)});
}

void CommandLine::add(Command command) {
  QUORATE_CHECK(command.run, "a command without a body");
  commands_.push_back(std::move(command));
}

int CommandLine::run(const std::vector<std::string>& argv, std::ostream& out,
                     std::ostream& err) const {
  CLI::App root(sentence_, "quorate");
  root.set_version_flag("--version", version_, "Print the version and exit");
  root.require_subcommand(1);
  root.get_formatter()->column_width(34);
  bool is_json = false;
  for (const Group& group : groups_) {
    CLI::App* app = descend(root, group.path);
    app->description(group.sentence);
    app->require_subcommand(1);
  }
  const Command* chosen = nullptr;
  for (const Command& command : commands_) {
    CLI::App* app = descend(root, command.path);
    app->description(command.sentence);
    if (command.is_hidden) app->group("");
    for (const Parameter& parameter : command.parameters) {
      std::visit(Bind{*app, parameter}, parameter.target);
    }
    app->add_flag("--json", is_json, "Print one JSON value");
    app->footer(footer_of(command));
    // The deepest comes first: a command may have commands of its own.
    app->final_callback([&chosen, &command] {
      if (chosen == nullptr) chosen = &command;
    });
  }

  // CLI11 takes its arguments backwards.
  std::vector<std::string> arguments;
  for (std::size_t i = argv.size(); i > 1; --i) arguments.push_back(mark_negative(argv[i - 1]));
  try {
    root.parse(std::move(arguments));
  } catch (const CLI::Success& help) {  // --help, --version
    return root.exit(help, out, err);
  } catch (const CLI::ParseError& trouble) {
    const bool wants_json = std::find(argv.begin(), argv.end(), "--json") != argv.end();
    Console(out, err, wants_json).error(usage_error(root, trouble));
    return static_cast<int>(ExitCode::kUsage);
  }
  QUORATE_CHECK(chosen != nullptr, "the parser accepted a line without a command");

  Console console(out, err, is_json);
  if (const auto misplaced = misplaced_option(root)) {
    console.error(*misplaced);
    return static_cast<int>(ExitCode::kUsage);
  }
  const Result<ExitCode> outcome = run_guarded(*chosen, console);
  if (outcome) return static_cast<int>(*outcome);
  console.error(outcome.error());
  return static_cast<int>(exit_code_of(outcome.error().kind));
}

}  // namespace quorate::node
