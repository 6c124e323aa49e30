// What miners ask for: BIP 22 and BIP 23, and blocks on demand.

#include <fmt/format.h>

#include <array>
#include <boost/json/array.hpp>
#include <charconv>

#include "node/pow_rpc.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kLongPollMs = 60'000;
// Fresh transactions are worth a new template after so long.
constexpr std::uint64_t kPoolPatienceMs = 5'000;
constexpr std::uint64_t kGenerateMax = 10'000;
constexpr std::uint64_t kTriesUsual = 1'000'000;  // Core's

// -- getblocktemplate --------------------------------------------------------------------------

std::string long_poll_id(const PowView& view) {
  return pow::display_hex(view.host.chain().chain().tip().hash) +
         std::to_string(view.host.pool_number());
}

RpcResult block_template(PowView& view, const ledger::PublicKey& miner) {
  QUORATE_ASSIGN(const pow::Block draft, answered(view.host.draft(miner)));
  const pow::ChainPoint& tip = view.host.chain().chain().tip();
  json::array transactions;
  for (std::size_t i = 0; i < draft.size(); ++i) {
    const Bytes bytes = pow::encoded_entry(draft, i);
    const std::string txid = txid_of(bytes);
    transactions.push_back(json::object{{"data", to_hex(bytes)},
                                        {"txid", txid},
                                        {"hash", txid},
                                        {"depends", json::array{}},
                                        {"fee", 0},
                                        {"sigops", 0},
                                        {"weight", bytes.size() * 4}});
  }
  const Bytes coinbase = pow::encode_coinbase(draft.coinbase);
  return json::object{
      {"capabilities", json::array{}},
      {"version", draft.header.version},
      {"rules", json::array{}},
      {"vbavailable", json::object{}},
      {"vbrequired", 0},
      {"previousblockhash", pow::display_hex(draft.header.previous)},
      {"transactions", std::move(transactions)},
      {"coinbaseaux", json::object{}},
      {"coinbasevalue", 0},
      {"coinbasetxn", json::object{{"data", to_hex(coinbase)}, {"txid", txid_of(coinbase)}}},
      {"longpollid", long_poll_id(view)},
      {"target", pow::hex_of(pow::target_number(draft.header.bits))},
      {"mintime", tip.recent.median() + 1ULL},
      {"mutable", json::array{"time", "transactions/remove"}},
      {"noncerange", "00000000ffffffff"},
      {"sigoplimit", 80'000},
      {"sizelimit", kPowBlockBytesMax},
      {"weightlimit", kPowBlockBytesMax * 4},
      {"curtime", draft.header.time},
      {"bits", bits_text(draft.header.bits)},
      {"height", draft.coinbase.height.value}};
}

struct TemplateRequest {
  std::optional<std::string> long_poll;
  std::string mode = "template";
  std::optional<std::string> data;  // of mode "proposal"
};

RpcExpected<TemplateRequest> template_request(const RpcParams& params) {
  constexpr std::string_view kExpected =
      R"(an object as {"capabilities":["coinbasetxn","longpoll"],"rules":["segwit"]})";
  TemplateRequest request;
  const json::value* given = params.value("template_request");
  if (given == nullptr || given->is_null()) return request;
  if (!given->is_object()) return wrong_param("template_request", "something else", kExpected);
  for (const auto& [name, value] : given->get_object()) {
    const bool is_text = value.is_string();
    const std::string text = is_text ? std::string(value.get_string()) : std::string();
    if (name == "longpollid" && !value.is_null()) {
      if (!is_text) return wrong_param("longpollid", "no text", "what a template said");
      request.long_poll = text;
    } else if (name == "mode") {
      if (!is_text) return wrong_param("mode", "no text", R"("template")");
      request.mode = text;
    }
  }
  if (request.mode == "template") return request;
  return pow_error(kRpcInvalidParameter, "Invalid mode",
                   {ErrorKind::kUnsupported, "pow-template-mode",
                    fmt::format("found mode \"{}\", expected \"template\"",
                                request.mode.substr(0, 32)),
                    "Leave the mode away, and send the block with submitblock."});
}

void getblocktemplate(PowView& view, const RpcParams& params, RpcReply reply) {
  const auto request = template_request(params);
  if (!request) return reply(tl::unexpected(request.error()));
  const ledger::PublicKey miner = view.host.miner();
  // At once if the tip is another one than its id says.
  const std::string tip = pow::display_hex(view.host.chain().chain().tip().hash);
  if (!request->long_poll || !request->long_poll->starts_with(tip)) {
    return reply(block_template(view, miner));
  }
  const std::uint64_t since = view.host.pool_number();
  const std::uint64_t tip_number = view.host.tip_number();
  const ledger::TimeMs begin = view.host.now();
  const auto done = [&view, miner, reply, since, tip_number, begin](bool is_late) {
    const bool has_new_transactions = view.host.pool_number() != since &&
                                      view.host.now().value >= begin.value + kPoolPatienceMs;
    if (!is_late && view.host.tip_number() == tip_number && !has_new_transactions) return false;
    reply(block_template(view, miner));
    return true;
  };
  // With too many waiting, this one does not wait.
  if (!view.host.watch(kLongPollMs, done)) reply(block_template(view, miner));
}

// -- submitblock -------------------------------------------------------------------------------

// BIP 22's words where it has one, else our code.
std::string reason_text(pow::Reject why) {
  switch (why) {
    case pow::Reject::kHashAboveTarget:
      return "high-hash";
    case pow::Reject::kTimeTooOld:
      return "time-too-old";
    case pow::Reject::kTimeTooNew:
      return "time-too-new";
    case pow::Reject::kBitsNotRequired:
    case pow::Reject::kTargetZero:
    case pow::Reject::kTargetNegative:
    case pow::Reject::kTargetOverflow:
    case pow::Reject::kTargetAboveLimit:
    case pow::Reject::kTargetNotCanonical:
      return "bad-diffbits";
    case pow::Reject::kMerkleRootWrong:
      return "bad-txnmrklroot";
    case pow::Reject::kMerkleAmbiguous:
      return "bad-txns-duplicate";
    case pow::Reject::kParentUnknown:
      return "prev-blk-not-found";
    case pow::Reject::kParentInvalid:
      return "bad-prevblk";
    default:
      return std::string(reject_code(why));
  }
}

RpcResult submitblock(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const auto hex, params.text("hexdata"));
  const auto bytes = from_hex(hex.value_or(""));
  if (!bytes || bytes->size() < pow::kHeaderBytes) {
    return pow_error(kRpcDeserializationError, "Block decode failed",
                     {ErrorKind::kInvalid, "pow-block-malformed",
                      fmt::format("found {} characters, expected a block in hex",
                                  hex.value_or("").size()),
                      "Send header, count, coinbase and transactions as the template gave them."});
  }
  const pow::Header header = pow::decode_header(ByteView(*bytes).first<pow::kHeaderBytes>());
  const ledger::Digest hash = pow::hash_of(header);
  PowHost& host = view.host;
  const pow::Chain& chain = host.chain().chain();
  if (const pow::TreeNode* known = chain.find(hash)) {
    if (known->is_invalid) return json::string("duplicate-invalid");
    if (known->has_body || known->parent == nullptr) return json::string("duplicate");
  }
  // Work first: signatures cost more than a hash.
  QUORATE_ASSIGN(const pow::Happened headers,
                 answered(host.act(pow::HeadersArrived{std::nullopt, {header}})));
  if (!headers.refused.empty()) return json::string(reason_text(headers.refused.front().why));
  const auto block = host.chain().reader().read(*bytes);
  PowEvent event = pow::BlockArrived{std::nullopt, nullptr};
  if (block) {
    event = pow::BlockArrived{std::nullopt, *block};
  } else {
    event = pow::BodyRefused{std::nullopt, header, block.error()};
  }
  QUORATE_ASSIGN(const pow::Happened happened, answered(host.act(event)));
  if (!happened.refused.empty()) return json::string(reason_text(happened.refused.front().why));
  // Good, and not on the chain that has the most work.
  if (!chain.depth(hash)) return json::string("inconclusive");
  return nullptr;
}

