#include "ledger/audit_chain.h"

#include <fmt/format.h>

#include <algorithm>

namespace quorate::ledger {
namespace {

std::string in_words(const CheckpointNote& note) {
  return fmt::format("size {}, log root {}, state root {}, epoch {}, boundary {}", note.head.size,
                     note.head.root.hex(), note.state_root.hex(), note.epoch.value,
                     note.pending_boundary ? fmt::format("{}", note.pending_boundary->value) : "-");
}

}  // namespace

Result<std::optional<AuditFinding>> AuditChain::follow(const JudgedBlock& block) {
  QUORATE_ASSIGN(auto finding, grow(block));
  if (!finding) finding = judge_time(block.record);
  point_.height = block.height;
  point_.time = block.record.effective_time;
  if (!finding) finding = judge_note(block);
  if (!finding) finding = judge_stable(block);
  return finding;
}

Result<std::optional<AuditFinding>> AuditChain::grow(const JudgedBlock& block) {
  std::vector<crypto::merkle::Node> completed;
  point_.frontier.append(record_leaf(block.record), &completed);
  for (const crypto::merkle::Node& node : completed) {
    const std::string field =
        node.id.level == 0 ? std::string("record")
                           : fmt::format("log node {} of level {}", node.id.index, node.id.level);
    const auto stored = database_.get(keys::node(node.id), nullptr, field);
    if (!stored) {
      QUORATE_ASSIGN(AuditFinding unreadable, as_finding(stored.error(), field, block.height));
      return unreadable;
    }
    if (*stored && std::equal((*stored)->begin(), (*stored)->end(), node.digest.bytes.begin(),
                              node.digest.bytes.end())) {
      continue;
    }
    if (node.id.level == 0) {
      return AuditFinding{block.height, std::nullopt, field,
                          "the leaf that the log holds, " + audit_text(*stored),
                          "a record with leaf " + node.digest.hex()};
    }
    return AuditFinding{block.height, std::nullopt, field,
                        node.digest.hex() + ", which follows from the records",
                        audit_text(*stored)};
  }
  return std::nullopt;
}

std::optional<AuditFinding> AuditChain::judge_time(const Record& record) const {
  if (!point_.time) return std::nullopt;
  const TimeMs expected = std::max(*point_.time, record.batch.time);
  if (record.effective_time == expected) return std::nullopt;
  return AuditFinding{record.batch.sequence, std::nullopt, "record, effective time",
                      fmt::format("{} ms", expected.value),
                      fmt::format("{} ms", record.effective_time.value)};
}

std::optional<AuditFinding> AuditChain::judge_note(const JudgedBlock& block) {
  const BatchHeader& header = block.record.batch;
  const TimeMs now = block.record.effective_time;
  const EpochStanding standing = membership_.standing_at(block.height);
  const bool is_due = block.height.value % genesis_.parameters.checkpoint_interval == 0 ||
                      standing.boundary == block.height;
  const bool is_asked = (header.flags & kFlagCheckpoint) != 0;
  is_checkpoint_ = is_due;
  if (!is_due && is_asked) {
    is_checkpoint_ = point_.mark ? now.value >= point_.mark->time.value +
                                                    genesis_.parameters.checkpoint_quiet_ms
                                 : block.own_note.has_value();
  }
  if (is_checkpoint_) point_.mark = CheckpointMark{block.height, now};
  if (is_checkpoint_ != block.own_note.has_value()) {
    return AuditFinding{block.height, std::nullopt, "checkpoint note",
                        is_checkpoint_ ? "one, since the block is a checkpoint"
                                       : "none, since the block is no checkpoint",
                        block.own_note ? in_words(*block.own_note) : "none"};
  }
  if (!block.own_note) return std::nullopt;
  CheckpointNote expected = *block.own_note;
  expected.chain_id = chain_id_;
  expected.head = {block.height.value, point_.frontier.root()};
  expected.sequence = block.height;
  expected.epoch = standing.epoch;
  expected.pending_boundary = standing.boundary;
  if (expected == *block.own_note) return std::nullopt;
  return AuditFinding{block.height, std::nullopt, "checkpoint note", in_words(expected),
                      in_words(*block.own_note)};
}

std::optional<AuditFinding> AuditChain::judge_stable(const JudgedBlock& block) const {
  if (!block.stable) return std::nullopt;
  const CheckpointNote& note = block.stable->note;
  const auto wrong = [&](std::string expected, std::string found) {
    return AuditFinding{block.height, std::nullopt, "stable checkpoint", std::move(expected),
                        std::move(found)};
  };
  if (!block.own_note) return wrong("none, since the block is no checkpoint", in_words(note));
  // Its signatures verified: a quorum says what follows from its own blocks, or these are others.
  if (note != *block.own_note) return wrong(in_words(*block.own_note), in_words(note));
  const std::uint64_t seconds = block.record.effective_time.value / 1000;
  if (block.stable->time_seconds == seconds) return std::nullopt;
  return wrong(fmt::format("cosignatures of second {}", seconds),
               fmt::format("of second {}", block.stable->time_seconds));
}

}  // namespace quorate::ledger
