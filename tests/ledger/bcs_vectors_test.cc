// The encoding of what people sign and exchange, held against vectors that another library makes as
// well.
//
// tests/vectors/bcs.jsonl holds a line a value: its type, its value in JSON (64-bit integers as
// text, bytes as hex), its bytes. This test makes each line from the C++ type;
// tests/interop/bcs.mjs reads each line with the npm package @mysten/bcs and a schema written from
// ledger/README.md. So neither side can drift alone. After an intended change of a format,
// QUORATE_WRITE_VECTORS=1 writes the file anew.

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "ledger/receipt.h"
#include "tests/ledger/example_membership.h"

namespace quorate::ledger {
namespace {

namespace json = boost::json;
using namespace test;

json::value show(const Bytes& bytes) { return json::string(to_hex(bytes)); }
json::value show(const Digest& digest) { return json::string(digest.hex()); }
json::value show(const PublicKey& key) { return json::string(key.hex()); }
json::value show(const Signature& signature) { return json::string(to_hex(signature.bytes)); }
json::value show(const TxId& id) { return show(id.digest); }
json::value show(std::uint64_t number) { return json::string(std::to_string(number)); }
json::value show(std::int64_t number) { return json::string(std::to_string(number)); }
json::value show(std::uint32_t number) { return number; }
json::value show(bool truth) { return truth; }
json::value show(const std::string& text) { return json::string(text); }
template <class Tag>
json::value show(Strong<Tag, std::uint64_t> number) {
  return show(number.value);
}
json::value show(ReplicaId id) { return id.value; }
json::value show(Outcome outcome) { return static_cast<std::uint32_t>(outcome); }

template <class T>
json::value show(const std::optional<T>& maybe) {
  return maybe ? show(*maybe) : json::value();
}
template <class T>
json::value show(const std::vector<T>& values);

json::value show(const Vote& vote);
json::value show(const ViewVote& vote);
json::value show(const CheckpointVote& vote);
json::value show(const Endorsement& endorsement);

json::value show(const ReplicaInfo& replica) {
  return json::object{{"name", show(replica.name)},
                      {"vote_key", show(replica.vote_key)},
                      {"network_key", show(replica.network_key)}};
}
json::value show(const MembershipChange& change) {
  struct Visitor {
    json::object operator()(const AddReplica& add) const {
      return {{"add", json::object{{"replica", show(add.replica)}}}};
    }
    json::object operator()(const RemoveReplica& remove) const {
      return {{"remove", json::object{{"vote_key", show(remove.vote_key)}}}};
    }
    json::object operator()(const RekeyReplica& rekey) const {
      return {{"rekey", json::object{{"vote_key", show(rekey.vote_key)},
                                     {"replica", show(rekey.replica)}}}};
    }
  };
  return std::visit(Visitor{}, change);
}
json::value show(const EpochStart& start) {
  return json::object{{"epoch", show(start.epoch)},
                      {"executed", show(start.executed)},
                      {"boundary", show(start.boundary)},
                      {"replicas", show(start.replicas)}};
}

template <class T>
json::object contradiction(const T& found) {
  return {{"phase", static_cast<std::uint32_t>(found.phase)},
          {"first", show(found.first)},
          {"first_signature", show(found.first_signature)},
          {"second", show(found.second)},
          {"second_signature", show(found.second_signature)}};
}

json::value show(const Evidence& evidence) {
  struct Visitor {
    json::object operator()(const VoteEvidence& found) const {
      return {{"votes", contradiction(found)}};
    }
    json::object operator()(const ViewEvidence& found) const {
      return {{"views", contradiction(found)}};
    }
    json::object operator()(const CheckpointEvidence& found) const {
      return {{"checkpoints",
               json::object{{"first", show(found.first)}, {"second", show(found.second)}}}};
    }
  };
  return std::visit(Visitor{}, evidence);
}

json::value show(const Operation& operation) {
  struct Visitor {
    json::object operator()(const Put& put) const {
      return {{"put", json::object{{"key", show(put.key)},
                                   {"value", show(put.value)},
                                   {"until", show(put.until)}}}};
    }
    json::object operator()(const Delete& del) const {
      return {{"delete", json::object{{"key", show(del.key)}}}};
    }
    json::object operator()(const CompareAndSet& compare) const {
      return {{"compare_and_set", json::object{{"key", show(compare.key)},
                                               {"expected", show(compare.expected)},
                                               {"value", show(compare.value)}}}};
    }
    json::object operator()(const Add& add) const {
      return {{"add", json::object{{"key", show(add.key)}, {"delta", show(add.delta)}}}};
    }
    json::object operator()(const Transfer& transfer) const {
      return {{"transfer",
               json::object{{"to", show(transfer.to)}, {"amount", show(transfer.amount)}}}};
    }
    json::object operator()(const RecordEvidence& record) const {
      return {{"record_evidence", json::object{{"evidence", show(record.evidence)}}}};
    }
    json::object operator()(const ChangeMembership& op) const {
      const json::object body = {{"epoch", show(op.body.epoch)}, {"change", show(op.body.change)}};
      return {{"change_membership", json::object{{"body", body},
                                                 {"endorsements", show(op.endorsements)},
                                                 {"consent", show(op.consent)}}}};
    }
  };
  return std::visit(Visitor{}, operation);
}
json::value show(const Transaction& body) {
  return json::object{{"chain_id", show(body.chain_id)},
                      {"sender", show(body.sender)},
                      {"nonce", show(body.nonce)},
                      {"valid_until", show(body.valid_until)},
                      {"operations", show(body.operations)}};
}
json::value show(const SignedTransaction& transaction) {
  return json::object{{"body", show(transaction.body)}, {"signature", show(transaction.signature)}};
}
json::value show(const BatchHeader& header) {
  return json::object{{"sequence", show(header.sequence)},
                      {"time", show(header.time)},
                      {"flags", show(header.flags)},
                      {"transaction_count", show(header.transaction_count)},
                      {"transaction_root", show(header.transaction_root)}};
}
json::value show(const Record& record) {
  return json::object{{"epoch", show(record.epoch)},
                      {"batch", show(record.batch)},
                      {"effective_time", show(record.effective_time)},
                      {"results_root", show(record.results_root)}};
}
json::value show(const Vote& vote) {
  return json::object{{"epoch", show(vote.epoch)},       {"view", show(vote.view)},
                      {"sequence", show(vote.sequence)}, {"batch", show(vote.batch)},
                      {"new_view", show(vote.new_view)}, {"replica", show(vote.replica)}};
}
json::value show(const ViewVote& vote) {
  return json::object{{"epoch", show(vote.epoch)},
                      {"view", show(vote.view)},
                      {"content", show(vote.content)},
                      {"replica", show(vote.replica)}};
}
json::value show(const CheckpointNote& note) {
  return json::object{
      {"chain_id", show(note.chain_id)},
      {"head", json::object{{"size", show(note.head.size)}, {"root", show(note.head.root)}}},
      {"sequence", show(note.sequence)},
      {"epoch", show(note.epoch)},
      {"pending_boundary", show(note.pending_boundary)},
      {"state_root", show(note.state_root)}};
}
json::value show(const CheckpointVote& vote) {
  return json::object{{"note", show(vote.note)},
                      {"time_seconds", show(vote.time_seconds)},
                      {"replica", show(vote.replica)},
                      {"signature", show(vote.signature)}};
}
json::value show(const Endorsement& endorsement) {
  return json::object{{"replica", show(endorsement.replica)},
                      {"signature", show(endorsement.signature)}};
}
json::value show(const CommitCertificate& certificate) {
  return json::object{{"epoch", show(certificate.epoch)},
                      {"view", show(certificate.view)},
                      {"sequence", show(certificate.sequence)},
                      {"batch", show(certificate.batch)},
                      {"new_view", show(certificate.new_view)},
                      {"commits", show(certificate.commits)}};
}
json::value show(const TxResult& result) {
  return json::object{{"id", show(result.id)},
                      {"outcome", show(result.outcome)},
                      {"failed_operation", show(result.failed_operation)}};
}
json::value show(const Receipt& receipt) {
  return json::object{{"format", show(receipt.format)},
                      {"transaction", show(receipt.transaction)},
                      {"index", show(receipt.index)},
                      {"transaction_path", show(receipt.transaction_path)},
                      {"record", show(receipt.record)},
                      {"certificate", show(receipt.certificate)},
                      {"result", show(receipt.result)},
                      {"result_path", show(receipt.result_path)}};
}
template <class T>
json::value show(const std::vector<T>& values) {
  json::array array;
  for (const T& value : values) array.push_back(show(value));
  return array;
}

class Lines {
 public:
  template <class T>
  void add(std::string_view type, const T& value) {
    const Bytes bytes = crypto::encode(value);
    const auto back = crypto::decode<T>(bytes);
    ASSERT_TRUE(back) << type;
    EXPECT_EQ(crypto::encode(*back), bytes) << type;
    add_bytes(type, value, bytes);
  }
  template <class T>
  void add_bytes(std::string_view type, const T& value, const Bytes& bytes) {
    lines_.push_back(json::serialize(json::object{
        {"type", type}, {"value", show(value)}, {"bytes", to_hex(bytes)}}));
  }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

void add_simple_values(Lines& lines) {
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32,
                                     UINT64_MAX - 1, UINT64_MAX}) {
    lines.add("u64", number);
  }
  for (const std::int64_t number : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN, INT64_MAX}) {
    lines.add("i64", number);
  }
  lines.add("bool", true);
  for (const std::string text : {"", "colour", "\xC3\xA9t\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x97\xB3"}) {
    lines.add("string", text);
  }
  // Where the length needs another byte.
  for (const std::size_t size : {0, 1, 127, 128, 300, 16'384}) {
    lines.add("bytes", Bytes(size, 0x5A));
  }
  lines.add("optional_u64", std::optional<std::uint64_t>());
  lines.add("optional_u64", std::optional<std::uint64_t>(7));
}

Transaction transaction_with_all_operations(const Genesis& genesis) {
  return example_body(
      genesis, UINT64_MAX,
      {put("colour", "blue"), put("lease", "", TimeMs{kGenesisTime.value + 5000}), del("colour"),
       compare_and_set("a", std::nullopt, "1"), compare_and_set("a", "1", "2"),
       add("count", INT64_MIN), Transfer{public_key_of("bob"), UINT64_MAX}});
}

// One of each kind, of nobody in particular: an encoding need not convince.
Transaction transaction_with_evidence(const Genesis& genesis) {
  const VoteEvidence votes = example_evidence(genesis, 3);
  const ViewVote here{{0}, {5}, crypto::sha256(as_bytes("here")), {1}};
  const ViewVote there{{0}, {5}, crypto::sha256(as_bytes("there")), {1}};
  const CheckpointNote note{chain_id_of(genesis), {16, here.content}, {16}, {0}, {}, there.content};
  CheckpointNote other = note;
  other.pending_boundary = Sequence{32};
  return example_body(
      genesis, 1,
      {RecordEvidence{votes},
       RecordEvidence{ViewEvidence{ViewPhase::kNewView, here, votes.first_signature, there,
                                   votes.second_signature}},
       RecordEvidence{CheckpointEvidence{{note, 258, {2}, votes.first_signature},
                                         {other, 259, {2}, votes.second_signature}}}});
}

// Of each kind one; the second epoch's set is that of the first.
Transaction transaction_with_changes(const Genesis& genesis) {
  const ReplicaSet set = genesis_replicas(genesis);
  ReplicaSet other_epoch = set;
  other_epoch.epoch = {258};
  return example_body(
      genesis, 1,
      {example_change(genesis, set, AddReplica{example_replica(4)}),
       example_change(genesis, set, RemoveReplica{example_replica(1).vote_key}),
       example_change(genesis, other_epoch,
                      RekeyReplica{example_replica(1).vote_key, example_replica(5)})});
}

std::vector<std::string> make_lines() {
  Lines lines;
  add_simple_values(lines);
  const Genesis genesis = example_genesis();
  const Transaction all = transaction_with_all_operations(genesis);
  lines.add("transaction", all);
  lines.add("signed_transaction", sign(all));
  lines.add("transaction", transaction_with_evidence(genesis));
  const StoredBlock block = example_block(
      genesis, {kGenesisTime.value + 1000},
      {example_body(genesis, 1, {put("colour", "blue")}),
       example_body(genesis, 2, {compare_and_set("colour", "red", "green")}),
       example_body(genesis, 3, {add("count", -7)})});
  lines.add("record", block.record);
  lines.add("vote", Vote{Epoch{0}, View{3}, Sequence{1}, digest_of_batch(block.record.batch),
                         crypto::sha256(as_bytes("the NEW-VIEW")), ReplicaId{65'535}});
  lines.add("commit_certificate", block.certificate);
  for (const TxResult& result : block.results) lines.add("tx_result", result);
  const Receipt receipt = make_receipt(block, 1).value();
  lines.add_bytes("receipt", receipt, encode_receipt(receipt));
  lines.add("transaction", transaction_with_changes(genesis));
  lines.add("epoch_start", EpochStart{{1}, {2}, {34}, genesis.replicas});
  return lines.lines();
}

TEST(BcsVectors, AreWhatThisCodecMakes) {
  const std::string path = QUORATE_SOURCE_DIR "/tests/vectors/bcs.jsonl";
  const std::vector<std::string> made = make_lines();
  if (std::getenv("QUORATE_WRITE_VECTORS") != nullptr) {
    std::ofstream file(path);
    for (const std::string& line : made) file << line << '\n';
    ASSERT_TRUE(file.good()) << path;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file.is_open()) << path;
  std::vector<std::string> stored;
  for (std::string line; std::getline(file, line);) stored.push_back(line);
  ASSERT_EQ(stored.size(), made.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    EXPECT_EQ(stored[i], made[i]) << "line " << i + 1 << " of " << path;
  }
}

}  // namespace
}  // namespace quorate::ledger