RpcResult submitheader(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const auto hex, params.text("hexdata"));
  const auto header = pow::parse_header(hex.value_or(""));
  if (!header) {
    return pow_error(kRpcDeserializationError, "Block header decode failed", header.error());
  }
  QUORATE_ASSIGN(const pow::Happened happened,
                 answered(view.host.act(pow::HeadersArrived{std::nullopt, {*header}})));
  if (happened.refused.empty()) return nullptr;
  return pow_error(kRpcVerifyError, reason_text(happened.refused.front().why),
                   happened.refused.front().error);
}

// -- Blocks on demand --------------------------------------------------------------------------

void generate_for(PowView& view, const RpcParams& params, const ledger::PublicKey& miner,
                  const RpcReply& reply) {
  const auto count = params.number("nblocks", 0, kGenerateMax);
  const auto tries = params.number("maxtries", 1, UINT64_MAX);
  if (!count) return reply(tl::unexpected(count.error()));
  if (!tries) return reply(tl::unexpected(tries.error()));
  view.host.generate(count->value_or(1), miner, tries->value_or(kTriesUsual),
                     [reply](const Result<std::vector<ledger::Digest>>& hashes) {
                       if (!hashes) return reply(tl::unexpected(rpc_error_of(hashes.error())));
                       json::array out;
                       for (const ledger::Digest& hash : *hashes) {
                         out.push_back(json::string(pow::display_hex(hash)));
                       }
                       reply(std::move(out));
                     });
}

