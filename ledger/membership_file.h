#pragma once

// A membership change on its way through people's hands: the change as a file, each signature as a
// file, and the operation that they make together. Keys never travel.
//
// On disk both are JSON: facts for people, and `proof` (ledger/proof_file.h), whose bytes a reader
// makes the facts from again; so nobody signs, or passes on, something else than he reads. A
// signature file holds the whole change, so signature files are all that is needed to send it.
//
// Pure functions, thread-safe.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/membership_change.h"

namespace quorate::ledger {

inline constexpr std::uint32_t kChangeFormat = 1;

struct ChangeFile {
  std::uint32_t format = kChangeFormat;
  Digest chain_id;
  MembershipBody body;
};
[[nodiscard]] std::string change_to_json(const ChangeFile& change);
// Errors: "change-malformed" (kInvalid), "change-newer-format" (kUnsupported),
// "change-facts-differ" (kCorrupt).
[[nodiscard]] Result<ChangeFile> parse_change(std::string_view json);

struct SignedChange {
  std::uint32_t format = kChangeFormat;
  Digest chain_id;
  MembershipBody body;
  PublicKey key;
  Signature signature;  // a consent if the key is the change's new vote key, else an endorsement
};
[[nodiscard]] SignedChange sign_change(const ChangeFile& change, const crypto::Signer& signer);
[[nodiscard]] std::string signed_change_to_json(const SignedChange& change);
// Judges no signature. Errors: "change-signature-malformed" (kInvalid),
// "change-signature-newer-format" (kUnsupported), "change-signature-facts-differ" (kCorrupt).
[[nodiscard]] Result<SignedChange> parse_signed_change(std::string_view json);

// Whether the signature verifies as what its key makes it. Error: "change-signature-bad"
// (kCorrupt).
[[nodiscard]] Status check_signature(const SignedChange& change);

struct GatheredChange {
  ChangeMembership operation;
  // Who has not signed, of the set; empty as soon as nothing is missing.
  std::vector<ReplicaId> unsigned_replicas;
  std::size_t missing = 0;  // so many of them have to
  bool lacks_consent = false;

  [[nodiscard]] bool is_complete() const { return missing == 0 && !lacks_consent; }
};

// Puts signatures of one change together, each key once, in the order of the replicas. Errors
// (kInvalid): "change-unsigned" (none are given), "change-other" (they are of several changes or
// networks), "change-other-epoch" (not of the set's), "change-signer-unknown" (whose key is neither
// of the set nor the new one); "change-signature-bad".
[[nodiscard]] Result<GatheredChange> gather(std::span<const SignedChange> signatures,
                                            const ReplicaSet& set);

}  // namespace quorate::ledger
