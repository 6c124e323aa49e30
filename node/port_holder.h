#pragma once

// Who listens on a TCP port of this machine, so that "port in use" can name the culprit.

#include <cstdint>
#include <optional>
#include <string>

namespace quorate::node {

struct PortHolder {
  std::int64_t pid = 0;
  std::string command;  // its command line, cut to a readable length; may be empty
};

// Reads /proc; nullopt if nobody listens there or the holder's files may not be read (a process of
// another user). A few milliseconds for a thousand processes. Thread-safe.
[[nodiscard]] std::optional<PortHolder> find_port_holder(std::uint16_t port);

}  // namespace quorate::node
