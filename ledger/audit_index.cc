#include "ledger/audit_index.h"

#include <fmt/format.h>

#include "crypto/bcs.h"

namespace quorate::ledger {
namespace {

constexpr std::string_view kPlace = "place, by id";
constexpr std::string_view kNonce = "nonce owner";

std::string place_text(const TxLocation& place) {
  return fmt::format("height {}, transaction {}", place.height.value, place.index);
}

bool is_same(const TxLocation& place, Height height, std::uint32_t index) {
  return place.height == height && place.index == index;
}

}  // namespace

Result<std::optional<TxId>> AuditIndex::id_at(const TxLocation& place) const {
  QUORATE_ASSIGN(const auto bytes,
                 database_.get(keys::transaction(place.height, place.index), nullptr,
                               "a transaction"));
  if (!bytes) return std::nullopt;
  const auto transaction = crypto::decode<SignedTransaction>(*bytes);
  if (!transaction) return std::nullopt;
  return id_of(transaction->body);
}

Result<std::optional<AuditFinding>> AuditIndex::entries_of(
    const JudgedBlock& block, const AuditBlock& stored, std::uint32_t at,
    const std::function<Status(const Entry&)>& visit) const {
  const AuditedTransaction& transaction = stored.audited[at];
  const Outcome outcome = block.results[at].outcome;
  if (is_skipped(outcome)) return std::nullopt;
  const Bytes key = keys::location(transaction.id);
  if (!uses_nonce(outcome)) {
    // An expired transaction may expire again later; its first end stands in the index.
    QUORATE_ASSIGN(const auto bytes, database_.get(key, nullptr, kPlace));
    const auto place = bytes ? crypto::decode<TxLocation>(*bytes) : TxLocation{};
    const TxLocation here{block.height, at};
    if (place && !is_same(*place, here.height, here.index) && place->height.value > 0 &&
        std::pair(place->height, place->index) < std::pair(here.height, here.index)) {
      QUORATE_ASSIGN(const auto id, id_at(*place));
      if (id == transaction.id) return std::nullopt;
    }
    if (!place || !is_same(*place, here.height, here.index)) {
      return AuditFinding{block.height, at, std::string(kPlace), place_text(here),
                          place && bytes ? place_text(*place) : audit_text(bytes)};
    }
  } else {
    QUORATE_TRY(visit({keys::nonce_owner(transaction.sender, transaction.nonce),
                       Bytes(transaction.id.digest.bytes.begin(),
                             transaction.id.digest.bytes.end()),
                       kNonce}));
  }
  QUORATE_TRY(visit({key, crypto::encode(TxLocation{block.height, at}), kPlace}));
  return std::nullopt;
}

Result<std::optional<AuditFinding>> AuditIndex::add(const JudgedBlock& block,
                                                    const AuditBlock& stored) {
  for (std::uint32_t i = 0; i < block.results.size(); ++i) {
    QUORATE_ASSIGN(auto finding, entries_of(block, stored, i, [&](const Entry& entry) -> Status {
                     sum_.add(salt_, entry.key, entry.value);
                     return {};
                   }));
    if (finding) return finding;
  }
  return std::nullopt;
}

Result<std::optional<AuditFinding>> AuditIndex::judge(Height first, Height last) const {
  AuditSum found;
  for (const char letter : {'i', 'n'}) {
    const Status read = database_.for_each(
        static_cast<std::uint8_t>(letter), [&](ByteView key, ByteView value) -> Status {
          found.add(salt_, key, value);
          return {};
        });
    if (read) continue;
    QUORATE_ASSIGN(AuditFinding unreadable,
                   as_finding(read.error(), std::string(letter == 'i' ? kPlace : kNonce)));
    return unreadable;
  }
  if (found == sum_) return std::nullopt;
  QUORATE_ASSIGN(auto finding, find_missing(first, last));
  if (finding) return finding;
  return find_extra();
}

Result<std::optional<AuditFinding>> AuditIndex::find_missing(Height first, Height last) const {
  std::optional<AuditFinding> finding;
  while (first <= last) {
    QUORATE_ASSIGN(const AuditWindow window, read_window(database_, first, last));
    if (window.blocks.empty()) break;
    for (const AuditBlock& stored : window.blocks) {
      JudgedBlock block;
      block.height = stored.height;
      block.results = crypto::decode<std::vector<TxResult>>(*stored.results).value();
      AuditBlock read;
      for (const Bytes& bytes : stored.transactions) {
        const auto transaction = crypto::decode<SignedTransaction>(bytes).value();
        AuditedTransaction& audited = read.audited.emplace_back();
        audited.id = id_of(transaction.body);
        audited.sender = transaction.body.sender;
        audited.nonce = transaction.body.nonce;
      }
      for (std::uint32_t i = 0; i < read.audited.size(); ++i) {
        const auto other = entries_of(block, read, i, [&](const Entry& entry) -> Status {
          QUORATE_ASSIGN(const auto got, database_.get(entry.key, nullptr, entry.name));
          if (got && *got == entry.value) return {};
          finding = AuditFinding{block.height, i, std::string(entry.name),
                                 audit_text(entry.value), audit_text(got)};
          return end_of_walk();
        });
        if (finding) return finding;
        if (!other || *other) return other;
      }
    }
    first = next(window.blocks.back().height);
  }
  return std::nullopt;
}

Result<std::optional<AuditFinding>> AuditIndex::find_extra() const {
  std::optional<AuditFinding> finding;
  const auto extra = [&](std::string_view name, ByteView key, ByteView value) {
    finding = AuditFinding{std::nullopt, std::nullopt, std::string(name),
                           "no entry but those of the blocks",
                           fmt::format("one under {}: {}", to_hex(key.subspan(1)),
                                       audit_text(value))};
    return end_of_walk();
  };
  const Status places = database_.for_each('i', [&](ByteView key, ByteView value) -> Status {
    const auto place = crypto::decode<TxLocation>(value);
    if (!place) return extra(kPlace, key, value);
    QUORATE_ASSIGN(const auto id, id_at(*place));
    if (!id || keys::location(*id) != Bytes(key.begin(), key.end())) {
      return extra(kPlace, key, value);
    }
    return {};
  });
  if (finding) return finding;
  QUORATE_TRY(places);
  const Status nonces = database_.for_each('n', [&](ByteView key, ByteView value) -> Status {
    const auto owner = crypto::decode<TxId>(value);
    if (!owner) return extra(kNonce, key, value);
    QUORATE_ASSIGN(const auto bytes, database_.get(keys::location(*owner), nullptr, kPlace));
    const auto place = bytes ? crypto::decode<TxLocation>(*bytes) : TxLocation{};
    if (!place) return extra(kNonce, key, value);
    QUORATE_ASSIGN(const auto stored,
                   database_.get(keys::transaction(place->height, place->index), nullptr,
                                 "a transaction"));
    const auto transaction = crypto::decode<SignedTransaction>(stored.value_or(Bytes{}));
    const bool fits = transaction && keys::nonce_owner(transaction->body.sender,
                                                       transaction->body.nonce) ==
                                         Bytes(key.begin(), key.end());
    return fits ? Status{} : extra(kNonce, key, value);
  });
  if (!finding) QUORATE_TRY(nonces);
  if (finding) return finding;
  return AuditFinding{std::nullopt, std::nullopt, "indices",
                      "exactly one entry for each end of a transaction",
                      "an entry for one that was skipped or ended earlier"};
}

}  // namespace quorate::ledger
