#include "ledger/rebuild.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "crypto/bcs.h"
#include "ledger/epoch_proof.h"

namespace quorate::ledger {
namespace {

using Finding = std::optional<AuditFinding>;

constexpr std::size_t kTransactionsAJob = 64;

AuditFinding not_executed(Height height, std::string field, ByteView expected, ByteView found) {
  return {height, std::nullopt, std::move(field),
          audit_text(Bytes(expected.begin(), expected.end())) + ", by execution from genesis",
          audit_text(Bytes(found.begin(), found.end()))};
}

std::vector<StoredWrite> as_stored(const WriteSet& writes) {
  std::vector<StoredWrite> stored;
  stored.reserve(writes.size());
  for (const auto& [key, value] : writes) stored.push_back({key, value});
  return stored;
}

}  // namespace

Rebuild::Rebuild(const Genesis& genesis, Store& into, unsigned threads, Claims claims)
    : genesis_(genesis),
      into_(into),
      claims_(claims),
      judge_(genesis, chain_id_of(genesis)),
      pool_(threads > 0 ? threads : std::max(1U, std::thread::hardware_concurrency())) {}

Result<Finding> Rebuild::take(AuditWindow& window) {
  std::span<AuditBlock> rest = window.blocks;
  while (!rest.empty()) {
    QUORATE_ASSIGN(const auto known, begin_stretch(rest.front().height));
    if (!known) return known.error();
    const std::span<AuditBlock> stretch = rest.first(std::min(*known, rest.size()));
    verify(stretch);
    for (const AuditBlock& stored : stretch) {
      QUORATE_ASSIGN(Finding finding, take(stored));
      if (finding) return finding;
    }
    rest = rest.subspan(stretch.size());
  }
  return window.finding;
}

// A change in a block that is still to come takes effect a window after it, so nobody else votes
// before.
Result<tl::expected<std::size_t, AuditFinding>> Rebuild::begin_stretch(Height from) {
  using Stretch = tl::expected<std::size_t, AuditFinding>;
  QUORATE_ASSIGN(Membership read, Membership::read(into_, genesis_));
  const auto membership = std::make_shared<const Membership>(std::move(read));
  const ReplicaSet& set = membership->current();
  if (set.start.value + 1 == from.value && !into_.epoch_proofs(set.epoch)) {
    return Stretch(tl::unexpected(
        AuditFinding{set.start, std::nullopt, "stable checkpoint",
                     fmt::format("one, since blocks of epoch {} follow", set.epoch.value),
                     "none that a quorum cosigned"}));
  }
  const EpochStart* pending = membership->pending();
  const std::uint64_t last =
      pending != nullptr ? pending->boundary.value
                         : from.value + watermark_window(genesis_.parameters);
  judge_.begin(membership);
  return Stretch(last - from.value + 1);
}

void Rebuild::verify(std::span<AuditBlock> blocks) {
  std::vector<AuditPool::Job> jobs;
  for (AuditBlock& block : blocks) {
    block.audited.resize(block.transactions.size());
    jobs.emplace_back([this, &block] { judge_.audit_votes(block, true); });
    for (std::size_t from = 0; from < block.audited.size(); from += kTransactionsAJob) {
      const std::size_t to = std::min(from + kTransactionsAJob, block.audited.size());
      jobs.emplace_back([this, &block, from, to] {
        judge_.audit_transactions(block, from, to, true);
      });
    }
  }
  pool_.start(std::move(jobs));
  pool_.wait();
}

Result<Finding> Rebuild::take(const AuditBlock& stored) {
  const auto judged = judge_.judge(stored);
  if (!judged) return judged.error();
  CertifiedBatch block;
  block.batch.header = judged->record.batch;
  block.certificate = crypto::decode<CommitCertificate>(*stored.certificate).value();
  for (const AuditedTransaction& each : stored.audited) {
    block.batch.ids.push_back(each.id);
    block.transactions.push_back(each.checked);
  }
  QUORATE_ASSIGN(const Execution execution,
                 execute(block.batch.header, block.transactions, genesis_, into_));
  QUORATE_TRY(into_.append(block, execution));
  transactions_ += block.transactions.size();
  if (claims_ == Claims::kCompared) {
    QUORATE_ASSIGN(Finding finding, compare(*judged, execution));
    if (finding) return finding;
  }
  return take_stable(*judged);
}

Result<Finding> Rebuild::compare(const JudgedBlock& block, const Execution& execution) const {
  const Bytes writes = crypto::encode(as_stored(execution.writes));
  QUORATE_ASSIGN(const Record record, into_.record(block.height));
  QUORATE_ASSIGN(const auto note, into_.own_checkpoint(block.height));
  const std::array<std::tuple<std::string, Bytes, Bytes>, 4> claims = {{
      {"result", crypto::encode(execution.results), crypto::encode(block.results)},
      {"record", crypto::encode(record), crypto::encode(block.record)},
      {"write set", writes, crypto::encode(block.writes)},
      {"checkpoint note", crypto::encode(note), crypto::encode(block.own_note)},
  }};
  for (const auto& [field, expected, found] : claims) {
    if (expected != found) return not_executed(block.height, field, expected, found);
  }
  return std::nullopt;
}

// Where the roots are other ones, one of the two is wrong: a quorum's word is not kept beside what
// it does not speak of.
Result<Finding> Rebuild::take_stable(const JudgedBlock& block) {
  if (!block.stable) return std::nullopt;
  QUORATE_ASSIGN(const auto own, into_.own_checkpoint(block.height));
  if (own == block.stable->note) {
    QUORATE_TRY(into_.put_stable(*block.stable));
    ++stable_checkpoints_;
    last_stable_ = block.height;
    return std::nullopt;
  }
  if (claims_ == Claims::kLeft) return std::nullopt;
  return not_executed(block.height, "stable checkpoint", crypto::encode(own),
                      crypto::encode(block.stable->note));
}

}  // namespace quorate::ledger
