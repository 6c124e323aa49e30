#include "ledger/recovery.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "ledger/membership.h"
#include "ledger/membership_change.h"
#include "ledger/quorum.h"

namespace quorate::ledger {
namespace {

constexpr ProofFileWords kPlanWords = {"recovery plan", "recovery-malformed",
                                       "recovery-newer-format", "recovery-facts-differ"};
constexpr ProofFileWords kSignatureWords = {
    "recovery signature", "recovery-signature-malformed", "recovery-signature-newer-format",
    "recovery-signature-facts-differ"};

Vote vote_for(const RecoveryPlan& plan, const Batch& batch, ReplicaId replica) {
  return {plan.epoch,
          kRecoveryView,
          batch.header.sequence,
          digest_of_batch(batch.header),
          digest_of_plan(plan),
          replica};
}

// The change and the null batches behind it, with these certificates or, on a copy, with none.
Result<CheckpointNote> extend(Store& store, const Genesis& genesis, TimeMs time,
                              const TransactionPtr& change,
                              const std::vector<CommitCertificate>* certificates,
                              std::uint64_t& note_time_seconds) {
  std::optional<Sequence> boundary;
  for (std::size_t i = 0; !boundary || store.height() < *boundary; ++i) {
    const Sequence sequence = next(store.height());
    CertifiedBatch block;
    block.batch = i == 0 ? make_batch(sequence, time, 0, {change->id}) : null_batch(sequence);
    if (i == 0) block.transactions = {change};
    QUORATE_ASSIGN(Execution execution,
                   execute(block.batch.header, block.transactions, genesis, store));
    if (i == 0 && execution.results.front().outcome != Outcome::kApplied) {
      const Outcome outcome = execution.results.front().outcome;
      return fail(ErrorKind::kRejected, "recovery-change-refused",
                  fmt::format("the change would not be applied: {} ({})", outcome_sentence(outcome),
                              outcome_code(outcome)),
                  "Let a quorum sign a change that this ledger's state allows.");
    }
    if (!execution.boundary) {
      return fail(ErrorKind::kRejected, "recovery-change-refused",
                  fmt::format("transaction {} changes no replica, so no epoch ends with it",
                              change->id.hex()),
                  "Make the plan with a membership change that a quorum signed.");
    }
    boundary = execution.boundary;
    if (certificates != nullptr) {
      block.certificate = (*certificates)[i];
    } else {
      block.certificate.epoch = execution.epoch;
      block.certificate.sequence = sequence;
      block.certificate.batch = digest_of_batch(block.batch.header);
    }
    note_time_seconds = execution.effective_time.value / 1000;
    QUORATE_TRY(store.append(block, execution));
  }
  return store.checkpoint_note();
}

[[nodiscard]] JsonNode text(std::string value) { return JsonNode::string(std::move(value)); }

std::string change_of(const RecoveryPlan& plan) {
  for (const Operation& operation : plan.change.body.operations) {
    if (const auto* change = std::get_if<ChangeMembership>(&operation)) {
      return change_sentence(change->body.change);
    }
  }
  return "none";
}

[[nodiscard]] JsonNode facts_of(const RecoveryPlan& plan) {
  JsonNode facts = JsonNode::object();
  facts.set("format", JsonNode::number(plan.format));
  facts.set("chain_id", text(plan.chain_id.hex()));
  facts.set("epoch", JsonNode::number(plan.epoch.value));
  facts.set("height", JsonNode::number(plan.base.size));
  facts.set("log_root", text(plan.base.root.hex()));
  facts.set("change", text(change_of(plan)));
  facts.set("boundary", JsonNode::number(plan.note.sequence.value));
  facts.set("plan", text(digest_of_plan(plan).hex()));
  set_proof(facts, crypto::encode(plan));
  return facts;
}

[[nodiscard]] JsonNode facts_of(const RecoverySignature& signature) {
  JsonNode facts = JsonNode::object();
  facts.set("format", JsonNode::number(signature.format));
  facts.set("chain_id", text(signature.chain_id.hex()));
  facts.set("plan", text(signature.plan.hex()));
  facts.set("signer", text(signature.key.hex()));
  facts.set("commits", JsonNode::number(signature.commits.size()));
  set_proof(facts, crypto::encode(signature));
  return facts;
}

template <class T>
[[nodiscard]] Result<T> parse(std::string_view json, const ProofFileWords& words) {
  QUORATE_ASSIGN(const ProofFile file, open_proof_file(json, words, kRecoveryFormat));
  auto value = crypto::decode<T>(file.proof);
  if (!value) return malformed(words, fmt::format("proof: {}", value.error().to_string()));
  QUORATE_TRY(check_facts(file.root, facts_of(*value), words));
  return std::move(*value);
}

}  // namespace

Digest digest_of_plan(const RecoveryPlan& plan) { return crypto::digest_of("recovery-plan", plan); }

std::vector<Batch> batches_of(const RecoveryPlan& plan) {
  std::vector<Batch> batches = {
      make_batch({plan.base.size + 1}, plan.time, 0, {id_of(plan.change.body)})};
  for (std::uint64_t at = plan.base.size + 2; at <= plan.note.sequence.value; ++at) {
    batches.push_back(null_batch({at}));
  }
  return batches;
}

Result<RecoveryPlan> plan_recovery(Store& scratch, const Genesis& genesis,
                                   const TransactionPtr& change, TimeMs time) {
  RecoveryPlan plan;
  plan.chain_id = scratch.chain_id();
  plan.base = scratch.tree_head();
  plan.time = time;
  plan.change = *change->signed_transaction;
  QUORATE_ASSIGN(const EpochStanding standing, read_standing(scratch, scratch.height()));
  plan.epoch = standing.epoch;
  if (standing.boundary) {
    return fail(ErrorKind::kConflict, "recovery-epoch-ended",
                fmt::format("epoch {} ends at height {} already, by a change that was executed",
                            standing.epoch.value, standing.boundary->value),
                "Start the nodes: those that lost their votes vote from that boundary on, if the "
                "others can still reach it.");
  }
  QUORATE_ASSIGN(plan.note,
                 extend(scratch, genesis, time, change, nullptr, plan.note_time_seconds));
  return plan;
}

Status check_base(const Store& store, const RecoveryPlan& plan) {
  const auto refuse = [](std::string_view code, std::string what, std::string next) {
    return fail(ErrorKind::kConflict, code, std::move(what), std::move(next));
  };
  if (store.chain_id() != plan.chain_id) {
    return refuse("recovery-other-chain",
                  fmt::format("the plan is of network {}, and this ledger of {}",
                              plan.chain_id.hex(), store.chain_id().hex()),
                  "Sign plans of your own network alone.");
  }
  if (store.height().value < plan.base.size) {
    return refuse("recovery-ledger-behind",
                  fmt::format("this ledger ends at height {}, and the plan begins after {}",
                              store.height().value, plan.base.size),
                  "Install it where the ledger ends at that height; the others catch up from "
                  "there. To sign, take a copy of that ledger, see that `quorate ledger verify` "
                  "holds, and give it with --ledger.");
  }
  if (store.height().value > plan.base.size) {
    return refuse("recovery-block-above",
                  fmt::format("this ledger has blocks up to height {}, and the plan would give up "
                              "those after {}",
                              store.height().value, plan.base.size),
                  "Make the plan anew from this ledger.");
  }
  if (store.tree_head() != plan.base) {
    return refuse("recovery-other-block",
                  fmt::format("at height {} this ledger has the log root {}, and the plan {}",
                              plan.base.size, store.tree_head().root.hex(), plan.base.root.hex()),
                  "Two ledgers differ: `quorate ledger diff` shows where, `quorate ledger blame` "
                  "who signed both.");
  }
  return {};
}

Status check_plan(Store& scratch, const Genesis& genesis, const RecoveryPlan& plan,
                  const TransactionPtr& change) {
  QUORATE_TRY(check_base(scratch, plan));
  QUORATE_ASSIGN(const RecoveryPlan own, plan_recovery(scratch, genesis, change, plan.time));
  if (crypto::encode(own) == crypto::encode(plan)) return {};
  return fail(ErrorKind::kCorrupt, "recovery-plan-false",
              fmt::format("executed on this ledger, the plan leads to the state root {} at height "
                          "{}; it says {} at {}",
                          own.note.state_root.hex(), own.note.sequence.value,
                          plan.note.state_root.hex(), plan.note.sequence.value),
              "Do not sign it. Make the plan anew.");
}

RecoverySignature sign_recovery(const RecoveryPlan& plan, const ReplicaSet& set,
                                const crypto::Signer& signer) {
  const auto at =
      std::find_if(set.replicas.begin(), set.replicas.end(), [&](const ReplicaInfo& replica) {
        return replica.vote_key == signer.public_key();
      });
  QUORATE_CHECK(at != set.replicas.end(), "who signs is of the set");
  const ReplicaId id{static_cast<std::uint16_t>(at - set.replicas.begin())};
  RecoverySignature signature{kRecoveryFormat, plan.chain_id, digest_of_plan(plan),
                              signer.public_key(), {}, {}};
  for (const Batch& batch : batches_of(plan)) {
    signature.commits.push_back(crypto::sign_body(signer, crypto::Purpose::kCommit, plan.chain_id,
                                                  vote_for(plan, batch, id)));
  }
  signature.cosignature = cosign(signer, plan.note, plan.note_time_seconds);
  return signature;
}

Result<RecoveryProof> gather(const RecoveryPlan& plan,
                             std::span<const RecoverySignature> signatures,
                             const ReplicaSet& set) {
  const Digest digest = digest_of_plan(plan);
  const std::vector<Batch> batches = batches_of(plan);
  std::vector<const RecoverySignature*> by_replica(set.size(), nullptr);
  for (const RecoverySignature& each : signatures) {
    if (each.plan != digest || each.commits.size() != batches.size()) {
      return fail(ErrorKind::kInvalid, "recovery-other-plan",
                  fmt::format("the signature by {} is of the plan {}, and this one is {}",
                              each.key.hex(), each.plan.hex(), digest.hex()),
                  "Give the signatures of one plan alone.");
    }
    const auto at =
        std::find_if(set.replicas.begin(), set.replicas.end(),
                     [&](const ReplicaInfo& replica) { return replica.vote_key == each.key; });
    if (at == set.replicas.end()) {
      return fail(ErrorKind::kInvalid, "recovery-signer-unknown",
                  fmt::format("{} is the vote key of none of the {} replicas of epoch {}",
                              each.key.hex(), set.size(), set.epoch.value),
                  "Sign with the vote key of a replica.");
    }
    by_replica[static_cast<std::size_t>(at - set.replicas.begin())] = &each;
  }
  RecoveryProof proof;
  for (const Batch& batch : batches) {
    const Vote vote = vote_for(plan, batch, {});
    proof.certificates.push_back(
        {vote.epoch, vote.view, vote.sequence, vote.batch, vote.new_view, {}});
  }
  proof.boundary = {plan.note, plan.note_time_seconds, {}};
  crypto::SignatureCache cache(1);
  const CheckpointVerifier checkpoints(plan.chain_id, &cache);
  for (std::uint16_t i = 0; i < set.size(); ++i) {
    const RecoverySignature* signature = by_replica[i];
    if (signature == nullptr) {
      proof.unsigned_replicas.push_back({i});
      continue;
    }
    bool is_good = checkpoints
                       .check(CheckpointVote{plan.note, plan.note_time_seconds, {i},
                                             signature->cosignature},
                              set)
                       .has_value();
    for (std::size_t at = 0; at < batches.size() && is_good; ++at) {
      is_good = crypto::verify_body(signature->key, crypto::Purpose::kCommit, plan.chain_id,
                                    vote_for(plan, batches[at], {i}), signature->commits[at]);
      proof.certificates[at].commits.push_back({{i}, signature->commits[at]});
    }
    if (!is_good) {
      return fail(ErrorKind::kCorrupt, "recovery-signature-bad",
                  fmt::format("the signature by {} does not verify over the plan",
                              signature->key.hex()),
                  "Let whoever holds that key sign the plan again.");
    }
    proof.boundary.cosignatures.push_back({{i}, signature->cosignature});
  }
  const std::size_t have = proof.boundary.cosignatures.size();
  proof.missing = quorum(set.size()) - std::min(have, quorum(set.size()));
  if (proof.missing == 0) proof.unsigned_replicas.clear();
  return proof;
}

Status install_recovery(Store& store, const Genesis& genesis, const RecoveryPlan& plan,
                        const TransactionPtr& change, const RecoveryProof& proof) {
  QUORATE_TRY(check_base(store, plan));
  std::uint64_t time_seconds = 0;
  QUORATE_ASSIGN(const CheckpointNote note, extend(store, genesis, plan.time, change,
                                                   &proof.certificates, time_seconds));
  QUORATE_CHECK(note == plan.note, "a plan that was checked leads where it says");
  QUORATE_TRY(store.put_stable(proof.boundary));
  return store.sync();
}

std::string plan_to_json(const RecoveryPlan& plan) { return to_json_text(facts_of(plan)); }

Result<RecoveryPlan> parse_plan(std::string_view json) {
  QUORATE_ASSIGN(RecoveryPlan plan, parse<RecoveryPlan>(json, kPlanWords));
  // No plan orders more than a window, so nobody makes batches without end of one.
  const std::uint64_t last = plan.note.sequence.value;
  const bool is_short = plan.base.size < last && last - plan.base.size <= kRecoveryBatchesMax;
  if (!is_short) return malformed(kPlanWords, "proof: its boundary is no window ahead");
  return plan;
}

std::string recovery_signature_to_json(const RecoverySignature& signature) {
  return to_json_text(facts_of(signature));
}

Result<RecoverySignature> parse_recovery_signature(std::string_view json) {
  return parse<RecoverySignature>(json, kSignatureWords);
}

}  // namespace quorate::ledger
