#include "testnet/commands/pow_text.h"

#include <fmt/format.h>

#include "node/time_text.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;

std::string seconds_text(std::uint32_t seconds) {
  return node::time_to_text({std::uint64_t{seconds} * 1000});
}

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string bits_text(pow::Bits bits) { return fmt::format("{:08x}", bits.value); }

// Of the block after the tip, if it comes in time.
pow::Bits next_bits(const pow::MemoryChain& chain) {
  const pow::ChainPoint& tip = chain.chain().tip();
  return required_bits(tip, tip.time + 1, chain.chain().params()).value_or(tip.bits);
}

std::string_view status_of(PowFolder& folder, const pow::TreeNode& node) {
  if (folder.chain().chain().depth(node.hash())) return "active";
  if (node.is_invalid) return "invalid";
  return node.complete_since ? "side branch" : "bodies are missing";
}

}  // namespace

node::Parameter pow_dir_parameter(std::string& dir) {
  return {.name = "--dir",
          .value = "DIR",
          .help = "The chain's folder; default pow-data",
          .target = &dir};
}

Result<PowFolder> open_pow_folder(const std::string& dir, node::Console& console) {
  QUORATE_ASSIGN(PowFolder folder, PowFolder::open(dir));
  if (folder.dropped_writes() > 0) {
    console.remark("The last write was cut off by a crash; it is dropped.");
  }
  return folder;
}

void print_steps(node::Console& console, const pow::Happened& happened) {
  for (const pow::Step& step : happened.steps) {
    const bool connects = step.move.kind == pow::Move::Kind::kConnect;
    std::string line =
        fmt::format("{} height {:>6}  {}", connects ? "connected   " : "disconnected",
                    step.move.height.value, pow::display_hex(step.move.hash));
    if (!step.results.empty()) line += ", " + counted(step.results.size(), "transaction");
    if (!step.displaced.empty()) {
      line += fmt::format(", {} again", counted(step.displaced.size(), "transaction") +
                                            (step.displaced.size() == 1 ? " waits" : " wait"));
    }
    console.line(line);
    for (const ledger::TxResult& result : step.results) {
      console.line(fmt::format("    {} {}", result.id.hex(), outcome_code(result.outcome)));
    }
    for (const ledger::TxId& id : step.displaced) {
      console.line(fmt::format("    {} waits again", id.hex()));
    }
  }
}

json::array steps_to_json(const pow::Happened& happened) {
  json::array out;
  for (const pow::Step& step : happened.steps) {
    const bool connects = step.move.kind == pow::Move::Kind::kConnect;
    json::object entry{{"step", connects ? "connect" : "disconnect"},
                       {"height", step.move.height.value},
                       {"hash", pow::display_hex(step.move.hash)}};
    if (connects) {
      json::array results;
      for (const ledger::TxResult& result : step.results) {
        results.push_back(
            json::object{{"id", result.id.hex()}, {"outcome", outcome_code(result.outcome)}});
      }
      entry["transactions"] = std::move(results);
    } else {
      json::array displaced;
      for (const ledger::TxId& id : step.displaced) displaced.push_back(json::string(id.hex()));
      entry["displaced"] = std::move(displaced);
    }
    out.push_back(std::move(entry));
  }
  return out;
}

void print_chain(node::Console& console, PowFolder& folder) {
  const pow::Chain& chain = folder.chain().chain();
  const pow::ChainPoint& tip = chain.tip();
  const pow::Params& params = folder.params();
  console.line(fmt::format("chain of the network \"{}\" in {}", folder.genesis().name,
                           folder.root().string()));
  console.line(fmt::format("  rules    {}: {} s apart, {}, at most as easy as {}", params.name,
                           params.spacing_seconds,
                           params.retargets ? fmt::format("a retarget every {}", params.interval)
                                            : "no retargets",
                           bits_text(params.limit_bits)));
  console.line(fmt::format("  height   {}", tip.height.value));
  console.line(fmt::format("  tip      {}", pow::display_hex(tip.hash)));
  console.line(fmt::format("  time     {}", seconds_text(tip.time)));
  console.line(fmt::format("  work     {} hashes on average", pow::decimal_of(tip.work)));
  console.line(fmt::format("  next     bits {}, {} hashes on average",
                           bits_text(next_bits(folder.chain())),
                           pow::decimal_of(work_of_bits(next_bits(folder.chain()), params.limit))));
  console.line(fmt::format("  state    {}", folder.chain().state().root().hex()));
  console.line(
      fmt::format("  waiting  {}", counted(folder.chain().pool().size(), "transaction")));
  console.line("  tips");
  for (const pow::TipView& view : chain.tips()) {
    console.line(fmt::format("    {:<13} height {:>6}  {}{}", tip_status_text(view.status),
                             view.height.value, pow::display_hex(view.hash),
                             view.branch_length == 0
                                 ? ""
                                 : fmt::format("  a branch of {}", view.branch_length)));
  }
}

