#include "node/commands/console.h"

#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <utility>

#include "node/rpc_error.h"

namespace quorate::node {
namespace {

// To the beginning of the line, and all of it blank (ECMA-48 EL).
constexpr std::string_view kClearLine = "\r\x1b[K";

}  // namespace

Console::Console(std::ostream& out, std::ostream& err, bool is_json)
    : out_(out),
      err_(err),
      is_json_(is_json),
      is_on_terminal_(&err == &std::cerr && ::isatty(STDERR_FILENO) == 1) {}

void Console::progress(std::string_view text) {
  if (is_on_terminal_) {
    err_ << kClearLine << text << std::flush;
    has_progress_ = true;
  } else {
    err_ << text << '\n' << std::flush;
  }
}

void Console::end_progress() {
  if (std::exchange(has_progress_, false)) err_ << kClearLine << std::flush;
}

void Console::line(std::string_view text) {
  end_progress();
  if (!is_json_) out_ << text << '\n' << std::flush;
}

void Console::remark(std::string_view text) {
  end_progress();
  if (!is_json_) err_ << text << '\n' << std::flush;
}

void Console::json(const boost::json::value& value) {
  end_progress();
  if (is_json_) out_ << boost::json::serialize(value) << '\n' << std::flush;
}

void Console::raw(std::string_view bytes) { out_ << bytes << std::flush; }

void Console::error(const Error& error) {
  end_progress();
  if (is_json_) {
    json({{"error", error_to_json(error)}});
    return;
  }
  std::string_view message = error.message;
  if (message.ends_with('.')) message.remove_suffix(1);
  err_ << "error: " << message << " (" << error.code << ").\n";
  if (!error.next.empty()) err_ << "next:  " << error.next << '\n';
  err_ << std::flush;
}

}  // namespace quorate::node
