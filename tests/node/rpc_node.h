#pragma once

// A node without network and agreement: a real store, mempool, tracker and RPC, and blocks that
// test keys certify. What node/node.cc adds to them is small enough to be written again here.

#include <boost/json/object.hpp>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/store.h"
#include "node/rpc_methods.h"
#include "tests/crypto/test_folder.h"
#include "tests/ledger/example_network.h"

namespace quorate::node::test {

struct BlockPlan {
  ledger::View view = {0};
  std::vector<std::uint16_t> voters = {0, 1, 3};
  std::uint32_t flags = 0;
  std::uint64_t after_ms = 1000;  // since genesis
};

class RpcNode {
 public:
  explicit RpcNode(MempoolLimits limits = {},
                   ledger::Genesis genesis = ledger::test::example_genesis());

  // Executes, certifies, appends and settles a block.
  void add_block(const std::vector<ledger::TransactionPtr>& transactions,
                 const BlockPlan& plan = {});
  void add_empty_blocks(std::size_t count);
  // An empty block that is a checkpoint, at this time since genesis, which becomes stable.
  void add_stable_checkpoint(std::uint64_t after_ms);
  // A transaction of Alice with one put.
  [[nodiscard]] ledger::TransactionPtr make_put(std::uint64_t nonce, std::string_view key,
                                                std::string_view value);
  [[nodiscard]] ledger::TransactionPtr make(const ledger::Transaction& body,
                                            std::string_view sender = "alice");
  [[nodiscard]] static Bytes encoded(const ledger::TransactionPtr& transaction);

  // A call; the reply may come later.
  [[nodiscard]] std::future<RpcResult> start(std::string_view method,
                                             const boost::json::object& params,
                                             bool from_get = false);
  [[nodiscard]] RpcResult ask(std::string_view method, const boost::json::object& params = {},
                              bool from_get = false);
  // The result, or a failed test.
  [[nodiscard]] boost::json::value get(std::string_view method,
                                       const boost::json::object& params = {},
                                       bool from_get = false);
  // "number code", such as "-32602 param-unknown"; "none" where there is no error.
  [[nodiscard]] std::string refusal(std::string_view method,
                                    const boost::json::object& params = {}, bool from_get = false);
  [[nodiscard]] std::string page(std::string_view path);

  [[nodiscard]] ledger::TimeMs now() const { return {ledger::test::kGenesisTime.value + 500}; }

  crypto::test::TestFolder folder;
  ledger::Genesis genesis;
  std::unique_ptr<ledger::Store> store;
  bool has_log_key = false;  // it costs several syncs; from the next `restart` on
  std::unique_ptr<LogPublisher> publisher;
  std::unique_ptr<Mempool> mempool;
  std::unique_ptr<Tracker> tracker;
  CoreSnapshot core;
  pbft::Waiting waiting;
  std::vector<PeerState> peers;
  std::optional<std::string> trouble;

  // Methods over what the fields say now; made anew by `restart`, whose tracker knows nothing.
  void restart();
  std::unique_ptr<NodeView> view;
  std::unique_ptr<RpcMethods> methods;

 private:
  [[nodiscard]] Result<SubmitOutcome> submit(ByteView encoded);
  [[nodiscard]] Result<TxStatus> status(const ledger::TxId& id) const;

  MempoolLimits limits_;
  crypto::SignatureCache signatures_{1024};
  std::unique_ptr<ledger::TransactionVerifier> verifier_;
};

// The member at a path such as "block.header.height"; a number names an element. Fails the test and
// returns null where there is none.
[[nodiscard]] const boost::json::value& at(const boost::json::value& value, std::string_view path);
// Its text. Fails the test if it is no string.
[[nodiscard]] std::string text_at(const boost::json::value& value, std::string_view path);
[[nodiscard]] std::int64_t number_at(const boost::json::value& value, std::string_view path);

}  // namespace quorate::node::test
