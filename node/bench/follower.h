#pragma once

// Learns what is replicated by reading blocks, instead of asking for each transaction: one node is
// asked for the next height until it has it, and a block at a node's height is that node's report
// that its transactions are replicated. Several heights go into one question, more of them the
// further the follower is behind. Includes Asio: for .cc files only.
//
// A node that fails, or has nothing new for a while, is left for the next one at the same height.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "node/asio.h"
#include "node/bench/seen_block.h"
#include "node/config.h"

namespace quorate::node {

class Follower {
 public:
  // `on_block` gets each height once, in order, and the moment when the node's answer had come.
  using OnBlock =
      std::function<void(const SeenBlock& block, std::chrono::steady_clock::time_point received)>;

  Follower(asio::io_context& io, const std::vector<Endpoint>& nodes, std::uint64_t first_height,
           OnBlock on_block);
  ~Follower();
  void start();

  [[nodiscard]] std::uint64_t next_height() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quorate::node
