#include "ledger/audit_block.h"

#include <fmt/format.h>

#include "crypto/bcs.h"

namespace quorate::ledger {
namespace {

using Unexpected = tl::unexpected<AuditFinding>;
using Verdict = tl::expected<void, AuditFinding>;

Unexpected wrong(Height height, std::string field, std::string expected, std::string found) {
  return Unexpected(
      AuditFinding{height, std::nullopt, std::move(field), std::move(expected), std::move(found)});
}

template <class T>
tl::expected<T, AuditFinding> decoded(const std::optional<Bytes>& bytes, Height height,
                                      std::string_view field) {
  if (!bytes) return wrong(height, std::string(field), "that it is there", "nothing");
  auto value = crypto::decode<T>(*bytes);
  if (value) return std::move(*value);
  return wrong(height, std::string(field), "bytes that decode",
               fmt::format("{} ({})", audit_text(*bytes), value.error().code));
}

Verdict judge_record(const Record& record, Height height, const Membership& membership) {
  if (record.batch.sequence != height) {
    return wrong(height, "record, sequence", fmt::format("{}", height.value),
                 fmt::format("{}", record.batch.sequence.value));
  }
  const Epoch epoch = membership.epoch_at(height);
  if (record.epoch != epoch) {
    return wrong(height, "record, epoch", fmt::format("{}", epoch.value),
                 fmt::format("{}", record.epoch.value));
  }
  return {};
}

Verdict judge_results(const JudgedBlock& block) {
  const Digest root = results_root(block.results);
  if (root == block.record.results_root) return {};
  return wrong(block.height, "results", "the results root of the record, " +
                                            block.record.results_root.hex(),
               "results with root " + root.hex());
}

AuditFinding of_transaction(Height height, std::size_t index, std::string field,
                            std::string expected, std::string found) {
  return {height, static_cast<std::uint32_t>(index), std::move(field), std::move(expected),
          std::move(found)};
}

Verdict judge_transactions(const JudgedBlock& block, const AuditBlock& stored,
                           const Genesis& genesis) {
  const Height height = block.height;
  const std::size_t count = block.record.batch.transaction_count;
  if (stored.transactions.size() != count || block.results.size() != count) {
    return wrong(height, "transactions", fmt::format("{}, as the record says", count),
                 fmt::format("{}, with {} results", stored.transactions.size(),
                             block.results.size()));
  }
  std::vector<TxId> ids;
  ids.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const AuditedTransaction& each = stored.audited[i];
    if (each.fault) return Unexpected(*each.fault);
    if (each.id != block.results[i].id) {
      return Unexpected(of_transaction(height, i, "body",
                                       "the transaction " + block.results[i].id.hex() +
                                           " that the results name",
                                       "another one, " + each.id.hex()));
    }
    ids.push_back(each.id);
  }
  const Digest root = transaction_root(ids);
  if (root != block.record.batch.transaction_root) {
    return wrong(height, "transactions",
                 "the transaction root of the record, " + block.record.batch.transaction_root.hex(),
                 "transactions with root " + root.hex());
  }
  const Batch batch{block.record.batch, std::move(ids)};
  if (!is_well_formed(batch, genesis.parameters.batch_transactions_max)) {
    return wrong(height, "batch", "one that replicas would prepare",
                 fmt::format("flags {}, time {}, {} transactions, perhaps one of them twice",
                             batch.header.flags, batch.header.time.value, count));
  }
  return {};
}

Verdict judge_certificate(const CommitCertificate& certificate, const JudgedBlock& block) {
  const Digest batch = digest_of_batch(block.record.batch);
  if (certificate.sequence == block.height && certificate.epoch == block.record.epoch &&
      certificate.batch == batch) {
    return {};
  }
  return wrong(block.height, "commit certificate",
               fmt::format("votes for batch {} at sequence {}", batch.hex(), block.height.value),
               fmt::format("votes for batch {} at sequence {} in epoch {}",
                           certificate.batch.hex(), certificate.sequence.value,
                           certificate.epoch.value));
}

Verdict judge_writes(const JudgedBlock& block) {
  for (std::size_t i = 1; i < block.writes.size(); ++i) {
    if (block.writes[i - 1].key < block.writes[i].key) continue;
    return wrong(block.height, "write set", "keys in ascending order",
                 "the key " + audit_text(block.writes[i].key) + " out of it");
  }
  return {};
}

template <class T>
Verdict read_optional(const std::optional<Bytes>& bytes, Height height, std::string_view field,
                      std::optional<T>& value) {
  if (!bytes) return {};
  auto read = decoded<T>(bytes, height, field);
  if (!read) return Unexpected(std::move(read.error()));
  value = std::move(*read);
  return {};
}

}  // namespace

