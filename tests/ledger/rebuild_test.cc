// Blocks of somebody else, executed here: what they say and execution does not bear out is named.

#include "ledger/rebuild.h"

#include <gtest/gtest.h>

#include "tests/ledger/audit_fixture.h"
#include "tests/support/thinning.h"

namespace quorate::ledger::test {
namespace {

class RebuildTest : public AuditTest {
 protected:
  RebuildTest() {
    fill(kBlocks, 4);
    head_ = store_->tree_head();
    close();
  }
  // The ledger as it lies there, taken as from a stranger: where it is wrong, or "none".
  std::string judged() {
    const auto opened = open_stopped_database("/ledger", std::nullopt, {&env_}).value();
    AuditWindow window = read_window(*opened.database, Height{1}, Height{kBlocks}).value();
    env_.remove_folder("/new");
    const auto into = Store::create("/new", genesis_, {&env_}).value();
    // As it travels.
    const Bytes sent = crypto::encode(bytes_of(std::move(window)));
    window = window_of(crypto::decode<std::vector<BlockBytes>>(sent).value());
    Rebuild rebuild(genesis_, *into, 1, Claims::kCompared);
    const auto finding = rebuild.take(window).value();
    if (!finding) {
      EXPECT_EQ(into->tree_head(), head_);
      return "none";
    }
    const std::string sentence = finding_sentence(*finding);
    return sentence.substr(0, sentence.find(": expected "));
  }

  static constexpr std::uint64_t kBlocks = 7;
  TreeHead head_;
};

TEST_F(RebuildTest, TrueBlocksGiveTheSameLog) { EXPECT_EQ(judged(), "none"); }

TEST_F(RebuildTest, NoByteOfABlockChangesUnnoticed) {
  std::uint32_t number = 0;
  for (const auto& [key, value] : content()) {
    const bool is_of_a_block =
        std::string_view("rucwtkq").find(static_cast<char>(key.front())) != std::string_view::npos;
    if (!is_of_a_block || ++number % quorate::test::kStride != 0) continue;
    Bytes changed = value;
    changed[changed.size() / 3] ^= 4;
    forge(key, changed);
    EXPECT_NE(judged(), "none") << to_hex(key);
    forge(key, value);
  }
}

TEST_F(RebuildTest, NamesTheResultThatExecutionDoesNotGive) {
  auto results =
      crypto::decode<std::vector<TxResult>>(content().at(keys::results(Height{3}))).value();
  results[0].outcome = Outcome::kRejectedCompareFailed;
  results[0].failed_operation = 0;
  forge(keys::results(Height{3}), crypto::encode(results));
  change<Record>(keys::record(Height{3}),
                 [&](Record& record) { record.results_root = results_root(results); });
  EXPECT_EQ(judged(), "height 3, result");
}

TEST_F(RebuildTest, NamesACheckpointOfAnotherState) {
  change<CheckpointNote>(keys::own_checkpoint(Height{6}),
                         [](CheckpointNote& note) { note.state_root.bytes[0] ^= 1; });
  EXPECT_EQ(judged(), "height 6, checkpoint note");
}

}  // namespace
}  // namespace quorate::ledger::test
