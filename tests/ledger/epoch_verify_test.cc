// What is proved to strangers across epochs: receipts, statements, notes, snapshots, and the audit.

#include <gtest/gtest.h>

#include "ledger/evidence_file.h"
#include "ledger/proved_state.h"
#include "ledger/published_checkpoint.h"
#include "ledger/rebuild.h"
#include "ledger/receipt.h"
#include "ledger/snapshot.h"
#include "ledger/snapshot_import.h"
#include "ledger/tlog_proof.h"
#include "tests/ledger/epoch_ledger.h"

namespace quorate::ledger {
namespace {

using namespace test;

class EpochVerify : public EpochLedger {
 protected:
  // Of the last block of the epoch that has a transaction.
  Receipt receipt(std::uint64_t epoch) {
    const Membership known = membership();
    for (Height at = store_->height(); at.value > 0; --at.value) {
      const StoredBlock block = store_->block(at).value();
      if (known.epoch_at(at) != Epoch{epoch} || block.transactions.empty()) continue;
      return make_receipt(*store_, id_of(block.transactions[0].body)).value();
    }
    ADD_FAILURE() << "no transaction in epoch " << epoch;
    return {};
  }
  std::string_view verdict(const Receipt& receipt) {
    return refusal(verify_receipt(receipt, genesis_));
  }
};

TEST_F(EpochVerify, ReceiptsOfEveryEpochVerifyWithGenesisAlone) {
  fill_epochs();
  for (std::uint64_t epoch = 0; epoch <= 3; ++epoch) {
    const Receipt good = receipt(epoch);
    EXPECT_EQ(good.format, epoch == 0 ? 2U : 3U);
    EXPECT_EQ(good.epochs.size(), epoch);
    const auto read = parse_receipt(receipt_to_json(good));
    ASSERT_TRUE(read) << read.error().to_string();
    const auto proved = verify_receipt(*read, genesis_);
    ASSERT_TRUE(proved) << epoch << ": " << proved.error().to_string();
    EXPECT_EQ(proved->epoch, Epoch{epoch});
    EXPECT_EQ(proved->replicas, epoch == 1 ? 5U : 4U);
    EXPECT_TRUE(proved->result_proved);
    EXPECT_EQ(encode_receipt(*read), encode_receipt(good));
  }
}

TEST_F(EpochVerify, AReceiptBeforeItsCheckpointProvesTheOrder) {
  change(AddReplica{example_replica(4)});
  add({put_one()}, false);
  const Receipt early = receipt(1);
  EXPECT_EQ(early.format, 3U);
  EXPECT_FALSE(early.checkpoint);
  const Receipt read = decode_receipt(encode_receipt(early)).value();
  const auto proved = verify_receipt(read, genesis_).value();
  EXPECT_TRUE(proved.order_proved);
  EXPECT_FALSE(proved.result_proved);
}

TEST_F(EpochVerify, AReceiptCarriesTheProofsOfItsEpochAndNoOthers) {
  fill_epochs();
  Receipt bad = receipt(2);
  bad.epochs.pop_back();
  EXPECT_EQ(verdict(bad), "epoch-proofs-missing");
  bad = receipt(2);
  bad.epochs = proofs(3);
  EXPECT_EQ(verdict(bad), "epoch-proofs-not-needed");
  bad = receipt(2);
  std::swap(bad.epochs[0], bad.epochs[1]);
  EXPECT_EQ(verdict(bad), "epoch-proof-out-of-order");
  bad = receipt(2);
  bad.epochs.clear();
  EXPECT_EQ(verdict(bad), "receipt-newer-format");
  bad.format = 2;
  EXPECT_EQ(verdict(bad), "epoch-proofs-missing");
  bad = receipt(0);
  bad.epochs = proofs(1);
  EXPECT_EQ(verdict(bad), "receipt-newer-format");
  bad.format = 3;
  EXPECT_EQ(verdict(bad), "epoch-proofs-not-needed");
  // A checkpoint of another epoch than the record's.
  bad = receipt(2);
  bad.checkpoint = receipt(3).checkpoint;
  bad.checkpoint->record_path =
      store_->inclusion_path(bad.record.batch.sequence, bad.checkpoint->checkpoint.note.head.size)
          .value();
  EXPECT_EQ(verdict(bad), "checkpoint-wrong-epoch");
}

TEST_F(EpochVerify, ACertificateBelongsToTheReplicasOfItsEpoch) {
  fill_epochs();
  const Membership known = membership();
  Receipt bad = receipt(2);
  // Those of epoch 0, of which the first is gone and the others have other numbers.
  ReplicaSet stale = known.set_of({0});
  stale.epoch = {2};
  bad.certificate = certify(genesis_, bad.record.batch, stale);
  EXPECT_EQ(verdict(bad), "certificate-bad-signature");
  // The removed replica in the place of one vote.
  bad = receipt(2);
  const Vote vote{{2}, {0}, bad.record.batch.sequence, bad.certificate.batch, {}, {1}};
  bad.certificate.commits[1].signature = crypto::sign_body(
      vote_signer(known.set_of({0}), 0), crypto::Purpose::kCommit, chain_id_of(genesis_), vote);
  EXPECT_EQ(verdict(bad), "certificate-bad-signature");
  bad = receipt(2);
  bad.certificate = certify(genesis_, bad.record.batch, known.set_of({1}));
  EXPECT_EQ(verdict(bad), "receipt-certificate-other-batch");
  // A sequence at or below the boundary is of the epoch before.
  bad = receipt(1);
  bad.record.epoch = {2};
  bad.certificate = certify(genesis_, bad.record.batch, known.set_of({2}));
  bad.epochs = proofs(2);
  bad.checkpoint.reset();
  EXPECT_EQ(verdict(bad), "receipt-certificate-other-batch");
}

TEST_F(EpochVerify, NoByteOfAReceiptFlips) {
  change(AddReplica{example_replica(4)});
  // Covered by a checkpoint, so every byte is: without one the result would be a claim.
  for (int i = 0; i < 3; ++i) add({put_one()});
  const Bytes good = encode_receipt(receipt(1));
  ASSERT_TRUE(decode_receipt(good)->checkpoint);
  ASSERT_EQ(verdict(decode_receipt(good).value()), "none");
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= static_cast<std::uint8_t>(1U << i % 8);
    const auto read = decode_receipt(bad);
    if (read) {
      EXPECT_NE(verdict(*read), "none") << "byte " << i;
    }
  }
}

TEST_F(EpochVerify, StatementsOfEveryEpochVerifyWithGenesisAlone) {
  const auto check = [&](std::uint64_t epoch) {
    const auto view = store_->stable_view().value();
    ASSERT_EQ(view.checkpoint().note.epoch, Epoch{epoch});
    const StateStatement good = prove_read(view, as_bytes("key")).value();
    EXPECT_EQ(good.format, epoch == 0 ? 1U : 2U);
    const auto read = parse_statement(statement_to_json(good));
    ASSERT_TRUE(read) << read.error().to_string();
    const auto proved = verify_statement(*read, genesis_);
    ASSERT_TRUE(proved) << proved.error().to_string();
    EXPECT_TRUE(proved->entry);
    if (epoch == 0) return;
    StateStatement bad = good;
    bad.epochs.pop_back();
    bad.format = bad.epochs.empty() ? 1 : 2;
    EXPECT_EQ(refusal(verify_statement(bad, genesis_)), "epoch-proofs-missing");
    bad = good;
    bad.epochs.back().boundary.cosignatures[0].signature.bytes[0] ^= 1;
    EXPECT_EQ(refusal(verify_statement(bad, genesis_)), "checkpoint-bad-signature");
  };
  add({put_one()});
  add({put_one()});
  check(0);
  change(AddReplica{example_replica(4)});
  add({put_one()});
  add({put_one()});
  check(1);
  change(RemoveReplica{example_replica(0).vote_key});
  add({put_one()});
  add({put_one()});
  check(2);
}

// A changed one is refused, or it is about another key and says what is true of that one.
TEST_F(EpochVerify, NoByteOfAStatementFlips) {
  change(AddReplica{example_replica(4)});
  for (int i = 0; i < 3; ++i) add({put_one()});
  const auto view = store_->stable_view().value();
  ASSERT_EQ(view.checkpoint().note.epoch, Epoch{1});
  for (const std::string_view key : {"key", "no such key"}) {
    const Bytes good = crypto::encode(prove_read(view, as_bytes(key)).value());
    ASSERT_TRUE(verify_statement(decode_statement(good).value(), genesis_));
    for (std::size_t i = 0; i < good.size(); ++i) {
      Bytes bad = good;
      bad[i] ^= static_cast<std::uint8_t>(1U << i % 8);
      const auto read = decode_statement(bad);
      if (!read || !verify_statement(*read, genesis_)) continue;
      const auto* about = std::get_if<ReadSubject>(&read->subject);
      ASSERT_TRUE(about != nullptr && !std::ranges::equal(about->key, as_bytes(key))) << i;
      EXPECT_EQ(view.get(about->key).value(), read->leaf.leaf) << "byte " << i;
    }
  }
}

TEST_F(EpochVerify, PublishedCheckpointsBringTheirEpochs) {
  fill_epochs();
  const ReplicaSet genesis = genesis_replicas(genesis_);
  const auto published = [&](const StableCheckpoint& stable) {
    return publish_stored(stable, chain_id_of(genesis_), genesis, proofs(stable.note.epoch.value))
        .value();
  };
  for (Height at{1}; at <= store_->height();) {
    const auto stable = store_->stable_at_or_above(at).value();
    if (!stable) break;
    const auto read = verify_published(published(*stable).to_text(), genesis_);
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(crypto::encode(*read), crypto::encode(*stable));
    at = next(stable->note.sequence);
  }
  const StableCheckpoint last = store_->latest_stable().value().value();
  ASSERT_EQ(last.note.epoch, Epoch{3});
  SignedNote bad = published(last);
  bad.lines.pop_back();
  EXPECT_EQ(refusal(verify_published(bad.to_text(), genesis_)), "epoch-proofs-missing");
  bad = published(last);
  bad.lines.push_back(bad.lines.back());
  EXPECT_EQ(refusal(verify_published(bad.to_text(), genesis_)), "checkpoint-malformed");
  bad = published(last);
  bad.lines.back().signature = crypto::encode(proofs(2));
  EXPECT_EQ(refusal(verify_published(bad.to_text(), genesis_)), "epoch-proofs-missing");
  bad.lines.back().signature = {1, 2, 3};
  EXPECT_EQ(refusal(verify_published(bad.to_text(), genesis_)), "checkpoint-malformed");
  // A disk that gives back a bad one.
  StableCheckpoint damaged = last;
  damaged.cosignatures[0].signature.bytes[0] ^= 1;
  EXPECT_EQ(refusal(publish_stored(damaged, chain_id_of(genesis_), genesis, proofs(3))),
            "ledger-corrupt");
}

TEST_F(EpochVerify, ProofsAboutTheLogGoThroughEpochs) {
  fill_epochs();
  const ReplicaSet genesis = genesis_replicas(genesis_);
  for (Height at{1}; at <= store_->height(); at = next(at)) {
    const auto proof = prove_record(*store_, at, genesis);
    if (!proof) break;
    const auto proved = verify_tlog_proof(tlog_proof_text(*proof), genesis_);
    ASSERT_TRUE(proved) << at.value << ": " << proved.error().to_string();
    EXPECT_EQ(proved->record.epoch, membership().epoch_at(at));
  }
  const TxId id = receipt(2).result.id;
  const auto logged =
      verify_tlog_proof(tlog_proof_text(prove_logged(*store_, id, genesis).value()), genesis_);
  ASSERT_TRUE(logged) << logged.error().to_string();
  EXPECT_TRUE(logged->transaction->result_proved);
  const auto first = store_->stable_at_or_above({1}).value().value();
  const std::string old_note =
      publish_stored(first, chain_id_of(genesis_), genesis, {}).value().to_text();
  const auto growth = prove_growth(*store_, first.note.head.size, std::nullopt, genesis).value();
  const auto grew = verify_growth(consistency_proof_text(growth), old_note, genesis_);
  ASSERT_TRUE(grew) << grew.error().to_string();
  EXPECT_EQ(grew->after.note.epoch, Epoch{3});
}

TEST_F(EpochVerify, ASnapshotIsJoinedWithItsEpochs) {
  fill_epochs();
  auto view = store_->stable_view();
  const SnapshotHead head = snapshot_head(*view).value();
  const std::vector<EpochProof> epochs = view->epoch_proofs().value();
  ASSERT_EQ(epochs.size(), 3U);
  EXPECT_TRUE(check_snapshot_head(head, genesis_, epochs));
  EXPECT_EQ(refusal(check_snapshot_head(head, genesis_, {})), "epoch-proofs-missing");
  EXPECT_EQ(refusal(check_snapshot_head(head, genesis_, std::span(epochs).first(2))),
            "epoch-proofs-missing");
  env_.remove_folder("/staging");
  auto staging = SnapshotStaging::open("/staging", chain_id_of(genesis_), {&env_}).value();
  SnapshotWork work(head.checkpoint.note.state_root, *staging);
  while (const auto id = work.next().value()) {
    ASSERT_TRUE(work.take(*id, read_chunk(*view, id->path).value()));
  }
  SnapshotOrigin origin;
  env_.remove_folder("/joined");
  EXPECT_EQ(refusal(make_ledger("/joined", genesis_, head, {}, *staging, origin, {&env_})),
            "epoch-proofs-missing");
  const Status made = make_ledger("/joined", genesis_, head, epochs, *staging, origin, {&env_});
  ASSERT_TRUE(made) << made.error().to_string();
  auto joined = Store::open("/joined", chain_id_of(genesis_), {&env_}).value();
  EXPECT_EQ(crypto::encode(joined->epoch_proofs({3}).value()), crypto::encode(proofs(3)));
  const Membership known = Membership::read(*joined, genesis_).value();
  EXPECT_EQ(known.current().replicas, membership().current().replicas);

  // Audited, it begins in the last epoch.
  joined.reset();
  view.reset();
  close();
  env_.remove_folder("/ledger");
  ASSERT_TRUE(make_ledger("/ledger", genesis_, head, epochs, *staging, origin, {&env_}));
  EXPECT_EQ(place(audit()), "none");
  forge(keys::epoch_proof({3}), std::nullopt);
  EXPECT_EQ(place(audit()), "epoch proof 3");
}

// --- evidence

TEST_F(EpochVerify, AnEvidenceFileBringsTheEpochsOfWhomItAccuses) {
  fill_epochs();
  const Membership known = membership();
  const auto lie = [&](std::uint64_t epoch, std::uint16_t replica) {
    const auto vote = [&](std::string_view batch) {
      return Vote{{epoch}, {0}, {20}, crypto::sha256(as_bytes(batch)), {}, {replica}};
    };
    const auto signature = [&](const Vote& each) {
      return crypto::sign_body(vote_signer(known.set_of({epoch}), replica),
                               crypto::Purpose::kCommit, chain_id_of(genesis_), each);
    };
    const Vote one = vote("one");
    const Vote two = vote("two");
    return crypto::encode(
        EvidenceFile{kEvidenceFormat, chain_id_of(genesis_),
                     VoteEvidence{VotePhase::kCommit, one, signature(one), two, signature(two)}});
  };
  const auto convicts = [&](const Bytes& file) -> std::string_view {
    const auto opened = open_evidence(file);
    if (!opened) return opened.error().code;
    crypto::SignatureCache cache(64);
    const auto proved = verify_epochs(opened->epochs, {opened->epochs.size()}, genesis_, cache);
    if (!proved) return proved.error().code;
    const auto inner = crypto::decode<EvidenceFile>(opened->file).value();
    const Status good =
        EvidenceVerifier(chain_id_of(genesis_), &cache).check(inner, proved->current());
    return good ? "none" : good.error().code;
  };
  EXPECT_EQ(with_epochs(lie(0, 0), {}), lie(0, 0)) << "as before there were epochs";
  for (std::uint64_t epoch = 0; epoch <= 3; ++epoch) {
    EXPECT_EQ(convicts(with_epochs(lie(epoch, 1), proofs(epoch))), "none") << epoch;
  }
  EXPECT_EQ(convicts(with_epochs(lie(1, 4), proofs(1))), "none") << "who came later";
  EXPECT_EQ(convicts(lie(1, 0)), "evidence-other-epoch");
  EXPECT_EQ(convicts(with_epochs(lie(1, 0), proofs(2))), "evidence-other-epoch");
  EXPECT_EQ(convicts(with_epochs(lie(2, 0), {proofs(2)[1], proofs(2)[0]})),
            "epoch-proof-out-of-order");
  Bytes cut = with_epochs(lie(1, 0), proofs(1));
  cut.pop_back();
  EXPECT_EQ(convicts(cut), "evidence-malformed");
  EXPECT_EQ(convicts(crypto::encode(EpochEvidenceFile{kEpochEvidenceFormat, {}, lie(0, 0)})),
            "evidence-malformed");
}

// --- the audit

TEST_F(EpochVerify, AnAuditGoesThroughEpochs) {
  fill_epochs();
  begin_change(AddReplica{example_replica(5)});
  const std::uint64_t blocks = store_->height().value;
  close();
  const auto whole = audit();
  EXPECT_EQ(place(whole), "none") << finding_sentence(whole->finding.value_or(AuditFinding{}));
  EXPECT_EQ(whole->blocks, blocks);
  EXPECT_EQ(place(audit_structure()), "none");
}

TEST_F(EpochVerify, AnAuditEndsAtABoundaryThatIsNotStable) {
  begin_change(AddReplica{example_replica(4)});
  run_to_boundary(false);
  close();
  EXPECT_EQ(place(audit()), "none");
}

TEST_F(EpochVerify, AnAuditNamesAWrongEpochProof) {
  fill_epochs();
  const std::vector<EpochProof> good = proofs(3);
  close();
  forge(keys::epoch_proof({2}), std::nullopt);
  EXPECT_EQ(place(audit()), "epoch proof 2");
  EXPECT_EQ(place(audit_structure()), "epoch proof 2");
  forge(keys::epoch_proof({2}), crypto::encode(good[0]));
  EXPECT_EQ(place(audit()), "epoch proof 2");
  forge(keys::epoch_proof({2}), crypto::encode(good[1]));
  EXPECT_EQ(place(audit()), "none");
  forge(keys::epoch_proof({4}), crypto::encode(good[2]));
  EXPECT_EQ(place(audit()), "epoch proof 4");
  forge(keys::epoch_proof({4}), std::nullopt);
  forge(keys::epoch_proof({3}), std::nullopt);
  EXPECT_EQ(place(audit()), "epoch proof 3");
}

TEST_F(EpochVerify, AnAuditNamesVotesOfAnotherEpochsReplicas) {
  fill_epochs();
  const Membership known = membership();
  const Height at = next(known.start_of({2}).boundary);
  const Record record = store_->record(at).value();
  close();
  const Bytes good = content().at(keys::certificate(at));
  ReplicaSet stale = known.set_of({0});
  stale.epoch = {2};
  forge(keys::certificate(at), crypto::encode(certify(genesis_, record.batch, stale)));
  EXPECT_EQ(place(audit()), "height " + std::to_string(at.value) + ", commit certificate");
  forge(keys::certificate(at), crypto::encode(certify(genesis_, record.batch, known.set_of({1}))));
  EXPECT_EQ(place(audit()), "height " + std::to_string(at.value) + ", commit certificate");
  forge(keys::certificate(at), good);
  EXPECT_EQ(place(audit()), "none");
}

// --- blocks of somebody else, executed anew

class EpochRebuild : public EpochVerify {
 protected:
  // The ledger as it lies there, taken as from a stranger: where it is wrong, or "none".
  std::string rebuilt() {
    const auto opened = open_stopped_database("/ledger", std::nullopt, {&env_}).value();
    AuditWindow window = read_window(*opened.database, Height{1}, head_).value();
    env_.remove_folder("/new");
    new_ = Store::create("/new", genesis_, {&env_}).value();
    Rebuild rebuild(genesis_, *new_, 1, Claims::kCompared);
    const auto finding = rebuild.take(window).value();
    if (!finding) return "none";
    const std::string sentence = finding_sentence(*finding);
    return sentence.substr(0, sentence.find(": expected "));
  }
  void stop() {
    head_ = store_->height();
    known_ = membership();
    close();
  }

