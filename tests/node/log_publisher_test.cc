// The log key: one history for everybody, whatever happens to the ledger and in between.

#include "node/log_publisher.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "ledger/log_view.h"
#include "ledger/published_checkpoint.h"
#include "node/files.h"
#include "tests/ledger/signed_ledger.h"
#include "tests/support/temporary_folder.h"

namespace quorate::node {
namespace {

using namespace ledger::test;  // NOLINT: the example network's people and what they make
using ledger::SignedNote;

class LogPublisherTest : public SignedLedger {
 protected:
  LogPublisherTest() { restart(); }

  void restart() {
    publisher_ = std::make_unique<LogPublisher>(home_, chain_, replicas_, std::nullopt);
  }
  void publish() { ASSERT_TRUE(publisher_->refresh(*store_)); }
  void grow(int blocks = 2) {
    append_empty(blocks);
    stabilise_newest();
    publish();
  }
  // Whether the published note has a good signature by the published key.
  [[nodiscard]] bool is_signed() const {
    const auto key = ledger::parse_note_key(publisher_->key_text());
    const auto note = ledger::parse_note(publisher_->note().value_or(""));
    return key && note && ledger::verify_line(note->lines[0], *key, note->text);
  }
  [[nodiscard]] std::string refusal_code() const {
    const auto refusal = publisher_->refusal();
    return refusal ? std::string(refusal->code) : "none";
  }
  void cut_power() {
    env_.stop();
    store_.reset();
    env_.cut_power(quorate::test::FaultyEnv::PowerCut::kLosesUnsynced);
    env_.heal();
    store_ = ledger::Store::open("/ledger", chain_, {&env_}).value();
  }
  // Another ledger of this network.
  void rewrite_history(int blocks) {
    store_.reset();
    store_ = ledger::Store::create("/other" + std::to_string(blocks), genesis_, {&env_}).value();
    append({transaction(1, {put("colour", "another")})});
    append_empty(blocks - 1);
    stabilise_newest();
  }

