// The auditor: a true ledger holds, and whatever is forged in one is named.

#include "ledger/auditor.h"

#include <gtest/gtest.h>

#include "ledger/audit_window.h"
#include "tests/ledger/audit_fixture.h"
#include "tests/support/thinning.h"

namespace quorate::ledger::test {
namespace {

TEST_F(AuditTest, TrueLedgerHolds) {
  fill(13, 10);
  close();
  const auto before = env_.files("/ledger");
  const auto report = audit();
  ASSERT_EQ(place(report), "none") << report->finding->found;
  EXPECT_EQ(report->blocks, 13U);
  EXPECT_EQ(report->transactions, 26U + 4 + 2 + 1 + 3);
  EXPECT_EQ(report->stable_checkpoints, 5U);
  EXPECT_EQ(report->last_stable, Height{10});
  EXPECT_EQ(report->signatures, report->transactions + 13 * 3 + 5 * 3);
  EXPECT_TRUE(report->executed);
  EXPECT_EQ(env_.files("/ledger"), before);
  const std::string verdict = verdict_sentence(*report);
  EXPECT_NE(verdict.find("holds: 13 blocks with 36 transactions"), std::string::npos) << verdict;
  EXPECT_NE(verdict.find("no quorum cosigned the results of the blocks above 10"),
            std::string::npos)
      << verdict;
}

TEST_F(AuditTest, StructureAloneChecksNoTransactionAndSaysSo) {
  fill(6, 6);
  close();
  const auto report = audit_structure();
  ASSERT_EQ(place(report), "none") << report->finding->found;
  EXPECT_FALSE(report->executed);
  EXPECT_EQ(report->signatures, 3U * 3);  // of the stable checkpoints
  EXPECT_NE(verdict_sentence(*report).find("no signature of a transaction"), std::string::npos);
}

// Re-execution judges evidence again, from the genesis document alone.
TEST_F(AuditTest, LedgerWithEvidenceHolds) {
  VoteEvidence bad = example_evidence(genesis_, 2);
  bad.second_signature.bytes[0] ^= 1;
  append({transaction(1, {RecordEvidence{example_evidence(genesis_, 3)}}),
          transaction(2, {RecordEvidence{example_evidence(genesis_, 3)}}),
          transaction(3, {RecordEvidence{bad}})});
  append({transaction(4, {put("k", "v")})});
  stabilise_newest();
  const StoredBlock block = store_->block({1}).value();
  EXPECT_EQ(block.results[0].outcome, Outcome::kApplied);
  EXPECT_EQ(block.results[1].outcome, Outcome::kRejectedEvidenceKnown);
  EXPECT_EQ(block.results[2].outcome, Outcome::kRejectedEvidenceInvalid);
  close();
  EXPECT_EQ(place(audit()), "none");
  change<SignedTransaction>(keys::transaction({1}, 0), [&](SignedTransaction& forged) {
    auto& evidence = std::get<RecordEvidence>(forged.body.operations[0]).evidence;
    std::get<VoteEvidence>(evidence).first.replica = {2};
  });
  EXPECT_NE(place(audit()), "none");
}

TEST_F(AuditTest, EmptyLedgerHolds) {
  close();
  EXPECT_EQ(place(audit()), "none");
}

// Whatever one key loses or becomes is noticed: by its structure alone, but for signatures and
// write sets, which no hash covers.
TEST_F(AuditTest, NoKeyIsRemovedOrChangedUnnoticed) {
  fill(7, 4);
  close();
  const auto all = content();
  std::uint32_t number = 0;
  for (const auto& [key, value] : all) {
    if (++number % quorate::test::kStride != 0) continue;
    // What pages go later is nothing that is served.
    if (key.front() == 'x' || key.front() == 'f' || key.front() == kSealPrefix) continue;
    // Of the stable checkpoints only the newest is missed: earlier state was dropped for it.
    const bool may_be_absent = key.front() == 'q' && key != keys::stable(Height{4});
    forge(key, std::nullopt);
    if (!may_be_absent) {
      EXPECT_NE(place(audit_structure()), "none") << to_hex(key) << " removed";
    }
    Bytes changed = value;
    changed[changed.size() / 3] ^= 4;
    forge(key, changed);
    const bool takes_all = std::string_view("tcw").find(static_cast<char>(key.front())) !=
                           std::string_view::npos;
    EXPECT_NE(place(takes_all ? audit() : audit_structure()), "none") << to_hex(key);
    forge(key, value);
  }
  EXPECT_EQ(place(audit()), "none");
}

TEST_F(AuditTest, NamesTransactionAndFieldOfASignature) {
  fill(7, 4);
  close();
  change<SignedTransaction>(keys::transaction(Height{5}, 1),
                            [](SignedTransaction& each) { each.signature.bytes[7] ^= 1; });
  EXPECT_EQ(place(audit()), "height 5, transaction 1, signature");
  EXPECT_EQ(place(audit_structure()), "none");
}

TEST_F(AuditTest, NamesTheTransactionWhoseBodyIsAnother) {
  fill(7, 4);
  close();
  change<SignedTransaction>(keys::transaction(Height{6}, 0),
                            [](SignedTransaction& each) { ++each.body.nonce; });
  EXPECT_EQ(place(audit_structure()), "height 6, transaction 0, body");
}

TEST_F(AuditTest, NamesTheFirstOfSeveral) {
  fill(7, 4);
  close();
  const auto flip = [](SignedTransaction& each) { each.signature.bytes[7] ^= 1; };
  change<SignedTransaction>(keys::transaction(Height{6}, 0), flip);
  change<SignedTransaction>(keys::transaction(Height{3}, 2), flip);
  forge(keys::record(Height{7}), std::nullopt);
  EXPECT_EQ(place(audit()), "height 3, transaction 2, signature");
}

TEST_F(AuditTest, NamesACertificateWithAVoteThatNobodyCast) {
  fill(5, 0);
  close();
  change<CommitCertificate>(keys::certificate(Height{3}), [](CommitCertificate& certificate) {
    certificate.commits[1].signature.bytes[0] ^= 1;
  });
  EXPECT_EQ(place(audit()), "height 3, commit certificate");
}

TEST_F(AuditTest, NamesPartsThatAreMissingOrTooMany) {
  fill(5, 4);
  close();
  forge(keys::transaction(Height{4}, 5), to_bytes("more"));
  EXPECT_EQ(place(audit_structure()), "height 4, transaction 3, transaction");
  forge(keys::transaction(Height{4}, 5), std::nullopt);
  forge(keys::record(Height{6}), to_bytes("more"));
  EXPECT_EQ(place(audit_structure()), "keys");
  forge(keys::record(Height{6}), std::nullopt);
  forge({'z'}, to_bytes("more"));
  EXPECT_EQ(place(audit_structure()), "keys");
  forge({'z'}, std::nullopt);
  forge(keys::location({crypto::sha256({})}), crypto::encode(TxLocation{Height{2}, 0}));
  EXPECT_EQ(place(audit_structure()), "place, by id");
}

// What nobody wrote is no part of the state, nor what a block removed.
TEST_F(AuditTest, NamesAValueThatTheTreeDoesNotHave) {
  fill(7, 4);
  close();
  forge(keys::state(to_bytes("nobody's")), crypto::encode(Entry{to_bytes("1"), std::nullopt}));
  EXPECT_EQ(place(audit_structure()), "height 4, state, key " + to_hex(to_bytes("nobody's")));
  EXPECT_EQ(place(audit()), "state, key " + to_hex(to_bytes("nobody's")));
  forge(keys::state(to_bytes("nobody's")), std::nullopt);
  EXPECT_EQ(place(audit_structure()), "none");
}

TEST_F(AuditTest, NamesAValueThatCameBack) {
  fill(7, 4);
  append({transaction(800, {put("short-lived", "1")})});
  append({transaction(801, {del("short-lived")})});
  close();
  const Bytes key = keys::state(to_bytes("short-lived"));
  ASSERT_FALSE(content().contains(key));
  forge(key, crypto::encode(Entry{to_bytes("1"), std::nullopt}));
  EXPECT_NE(place(audit_structure()), "none");
  EXPECT_EQ(place(audit()), "state, key " + to_hex(to_bytes("short-lived")));
}

// The kept versions of the tree are those of heights 4 and 6: what one had and the next has not.
TEST_F(AuditTest, NamesAnEarlierValueThatCameBack) {
  fill(4, 4);
  append({transaction(800, {del("value")})});
  append({});
  close();
  const Bytes key = keys::state(to_bytes("value"));
  ASSERT_FALSE(content().contains(key));
  forge(key, crypto::encode(Entry{to_bytes("1"), std::nullopt}));
  EXPECT_NE(place(audit_structure()), "none");
  EXPECT_EQ(place(audit()), "state, key " + to_hex(to_bytes("value")));
}

TEST_F(AuditTest, NamesAPageThatNoVersionHas) {
  fill(7, 4);
  close();
  const auto all = content();
  const auto page = std::find_if(all.begin(), all.end(),
                                 [](const auto& each) { return each.first.front() == 'p'; });
  Bytes other = page->first;
  other.back() ^= 1;
  ASSERT_FALSE(all.contains(other));
  forge(other, page->second);
  EXPECT_EQ(place(audit_structure()), "pages of the state tree");
}

// The version of a page below is no part of any digest.
TEST_F(AuditTest, NamesAPageBelowThatIsOfAnotherVersion) {
  fill(2, 2);
  std::vector<Operation> wide;
  for (int i = 0; i < 60; ++i) wide.push_back(put("wide " + std::to_string(i), "1"));
  append({transaction(700, wide)});
  append({});
  stabilise_newest();
  append({transaction(701, {put("wide 1", "2")})});
  append({});
  close();
  const Bytes root = keys::page({Height{6}, path_of({}, 0)});
  ASSERT_TRUE(content().contains(root));
  bool is_shared = false;
  change<StateSlots>(root, [&](StateSlots& slots) {
    for (StateSlot& slot : slots) {
      auto* subtree = std::get_if<StateSubtree>(&slot);
      is_shared = subtree != nullptr && subtree->version == Height{4};
      if (is_shared) subtree->version = Height{3};
      if (is_shared) break;
    }
  });
  ASSERT_TRUE(is_shared);
  EXPECT_TRUE(place(audit_structure()).starts_with("height 6, page of the state tree at path"));
}

// What it stores of values and pages then goes its own ways.
TEST_F(AuditTest, HoldsAlsoWhereNothingIsKeptForLater) {
  fill(9, 6);
  close();
  AuditOptions options;
  options.may_resume = false;
  EXPECT_EQ(place(audit(options)), "none");
  forge(keys::state(to_bytes("nobody's")), crypto::encode(Entry{to_bytes("1"), std::nullopt}));
  env_.remove_folder("/work");
  EXPECT_EQ(place(audit(options)), "state, key " + to_hex(to_bytes("nobody's")));
}

TEST_F(AuditTest, NamesAStableCheckpointOfAnotherLog) {
  fill(6, 0);
  const CheckpointNote own = store_->own_checkpoint(Height{4}).value().value();
  close();
  CheckpointNote other = own;
  other.head.root.bytes[0] ^= 1;
  forge(keys::stable(Height{4}), crypto::encode(test::stabilise(other, 1'700'000'004, {0, 1, 2})));
  EXPECT_EQ(place(audit_structure()), "height 4, stable checkpoint");
  forge(keys::stable(Height{4}), crypto::encode(test::stabilise(own, 1'700'000'004, {0, 1, 2})));
  EXPECT_EQ(place(audit_structure()), "none");
}

// What all parts of a ledger agree on may be false all the same.
class FalseLedger : public AuditTest {
 protected:
  void append_false(const std::function<void(Execution&)>& lie) {
    CertifiedBatch block;
    for (std::uint64_t nonce : {500U, 501U}) {
      block.transactions.push_back(Trusting::trust(transaction(nonce, {put("a", "1")})));
    }
    const Sequence sequence = next(store_->height());
    block.batch = make_batch(sequence, {kGenesisTime.value + 1000 * sequence.value}, 0,
                             ids_of(block.transactions));
    block.certificate = certify(genesis_, block.batch.header, {0, 1, 2});
    Execution execution =
        execute(block.batch.header, block.transactions, genesis_, *store_).value();
    lie(execution);
    execution.results_root = results_root(execution.results);
    ASSERT_TRUE(store_->append(block, execution));
  }
};

TEST_F(FalseLedger, ResultThatExecutionDoesNotGiveIsNamed) {
  fill(5, 4);
  append_false([](Execution& execution) {
    execution.results[1].outcome = Outcome::kRejectedCompareFailed;
    execution.results[1].failed_operation = 0;
  });
  close();
  EXPECT_EQ(place(audit_structure()), "none");
  EXPECT_EQ(place(audit()), "height 6, transaction 1, result");
}

TEST_F(FalseLedger, WriteThatExecutionDoesNotMakeIsNamed) {
  fill(5, 4);
  append_false([](Execution& execution) {
    execution.writes[to_bytes("a")] = crypto::encode(Entry{to_bytes("7"), {}});
  });
  close();
  EXPECT_EQ(place(audit_structure()), "none");
  EXPECT_EQ(place(audit()), "height 6, write set, key 61");
}

TEST_F(FalseLedger, TransactionThatItsSenderNeverSignedIsNamed) {
  fill(3, 2);
  append({SignedTransaction{example_body(genesis_, 77, {put("a", "1")}), {}}});
  close();
  EXPECT_EQ(place(audit()), "height 4, transaction 0, signature");
}

// -- Broken off and gone on with -----------------------------------------------------------------

class ResumedAudit : public AuditTest {
 protected:
  // Enough blocks for two windows.
  void fill_two_windows() {
    for (std::uint64_t i = 1; i <= kBlocks; ++i) {
      append(i % 16 == 1 ? std::vector{transaction(i, {add("counter", 1)})}
                         : std::vector<SignedTransaction>{});
    }
    close();
  }
  Result<AuditReport> audit_first_window() {
    AuditOptions options;
    options.work_folder = "/kept";
    options.goes_on = [] { return false; };
    return audit(options);
  }
  Result<AuditReport> resume() {
    AuditOptions options;
    options.work_folder = "/kept";
    return audit(options);
  }
  static constexpr std::uint64_t kBlocks = kWindowBlocksMax + 4;
};

TEST_F(ResumedAudit, GoesOnWhereItWas) {
  fill_two_windows();
  EXPECT_EQ(place(audit_first_window()), "audit-interrupted");
  const auto report = resume();
  ASSERT_EQ(place(report), "none") << report->finding->found;
  EXPECT_EQ(report->resumed_from, Height{kWindowBlocksMax});
  EXPECT_EQ(report->blocks, kBlocks);
  EXPECT_EQ(report->signatures, 4U * 3 + 1);
}

// The state that it keeps is that of its progress, not of the head behind it.
TEST_F(ResumedAudit, AfterAWholeAuditGoesOnToo) {
  fill(7, 4);
  close();
  EXPECT_EQ(place(resume()), "none");
  const auto again = resume();
  EXPECT_EQ(place(again), "none");
  EXPECT_EQ(again->resumed_from, Height{6});
}

TEST_F(ResumedAudit, DoesNotTakeOtherBytesForThoseThatItVerified) {
  fill_two_windows();
  EXPECT_EQ(place(audit_first_window()), "audit-interrupted");
  change<SignedTransaction>(keys::transaction(Height{17}, 0),
                            [](SignedTransaction& each) { each.signature.bytes[7] ^= 1; });
  EXPECT_EQ(place(resume()), "audit-folder-other-ledger");
  EXPECT_EQ(place(audit()), "height 17, transaction 0, signature");
}

TEST_F(ResumedAudit, RefusesAFolderThatIsNoAudits) {
  fill(2, 2);
  close();
  AuditOptions options;
  options.work_folder = "/ledger";
  EXPECT_NE(place(audit(options)), "none");
}

}  // namespace
}  // namespace quorate::ledger::test
