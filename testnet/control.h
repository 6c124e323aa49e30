#pragma once

// How commands talk to the supervisor: one JSON value a line over a Unix socket in the testnet's
// folder. A question is {"do": "status" | "kill" | "stop" | "start" | "shutdown", "replica": N},
// the answer {"result": ...} or {"error": {code, kind, message, next}}.
//
// The socket can be reached by its owner only. Nothing that arrives there can block or grow the
// supervisor: lines, clients and silence are bounded.

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "crypto/result.h"
#include "node/descriptor.h"

struct pollfd;

namespace quorate::testnet {

inline constexpr std::size_t kControlLineMax = 4096;
inline constexpr std::size_t kControlClientsMax = 32;
inline constexpr std::chrono::seconds kControlSilenceMax{10};

class ControlServer {
 public:
  using Handler = std::function<Result<boost::json::value>(const boost::json::object& question)>;

  // Replaces a socket that a dead supervisor left. Error: "control-socket-failed" (kEnvironment).
  [[nodiscard]] static Result<ControlServer> create(const std::filesystem::path& socket,
                                                    Handler handler);
  ~ControlServer();  // removes the socket
  ControlServer(ControlServer&&) noexcept = default;
  ControlServer& operator=(ControlServer&&) = delete;

  // For poll(2): appends what it waits for; `serve` then takes the same entries back.
  void watch(std::vector<pollfd>& entries) const;
  void serve(const std::vector<pollfd>& entries);

 private:
  using Clock = std::chrono::steady_clock;
  struct Client {
    node::Descriptor descriptor;
    std::string received;
    Clock::time_point last_heard;
  };

  ControlServer(std::filesystem::path socket, node::Descriptor listener, Handler handler)
      : socket_(std::move(socket)),
        listener_(std::move(listener)),
        handler_(std::move(handler)) {}
  void accept_client();
  [[nodiscard]] bool serve_client(Client& client);
  [[nodiscard]] std::string answer(std::string_view line) const;

  std::filesystem::path socket_;
  node::Descriptor listener_;
  Handler handler_;
  std::vector<Client> clients_;
};

// Asks the supervisor behind this socket. Errors: "supervisor-not-running" (kNotFound: nobody
// listens), "supervisor-silent" (kTimeout), those that it answers.
[[nodiscard]] Result<boost::json::value> ask_supervisor(
    const std::filesystem::path& socket, const boost::json::object& question,
    std::chrono::milliseconds patience = std::chrono::seconds(5));

}  // namespace quorate::testnet
