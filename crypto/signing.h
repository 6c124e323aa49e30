#pragma once

// Domain-separated signing.
//
// A signature covers  "quorate:" + purpose + 0x00 + chain_id + BCS(body).  The purpose names the
// engine where both engines have such a message, each purpose is used for one type of body, and
// chain_id is the digest of the genesis document; so no signature means anything on another
// network, in another engine or as another type of message.

#include <concepts>
#include <cstdint>
#include <string_view>

#include "crypto/bcs.h"
#include "crypto/bytes.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"

namespace quorate::crypto {

enum class Purpose : std::uint8_t {
  kTransaction,  // ledger::Transaction
  kPrePrepare,   // ledger::Vote
  kPrepare,      // ledger::Vote
  kCommit,       // ledger::Vote
  kReply,        // ledger::ReplyBody
  kViewChange,   // ledger::ViewVote
  kNewView,      // ledger::ViewVote
  kMembership,         // ledger::MembershipBody, by a vote key of the epoch
  kMembershipConsent,  // ledger::MembershipBody, by the vote key that it brings
};

// The text that stands in the signed bytes, e.g. "pbft-prepare".
[[nodiscard]] std::string_view purpose_text(Purpose purpose);

[[nodiscard]] Bytes signing_bytes(Purpose purpose, const Digest& chain_id, ByteView encoded_body);

// Something that signs: a key in memory, or a device. The only virtual call that a core makes.
class Signer {
 public:
  virtual ~Signer() = default;
  [[nodiscard]] virtual const PublicKey& public_key() const = 0;
  [[nodiscard]] virtual Signature sign(ByteView message) const = 0;
};

class KeySigner final : public Signer {
 public:
  explicit KeySigner(SecretKey key) : key_(std::move(key)) {}
  [[nodiscard]] const PublicKey& public_key() const override { return key_.public_key(); }
  [[nodiscard]] Signature sign(ByteView message) const override { return key_.sign(message); }

 private:
  SecretKey key_;
};

template <class Body>
[[nodiscard]] Signature sign_body(const Signer& signer, Purpose purpose, const Digest& chain_id,
                                  const Body& body) {
  return signer.sign(signing_bytes(purpose, chain_id, encode(body)));
}

// Uncached; most callers want SignatureCache (crypto/verified.h).
template <class Body>
[[nodiscard]] bool verify_body(const PublicKey& key, Purpose purpose, const Digest& chain_id,
                               const Body& body, const Signature& signature) {
  return verify(key, signing_bytes(purpose, chain_id, encode(body)), signature);
}

// Digests that name things are separated the same way:
// SHA-256("quorate:" + kind + 0x00 + BCS(value)).
[[nodiscard]] Digest digest_of_encoded(std::string_view kind, ByteView encoded);
template <class T>
[[nodiscard]] Digest digest_of(std::string_view kind, const T& value) {
  return digest_of_encoded(kind, encode(value));
}

}  // namespace quorate::crypto
