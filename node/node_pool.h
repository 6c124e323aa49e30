#pragma once

// Several nodes of one network as one: a command talks to the first and moves on when it is down.
// Not thread-safe.

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/result.h"
#include "node/rpc_client.h"

namespace quorate::node {

class NodePool {
 public:
  // Precondition: at least one url (checked). Error: "url-malformed".
  [[nodiscard]] static Result<NodePool> create(const std::vector<std::string>& urls,
                                               std::uint32_t timeout_ms = 15'000);

  // Asks the current node; one that cannot be reached or does not answer in time is left, until
  // each node was asked once. Only for methods that may be repeated. Errors: those of
  // RpcClient::call; if nobody could be reached, "node-unreachable" naming all.
  [[nodiscard]] Result<boost::json::value> call(std::string_view method,
                                                const boost::json::object& params);
  // Asks the current node, whatever it says.
  [[nodiscard]] Result<boost::json::value> call_current(std::string_view method,
                                                        const boost::json::object& params);
  // The next node becomes the current one; after the last comes the first.
  void move_on();

  [[nodiscard]] const std::string& url() const { return clients_[current_].url(); }
  [[nodiscard]] std::size_t size() const { return clients_.size(); }
  // "node-unreachable", naming all nodes.
  [[nodiscard]] Error nobody_reached() const;

 private:
  explicit NodePool(std::vector<RpcClient> clients) : clients_(std::move(clients)) {}

  std::vector<RpcClient> clients_;
  std::size_t current_ = 0;
};

// Whether the node behind this error may be asked again elsewhere: it is down, silent or
// overloaded.
[[nodiscard]] bool is_trouble_of_one_node(const Error& error);

}  // namespace quorate::node