BlockJudge::BlockJudge(const Genesis& genesis, const Digest& chain_id)
    : genesis_(genesis),
      transactions_(genesis, chain_id, &cache_),
      certificates_(chain_id, &cache_),
      checkpoints_(chain_id, &cache_) {}

void BlockJudge::begin(std::shared_ptr<const Membership> membership) {
  for (const EpochStart& start : membership->starts()) {
    transactions_.admit_reporters(start.replicas);
  }
  membership_ = std::move(membership);
}

void BlockJudge::audit_transactions(AuditBlock& block, std::size_t from, std::size_t to,
                                    bool verifies) const {
  for (std::size_t i = from; i < to; ++i) {
    AuditedTransaction& audited = block.audited[i];
    const auto blame = [&](std::string field, std::string expected, std::string found) {
      audited.fault = std::make_unique<AuditFinding>(of_transaction(
          block.height, i, std::move(field), std::move(expected), std::move(found)));
    };
    const auto note = [&](const Transaction& body, const TxId& id) {
      audited.sender = body.sender;
      audited.nonce = body.nonce;
      audited.id = id;
    };
    if (verifies) {
      ++signatures_;
      auto checked = transactions_.check(block.transactions[i]);
      if (checked) {
        note((*checked)->signed_transaction->body, (*checked)->id);
        audited.checked = std::move(*checked);
        continue;
      }
      if (checked.error().code != "tx-malformed") {
        blame(checked.error().code == "tx-bad-signature" ? "signature" : "form",
              "a transaction that a node would admit",
              fmt::format("{} ({})", checked.error().message, checked.error().code));
        continue;
      }
    } else if (const auto read = crypto::decode<SignedTransaction>(block.transactions[i])) {
      note(read->body, id_of(read->body));
      continue;
    }
    blame("encoding", "bytes that decode", audit_text(block.transactions[i]));
  }
}

void BlockJudge::audit_votes(AuditBlock& block, bool verifies) const {
  const auto blame = [&](std::unique_ptr<AuditFinding>& fault, std::string field,
                         const Error& error) {
    fault = std::make_unique<AuditFinding>(
        AuditFinding{block.height, std::nullopt, std::move(field),
                     "votes of a quorum of the epoch's replicas that verify",
                     fmt::format("{} ({})", error.message, error.code)});
  };
  const ReplicaSet& replicas = membership_->set_of(membership_->epoch_at(block.height));
  if (block.certificate && verifies) {
    if (const auto read = crypto::decode<CommitCertificate>(*block.certificate)) {
      signatures_ += read->commits.size();
      const Status status = certificates_.check(*read, replicas);
      if (!status) blame(block.votes_fault, "commit certificate", status.error());
    }
  }
  if (!block.stable) return;
  if (const auto read = crypto::decode<StableCheckpoint>(*block.stable)) {
    signatures_ += read->cosignatures.size();
    const Status status = checkpoints_.check(*read, replicas);
    if (!status) blame(block.stable_fault, "stable checkpoint", status.error());
  }
}

tl::expected<JudgedBlock, AuditFinding> BlockJudge::judge(const AuditBlock& stored) const {
  const Height height = stored.height;
  JudgedBlock block;
  block.height = height;
  auto record = decoded<Record>(stored.record, height, "record");
  if (!record) return Unexpected(std::move(record.error()));
  block.record = *record;
  auto results = decoded<std::vector<TxResult>>(stored.results, height, "results");
  auto certificate = decoded<CommitCertificate>(stored.certificate, height, "commit certificate");
  auto writes = decoded<std::vector<StoredWrite>>(stored.writes, height, "write set");
  Verdict verdict = judge_record(block.record, height, *membership_);
  const auto then = [&](auto&& check) {
    if (verdict) verdict = check();
  };
  const auto needs = [&](auto& part) {
    if (verdict && !part) verdict = Unexpected(std::move(part.error()));
  };
  needs(results);
  if (verdict) block.results = std::move(*results);
  then([&] { return judge_results(block); });
  then([&] { return judge_transactions(block, stored, genesis_); });
  needs(certificate);
  then([&] { return judge_certificate(*certificate, block); });
  then([&] { return stored.votes_fault ? Verdict(Unexpected(*stored.votes_fault)) : Verdict{}; });
  needs(writes);
  if (verdict) block.writes = std::move(*writes);
  then([&] { return judge_writes(block); });
  then([&] { return read_optional(stored.own_note, height, "checkpoint note", block.own_note); });
  then([&] { return read_optional(stored.stable, height, "stable checkpoint", block.stable); });
  then([&] { return stored.stable_fault ? Verdict(Unexpected(*stored.stable_fault)) : Verdict{}; });
  if (!verdict) return Unexpected(std::move(verdict.error()));
  return block;
}

}  // namespace quorate::ledger
