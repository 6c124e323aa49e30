// A ledger without its early blocks: what stays reads, proves, audits and goes on as before.

#include "ledger/prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <sstream>

#include "ledger/auditor.h"
#include "ledger/log_view.h"
#include "ledger/receipt.h"
#include "ledger/stopped_ledger.h"
#include "node/commands/registry.h"
#include "node/files.h"
#include "tests/ledger/signed_ledger.h"
#include "tests/support/temporary_folder.h"

namespace quorate::node {
namespace {

using namespace ledger::test;  // NOLINT: the example network's people and what they make
using ledger::Height;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::uint64_t kBlocks = 13;

class LedgerPrune : public testing::Test {
 protected:
  LedgerPrune() {
    fs::create_directories(home_);
    EXPECT_TRUE(create_file(home_ / "genesis.json", ledger::genesis_to_json(genesis_)));
    store_ = ledger::Store::create(home_ / "ledger", genesis_).value();
    for (std::uint64_t i = 1; i <= kBlocks; ++i) append();
    for (const std::uint64_t height : {4, 8, 10}) stabilise_at(Height{height});
  }
  void append() {
    const std::uint64_t nonce = ++nonce_;
    append_block(*store_, genesis_,
                 {sign(example_body(genesis_, nonce,
                                    {put("key/" + std::to_string(nonce % 5), "v"),
                                     add("count", 1)}))});
  }
  void stabilise_at(Height height) {
    const auto note = store_->own_checkpoint(height).value().value();
    const std::uint64_t seconds = store_->record(height).value().effective_time.value / 1000;
    ASSERT_TRUE(store_->put_stable(stabilise(note, seconds, {0, 2, 3})));
  }
  void reopen() {
    store_ = ledger::Store::open(home_ / "ledger", ledger::chain_id_of(genesis_)).value();
  }
  struct Ran {
    int code = 0;
    std::string out, err;
  };
  Ran run(std::vector<std::string> words) const {
    CommandLine line("", "");
    add_ledger_commands(line);
    add_ledger_verify_command(line);
    add_ledger_prune_command(line);
    words.insert(words.begin(), {"quorate", "ledger"});
    std::ostringstream out, err;
    const int code = line.run(words, out, err);
    return {code, out.str(), err.str()};
  }
  Ran prune(std::uint64_t below) {
    store_.reset();
    return run({"prune", home_.string(), "--below", std::to_string(below)});
  }
  Ran verify(bool is_structural) {
    store_.reset();
    std::vector<std::string> words = {"verify", home_.string(), "--genesis",
                                      (home_ / "genesis.json").string()};
    if (is_structural) words.emplace_back("--structural");
    return run(words);
  }

  const quorate::test::TemporaryFolder folder_;
  const fs::path home_ = folder_.path() / "home";
  const ledger::Genesis genesis_ = [] {
    ledger::Genesis genesis = example_genesis();
    genesis.parameters.checkpoint_interval = 2;
    return genesis;
  }();
  std::unique_ptr<ledger::Store> store_;
  std::uint64_t nonce_ = 0;
};

TEST_F(LedgerPrune, KeepsStateBlocksAndProofsFromTheCheckpointOn) {
  const ledger::TreeHead head = store_->tree_head();
  const auto late = store_->block(Height{9}).value();
  const ledger::TxId early = store_->block(Height{8}).value().results[0].id;
  const auto count = store_->get(to_bytes("count")).value();
  const Ran pruned = prune(10);
  ASSERT_EQ(pruned.code, 0) << pruned.err;
  EXPECT_THAT(pruned.out, HasSubstr("blocks 1 to 8 are gone, 9 to 13 are here"));
  EXPECT_FALSE(fs::exists(home_ / "ledger.prune"));
  EXPECT_FALSE(fs::exists(home_ / "ledger.before-prune"));
  reopen();
  EXPECT_EQ(store_->base(), Height{8});
  EXPECT_EQ(store_->tree_head(), head);
  EXPECT_EQ(store_->get(to_bytes("count")).value(), count);
  EXPECT_EQ(store_->block(Height{8}).error().code, "block-not-kept");
  EXPECT_EQ(store_->block(Height{9}).value().results, late.results);
  EXPECT_FALSE(store_->find(early).value());
  const auto receipt = ledger::make_receipt(*store_, late.results[0].id).value();
  EXPECT_TRUE(ledger::verify_receipt(receipt, genesis_).value().result_proved);
  EXPECT_TRUE(store_->log().consistency_path(8, kBlocks));
  EXPECT_EQ(store_->log().consistency_path(7, kBlocks).error().code, "block-not-kept");
}

TEST_F(LedgerPrune, HoldsBeforeTheAudit) {
  ASSERT_EQ(prune(10).code, 0);
  for (const bool is_structural : {true, false}) {
    const Ran verified = verify(is_structural);
    EXPECT_EQ(verified.code, 0) << verified.out << verified.err;
    EXPECT_THAT(verified.out, HasSubstr("blocks 1 to 8 are not in this ledger"));
  }
  EXPECT_THAT(run({"stat", home_.string()}).out, HasSubstr("pruned    up to height 8"));
}

TEST_F(LedgerPrune, GoesOnAndIsPrunedAgain) {
  ASSERT_EQ(prune(5).code, 0);
  reopen();
  EXPECT_EQ(store_->base(), Height{4});
  for (int i = 0; i < 4; ++i) append();
  stabilise_at(Height{16});
  EXPECT_EQ(prune(17).code, 0);
  EXPECT_EQ(verify(true).code, 0);
  reopen();
  EXPECT_EQ(store_->base(), Height{16});
  append();
}

TEST_F(LedgerPrune, WithoutACheckpointNothingIsPruned) {
  for (const std::uint64_t below : {0, 1, 4}) {
    const Ran refused = prune(below);
    EXPECT_EQ(refused.code, 5) << below;
    EXPECT_THAT(refused.err, HasSubstr("nothing-to-prune"));
    EXPECT_FALSE(fs::exists(home_ / "ledger.prune"));
  }
  reopen();
  EXPECT_EQ(store_->base(), Height{0});
}

// Or its key could never sign again (node/log_publisher.h).
TEST_F(LedgerPrune, KeepsTheSizeThatTheLogKeySignedLast) {
  const auto note = store_->own_checkpoint(Height{8}).value().value();
  const std::string body = ledger::checkpoint_body(note);
  ASSERT_TRUE(create_file(home_ / "log.signed",
                          body + "\n\xe2\x80\x94 example AAAAAAAA\n"));
  ASSERT_EQ(prune(kBlocks).code, 0);
  reopen();
  EXPECT_EQ(store_->base(), Height{8}) << "though a quorum cosigned height 10";
}

TEST_F(LedgerPrune, OfADamagedLedgerNothingIsChanged) {
  store_.reset();
  fs::path log;
  for (const auto& entry : fs::directory_iterator(home_ / "ledger")) {
    if (entry.path().extension() == ".log") log = entry.path();
  }
  const std::string whole = read_file(log, 64 << 20).value();
  std::string flipped = whole;
  flipped[whole.size() / 2] ^= 1;
  ASSERT_TRUE(replace_file(log, flipped));
  EXPECT_EQ(prune(10).code, 8);
  EXPECT_FALSE(fs::exists(home_ / "ledger.prune"));
  EXPECT_EQ(read_file(log, 64 << 20).value(), flipped);
}

}  // namespace
}  // namespace quorate::node
