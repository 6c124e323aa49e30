#include "node/ledger_json.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "ledger/transaction_json.h"

namespace quorate::node {
namespace {

// As deep as the trees of transactions are: four levels.
boost::json::value converted(const ledger::JsonNode& node) {
  switch (node.kind) {
    case ledger::JsonKind::kNull: return nullptr;
    case ledger::JsonKind::kBool: return node.text == "true";
    case ledger::JsonKind::kNumber: return boost::json::parse(node.text);
    case ledger::JsonKind::kText: return boost::json::string(node.text);
    case ledger::JsonKind::kArray: break;
    case ledger::JsonKind::kObject: {
      boost::json::object object;
      for (std::size_t i = 0; i < node.names.size(); ++i) {
        object[node.names[i]] = converted(node.children[i]);
      }
      return object;
    }
  }
  boost::json::array array;
  for (const ledger::JsonNode& child : node.children) array.push_back(converted(child));
  return array;
}

}  // namespace

boost::json::object transaction_json(const ledger::StoredBlock& block, std::size_t index) {
  const ledger::TxResult& result = block.results[index];
  boost::json::object object{{"height", block.record.batch.sequence.value},
                             {"index", index},
                             {"id", result.id.hex()},
                             {"outcome", ledger::outcome_code(result.outcome)},
                             {"failed_operation", nullptr}};
  if (result.failed_operation) object["failed_operation"] = *result.failed_operation;
  const auto body = converted(ledger::to_json(block.transactions[index].body));
  for (const auto& member : body.as_object()) object[member.key()] = member.value();
  return object;
}

boost::json::object block_json(const ledger::StoredBlock& block) {
  const ledger::Record& record = block.record;
  boost::json::array signers;
  for (const auto& commit : block.certificate.commits) signers.push_back(commit.replica.value);
  return {{"height", record.batch.sequence.value},
          {"hash", ledger::record_leaf(record).hex()},
          {"agreed_time_ms", record.effective_time.value},
          {"proposed_time_ms", record.batch.time.value},
          {"is_null", (record.batch.flags & ledger::kFlagNull) != 0},
          {"asks_checkpoint", (record.batch.flags & ledger::kFlagCheckpoint) != 0},
          {"transactions", record.batch.transaction_count},
          {"transaction_root", record.batch.transaction_root.hex()},
          {"results_root", record.results_root.hex()},
          {"view", block.certificate.view.value},
          {"signers", std::move(signers)}};
}

void set_bytes_json(boost::json::object& object, std::string_view name, const Bytes& bytes) {
  auto node = ledger::JsonNode::object();
  ledger::set_bytes(node, name, bytes);
  object[node.names.front()] = converted(node.children.front());
}

}  // namespace quorate::node