void generate(PowView& view, const RpcParams& params, const RpcReply& reply) {
  generate_for(view, params, view.host.miner(), reply);
}

void generatetoaddress(PowView& view, const RpcParams& params, const RpcReply& reply) {
  const auto miner = miner_param(view, params, "address");
  if (!miner) return reply(tl::unexpected(miner.error()));
  generate_for(view, params, *miner, reply);
}

// A waiting transaction by its txid or its id, or any in hex.
RpcExpected<ledger::TransactionPtr> named_transaction(const PowView& view,
                                                      const json::value& name) {
  const std::string text = name.is_string() ? std::string(name.get_string()) : std::string();
  for (const auto& transaction : view.host.chain().memory().pool()) {
    const bool is_it = text.size() == 64 &&
                       (transaction->id.hex() == text ||
                        txid_of(encoded_transaction(*transaction)) == text);
    if (is_it) return transaction;
  }
  const auto bytes = from_hex(text);
  const auto checked = bytes ? view.host.chain().verifier().check(*bytes)
                             : Result<ledger::TransactionPtr>(tl::unexpected(bytes.error()));
  if (checked) return *checked;
  return pow_error(kRpcInvalidAddressOrKey, "Transaction not in mempool",
                   {ErrorKind::kNotFound, "tx-not-found",
                    fmt::format("found \"{}\", expected the txid or id of a transaction that "
                                "waits here, or one in hex",
                                text.substr(0, 64)),
                    "See getrawmempool."});
}

void generateblock(PowView& view, const RpcParams& params, const RpcReply& reply) {
  const auto miner = miner_param(view, params, "output");
  if (!miner) return reply(tl::unexpected(miner.error()));
  std::vector<ledger::TransactionPtr> transactions;
  const json::value* names = params.value("transactions");
  if (names != nullptr && names->is_array()) {
    for (const json::value& name : names->get_array()) {
      const auto transaction = named_transaction(view, name);
      if (!transaction) return reply(tl::unexpected(transaction.error()));
      transactions.push_back(*transaction);
    }
  }
  view.host.generate_block(
      std::move(transactions), *miner, [reply](const Result<std::vector<ledger::Digest>>& made) {
        if (!made) return reply(tl::unexpected(rpc_error_of(made.error())));
        reply(json::object{{"hash", made->empty() ? "" : pow::display_hex(made->front())}});
      });
}

RpcResult setmocktime(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const auto seconds, params.number("timestamp", 0, UINT32_MAX));
  if (!view.genesis.testnet) {
    return pow_error(kRpcMiscError, "setmocktime is for testnets only",
                     {ErrorKind::kDenied, "pow-not-a-testnet",
                      "this network's genesis document does not say that it is a testnet",
                      "Try it on one of `quorate testnet up --engine pow`."});
  }
  view.host.set_mock_time(seconds.value_or(0) == 0 ? std::nullopt : seconds);
  return nullptr;
}

RpcResult getmininginfo(PowView& view, const RpcParams&) {
  PowChain& chain = view.host.chain();
  const pow::ChainPoint& tip = chain.chain().tip();
  return json::object{
      {"blocks", tip.height.value},
      {"bits", bits_text(tip.bits)},
      {"difficulty", difficulty_of(tip.bits)},
      {"target", pow::hex_of(pow::target_number(tip.bits))},
      {"pooledtx", chain.memory().pool().size()},
      {"chain", chain.params().name},
      {"warnings", json::array{}},
      {"quorate",
       json::object{{"miner", view.host.miner().hex()},
                    {"threads", view.miner_threads},
                    {"hashes", view.miner_hashes ? view.miner_hashes() : 0}}}};
}

}  // namespace

std::vector<PowRpcMethod> pow_mining_methods() {
  return {
      {"getblocktemplate", {"template_request"},
       "A block to mine on the tip; with longpollid it waits for a new one.", getblocktemplate},
      {"submitblock", {"hexdata", "dummy"}, "Takes a block: null, or why not.",
       at_once(submitblock)},
      {"submitheader", {"hexdata"}, "Takes a header.", at_once(submitheader)},
      {"generate", {"nblocks", "maxtries"}, "Mines blocks at once, for tests.", generate},
      {"generatetoaddress", {"nblocks", "address", "maxtries"},
       "The same, with the public key that the coinbases name.", generatetoaddress},
      {"generateblock", {"output", "transactions"},
       "Mines a block with these transactions and no others; output is a public key or null.",
       generateblock},
      {"getmininginfo", {}, "Difficulty, and what the built-in miner does.",
       at_once(getmininginfo)},
      {"setmocktime", {"timestamp"},
       "Stops this node's clock at a second, for tests; 0 lets it go.", at_once(setmocktime)},
  };
}

}  // namespace quorate::node
