#include "ledger/audit_rest.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "crypto/bcs.h"
#include "ledger/audit_epochs.h"
#include "ledger/store_impl.h"
#include "ledger/store_kinds.h"

namespace quorate::ledger {
namespace {

using Finding = std::optional<AuditFinding>;

AuditFinding wrong(std::string field, std::string expected, std::string found) {
  return {std::nullopt, std::nullopt, std::move(field), std::move(expected), std::move(found)};
}

// A ledger that began from a snapshot rests on a note that a quorum cosigned.
Result<Finding> read_origin(const LevelDb& database, const Genesis& genesis, AuditStart& start) {
  QUORATE_ASSIGN(const auto bytes, database.get(keys::origin(), nullptr, "the origin"));
  if (!bytes) {
    start.point.time = genesis.time;
    start.point.mark = CheckpointMark{Sequence{0}, genesis.time};
    return std::nullopt;
  }
  auto origin = crypto::decode<SnapshotOrigin>(*bytes);
  if (!origin) return wrong("origin", "bytes that decode", audit_text(*bytes));
  crypto::SignatureCache cache(1);
  const CheckpointVerifier verifier(chain_id_of(genesis), &cache);
  const CheckpointNote& note = origin->checkpoint.note;
  if (!start.membership->knows(note.epoch)) {
    return wrong("origin", "an epoch that is proved", fmt::format("{}", note.epoch.value));
  }
  const ReplicaSet& set = start.membership->set_of(note.epoch);
  if (const auto good = verifier.check(origin->checkpoint, set); !good) {
    return wrong("origin", "a checkpoint that a quorum cosigned", good.error().message);
  }
  start.point.height = note.sequence;
  start.point.frontier.size = note.head.size;
  for (const crypto::merkle::NodeId& id : subtrees_of(note.head.size)) {
    QUORATE_ASSIGN(const auto node, database.get(keys::node(id), nullptr, "a node of the log"));
    Digest digest;
    if (node && node->size() == digest.bytes.size()) {
      std::copy(node->begin(), node->end(), digest.bytes.begin());
    }
    start.point.frontier.nodes.push_back(digest);
  }
  const Digest root = start.point.frontier.root();
  if (root != note.head.root) {
    return wrong("log nodes of the snapshot", "the log root " + note.head.root.hex(), root.hex());
  }
  const auto stored = [&](const Bytes& key) { return database.get(key, nullptr, "a note"); };
  QUORATE_ASSIGN(const auto own, stored(keys::own_checkpoint(note.sequence)));
  if (own != crypto::encode(note)) {
    return wrong("checkpoint note of the snapshot", "that of the origin", audit_text(own));
  }
  QUORATE_ASSIGN(const auto stable, stored(keys::stable(note.sequence)));
  if (stable != crypto::encode(origin->checkpoint)) {
    return wrong("stable checkpoint of the snapshot", "that of the origin", audit_text(stable));
  }
  start.origin = std::move(*origin);
  return std::nullopt;
}

Result<Finding> judge_head(const LevelDb& database, const AuditStart& start,
                           const AuditPoint& end) {
  const StoredHead& head = start.head;
  StoredHead expected = head;
  expected.root = end.frontier.root();
  expected.frontier = end.frontier;
  if (end.time) expected.time = *end.time;
  if (crypto::encode(head) != crypto::encode(expected)) {
    return wrong("head",
                 fmt::format("size {}, root {}, time {}", end.frontier.size, expected.root.hex(),
                             expected.time.value),
                 fmt::format("size {}, root {}, time {}", head.frontier.size, head.root.hex(),
                             head.time.value));
  }
  // Complete subtrees: what the snapshot brought, and what grew since.
  std::uint64_t nodes = 0;
  for (unsigned level = 0; level < 64; ++level) {
    const std::uint64_t from = start.point.frontier.size >> level;
    nodes += (end.frontier.size >> level) - from;
    nodes += from % 2;
  }
  std::uint64_t found = 0;
  QUORATE_TRY(database.for_each('m', [&](ByteView, ByteView) -> Status {
    ++found;
    return {};
  }));
  if (found == nodes) return std::nullopt;
  return wrong("log nodes", fmt::format("{}", nodes), fmt::format("{}", found));
}

// Keys by height that are of no block.
Result<Finding> judge_heights(const LevelDb& database, Height base, Height head) {
  for (const char letter : {'r', 'u', 'c', 'w', 't', 'k', 'q'}) {
    const bool is_note = letter == 'k' || letter == 'q';
    const Height first = is_note && base.value > 0 ? base : next(base);
    const Bytes end = {static_cast<std::uint8_t>(letter + 1)};
    const Bytes begin = {static_cast<std::uint8_t>(letter)};
    QUORATE_ASSIGN(auto stray, database.first_between(begin, keys::of_height(letter, first)));
    // A stable checkpoint may be ahead of the blocks.
    if (!stray && letter != 'q') {
      QUORATE_ASSIGN(stray, database.first_between(keys::of_height(letter, next(head)), end));
    }
    if (!stray) continue;
    return wrong("keys", fmt::format("heights {} to {}", next(base).value, head.value),
                 "the key " + to_hex(stray->key));
  }
  return std::nullopt;
}

Result<Finding> judge_stable_ahead(const LevelDb& database, const Genesis& genesis,
                                   const Membership& membership, Height head,
                                   AuditReport& report) {
  crypto::SignatureCache cache(1);
  const CheckpointVerifier verifier(chain_id_of(genesis), &cache);
  Finding finding;
  const Status read = database.for_each_from(
      keys::stable(next(head)), 1, [&](ByteView key, ByteView value) -> Status {
        const Height height = keys::height_in(key);
        const auto stable = crypto::decode<StableCheckpoint>(value);
        const ReplicaSet& set = membership.set_of(membership.epoch_at(height));
        if (stable && stable->note.sequence == height && verifier.check(*stable, set)) {
          ++report.stable_checkpoints;
          ++report.stable_ahead;
          report.signatures += stable->cosignatures.size();
          return {};
        }
        finding = wrong("stable checkpoint ahead of the head",
                        "votes of a quorum that verify", audit_text(value));
        finding->height = height;
        return end_of_walk();
      });
  if (finding) return finding;
  QUORATE_TRY(read);
  return std::nullopt;
}

// Of one kind that nothing else reads; `fits` judges what stands under a key of it.
Result<Finding> judge_kind(const LevelDb& database, const StoreKind& kind,
                           const std::function<bool(ByteView key, ByteView value)>& fits) {
  Finding finding;
  const Status read =
      database.for_each(kind.letter, [&](ByteView key, ByteView value) -> Status {
        if (fits(key, value)) return {};
        finding = wrong(std::string(kind.name), "only what a ledger consists of",
                        fmt::format("{} under {}", audit_text(value), to_hex(key)));
        return end_of_walk();
      });
  if (finding) return finding;
  if (read) return std::nullopt;
  QUORATE_ASSIGN(AuditFinding unreadable, as_finding(read.error(), std::string(kind.name)));
  return unreadable;
}

Result<Finding> judge_small_kinds(const LevelDb& database) {
  const auto is_single = [](ByteView key, ByteView /*value*/) { return key.size() == 1; };
  const auto is_seal = [](ByteView key, ByteView value) {
    return key.size() == 1 && std::all_of(value.begin(), value.end(),
                                          [](std::uint8_t byte) { return byte == 0xff; });
  };
  const auto is_page_list = [](ByteView /*key*/, ByteView value) {
    return crypto::decode<std::vector<PageId>>(value).has_value();
  };
  for (const StoreKind& kind : kStoreKinds) {
    Result<Finding> finding = Finding{};
    if (kind.letter == 'x') finding = judge_kind(database, kind, is_page_list);
    if (kind.letter == kSealPrefix) finding = judge_kind(database, kind, is_seal);
    if (std::string_view("fhj").find(static_cast<char>(kind.letter)) != std::string_view::npos) {
      finding = judge_kind(database, kind, is_single);
    }
    if (!finding || *finding) return finding;
  }
  return std::nullopt;
}

// Kinds that do not exist. From kind to kind, since a search steps over every key that was removed
// where it begins.
Result<Finding> judge_other_kinds(const LevelDb& database) {
  const auto is_known = [](std::uint8_t letter) {
    return std::any_of(kStoreKinds.begin(), kStoreKinds.end(),
                       [&](const StoreKind& kind) { return kind.letter == letter; });
  };
  for (Bytes from;;) {
    const auto first = database.first_between(from, Bytes{kSealPrefix});
    if (!first) {
      QUORATE_ASSIGN(AuditFinding unreadable, as_finding(first.error(), "keys"));
      return unreadable;
    }
    if (!*first) return std::nullopt;
    const Bytes& key = (*first)->key;
    if (key.empty() || !is_known(key.front())) {
      return wrong("keys", "only what a ledger consists of",
                   fmt::format("{} under {}", audit_text((*first)->value), to_hex(key)));
    }
    from = {static_cast<std::uint8_t>(key.front() + 1)};
  }
}

}  // namespace

Result<tl::expected<AuditStart, AuditFinding>> read_start(const LevelDb& database,
                                                          const Genesis& genesis) {
  using Start = tl::expected<AuditStart, AuditFinding>;
  const auto bytes = database.get(keys::head(), nullptr, "the head");
  if (!bytes) {
    QUORATE_ASSIGN(AuditFinding unreadable, as_finding(bytes.error(), "head"));
    return Start(tl::unexpected(std::move(unreadable)));
  }
  auto head = crypto::decode<StoredHead>(bytes->value_or(Bytes{}));
  if (!head) {
    return Start(tl::unexpected(wrong("head", "bytes that decode", audit_text(*bytes))));
  }
  AuditStart start;
  start.head = std::move(*head);
  QUORATE_ASSIGN(auto membership, audit_epochs(database, genesis, start.head.height));
  if (!membership) return Start(tl::unexpected(std::move(membership.error())));
  start.membership = std::move(*membership);
  auto finding = read_origin(database, genesis, start);
  if (!finding) {
    QUORATE_ASSIGN(finding, as_finding(finding.error(), "origin"));
  }
  if (*finding) return Start(tl::unexpected(std::move(**finding)));
  if (start.head.height < start.point.height) {
    return Start(tl::unexpected(wrong("head", "a height not below the snapshot's",
                                      fmt::format("{}", start.head.height.value))));
  }
  return Start(std::move(start));
}

Result<Finding> judge_rest(const LevelDb& database, const Genesis& genesis,
                           const AuditStart& start, const AuditPoint& end, AuditReport& report) {
  const auto attempt = [&]() -> Result<Finding> {
    QUORATE_ASSIGN(Finding finding, judge_head(database, start, end));
    if (finding) return finding;
    QUORATE_ASSIGN(finding, judge_heights(database, start.point.height, end.height));
    if (finding) return finding;
    return judge_stable_ahead(database, genesis, *start.membership, end.height, report);
  };
  auto finding = attempt();
  if (!finding) {
    QUORATE_ASSIGN(finding, as_finding(finding.error(), "log"));
  }
  if (*finding) return finding;
  QUORATE_ASSIGN(Finding unfit, judge_small_kinds(database));
  if (unfit) return unfit;
  return judge_other_kinds(database);
}

}  // namespace quorate::ledger
