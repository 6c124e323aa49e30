#include "node/feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>

#include "crypto/bcs.h"
#include "ledger/decimal.h"
#include "node/ledger_json.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::size_t kChainDigits = 16;
constexpr std::size_t kBlocksKept = 2;
// What an event has besides keys and values.
constexpr std::size_t kEventBytes = 700;

struct KeyOf {
  const FeedFilter& filter;
  bool operator()(const ledger::Transfer& /*transfer*/) const { return false; }
  bool operator()(const ledger::RecordEvidence& /*record*/) const { return false; }
  bool operator()(const ledger::ChangeMembership& /*change*/) const { return false; }
  template <class T>
  bool operator()(const T& operation) const {
    return fits(filter, operation.key);
  }
  static bool fits(const FeedFilter& filter, ByteView key) {
    const Bytes& wanted = *filter.key;
    if (filter.is_prefix ? key.size() < wanted.size() : key.size() != wanted.size()) return false;
    return std::equal(wanted.begin(), wanted.end(), key.begin());
  }
};

bool names(const ledger::Transaction& body, const FeedFilter& filter) {
  return std::any_of(body.operations.begin(), body.operations.end(),
                     [&](const auto& each) { return std::visit(KeyOf{filter}, each); });
}

bool is_wanted(const ledger::StoredBlock& block, std::size_t index, const FeedFilter& filter) {
  if (ledger::is_skipped(block.results[index].outcome)) return false;
  const ledger::Transaction& body = block.transactions[index].body;
  if (filter.sender && body.sender != *filter.sender) return false;
  return !filter.key || names(body, filter);
}

json::object with_time(json::object body, ledger::TimeMs time) {
  body["agreed_time_ms"] = time.value;
  body["agreed_time"] = time_to_text(time);
  return body;
}

json::object typed(std::string_view type, const json::object& members) {
  json::object body{{"type", type}};
  for (const auto& member : members) body[member.key()] = member.value();
  return body;
}

std::uint32_t as_index(std::size_t index) { return static_cast<std::uint32_t>(index); }

// Those that were applied and named the key, in order.
json::array changed_by(const ledger::StoredBlock& block, const Bytes& key) {
  const FeedFilter only{.key = key};
  json::array ids;
  for (std::size_t i = 0; i < block.transactions.size(); ++i) {
    if (block.results[i].outcome != ledger::Outcome::kApplied) continue;
    if (names(block.transactions[i].body, only)) {
      ids.push_back(json::string(block.results[i].id.hex()));
    }
  }
  return ids;
}

Result<json::object> change_json(const ledger::StoredBlock& block, const Bytes& key,
                                 const std::optional<Bytes>& leaf) {
  json::object body{{"type", "change"}, {"height", block.record.batch.sequence.value}};
  set_bytes_json(body, "key", key);
  body["present"] = leaf.has_value();
  if (leaf) {
    const auto entry = crypto::decode<ledger::Entry>(*leaf);
    if (!entry) {
      return fail(ErrorKind::kCorrupt, "state-malformed",
                  fmt::format("the write set of height {} has a leaf that does not decode: {}",
                              block.record.batch.sequence.value, entry.error().message));
    }
    set_bytes_json(body, "value", entry->value);
    if (entry->until) body["until_ms"] = entry->until->value;
  }
  body["transactions"] = changed_by(block, key);
  return with_time(std::move(body), block.record.effective_time);
}

}  // namespace

std::string_view feed_kind_text(FeedKind kind) {
  constexpr std::array<std::string_view, 3> kTexts = {"tx", "change", "block"};
  return kTexts[static_cast<std::size_t>(kind)];
}

std::string cursor_text(FeedKind kind, const ledger::Digest& chain_id, const FeedCursor& cursor) {
  return fmt::format("{}:{}:{}:{}", feed_kind_text(kind), chain_id.hex().substr(0, kChainDigits),
                     cursor.height.value, cursor.index);
}

Result<FeedCursor> parse_cursor(std::string_view text, FeedKind kind,
                                const ledger::Digest& chain_id) {
  std::array<std::string_view, 4> parts;
  std::string_view left = text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t end = i + 1 < parts.size() ? left.find(':') : left.size();
    parts[i] = left.substr(0, end);
    if (end == std::string_view::npos) break;
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  const auto height = ledger::parse_decimal(parts[2]);
  const auto index = ledger::parse_decimal(parts[3]);
  if (!height || *height == 0 || !index || *index > UINT32_MAX) {
    return fail(ErrorKind::kInvalid, "cursor-malformed",
                fmt::format("found \"{}\", expected a cursor such as {}", text.substr(0, 80),
                            cursor_text(kind, chain_id, {ledger::Height{15}, 4})),
                "Give a cursor as it stood in an event, or begin from a height.");
  }
  if (parts[0] != feed_kind_text(kind)) {
    return fail(ErrorKind::kConflict, "cursor-other-kind",
                fmt::format("found a cursor of \"{}\", expected one of \"{}\"", parts[0],
                            feed_kind_text(kind)),
                "A place among transactions is none among changes: keep a cursor for each.");
  }
  const std::string chain = chain_id.hex().substr(0, kChainDigits);
  if (parts[1] != chain) {
    return fail(ErrorKind::kConflict, "cursor-other-chain",
                fmt::format("found a cursor of chain {}, expected chain {}", parts[1], chain),
                "Follow the network that the cursor is of, or begin anew.");
  }
  return FeedCursor{ledger::Height{*height}, static_cast<std::uint32_t>(*index)};
}

