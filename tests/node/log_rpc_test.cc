// The log over HTTP and JSON-RPC, held against genesis alone, as a client does.

#include "node/log_rpc.h"

#include <gtest/gtest.h>

#include "ledger/log_tiles.h"
#include "ledger/log_view.h"
#include "ledger/published_checkpoint.h"
#include "tests/node/rpc_node.h"

namespace quorate::node {
namespace {

using namespace test;
namespace json = boost::json;
namespace merkle = crypto::merkle;

// Three blocks, of which the first two are stable.
class LogRpc : public testing::Test {
 protected:
  LogRpc() {
    node_.has_log_key = true;
    node_.restart();
    node_.add_block({node_.make_put(1, "colour", "blue")});
    node_.add_stable_checkpoint(2000);
    node_.add_block({}, {.after_ms = 2500});
  }
  static std::vector<ledger::Digest> path_of(const json::value& answer) {
    std::vector<ledger::Digest> path;
    for (const auto& hash : at(answer, "path").as_array()) {
      path.push_back(crypto::parse_digest(std::string(hash.as_string())).value());
    }
    return path;
  }
  static ledger::Digest digest_at(const json::value& answer, std::string_view path) {
    return crypto::parse_digest(text_at(answer, path)).value();
  }
  [[nodiscard]] unsigned status_of(std::string_view path) {
    return node_.methods->page(path).value_or(HttpPage{0, {}, {}}).status;
  }

  RpcNode node_;
};

TEST_F(LogRpc, CheckpointIsASignedNoteThatIsNotKept) {
  const auto page = node_.methods->page("/checkpoint");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200U);
  EXPECT_EQ(page->content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(page->cache_control, "no-store");
  const auto stable = ledger::verify_published(page->body, node_.genesis);
  ASSERT_TRUE(stable) << stable.error().to_string();
  EXPECT_EQ(stable->note.head.size, 2U);

  const auto log = node_.get("quorate_log");
  EXPECT_EQ(text_at(log, "note"), page->body);
  EXPECT_EQ(number_at(log, "size"), 3);
  EXPECT_EQ(number_at(log, "checkpoint"), 2);
  const auto own = ledger::parse_note_key(text_at(log, "key")).value();
  const ledger::SignedNote note = ledger::parse_note(page->body).value();
  EXPECT_TRUE(ledger::verify_line(note.lines.front(), own, note.text));
  // The cosigners' keys as others take them are those of the lines behind it.
  std::size_t known = 0;
  for (const auto& text : at(log, "cosigners").as_array()) {
    const auto key = ledger::parse_note_key(std::string(text.as_string())).value();
    for (const auto& line : note.lines) known += ledger::verify_line(line, key, note.text) ? 1 : 0;
  }
  EXPECT_EQ(known, 3U);
}

TEST_F(LogRpc, TilesAreKeptForGoodAndEndAtTheCheckpoint) {
  const auto page = node_.methods->page("/tile/0/000.p/2");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200U);
  EXPECT_EQ(page->content_type, "application/octet-stream");
  EXPECT_EQ(page->cache_control, "public, max-age=31536000, immutable");
  EXPECT_EQ(page->body.size(), 64U);
  EXPECT_EQ(status_of("/tile/entries/000.p/2"), 200U);
  const auto later = node_.methods->page("/tile/0/000.p/3");
  EXPECT_EQ(later->status, 404U) << "the third record is under no signed checkpoint yet";
  EXPECT_EQ(later->cache_control, "no-store");
  EXPECT_EQ(status_of("/tile/0/000"), 404U);
  EXPECT_EQ(status_of("/tile/0/0"), 404U);
  EXPECT_EQ(status_of("/tile/"), 404U);
  EXPECT_EQ(status_of("/tile"), 0U) << "no page of the log";
}

TEST_F(LogRpc, NothingIsThereBeforeTheFirstStableCheckpoint) {
  RpcNode fresh;
  EXPECT_EQ(fresh.page("/checkpoint").substr(0, 3), "404");
  EXPECT_EQ(fresh.page("/tile/0/000.p/1").substr(0, 3), "404");
  EXPECT_TRUE(at(fresh.get("quorate_log"), "note").is_null());
  fresh.add_empty_blocks(2);
  EXPECT_EQ(fresh.refusal("quorate_inclusion", {{"height", 1}}), "-32000 nothing-stable");
  EXPECT_EQ(fresh.refusal("quorate_inclusion", {{"height", 1}, {"size", 2}}), "none");
}

TEST_F(LogRpc, InclusionLeadsFromTheRecordToTheRoot) {
  const auto stable = ledger::verify_published(node_.page("/checkpoint").substr(4), node_.genesis);
  const auto proof = node_.get("quorate_inclusion", {{"height", 1}});
  EXPECT_EQ(number_at(proof, "size"), 2);
  EXPECT_EQ(digest_at(proof, "root"), stable->note.head.root);
  const Bytes record = from_base64(text_at(proof, "record")).value();
  EXPECT_TRUE(merkle::verify_inclusion(merkle::leaf_hash(record), 0, 2, path_of(proof),
                                       stable->note.head.root));
  EXPECT_EQ(node_.refusal("quorate_inclusion", {{"height", 3}}), "-32000 merkle-out-of-range");
  EXPECT_EQ(node_.refusal("quorate_inclusion", {{"height", 4}, {"size", 4}}),
            "-32000 block-not-found");
  EXPECT_EQ(node_.refusal("quorate_inclusion", {{"height", 0}}), "-32602 param-malformed");
  EXPECT_EQ(node_.refusal("quorate_inclusion", {}), "-32602 param-malformed");
}

TEST_F(LogRpc, ConsistencyLeadsFromOneRootToTheOther) {
  const auto proof = node_.get("quorate_consistency", {{"first", 2}, {"second", 3}});
  const ledger::LogView log = node_.store->log();
  EXPECT_EQ(digest_at(proof, "first_root"), log.root(2).value());
  EXPECT_EQ(digest_at(proof, "second_root"), log.root(3).value());
  EXPECT_TRUE(merkle::verify_consistency(2, 3, log.root(2).value(), log.root(3).value(),
                                         path_of(proof)));
  EXPECT_EQ(number_at(node_.get("quorate_consistency", {{"first", 1}}), "second"), 2);
  EXPECT_EQ(node_.refusal("quorate_consistency", {{"first", 3}}), "-32000 merkle-out-of-range");
  EXPECT_EQ(node_.refusal("quorate_consistency", {{"first", 3}, {"second", 4}}),
            "-32000 block-not-found");
}

}  // namespace
}  // namespace quorate::node
