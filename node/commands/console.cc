#include "node/commands/console.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "node/rpc_error.h"

namespace quorate::node {

void Console::line(std::string_view text) {
  if (!is_json_) out_ << text << '\n' << std::flush;
}

void Console::remark(std::string_view text) {
  if (!is_json_) err_ << text << '\n' << std::flush;
}

void Console::json(const boost::json::value& value) {
  if (is_json_) out_ << boost::json::serialize(value) << '\n' << std::flush;
}

void Console::raw(std::string_view bytes) { out_ << bytes << std::flush; }

void Console::error(const Error& error) {
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
