// The formats, byte by byte: the worked examples of ledger/README.md, and small values spelt by
// hand.

#include <gtest/gtest.h>

#include <string>

#include "ledger/json_tree.h"
#include "ledger/published_checkpoint.h"
#include "ledger/recorded_evidence.h"
#include "ledger/snapshot.h"
#include "ledger/tlog_proof.h"
#include "tests/ledger/example_membership.h"
#include "tests/ledger/format_examples.h"
#include "tests/support/readme.h"

namespace quorate::ledger {
namespace {

using namespace test;

class LedgerReadme : public testing::Test, public quorate::test::Readme {
 protected:
  LedgerReadme() : Readme("ledger") {}

  const FormatExamples examples_;
};

TEST_F(LedgerReadme, GenesisExampleIsTheExampleNetwork) {
  EXPECT_EQ(block("json genesis"), genesis_to_json(examples_.genesis));
  EXPECT_EQ(chain_id_of(parse_genesis(block("json genesis")).value()), examples_.chain_id);
  EXPECT_TRUE(says("Its chain id is `" + examples_.chain_id.hex() + "`"));
}

TEST_F(LedgerReadme, TransactionExampleIsWhatTheCodeWrites) {
  EXPECT_EQ(hex("transaction"), to_hex(crypto::encode(examples_.transaction)));
  EXPECT_TRUE(says("Its id is `" + id_of(examples_.transaction.body).hex() + "`"));
  crypto::SignatureCache cache(16);
  const TransactionVerifier verifier(examples_.genesis, examples_.chain_id, &cache);
  EXPECT_TRUE(verifier.check(from_hex(hex("transaction")).value()));
}

TEST_F(LedgerReadme, EvidenceExampleIsWhatTheCodeWritesAndVerifies) {
  const RecordEvidence record{example_evidence(examples_.genesis, 3)};
  ASSERT_EQ(hex("evidence"), to_hex(crypto::encode(Operation(record))));
  crypto::SignatureCache cache(16);
  EXPECT_TRUE(EvidenceVerifier(examples_.chain_id, &cache)
                  .check(record.evidence, genesis_replicas(examples_.genesis)));
  EXPECT_TRUE(says("`" + to_hex(offences_key({0}, {3})) + "`"));
  EXPECT_TRUE(says("`" + offence_of(record.evidence).hex() + "`"));
}

TEST_F(LedgerReadme, MembershipExamplesAreWhatTheCodeWritesAndApply) {
  const Genesis& genesis = examples_.genesis;
  const ChangeMembership change =
      example_change(genesis, genesis_replicas(genesis), AddReplica{example_replica(4)}, {0, 1, 3});
  ASSERT_EQ(hex("membership"), to_hex(crypto::encode(Operation(change))));
  MapState state(genesis_state(genesis));
  run_batch(state, genesis, {kGenesisTime.value + 1000},
            {Trusting::trust(example_body(genesis, 1, {change}))}, {2});
  EXPECT_TRUE(says("`" + to_hex(epoch_start_key({1})) + "`"));
  EXPECT_EQ(hex("epoch start"), to_hex(state.leaves.at(epoch_start_key({1}))));
}

TEST_F(LedgerReadme, BatchExampleIsWhatTheCodeWrites) {
  const BatchHeader& header = examples_.block.record.batch;
  Batch batch{header, {}};
  for (const auto& transaction : examples_.block.transactions) {
    batch.ids.push_back(id_of(transaction.body));
  }
  EXPECT_EQ(hex("batch"), to_hex(crypto::encode(batch)));
  EXPECT_TRUE(is_well_formed(batch, 2));
  EXPECT_TRUE(says("Its digest is `" + digest_of_batch(header).hex() + "`"));
}

TEST_F(LedgerReadme, RecordExampleIsWhatTheCodeWrites) {
  EXPECT_EQ(hex("record"), to_hex(crypto::encode(examples_.block.record)));
  EXPECT_TRUE(says("Its leaf is `" + record_leaf(examples_.block.record).hex() + "`"));
}

TEST_F(LedgerReadme, ReceiptExamplesAreWhatTheCodeWritesAndVerify) {
  EXPECT_EQ(hex("receipt"), to_hex(encode_receipt(examples_.receipt)));
  EXPECT_EQ(block("json receipt"), receipt_to_json(examples_.receipt));
  const Genesis genesis = parse_genesis(block("json genesis")).value();
  const Receipt receipt = parse_receipt(block("json receipt")).value();
  EXPECT_TRUE(verify_receipt(receipt, genesis).value().order_proved);
}

TEST_F(LedgerReadme, CheckpointExampleIsWhatTheCodeWrites) {
  EXPECT_EQ(block("text checkpoint"), checkpoint_body(examples_.note));
}

TEST_F(LedgerReadme, StableCheckpointExampleIsWhatTheCodeWritesAndVerifies) {
  EXPECT_EQ(hex("stable checkpoint"), to_hex(crypto::encode(examples_.stable)));
  crypto::SignatureCache cache(16);
  const CheckpointVerifier verifier(examples_.chain_id, &cache);
  EXPECT_TRUE(verifier.check(examples_.stable, genesis_replicas(examples_.genesis)));
}

TEST_F(LedgerReadme, PublishedCheckpointExampleIsWhatTheCodeWritesAndVerifies) {
  const ReplicaSet replicas = genesis_replicas(examples_.genesis);
  const std::string note = publish(examples_.stable, replicas).to_text();
  EXPECT_EQ(block("text published checkpoint"), note);
  EXPECT_TRUE(says("`" + cosigner_key(examples_.chain_id, {3}, replicas).text() + "`"));

  const Bytes record = crypto::encode(examples_.block.record);
  Bytes extra = {0};
  extra.insert(extra.end(), record.begin(), record.end());
  const std::string proof = tlog_proof_text({extra, 0, {}, note});
  EXPECT_EQ(block("text tlog-proof") + note, proof);
  EXPECT_TRUE(verify_tlog_proof(proof, examples_.genesis));
  EXPECT_EQ(block("text consistency proof") + note, consistency_proof_text({1, {}, note}));
}

TEST_F(LedgerReadme, StateTreeExampleHoldsEveryLeafInOrderOfItsKeyHash) {
  std::map<Digest, Digest> leaves;
  for (const auto& [key, value] : examples_.state.leaves) {
    const Digest key_hash = crypto::sha256(key);
    leaves[key_hash] = state_leaf(key_hash, crypto::sha256(value));
  }
  std::string expected;
  for (const auto& [key_hash, leaf] : leaves) expected += key_hash.hex() + leaf.hex();
  EXPECT_EQ(hex("state tree"), expected);
  EXPECT_TRUE(says("Its root is `" + examples_.note.state_root.hex() + "`"));
}

TEST_F(LedgerReadme, StatePageExampleIsWhatTheCodeWrites) {
  const StatePage page = read_page(examples_.pages.reader(), path_of({}, 0),
                                   std::get<StateSubtree>(examples_.state_root()))
                             .value();
  EXPECT_EQ(hex("state page"), to_hex(crypto::encode(page.slots)));
}

TEST_F(LedgerReadme, SnapshotExamplesAreWhatTheCodeWritesAndVerify) {
  const SnapshotHead head{examples_.stable, {1, {record_leaf(examples_.block.record)}}};
  EXPECT_EQ(hex("snapshot head"), to_hex(crypto::encode(head)));
  EXPECT_TRUE(check_snapshot_head(head, examples_.genesis));
  const StatePath top = path_of({}, 0);
  const StatePage page = read_page(examples_.pages.reader(), top,
                                   std::get<StateSubtree>(examples_.state_root()))
                             .value();
  ChunkSlots slots;
  for (std::size_t i = 0; i < kPageSlots; ++i) {
    if (const auto* below = std::get_if<StateSubtree>(&page.slots[i])) slots[i] = below->digest;
    if (const auto* key = std::get_if<StateKey>(&page.slots[i])) {
      slots[i] = SnapshotEntry{key->key, examples_.state.leaves.at(key->key)};
    }
  }
  const Chunk chunk = slots;
  ASSERT_EQ(hex("chunk"), to_hex(crypto::encode(chunk)));
  EXPECT_TRUE(verify_chunk(chunk, top, examples_.note.state_root));
}

TEST_F(LedgerReadme, StateProofExamplesAreWhatTheCodeWritesAndVerify) {
  const Digest& root = examples_.note.state_root;
  for (const auto& [kind, name] : {std::pair("state proof", "colour"), {"absence proof", "size"}}) {
    const Bytes key = to_bytes(name);
    ASSERT_EQ(hex(kind), to_hex(crypto::encode(examples_.prove(key))));
    const auto proof = crypto::decode<StateProof>(from_hex(hex(kind)).value()).value();
    EXPECT_TRUE(verify_key(proof, key, examples_.state.get(key).value(), root));
  }
}

TEST_F(LedgerReadme, StatementExampleIsWhatTheCodeWritesAndVerifies) {
  ASSERT_EQ(hex("statement"), to_hex(encode_statement(examples_.statement())));
  const auto statement = decode_statement(from_hex(hex("statement")).value()).value();
  const auto verdict = verify_statement(statement, examples_.genesis);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(as_text(verdict->entry->value), "blue");
}

TEST_F(LedgerReadme, ListsEveryOutcomeWithItsNumberAndCode) {
  for (int i = 0; i <= static_cast<int>(Outcome::kRejectedNotSigned); ++i) {
    const auto outcome = static_cast<Outcome>(i);
    const std::string begin = "| " + std::to_string(i) + " | k";
    const std::string end = " | `" + std::string(outcome_code(outcome)) + "` | " +
                            (uses_nonce(outcome) ? "yes" : "no") + " |";
    const std::size_t at = text().find(begin);
    ASSERT_NE(at, std::string::npos) << begin;
    EXPECT_NE(text().substr(at, text().find('\n', at) - at).find(end), std::string::npos) << end;
  }
}

// Small values spelt by hand, in the order of their fields.

const std::string kOne = std::string(64, '1');
const std::string kTwo = std::string(64, '2');

Digest digest(const std::string& hex) { return crypto::parse_digest(hex).value(); }
// Hex with blanks between the fields.
std::string spelt(std::string hex) {
  std::erase(hex, ' ');
  return hex;
}
template <class T>
std::string hex_of(const T& value) {
  return to_hex(crypto::encode(value));
}

TEST(LedgerFormats, Operations) {
  const std::string to = public_key_of("bob").hex();
  EXPECT_EQ(hex_of(Operation(put("k", "v"))), spelt("00 016b 0176 00"));
  EXPECT_EQ(hex_of(Operation(put("k", "", TimeMs{258}))), spelt("00 016b 00 01 0201000000000000"));
  EXPECT_EQ(hex_of(Operation(del("k"))), spelt("01 016b"));
  EXPECT_EQ(hex_of(Operation(compare_and_set("k", std::nullopt, "v"))), spelt("02 016b 00 0176"));
  EXPECT_EQ(hex_of(Operation(compare_and_set("k", "", "v"))), spelt("02 016b 0100 0176"));
  EXPECT_EQ(hex_of(Operation(add("k", -2))), spelt("03 016b feffffffffffffff"));
  EXPECT_EQ(hex_of(Operation(Transfer{public_key_of("bob"), 1})), "04" + to + "0100000000000000");
  ViewEvidence views{ViewPhase::kNewView, {{1}, {2}, digest(kOne), {3}}, {},
                     {{1}, {2}, digest(kTwo), {3}}, {}};
  const std::string place = "0100000000000000 0200000000000000 ";
  const std::string unsigned_yet(128, '0');
  EXPECT_EQ(hex_of(Operation(RecordEvidence{views})),
            spelt("05 01 01 " + place + kOne + "0300" + unsigned_yet + place + kTwo + "0300" +
                  unsigned_yet));
  const PublicKey bob = public_key_of("bob");
  const PublicKey alice = public_key_of("alice");
  const std::string replica = spelt("0178") + bob.hex() + alice.hex();
  EXPECT_EQ(hex_of(Operation(ChangeMembership{{{258}, AddReplica{{"x", bob, alice}}},
                                              {{{3}, {}}}, Signature{}})),
            spelt("06 0201000000000000 00 " + replica + "01 0300" + unsigned_yet + "01" +
                  unsigned_yet));
  EXPECT_EQ(hex_of(Operation(ChangeMembership{{{1}, RemoveReplica{bob}}, {}, {}})),
            spelt("06 0100000000000000 01 " + to + "00 00"));
  EXPECT_EQ(hex_of(MembershipChange(RekeyReplica{alice, {"x", bob, alice}})),
            "02" + alice.hex() + replica);
}

TEST(LedgerFormats, LeavesOfTheState) {
  EXPECT_EQ(hex_of(Account{258}), "0201000000000000");
  EXPECT_EQ(hex_of(Entry{to_bytes("v"), std::nullopt}), spelt("0176 00"));
  EXPECT_EQ(hex_of(Entry{to_bytes("v"), TimeMs{1}}), spelt("0176 01 0100000000000000"));
  NonceWindow window;
  use_nonce(window, 1);
  use_nonce(window, 9);
  EXPECT_EQ(hex_of(window), spelt("0900000000000000 0202") + std::string(252, '0'));
  EXPECT_EQ(hex_of(CheckpointMark{{3}, {258}}), spelt("0300000000000000 0201000000000000"));
  const PublicKey bob = public_key_of("bob");
  EXPECT_EQ(to_hex(account_key(bob)), "0061" + bob.hex());
  EXPECT_EQ(to_hex(nonce_key(bob)), "006e" + bob.hex());
  EXPECT_EQ(to_hex(time_key()), "0074");
  EXPECT_EQ(to_hex(epoch_key()), "0065");
  EXPECT_EQ(to_hex(checkpoint_key()), "0063");
  EXPECT_EQ(to_hex(epoch_start_key({258})), "006d0000000000000102");
  EXPECT_EQ(to_hex(used_key_key(bob)), "0075" + bob.hex());
  const std::string replica = spelt("0178") + bob.hex() + bob.hex();
  EXPECT_EQ(hex_of(EpochStart{{1}, {2}, {258}, {{"x", bob, bob}}}),
            spelt("0100000000000000 0200000000000000 0201000000000000 01") + replica);
}

TEST(LedgerFormats, ResultsVotesAndCertificates) {
  EXPECT_EQ(hex_of(TxResult{{digest(kOne)}, Outcome::kRejectedUntilInThePast, 3}),
            kOne + spelt("0b 01 03000000"));
  EXPECT_EQ(hex_of(TxResult{{digest(kOne)}, Outcome::kRejectedEvidenceFull, 0}),
            kOne + spelt("0e 01 00000000"));
  const std::string epoch = "0100000000000000";
  const std::string view = "0200000000000000";
  const std::string sequence = "0300000000000000";
  EXPECT_EQ(hex_of(Vote{{1}, {2}, {3}, digest(kOne), digest(kTwo), {4}}),
            epoch + view + sequence + kOne + kTwo + "0400");
  EXPECT_EQ(hex_of(CommitCertificate{{1}, {2}, {3}, digest(kOne), digest(kTwo), {{{258}, {}}}}),
            epoch + view + sequence + kOne + kTwo + spelt("01 0201") + std::string(128, '0'));
}

TEST(LedgerFormats, CheckpointsAndTheirVotes) {
  const std::string note = kOne + "0300000000000000" + kTwo + "0300000000000000" +
                           "0100000000000000" + "01 4300000000000000" + kOne;
  const CheckpointNote value = {digest(kOne), {3, digest(kTwo)}, {3}, {1}, Sequence{67},
                                digest(kOne)};
  const std::string seconds = "0201000000000000";
  EXPECT_EQ(hex_of(CheckpointVote{value, 258, {4}, {}}),
            spelt(note + seconds + "0400") + std::string(128, '0'));
  EXPECT_EQ(hex_of(StableCheckpoint{value, 258, {{{4}, {}}}}),
            spelt(note + seconds + "01 0400") + std::string(128, '0'));
}

template <class T>
void expect_round_trip(const T& value) {
  const Bytes bytes = crypto::encode(value);
  const auto again = crypto::decode<T>(bytes);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(crypto::encode(*again), bytes);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(crypto::decode<T>(ByteView(bytes).first(length))) << length;
  }
}

TEST(LedgerFormats, WhatIsEncodedIsDecodedAndNoPartOfItIs) {
  const FormatExamples examples;
  expect_round_trip(examples.genesis);
  expect_round_trip(examples.transaction);
  expect_round_trip(examples.block.record);
  expect_round_trip(examples.block.certificate);
  expect_round_trip(examples.block.results);
  expect_round_trip(examples.receipt);
  expect_round_trip(examples.stable);
  expect_round_trip(examples.state_root());
  expect_round_trip(examples.statement());
  expect_round_trip(examples.prove(to_bytes("colour")));
  expect_round_trip(examples.prove(to_bytes("size")));
  expect_round_trip(RecordEvidence{example_evidence(examples.genesis, 3)});
  expect_round_trip(example_change(examples.genesis, genesis_replicas(examples.genesis),
                                   AddReplica{example_replica(4)}));
  expect_round_trip(EpochStart{{1}, {2}, {34}, examples.genesis.replicas});
  expect_round_trip(example_body(
      examples.genesis, 3,
      {put("k", "v", TimeMs{5}), del("k"), compare_and_set("k", "v", "w"), add("k", INT64_MIN)}));
}

TEST(LedgerFormats, AnOutcomePastTheLastIsRefused) {
  const std::string after_the_last = kOne + spelt("17 00");
  EXPECT_EQ(refusal(crypto::decode<TxResult>(from_hex(after_the_last).value())),
            "bcs-unknown-variant");
}

}  // namespace
}  // namespace quorate::ledger