Status check_filter(const FeedFilter& filter) {
  const bool for_blocks = filter.kind == FeedKind::kBlocks;
  if (filter.sender && filter.kind != FeedKind::kTransactions) {
    return fail(ErrorKind::kInvalid, "filter-not-of-kind",
                fmt::format("found a sender for events of kind {}, expected one for transactions "
                            "only",
                            feed_kind_text(filter.kind)),
                "Leave it out, or follow transactions.");
  }
  if (filter.key && for_blocks) {
    return fail(ErrorKind::kInvalid, "filter-not-of-kind",
                "found a key for events of kind block, expected one for transactions or changes",
                "Leave it out, or follow transactions or changes.");
  }
  return {};
}

Error block_not_kept(ledger::Height asked, ledger::Height base) {
  return {ErrorKind::kNotFound, "block-not-kept",
          fmt::format("found height {} asked for, expected {} or more: this ledger does not keep "
                      "the blocks before it",
                      asked.value, base.value + 1),
          fmt::format("Begin from {}, or ask a node that keeps the earlier blocks.",
                      base.value + 1)};
}

Result<FeedReader::BlockPtr> FeedReader::block(ledger::Height height) {
  for (const BlockPtr& each : kept_) {
    if (each->record.batch.sequence == height) return each;
  }
  QUORATE_ASSIGN(ledger::StoredBlock read, store_.block(height));
  kept_.push_front(std::make_shared<const ledger::StoredBlock>(std::move(read)));
  if (kept_.size() > kBlocksKept) kept_.pop_back();
  return kept_.front();
}

Result<std::optional<std::uint32_t>> FeedReader::add_changes(
    const FeedFilter& filter, const BlockPtr& block, std::uint32_t index, std::size_t bytes_max,
    std::size_t& bytes, std::vector<FeedEvent>& events) {
  const ledger::Height height = block->record.batch.sequence;
  QUORATE_ASSIGN(const ledger::WriteSet writes, store_.writes(height));
  std::uint32_t at = 0;
  for (const auto& [key, leaf] : writes) {
    const std::uint32_t place = at++;
    const bool is_reserved = !key.empty() && key.front() == 0;
    if (place < index || is_reserved || (filter.key && !KeyOf::fits(filter, key))) continue;
    if (bytes >= bytes_max) return place;
    QUORATE_ASSIGN(json::object body, change_json(*block, key, leaf));
    bytes += kEventBytes + 2 * (key.size() + (leaf ? leaf->size() : 0));
    events.push_back({{height, place + 1}, std::move(body), nullptr, 0});
  }
  return std::nullopt;
}

Result<std::optional<std::uint32_t>> FeedReader::add_events(
    const FeedFilter& filter, const BlockPtr& block, std::uint32_t index, std::size_t bytes_max,
    std::size_t& bytes, std::vector<FeedEvent>& events) {
  const ledger::Record& record = block->record;
  const ledger::Height height = record.batch.sequence;
  if (record.effective_time < filter.since) return std::nullopt;
  if (filter.kind == FeedKind::kChanges) {
    return add_changes(filter, block, index, bytes_max, bytes, events);
  }
  if (filter.kind == FeedKind::kBlocks) {
    if (index > 0) return std::nullopt;
    if (bytes >= bytes_max) return 0U;
    bytes += kEventBytes;
    events.push_back({{height, 1},
                      with_time(typed("block", block_json(*block)), record.effective_time),
                      block,
                      0});
    return std::nullopt;
  }
  for (std::size_t i = index; i < block->transactions.size(); ++i) {
    if (!is_wanted(*block, i, filter)) continue;
    if (bytes >= bytes_max) return as_index(i);
    bytes += kEventBytes + 3 * crypto::encode(block->transactions[i]).size();
    events.push_back({{height, as_index(i + 1)},
                      with_time(typed("transaction", transaction_json(*block, i)),
                                record.effective_time),
                      block,
                      as_index(i)});
  }
  return std::nullopt;
}

Result<FeedPart> FeedReader::read(const FeedFilter& filter, const FeedCursor& from,
                                  const Limits& limits) {
  FeedPart part;
  part.next = from;
  part.head = store_.height();
  const ledger::Height base = store_.base();
  if (from.height <= base) return tl::unexpected(block_not_kept(from.height, base));
  std::size_t bytes = 0;
  for (std::uint64_t blocks = 0; part.next.height <= part.head; ++blocks) {
    if (blocks == limits.blocks_max || bytes >= limits.bytes_max) return part;
    QUORATE_ASSIGN(const BlockPtr at, block(part.next.height));
    QUORATE_ASSIGN(const auto left, add_events(filter, at, part.next.index, limits.bytes_max,
                                               bytes, part.events));
    part.next = left ? FeedCursor{part.next.height, *left}
                     : FeedCursor{quorate::next(part.next.height), 0};
    if (left) return part;
  }
  part.is_at_head = true;
  return part;
}

Result<FeedCursor> FeedReader::first_since(ledger::TimeMs since) const {
  const std::uint64_t base = store_.base().value;
  std::uint64_t low = base + 1;  // every block below it is earlier
  std::uint64_t high = store_.height().value + 1;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    QUORATE_ASSIGN(const ledger::Record record, store_.record(ledger::Height{middle}));
    if (record.effective_time < since) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (base > 0 && low == base + 1) {
    return fail(ErrorKind::kNotFound, "block-not-kept",
                fmt::format("found {} asked for, expected a later time than that of height {}: "
                            "this ledger does not keep the blocks before it",
                            time_to_text(since), low),
                fmt::format("Begin from height {}, or ask a node that keeps the earlier blocks.",
                            low));
  }
  return FeedCursor{ledger::Height{low}, 0};
}

}  // namespace quorate::node