  quorate::test::TemporaryFolder folder_;
  const Home home_{folder_.path()};
  const ledger::Digest chain_ = ledger::chain_id_of(genesis_);
  const ledger::ReplicaSet replicas_ = ledger::genesis_replicas(genesis_);
  std::unique_ptr<LogPublisher> publisher_;
};

TEST_F(LogPublisherTest, PublishesTheNewestStableCheckpointWithItsOwnSignatureFirst) {
  publish();
  EXPECT_FALSE(publisher_->note());
  grow();
  EXPECT_TRUE(is_signed());
  const auto stable = ledger::verify_published(publisher_->note().value(), genesis_);
  ASSERT_TRUE(stable) << stable.error().to_string();
  EXPECT_EQ(stable->note.head.size, 2U);
  grow();
  EXPECT_TRUE(is_signed());
  EXPECT_EQ(ledger::verify_published(publisher_->note().value(), genesis_)->note.head.size, 4U);
  EXPECT_EQ(refusal_code(), "none");
}

TEST_F(LogPublisherTest, TheKeyStaysAcrossRestarts) {
  grow();
  const std::string key = publisher_->key_text();
  const std::string note = publisher_->note().value();
  restart();
  publish();
  EXPECT_EQ(publisher_->key_text(), key);
  EXPECT_EQ(publisher_->note(), note);
  grow();
  EXPECT_TRUE(is_signed());
}

// Every note that was ever signed is extended by every later one, though after each the power goes:
// the ledger loses what was not synced, and executes the same batches again.
TEST_F(LogPublisherTest, WhatItSignsIsOneHistoryAcrossRestartsAndPowerCuts) {
  std::vector<ledger::TreeHead> signed_heads;
  for (int round = 0; round < 6; ++round) {
    append_empty(2 + round % 3);
    if (round % 2 == 0) {
      ASSERT_TRUE(store_->sync());
    }
    stabilise_newest();
    publish();
    ASSERT_TRUE(is_signed()) << round << " " << refusal_code();
    const std::string note = publisher_->note().value();
    signed_heads.push_back(ledger::verify_published(note, genesis_)->note.head);
    const ledger::Height height = store_->height();
    cut_power();
    restart();
    publish();
    while (store_->height() < height) append({});
    stabilise_newest();
    publish();
    EXPECT_EQ(publisher_->note(), note) << round;
  }
  const ledger::LogView log = store_->log();
  for (std::size_t i = 1; i < signed_heads.size(); ++i) {
    const auto& [size, root] = signed_heads[i - 1];
    const auto& [later_size, later_root] = signed_heads[i];
    const auto path = log.consistency_path(size, later_size).value();
    EXPECT_TRUE(
        crypto::merkle::verify_consistency(size, later_size, root, later_root, path)) << i;
  }
}

// What more than f liars could get it to.
TEST_F(LogPublisherTest, NeverSignsASecondHistoryThoughTheLedgerIsAnother) {
  grow(4);
  for (const int blocks : {2, 4, 6}) {
    rewrite_history(blocks);
    restart();
    publish();
    EXPECT_FALSE(is_signed()) << blocks;
    EXPECT_EQ(refusal_code(), "log-other-history") << blocks;
    // What a quorum cosigned is published all the same, and convicts it.
    EXPECT_TRUE(ledger::verify_published(publisher_->note().value(), genesis_));
  }
}

TEST_F(LogPublisherTest, SignsNothingWithoutTheMemoryOfWhatItSigned) {
  grow();
  std::filesystem::remove(home_.log_signed());
  restart();
  grow();
  EXPECT_EQ(refusal_code(), "log-key-without-memory");
  EXPECT_EQ(publisher_->key_text(), "");
  EXPECT_TRUE(ledger::verify_published(publisher_->note().value(), genesis_));
  ASSERT_TRUE(create_file(home_.log_signed(), "something else\n"));
  restart();
  grow();
  EXPECT_EQ(refusal_code(), "log-signed-malformed");
}

// The key may come back, and must find what it signed.
TEST_F(LogPublisherTest, MakesNoKeyOverTheMemoryOfAnother) {
  grow();
  const auto memory = read_file(home_.log_signed(), ledger::kNoteBytesMax).value();
  std::filesystem::remove(home_.log_key());
  restart();
  grow();
  EXPECT_FALSE(is_signed());
  EXPECT_EQ(refusal_code(), "log-memory-without-key");
  EXPECT_EQ(publisher_->key_text(), "");
  EXPECT_FALSE(std::filesystem::exists(home_.log_key()));
  EXPECT_EQ(read_file(home_.log_signed(), ledger::kNoteBytesMax).value(), memory);
}

// Both go: another key, which nobody has seen sign anything.
TEST_F(LogPublisherTest, ANewKeyBeginsANewMemory) {
  grow();
  const std::string key = publisher_->key_text();
  std::filesystem::remove(home_.log_signed());
  std::filesystem::remove(home_.log_key());
  restart();
  grow();
  EXPECT_TRUE(is_signed());
  EXPECT_NE(publisher_->key_text(), key);
}

// What it is about to sign is on the disk first; where it cannot be, nothing is signed.
TEST_F(LogPublisherTest, SignsNothingThatItCannotRemember) {
  grow();
  const auto aside = folder_.path() / "aside";
  std::filesystem::rename(home_.log_signed(), aside);
  std::filesystem::create_directory(home_.log_signed());
  grow();
  EXPECT_FALSE(is_signed());
  EXPECT_EQ(refusal_code(), "file-write-failed");
  std::filesystem::remove(home_.log_signed());
  std::filesystem::rename(aside, home_.log_signed());
  publish();
  EXPECT_TRUE(is_signed());
  EXPECT_EQ(refusal_code(), "none");
}

}  // namespace
}  // namespace quorate::node
