#pragma once

// The nodes that a load is handed to: a few connections each, many transactions a request, none to
// a node that is down. Includes Asio: for .cc files only.
//
// Whatever waits goes out at once, in turn to the nodes that have a free connection; what arrives
// while all are under way shares the next request. A node that answers "busy" rests a moment, one
// that fails is tried again by itself with growing pauses.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node/asio.h"
#include "node/bench/flight.h"
#include "node/bench/rpc_link.h"
#include "node/bench/workload.h"

namespace quorate::node {

class Submitters {
 public:
  struct Callbacks {
    std::function<std::uint64_t()> now_us;
    std::function<void()> on_answer;  // after something changed in the flight
  };

  // All outlive this. Precondition: each endpoint answers, or will be found to be down.
  Submitters(asio::io_context& io, const std::vector<Endpoint>& nodes, const Workload& workload,
             Flight& flight, Callbacks callbacks);
  ~Submitters();

  // Sends what waits, as far as connections are free. Calls no callback.
  void send();
  // From time to time: tries nodes that are down again.
  void look_after();

  [[nodiscard]] std::uint64_t failed_requests() const { return failed_requests_; }
  [[nodiscard]] std::size_t nodes_down() const;

 private:
  struct Node;

  bool send_to(std::size_t number);
  void on_answer(std::size_t number, const std::vector<Flight::Tx>& sent,
                 const Result<std::string>& answer);
  void on_failure(std::size_t number, const std::vector<Flight::Tx>& sent, const Error& error);
  void read_answer(std::size_t number, const std::vector<Flight::Tx>& sent,
                   const std::string& body);
  void rest(Node& node);
  void probe(std::size_t number);

  const Workload& workload_;
  Flight& flight_;
  Callbacks callbacks_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::size_t turn_ = 0;
  std::uint64_t failed_requests_ = 0;
};

}  // namespace quorate::node
