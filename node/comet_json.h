#pragma once

// The shapes of CometBFT's JSON-RPC, made from our ledger: block ids, headers, commits, results.
//
// 64-bit integers are strings there, 32-bit ones numbers, hashes upper-case hex, byte strings
// base64. What CometBFT has and we have not is derived, the same way on each node unless said, and
// listed in node/README.md under "What is decoration". What we have and CometBFT has not rides
// along in an object "quorate", which its clients ignore.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "ledger/certificate.h"
#include "ledger/record.h"
#include "ledger/store.h"
#include "node/node_view.h"
#include "node/rpc_params.h"

namespace quorate::node {

[[nodiscard]] std::string upper_hex(ByteView bytes);
[[nodiscard]] std::string decimal(std::uint64_t number);

// Record and certificate of a height, and the record before it, which a header names.
struct CometBlock {
  ledger::Record record;
  ledger::CommitCertificate certificate;
  std::optional<ledger::Record> previous;  // nullopt for the first block that is kept

  [[nodiscard]] ledger::Height height() const { return record.batch.sequence; }
};
[[nodiscard]] RpcExpected<CometBlock> read_comet_block(const ledger::Store& store,
                                                       ledger::Height height);

// The parameter "height"; absent means the latest. Error: "block-not-found", also if there is no
// block yet.
[[nodiscard]] RpcExpected<ledger::Height> height_param(const NodeView& view,
                                                       const RpcParams& params);

// The first 20 bytes of SHA-256(vote key), as CometBFT has it for Ed25519 keys.
[[nodiscard]] std::string validator_address(const ledger::PublicKey& vote_key);
[[nodiscard]] boost::json::object public_key_json(const ledger::PublicKey& key);

// The hash that stands for a block: its leaf in the log.
[[nodiscard]] std::string block_hash(const ledger::Record& record);
[[nodiscard]] std::string app_hash(const ledger::Record& record);
[[nodiscard]] boost::json::object block_id_json(const ledger::Record& record);
[[nodiscard]] boost::json::object header_json(const NodeView& view, const CometBlock& block);
[[nodiscard]] boost::json::object commit_json(const NodeView& view, const ledger::Record& record,
                                              const ledger::CommitCertificate& certificate);
// What rides along with a block: view, sequence, epoch, certificate, effective time, level.
[[nodiscard]] boost::json::object block_extras(const CometBlock& block);

// A transaction's fate as CometBFT's ExecTxResult; `code` is the outcome's number.
[[nodiscard]] boost::json::object tx_result_json(ledger::Outcome outcome,
                                                 std::optional<std::uint32_t> failed_operation);

}  // namespace quorate::node
