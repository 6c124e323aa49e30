#pragma once

// Where a command prints.
//
// A person gets lines on standard output and, if it fails, message, code and way forward on
// standard error. With --json, standard output holds exactly one JSON value on one line: the result
// or {"error":{"code","kind","message","next"}}. So a command says both, `line` for people and
// `json` for programs, and only the wanted one appears. Not thread-safe.

#include <boost/json/value.hpp>
#include <ostream>
#include <string_view>

#include "crypto/result.h"

namespace quorate::node {

class Console {
 public:
  // The streams outlive this.
  Console(std::ostream& out, std::ostream& err, bool is_json);

  [[nodiscard]] bool is_json() const { return is_json_; }
  // Standard error is: there progress may be said often.
  [[nodiscard]] bool is_on_terminal() const { return is_on_terminal_; }

  // Part of the result, for people. Flushed, so that progress shows as it happens.
  void line(std::string_view text);
  // A remark that is no part of the result: standard error, for people.
  void remark(std::string_view text);
  // What goes on meanwhile: standard error in either mode, since it is no part of the result. On a
  // terminal each takes the place of the one before, and anything else that of the last.
  void progress(std::string_view text);
  // The result, for programs. At most once a command.
  void json(const boost::json::value& value);
  // Bytes that are the result in either mode (a receipt), unchanged.
  void raw(std::string_view bytes);
  void error(const Error& error);

 private:
  void end_progress();

  std::ostream& out_;
  std::ostream& err_;
  bool is_json_;
  bool is_on_terminal_;  // standard error is
  bool has_progress_ = false;
};

}  // namespace quorate::node
