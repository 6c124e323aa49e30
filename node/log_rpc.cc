#include "node/log_rpc.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "ledger/log_tiles.h"
#include "ledger/membership.h"
#include "ledger/log_view.h"
#include "ledger/published_checkpoint.h"
#include "node/quorate_rpc.h"
#include "node/rpc_error.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::string_view kPlain = "text/plain; charset=utf-8";
constexpr std::string_view kBytes = "application/octet-stream";
constexpr std::string_view kForGood = "public, max-age=31536000, immutable";
constexpr std::string_view kTilePrefix = "/tile/";

HttpPage error_page(const Error& error) {
  const RpcError as_answer{kRpcServerError, {}, error, {}};
  return {http_status_of(as_answer), std::string(kPlain), error.to_string() + "\n"};
}

Error nothing_stable(const NodeView& view) {
  return {ErrorKind::kNotFound, "nothing-stable",
          fmt::format("At height {} this node has no checkpoint that a quorum cosigned",
                      view.store.height().value),
          "Ask again in a moment, or another node."};
}

Error not_published() {
  return {ErrorKind::kNotFound, "not-published-yet",
          "A quorum cosigned a checkpoint, and this node has not published it yet",
          "Ask again in a second."};
}

HttpPage tile_page(const NodeView& view, std::string_view path) {
  const auto name = ledger::parse_tile_path(path.substr(1));
  if (!name) {
    return error_page({ErrorKind::kNotFound, "tile-path-malformed",
                       fmt::format("{} names no tile", path.substr(0, 80)),
                       "Expected /tile/<level>/<number>, the number in groups of three digits, "
                       "and .p/<width> behind a partial one: /tile/0/x001/234.p/12"});
  }
  const auto stable = view.store.stable_view();
  if (!stable) return error_page(nothing_stable(view));
  const auto tile =
      ledger::read_tile(view.store.log(), *name, stable->checkpoint().note.head.size);
  if (!tile) return error_page(tile.error());
  return {200, std::string(kBytes), std::string(as_text(*tile)), kForGood};
}

json::array hexes(const std::vector<ledger::Digest>& path) {
  json::array hashes;
  for (const ledger::Digest& hash : path) hashes.push_back(json::string(hash.hex()));
  return hashes;
}

RpcResult quorate_log(const NodeView& view, const RpcParams&) {
  const auto stable = view.store.stable_view();
  QUORATE_ASSIGN(const auto membership,
                 answered(ledger::Membership::read(view.store.view(), view.genesis)));
  // The keys under what is published; until then, those that will be.
  const ledger::ReplicaSet& set = stable ? membership.set_of(stable->checkpoint().note.epoch)
                                         : membership.current();
  json::array cosigners;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const ledger::ReplicaId id{static_cast<std::uint16_t>(i)};
    cosigners.push_back(json::string(ledger::cosigner_key(view.chain_id, id, set).text()));
  }
  const ledger::LogView log = view.store.log();
  QUORATE_ASSIGN(const ledger::Digest root, answered(log.root(log.size())));
  json::object answer{{"origin", ledger::checkpoint_origin(view.chain_id)},
                      {"key", view.publisher.key_text()},
                      {"cosigners", std::move(cosigners)},
                      {"size", log.size()},
                      {"root", root.hex()},
                      {"base", log.base()},
                      {"checkpoint", nullptr},
                      {"note", nullptr},
                      {"refusal", nullptr}};
  if (stable) answer["checkpoint"] = stable->checkpoint().note.head.size;
  if (const auto note = view.publisher.note()) answer["note"] = *note;
  if (const auto refusal = view.publisher.refusal()) answer["refusal"] = error_to_json(*refusal);
  return answer;
}

// The size that was asked for, or the newest stable checkpoint's.
RpcExpected<std::uint64_t> size_param(const NodeView& view, const RpcParams& params,
                                      std::string_view name) {
  QUORATE_ASSIGN(const auto size, params.number(name, 0, UINT64_MAX));
  if (size) return *size;
  QUORATE_ASSIGN(const ledger::StableView stable, need_stable_view(view));
  return stable.checkpoint().note.head.size;
}

RpcExpected<std::uint64_t> need_number(const RpcParams& params, std::string_view name,
                                       std::uint64_t min) {
  QUORATE_ASSIGN(const auto number, params.number(name, min, UINT64_MAX));
  if (number) return *number;
  return wrong_param(name, "nothing", fmt::format("a number from {} on", min));
}

RpcResult quorate_inclusion(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const std::uint64_t height, need_number(params, "height", 1));
  QUORATE_ASSIGN(const std::uint64_t size, size_param(view, params, "size"));
  const ledger::LogView log = view.store.log();
  QUORATE_ASSIGN(const auto path, answered(log.inclusion_path(height - 1, size)));
  QUORATE_ASSIGN(const ledger::Digest root, answered(log.root(size)));
  QUORATE_ASSIGN(const auto records, answered(log.records(height - 1, 1)));
  return json::object{{"index", height - 1},
                      {"size", size},
                      {"root", root.hex()},
                      {"record", to_base64(records.front())},
                      {"path", hexes(path)}};
}

RpcResult quorate_consistency(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const std::uint64_t first, need_number(params, "first", 1));
  QUORATE_ASSIGN(const std::uint64_t second, size_param(view, params, "second"));
  const ledger::LogView log = view.store.log();
  QUORATE_ASSIGN(const auto path, answered(log.consistency_path(first, second)));
  QUORATE_ASSIGN(const ledger::Digest first_root, answered(log.root(first)));
  QUORATE_ASSIGN(const ledger::Digest second_root, answered(log.root(second)));
  return json::object{{"first", first},
                      {"second", second},
                      {"first_root", first_root.hex()},
                      {"second_root", second_root.hex()},
                      {"path", hexes(path)}};
}

}  // namespace

std::vector<RpcMethod> log_methods() {
  return {
      {"quorate_log", {},
       "The log's origin, keys and sizes, and its newest stable checkpoint as a signed note.",
       at_once(quorate_log)},
      {"quorate_inclusion", {"height", "size"},
       "The inclusion proof (RFC 9162) of a block's record in the log of that size.",
       at_once(quorate_inclusion)},
      {"quorate_consistency", {"first", "second"},
       "The consistency proof (RFC 9162) between two sizes of the log.",
       at_once(quorate_consistency)},
  };
}

std::optional<HttpPage> log_page(const NodeView& view, std::string_view path) {
  if (path.starts_with(kTilePrefix)) return tile_page(view, path);
  if (path != "/checkpoint") return std::nullopt;
  const auto note = view.publisher.note();
  if (!note && view.store.stable_view()) return error_page(not_published());
  if (!note) return error_page(nothing_stable(view));
  return HttpPage{200, std::string(kPlain), *note};
}

}  // namespace quorate::node
