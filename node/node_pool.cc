#include "node/node_pool.h"

#include <fmt/format.h>

#include "crypto/check.h"

namespace quorate::node {

namespace json = boost::json;

Result<NodePool> NodePool::create(const std::vector<std::string>& urls, std::uint32_t timeout_ms) {
  QUORATE_CHECK(!urls.empty(), "a pool without nodes");
  std::vector<RpcClient> clients;
  for (const std::string& url : urls) {
    QUORATE_ASSIGN(RpcClient client, RpcClient::create(url, timeout_ms));
    clients.push_back(std::move(client));
  }
  return NodePool(std::move(clients));
}

Result<json::value> NodePool::call_current(std::string_view method, const json::object& params) {
  return clients_[current_].call(method, params);
}

Result<json::value> NodePool::call(std::string_view method, const json::object& params) {
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    auto answer = call_current(method, params);
    if (answer || !is_trouble_of_one_node(answer.error())) return answer;
    // The only node's own words say more than a summary.
    if (clients_.size() == 1) return answer;
    move_on();
  }
  return tl::unexpected(nobody_reached());
}

void NodePool::move_on() { current_ = (current_ + 1) % clients_.size(); }

Error NodePool::nobody_reached() const {
  std::vector<std::string> urls;
  for (const RpcClient& client : clients_) urls.push_back(client.url());
  return {ErrorKind::kUnavailable, "node-unreachable",
          fmt::format("No node answered at {}", fmt::join(urls, ", ")),
          "Look with `quorate testnet status`, start them with `quorate testnet up`, or give "
          "--node URL."};
}

bool is_trouble_of_one_node(const Error& error) {
  return error.kind == ErrorKind::kUnavailable || error.kind == ErrorKind::kTimeout;
}

}  // namespace quorate::node
