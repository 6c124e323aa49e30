#include "ledger/membership_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/bcs.h"
#include "ledger/proof_file.h"
#include "ledger/quorum.h"

namespace quorate::ledger {
namespace {

constexpr ProofFileWords kChangeWords = {"change", "change-malformed", "change-newer-format",
                                         "change-facts-differ"};
constexpr ProofFileWords kSignatureWords = {"signature", "change-signature-malformed",
                                            "change-signature-newer-format",
                                            "change-signature-facts-differ"};

[[nodiscard]] tl::unexpected<Error> refuse(ErrorKind kind, std::string_view code, std::string what,
                                           std::string next) {
  return fail(kind, code, std::move(what), std::move(next));
}

[[nodiscard]] JsonNode text(std::string value) { return JsonNode::string(std::move(value)); }

void set_replica(JsonNode& facts, const ReplicaInfo& replica) {
  facts.set("name", text(replica.name));
  facts.set("new_vote_key", text(replica.vote_key.hex()));
  facts.set("new_network_key", text(replica.network_key.hex()));
}

struct FactsOf {
  JsonNode& facts;
  void operator()(const AddReplica& add) const {
    facts.set("change", text("add"));
    set_replica(facts, add.replica);
  }
  void operator()(const RemoveReplica& remove) const {
    facts.set("change", text("remove"));
    facts.set("vote_key", text(remove.vote_key.hex()));
  }
  void operator()(const RekeyReplica& rekey) const {
    facts.set("change", text("rekey"));
    facts.set("vote_key", text(rekey.vote_key.hex()));
    set_replica(facts, rekey.replica);
  }
};

void set_body(JsonNode& facts, const Digest& chain_id, const MembershipBody& body) {
  facts.set("chain_id", text(chain_id.hex()));
  facts.set("epoch", JsonNode::number(body.epoch.value));
  std::visit(FactsOf{facts}, body.change);
}

[[nodiscard]] JsonNode facts_of(const ChangeFile& change) {
  JsonNode facts = JsonNode::object();
  facts.set("format", JsonNode::number(change.format));
  set_body(facts, change.chain_id, change.body);
  set_proof(facts, crypto::encode(change));
  return facts;
}

[[nodiscard]] bool is_consent(const SignedChange& change) {
  const ReplicaInfo* replica = newcomer(change.body.change);
  return replica != nullptr && replica->vote_key == change.key;
}

[[nodiscard]] JsonNode facts_of(const SignedChange& change) {
  JsonNode facts = JsonNode::object();
  facts.set("format", JsonNode::number(change.format));
  set_body(facts, change.chain_id, change.body);
  facts.set("signer", text(change.key.hex()));
  facts.set("signs_as", text(is_consent(change) ? "the new vote key" : "a replica"));
  set_proof(facts, crypto::encode(change));
  return facts;
}

template <class T>
[[nodiscard]] Result<T> parse(std::string_view json, const ProofFileWords& words) {
  QUORATE_ASSIGN(const ProofFile file, open_proof_file(json, words, kChangeFormat));
  auto value = crypto::decode<T>(file.proof);
  if (!value) return malformed(words, fmt::format("proof: {}", value.error().to_string()));
  const ReplicaInfo* replica = newcomer(value->body.change);
  // What people read is nothing but a name.
  if (replica != nullptr && !is_name(replica->name)) {
    return malformed(words, "proof: the new replica's name is none");
  }
  QUORATE_TRY(check_facts(file.root, facts_of(*value), words));
  return std::move(*value);
}

}  // namespace

std::string change_to_json(const ChangeFile& change) { return to_json_text(facts_of(change)); }

Result<ChangeFile> parse_change(std::string_view json) {
  return parse<ChangeFile>(json, kChangeWords);
}

std::string signed_change_to_json(const SignedChange& change) {
  return to_json_text(facts_of(change));
}

Result<SignedChange> parse_signed_change(std::string_view json) {
  return parse<SignedChange>(json, kSignatureWords);
}

SignedChange sign_change(const ChangeFile& change, const crypto::Signer& signer) {
  SignedChange done{kChangeFormat, change.chain_id, change.body, signer.public_key(), {}};
  done.signature = is_consent(done) ? consent_to(signer, change.chain_id, change.body)
                                    : endorse(signer, change.chain_id, change.body);
  return done;
}

Status check_signature(const SignedChange& change) {
  const auto purpose =
      is_consent(change) ? crypto::Purpose::kMembershipConsent : crypto::Purpose::kMembership;
  if (crypto::verify_body(change.key, purpose, change.chain_id, change.body, change.signature)) {
    return {};
  }
  return refuse(
      ErrorKind::kCorrupt, "change-signature-bad",
      fmt::format("the signature by {} does not verify over the change", change.key.hex()),
      "Let whoever holds that key sign the change again.");
}

Result<GatheredChange> gather(std::span<const SignedChange> signatures, const ReplicaSet& set) {
  if (signatures.empty()) {
    return refuse(ErrorKind::kInvalid, "change-unsigned", "no signature is given",
                  "Let the replicas' operators sign the change with `quorate validator sign`.");
  }
  const SignedChange& first = signatures.front();
  GatheredChange gathered;
  gathered.operation.body = first.body;
  if (first.body.epoch != set.epoch) {
    return refuse(ErrorKind::kInvalid, "change-other-epoch",
                  fmt::format("the change was signed for epoch {}, and the network is in epoch {}",
                              first.body.epoch.value, set.epoch.value),
                  "Write the change anew and let it be signed anew.");
  }
  std::vector<std::optional<Signature>> by_replica(set.size());
  for (const SignedChange& each : signatures) {
    if (each.chain_id != first.chain_id ||
        crypto::encode(each.body) != crypto::encode(first.body)) {
      return refuse(ErrorKind::kInvalid, "change-other",
                    fmt::format("the signature by {} is of another change: {}", each.key.hex(),
                                change_sentence(each.body.change)),
                    "Give the signatures of one change alone.");
    }
    QUORATE_TRY(check_signature(each));
    if (is_consent(each)) {
      gathered.operation.consent = each.signature;
      continue;
    }
    const auto at =
        std::find_if(set.replicas.begin(), set.replicas.end(),
                     [&](const ReplicaInfo& replica) { return replica.vote_key == each.key; });
    if (at == set.replicas.end()) {
      return refuse(ErrorKind::kInvalid, "change-signer-unknown",
                    fmt::format("{} is the vote key of none of the {} replicas of epoch {}",
                                each.key.hex(), set.size(), set.epoch.value),
                    "Sign with the vote key of a replica.");
    }
    by_replica[static_cast<std::size_t>(at - set.replicas.begin())] = each.signature;
  }
  for (std::uint16_t i = 0; i < set.size(); ++i) {
    if (by_replica[i]) {
      gathered.operation.endorsements.push_back({{i}, *by_replica[i]});
    } else {
      gathered.unsigned_replicas.push_back({i});
    }
  }
  const std::size_t have = gathered.operation.endorsements.size();
  gathered.missing = quorum(set.size()) - std::min(have, quorum(set.size()));
  if (gathered.missing == 0) gathered.unsigned_replicas.clear();
  gathered.lacks_consent = newcomer(first.body.change) != nullptr && !gathered.operation.consent;
  return gathered;
}

}  // namespace quorate::ledger
