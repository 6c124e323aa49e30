#pragma once

// What changes who may vote: one replica added, removed, or given new keys.
//
// A replica is named by its vote key, never by its number, since numbers move. A quorum of the
// current vote keys signs (chain, epoch, change), each where its key is, and the new vote key signs
// the same: somebody holds it. Signatures are gathered as files (ledger/membership_file.h); whoever
// has all of them may send the operation, since it convinces by itself.
//
// What becomes of one depends on the state: ledger/membership.h.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ledger/certificate.h"
#include "ledger/genesis.h"
#include "ledger/types.h"

namespace quorate::ledger {

// Takes the number after the last one.
struct AddReplica {
  ReplicaInfo replica;
};
// Those after it move down by one.
struct RemoveReplica {
  PublicKey vote_key;
};
// Keeps its number. Its vote key must be new; name and network key may stay.
struct RekeyReplica {
  PublicKey vote_key;
  ReplicaInfo replica;
};

// The index is part of the encoding: append only.
using MembershipChange = std::variant<AddReplica, RemoveReplica, RekeyReplica>;

// What is signed. It is good in this epoch alone, so once.
struct MembershipBody {
  Epoch epoch;
  MembershipChange change;
};

struct ChangeMembership {
  MembershipBody body;
  std::vector<Endorsement> endorsements;  // of the epoch's replicas, ids strictly ascending
  std::optional<Signature> consent;       // by the new vote key, if there is one
};

// The replica as it will be; nullptr: it is removed.
[[nodiscard]] const ReplicaInfo* newcomer(const MembershipChange& change);
// "add replica-4 (vote key 72..., network key f5...)".
[[nodiscard]] std::string change_sentence(const MembershipChange& change);

// What never changes: the new replica's name and keys, a consent where one is due and only there, 1
// to kReplicasMax ascending endorsements. Errors (kRejected): "tx-membership-malformed",
// "tx-membership-invalid-key".
[[nodiscard]] Status check_form(const ChangeMembership& operation);

[[nodiscard]] Signature endorse(const crypto::Signer& signer, const Digest& chain_id,
                                const MembershipBody& body);
[[nodiscard]] Signature consent_to(const crypto::Signer& signer, const Digest& chain_id,
                                   const MembershipBody& body);

}  // namespace quorate::ledger
