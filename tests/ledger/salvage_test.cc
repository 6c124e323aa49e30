// Of a damaged ledger the blocks before the first bad one are kept, and nothing else.

#include "ledger/salvage.h"

#include <gtest/gtest.h>

#include "tests/ledger/audit_fixture.h"
#include "tests/support/thinning.h"

namespace quorate::ledger::test {
namespace {

class SalvageTest : public AuditTest {
 protected:
  SalvageTest() {
    fill(kBlocks, 4);
    crypto::merkle::Frontier log;
    for (std::uint64_t height = 1; height <= kBlocks; ++height) {
      log.append(record_leaf(store_->record({height}).value()));
      roots_.push_back(log.root());
      notes_.push_back(store_->own_checkpoint({height}).value());
    }
    const std::string opened_by = "what view 1 began with";
    EXPECT_TRUE(store_->put_transcript(kNewView, to_bytes(opened_by)));
    close();
  }

  // What is kept of the ledger as it lies there, in `kept_`.
  Salvaged salvaged(SalvageOptions options = {}) {
    options.threads = 1;
    kept_.reset();
    env_.remove_folder("/new");
    kept_ = Store::create("/new", genesis_, {&env_}).value();
    const auto damaged = open_stopped_database("/ledger", std::nullopt, {&env_});
    if (!damaged) return {Height{0}, damaged.error().message};
    return salvage(*damaged->database, genesis_, *kept_, options).value();
  }
  // Whatever was kept, it is a beginning of the true ledger, and whole.
  void expect_true_beginning(const Salvaged& salvaged, const std::string& what) {
    EXPECT_FALSE(salvaged.ended.empty());
    ASSERT_EQ(kept_->height(), salvaged.height) << what;
    ASSERT_LE(salvaged.height.value, kBlocks) << what;
    for (std::uint64_t height = 1; height <= salvaged.height.value; ++height) {
      EXPECT_EQ(kept_->own_checkpoint({height}).value(), notes_[height - 1]) << what;
    }
    if (salvaged.height.value == 0) return;
    EXPECT_EQ(kept_->tree_head().root, roots_[salvaged.height.value - 1]) << what;
    EXPECT_TRUE(kept_->check_state()) << what;
  }

  static constexpr std::uint64_t kBlocks = 7;
  static constexpr Digest kNewView = {{7}};
  std::vector<Digest> roots_;  // by height, from 1
  std::vector<std::optional<CheckpointNote>> notes_;
  std::unique_ptr<Store> kept_;
};

TEST_F(SalvageTest, AllIsKeptOfAWholeLedger) {
  const Salvaged all = salvaged();
  expect_true_beginning(all, "whole");
  EXPECT_EQ(all.height, Height{kBlocks});
  EXPECT_EQ(kept_->latest_stable().value()->note.sequence, Sequence{4});
  EXPECT_EQ(kept_->transcript(kNewView).value(), to_bytes("what view 1 began with"));
}

TEST_F(SalvageTest, EndsBeforeTheFirstBadBlock) {
  change<SignedTransaction>(keys::transaction(Height{5}, 1),
                            [](SignedTransaction& each) { each.signature.bytes[7] ^= 1; });
  change<CommitCertificate>(keys::certificate(Height{6}), [](CommitCertificate& certificate) {
    certificate.commits[1].signature.bytes[0] ^= 1;
  });
  const Salvaged some = salvaged();
  expect_true_beginning(some, "a signature");
  EXPECT_EQ(some.height, Height{4});
  EXPECT_TRUE(some.ended.starts_with("height 5, transaction 1, signature")) << some.ended;
}

// Another result with its root in the record: nothing but execution can tell.
TEST_F(SalvageTest, ExecutesInsteadOfBelieving) {
  std::vector<TxResult> results =
      crypto::decode<std::vector<TxResult>>(content().at(keys::results(Height{3}))).value();
  results[0].outcome = Outcome::kRejectedCompareFailed;
  results[0].failed_operation = 0;
  forge(keys::results(Height{3}), crypto::encode(results));
  change<Record>(keys::record(Height{3}),
                 [&](Record& record) { record.results_root = results_root(results); });
  const Salvaged all = salvaged();
  expect_true_beginning(all, "a false result");
  EXPECT_EQ(all.height, Height{kBlocks});
}

TEST_F(SalvageTest, IndicesStateAndHeadAreNotNeeded) {
  for (const auto& [key, value] : content()) {
    if (std::string_view("hsimnpbvk").find(static_cast<char>(key.front())) ==
        std::string_view::npos) {
      continue;
    }
    forge(key, std::nullopt);
  }
  const Salvaged all = salvaged();
  expect_true_beginning(all, "without what blocks make");
  EXPECT_EQ(all.height, Height{kBlocks});
}

// Whatever one key loses or becomes, what is kept is true.
TEST_F(SalvageTest, KeepsATrueBeginningWhateverChanged) {
  std::uint32_t number = 0;
  for (const auto& [key, value] : content()) {
    if (++number % quorate::test::kStride != 0) continue;
    forge(key, std::nullopt);
    expect_true_beginning(salvaged(), to_hex(key) + " removed");
    Bytes changed = value;
    changed[changed.size() / 3] ^= 4;
    forge(key, changed);
    expect_true_beginning(salvaged(), to_hex(key));
    forge(key, value);
  }
}

}  // namespace
}  // namespace quorate::ledger::test