  Height head_;
  Membership known_{genesis_};
  std::unique_ptr<Store> new_;
};

TEST_F(EpochRebuild, GoesThroughEpochsByItsOwnExecution) {
  fill_epochs();
  const TreeHead log = store_->tree_head();
  const Bytes proved = crypto::encode(proofs(3));
  stop();
  EXPECT_EQ(rebuilt(), "none");
  EXPECT_EQ(new_->tree_head(), log);
  EXPECT_EQ(crypto::encode(new_->epoch_proofs({3}).value()), proved);
}

TEST_F(EpochRebuild, TakesNoVotesOfAnotherEpochsReplicas) {
  fill_epochs();
  const Height at = next(membership().start_of({2}).boundary);
  const Record record = store_->record(at).value();
  stop();
  ReplicaSet stale = known_.set_of({0});
  stale.epoch = {2};
  forge(keys::certificate(at), crypto::encode(certify(genesis_, record.batch, stale)));
  EXPECT_EQ(rebuilt(), "height " + std::to_string(at.value) + ", commit certificate");
  EXPECT_EQ(new_->height().value + 1, at.value);
}

TEST_F(EpochRebuild, EndsAtABoundaryThatNobodyCosigned) {
  fill_epochs();
  const Height boundary = membership().start_of({1}).boundary;
  stop();
  forge(keys::stable(boundary), std::nullopt);
  EXPECT_EQ(rebuilt(), "height " + std::to_string(boundary.value) + ", stable checkpoint");
  EXPECT_EQ(new_->height(), boundary);
}

}  // namespace
}  // namespace quorate::ledger
