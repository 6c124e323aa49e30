// The parameters of `subscribe`.

#include <fmt/format.h>

#include <array>
#include <boost/json/serialize.hpp>

#include "node/event_streams.h"

namespace quorate::node {
namespace {

constexpr std::array<std::string_view, 8> kParams = {"query", "from",   "since_ms", "cursor",
                                                     "key",   "prefix", "sender",   "positions"};

tl::unexpected<RpcError> wrong(std::string_view code, std::string message, std::string next) {
  return tl::unexpected(rpc_error_of({ErrorKind::kInvalid, code, std::move(message),
                                      std::move(next)}));
}

// "Tx" of "tm.event='Tx'" or tm.event = "Tx"; empty: it is none.
std::string_view event_of(std::string_view query) {
  const auto trim = [&query] {
    const std::size_t begin = query.find_first_not_of(' ');
    query.remove_prefix(begin == std::string_view::npos ? query.size() : begin);
  };
  const auto take = [&](std::string_view text) {
    trim();
    if (!query.starts_with(text)) return false;
    query.remove_prefix(text.size());
    return true;
  };
  if (!take("tm.event") || !take("=")) return {};
  trim();
  if (query.empty() || (query.front() != '\'' && query.front() != '"')) return {};
  const std::size_t end = query.find(query.front(), 1);
  if (end == std::string_view::npos) return {};
  const std::string_view name = query.substr(1, end - 1);
  query.remove_prefix(end + 1);
  trim();
  return query.empty() ? name : std::string_view();
}

Status set_kind(Subscribing& asked) {
  const std::string_view event = event_of(asked.query);
  asked.is_header_only = event == "NewBlockHeader";
  if (event == "Tx") {
    asked.filter.kind = FeedKind::kTransactions;
  } else if (event == "Change") {
    asked.filter.kind = FeedKind::kChanges;
  } else if (event == "NewBlock" || event == "NewBlockHeader") {
    asked.filter.kind = FeedKind::kBlocks;
  } else {
    return fail(ErrorKind::kInvalid, "query-not-supported",
                fmt::format("query: found {}; tm.event='Tx', 'Change', 'NewBlock' or "
                            "'NewBlockHeader' was expected, and no further condition",
                            boost::json::serialize(boost::json::string(
                                std::string_view(asked.query).substr(0, 80)))),
                "Narrow it down by the parameters from, since_ms, cursor, key, prefix and sender.");
  }
  return {};
}

RpcExpected<std::optional<Bytes>> bytes_param(const RpcParams& params, std::string_view name) {
  QUORATE_ASSIGN(const auto text, params.text(name));
  if (!text) return std::nullopt;
  QUORATE_ASSIGN(Bytes bytes, params.need_bytes(name));
  return bytes;
}

RpcExpected<void> read_filter(const RpcParams& params, FeedFilter& filter) {
  QUORATE_ASSIGN(const auto key, bytes_param(params, "key"));
  QUORATE_ASSIGN(const auto prefix, bytes_param(params, "prefix"));
  if (key && prefix) {
    return wrong("filter-given-twice", "found key and prefix, expected one of them",
                 "Open a subscription for each.");
  }
  filter.key = key ? key : prefix;
  filter.is_prefix = prefix.has_value();
  QUORATE_ASSIGN(const auto sender, params.text("sender"));
  if (sender) {
    const auto parsed = crypto::parse_public_key(*sender);
    if (!parsed) return wrong_param("sender", *sender, "a public key of 64 hex digits");
    filter.sender = *parsed;
  }
  return answered(check_filter(filter).map([] { return true; })).map([](bool) {});
}

}  // namespace

std::span<const std::string_view> subscribe_params() { return kParams; }

RpcExpected<Subscribing> read_subscribing(const RpcParams& params,
                                          const ledger::Digest& chain_id) {
  Subscribing asked;
  QUORATE_ASSIGN(const auto query, params.text("query"));
  asked.query = query.value_or("");
  if (const Status status = set_kind(asked); !status) {
    return tl::unexpected(rpc_error_of(status.error()));
  }
  QUORATE_TRY(read_filter(params, asked.filter));
  QUORATE_ASSIGN(const auto from, params.number("from", 1, UINT64_MAX - 1));
  QUORATE_ASSIGN(const auto since, params.number("since_ms", 1, UINT64_MAX));
  QUORATE_ASSIGN(const auto cursor, params.text("cursor"));
  if (int{from.has_value()} + int{since.has_value()} + int{cursor.has_value()} > 1) {
    return wrong("start-given-twice", "found more than one of from, since_ms and cursor",
                 "Give the one from which to begin.");
  }
  if (from) asked.from = FeedCursor{ledger::Height{*from}, 0};
  if (since) asked.filter.since = ledger::TimeMs{*since};
  if (cursor) {
    QUORATE_ASSIGN(asked.from, answered(parse_cursor(*cursor, asked.filter.kind, chain_id)));
  }
  QUORATE_ASSIGN(asked.wants_positions, params.boolean("positions", false));
  return asked;
}

}  // namespace quorate::node
