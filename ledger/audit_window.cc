#include "ledger/audit_window.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ledger/store_keys.h"

namespace quorate::ledger {
namespace {

constexpr std::string_view kEnough = "audit-window-full";
constexpr std::size_t kHeightKeyBytes = 9;
constexpr std::size_t kTransactionKeyBytes = 13;

struct Part {
  char letter;
  std::optional<Bytes> AuditBlock::*bytes;
  std::string_view name;
};
constexpr std::array<Part, 6> kParts = {{
    {'r', &AuditBlock::record, "record"},
    {'u', &AuditBlock::results, "results"},
    {'c', &AuditBlock::certificate, "commit certificate"},
    {'w', &AuditBlock::writes, "write set"},
    {'k', &AuditBlock::own_note, "checkpoint note"},
    {'q', &AuditBlock::stable, "stable checkpoint"},
}};

Status enough() { return fail(ErrorKind::kNotFound, kEnough, ""); }
bool is_trouble(const Status& status) { return !status && status.error().code != kEnough; }

// A key that no writer makes.
AuditFinding stray(Height height, ByteView key, std::string_view name) {
  return {height, std::nullopt, std::string(name), "no key but those of its blocks",
          "the key " + to_hex(key)};
}

class Reading {
 public:
  Reading(const LevelDb& database, Height first, Height last) : database_(database), last_(last) {
    for (Height at = first; at <= last; at = next(at)) {
      window_.blocks.emplace_back();
      window_.blocks.back().height = at;
    }
  }

  [[nodiscard]] Status read() {
    QUORATE_TRY(read_transactions());
    for (const Part& part : kParts) QUORATE_TRY(read_part(part));
    return {};
  }
  [[nodiscard]] AuditWindow take() {
    if (window_.finding) cut(*window_.finding->height);
    return std::move(window_);
  }

 private:
  void cut(Height end) {
    while (!window_.blocks.empty() && window_.blocks.back().height >= end) {
      window_.blocks.pop_back();
    }
  }
  void found(AuditFinding finding) {
    if (!window_.finding || finding.height < window_.finding->height) {
      window_.finding = std::move(finding);
    }
  }
  // Keys are read from the first block's on, so none is below it.
  [[nodiscard]] AuditBlock* at(Height height) {
    return &window_.blocks[height.value - window_.blocks.front().height.value];
  }

  Status read_transactions() {
    std::size_t bytes = 0;
    const Bytes from = keys::transaction(window_.blocks.front().height, 0);
    const Status read =
        database_.for_each_from(from, 1, [&](ByteView key, ByteView value) -> Status {
          const Height height = keys::height_in(key);
          if (key.size() != kTransactionKeyBytes) {
            found(stray(window_.blocks.front().height, key, "transaction"));
            return enough();
          }
          if (height > last_) return enough();
          AuditBlock& block = *at(height);
          if (bytes >= kWindowBytesMax && block.transactions.empty()) {
            cut(height);
            last_ = window_.blocks.back().height;
            return enough();
          }
          const auto index = static_cast<std::uint32_t>(block.transactions.size());
          if (!std::equal(key.begin(), key.end(), keys::transaction(height, index).begin())) {
            found({height, index, "transaction", "the next one of its block", "a gap"});
            return enough();
          }
          bytes += value.size();
          block.transactions.emplace_back(value.begin(), value.end());
          return {};
        });
    return is_trouble(read) ? read : Status{};
  }

  Status read_part(const Part& part) {
    const Bytes from = keys::of_height(part.letter, window_.blocks.front().height);
    const Status read =
        database_.for_each_from(from, 1, [&](ByteView key, ByteView value) -> Status {
          const Height height = keys::height_in(key);
          if (key.size() != kHeightKeyBytes) {
            found(stray(window_.blocks.front().height, key, part.name));
            return enough();
          }
          if (height > last_) return enough();
          at(height)->*part.bytes = Bytes(value.begin(), value.end());
          return {};
        });
    return is_trouble(read) ? read : Status{};
  }

  const LevelDb& database_;
  Height last_;
  AuditWindow window_;
};

// The first record that LevelDB cannot read, asked for one by one.
Result<AuditFinding> first_unreadable(const LevelDb& database, Height first, Height last,
                                      const Error& error) {
  for (Height at = first; at <= last; at = next(at)) {
    for (const Part& part : kParts) {
      const auto got = database.get(keys::of_height(part.letter, at), nullptr, "it");
      if (!got) return as_finding(got.error(), std::string(part.name), at);
    }
    for (std::uint32_t index = 0;; ++index) {
      const auto got = database.get(keys::transaction(at, index), nullptr, "it");
      if (!got) {
        QUORATE_ASSIGN(AuditFinding finding, as_finding(got.error(), "transaction", at));
        finding.transaction = index;
        return finding;
      }
      if (!*got) break;
    }
  }
  return as_finding(error, fmt::format("blocks {} to {}", first.value, last.value), first);
}

}  // namespace

std::vector<BlockBytes> bytes_of(AuditWindow window) {
  std::vector<BlockBytes> blocks;
  blocks.reserve(window.blocks.size());
  for (AuditBlock& each : window.blocks) {
    blocks.push_back({each.height, std::move(each.record), std::move(each.certificate),
                      std::move(each.results), std::move(each.writes), std::move(each.own_note),
                      std::move(each.stable), std::move(each.transactions)});
  }
  return blocks;
}

AuditWindow window_of(std::vector<BlockBytes> blocks) {
  AuditWindow window;
  for (BlockBytes& each : blocks) {
    AuditBlock& block = window.blocks.emplace_back();
    block.height = each.height;
    block.record = std::move(each.record);
    block.certificate = std::move(each.certificate);
    block.results = std::move(each.results);
    block.writes = std::move(each.writes);
    block.own_note = std::move(each.own_note);
    block.stable = std::move(each.stable);
    block.transactions = std::move(each.transactions);
  }
  return window;
}

Result<AuditFinding> as_finding(const Error& error, std::string field,
                                std::optional<Height> height) {
  if (error.kind != ErrorKind::kCorrupt) return tl::unexpected(error);
  return AuditFinding{height, std::nullopt, std::move(field), "bytes that can be read",
                      error.message};
}

Result<AuditWindow> read_window(const LevelDb& database, Height first, Height last) {
  last = std::min(last, Height{first.value + kWindowBlocksMax - 1});
  Reading whole(database, first, last);
  const Status read = whole.read();
  if (read) return whole.take();
  QUORATE_ASSIGN(AuditFinding finding, first_unreadable(database, first, last, read.error()));
  if (*finding.height == first) return AuditWindow{{}, std::move(finding)};
  // What comes before it is audited first.
  Reading before(database, first, Height{finding.height->value - 1});
  if (!before.read()) return AuditWindow{{}, std::move(finding)};
  AuditWindow window = before.take();
  const bool is_whole = !window.finding && window.blocks.back().height.value + 1 ==
                                               finding.height->value;
  if (is_whole) window.finding = std::move(finding);
  return window;
}

}  // namespace quorate::ledger