json::object chain_to_json(PowFolder& folder) {
  const pow::Chain& chain = folder.chain().chain();
  const pow::ChainPoint& tip = chain.tip();
  json::array tips;
  for (const pow::TipView& view : chain.tips()) {
    tips.push_back(json::object{{"height", view.height.value},
                                {"hash", pow::display_hex(view.hash)},
                                {"branchlen", view.branch_length},
                                {"status", tip_status_text(view.status)}});
  }
  json::array pool;
  for (const pow::TransactionPtr& transaction : folder.chain().pool()) {
    pool.push_back(json::string(transaction->id.hex()));
  }
  return {{"chain", folder.params().name},
          {"chain_id", ledger::chain_id_of(folder.genesis()).hex()},
          {"blocks", tip.height.value},
          {"bestblockhash", pow::display_hex(tip.hash)},
          {"time", tip.time},
          {"mediantime", tip.recent.median()},
          {"bits", bits_text(tip.bits)},
          {"next_bits", bits_text(next_bits(folder.chain()))},
          {"chainwork", pow::hex_of(tip.work)},
          {"state_root", folder.chain().state().root().hex()},
          {"tips", tips},
          {"waiting", pool}};
}

void print_block(node::Console& console, PowFolder& folder, const pow::TreeNode& node) {
  const auto depth = folder.chain().chain().depth(node.hash());
  console.line(fmt::format("block {}", pow::display_hex(node.hash())));
  console.line(fmt::format("  height       {}", node.height()));
  console.line(fmt::format("  status       {}{}", status_of(folder, node),
                           depth ? fmt::format(", depth {}", *depth) : ""));
  console.line(fmt::format("  parent       {}", pow::display_hex(node.header.previous)));
  console.line(fmt::format("  merkle root  {}", pow::display_hex(node.header.merkle_root)));
  console.line(fmt::format("  time         {}", seconds_text(node.header.time)));
  console.line(fmt::format("  bits, nonce  {} {}", bits_text(node.header.bits),
                           node.header.nonce));
  console.line(fmt::format("  work         {} hashes on average up to here",
                           pow::decimal_of(node.point.work)));
  const pow::BlockPtr body = folder.chain().body(node.hash());
  if (body == nullptr) return;
  console.line(fmt::format("  size         {} bytes, extranonce {}", encoded_bytes(*body),
                           body->coinbase.extranonce));
  console.line(fmt::format("  {}", counted(body->transactions.size(), "transaction")));
  for (const pow::TransactionPtr& transaction : body->transactions) {
    console.line(fmt::format("    {}", transaction->id.hex()));
  }
}

json::object block_to_json(PowFolder& folder, const pow::TreeNode& node) {
  const auto depth = folder.chain().chain().depth(node.hash());
  json::object out{{"hash", pow::display_hex(node.hash())},
                   {"confirmations", depth ? static_cast<std::int64_t>(*depth) : -1},
                   {"height", node.height()},
                   {"version", node.header.version},
                   {"previousblockhash", pow::display_hex(node.header.previous)},
                   {"merkleroot", pow::display_hex(node.header.merkle_root)},
                   {"time", node.header.time},
                   {"mediantime", node.point.recent.median()},
                   {"bits", bits_text(node.header.bits)},
                   {"nonce", node.header.nonce},
                   {"chainwork", pow::hex_of(node.point.work)},
                   {"status", status_of(folder, node)}};
  const pow::BlockPtr body = folder.chain().body(node.hash());
  if (body == nullptr) return out;
  json::array ids;
  for (const pow::TransactionPtr& transaction : body->transactions) {
    ids.push_back(json::string(transaction->id.hex()));
  }
  out["size"] = encoded_bytes(*body);
  out["extranonce"] = body->coinbase.extranonce;
  out["tx"] = std::move(ids);
  return out;
}

}  // namespace quorate::testnet
