#pragma once

// Verified<T>: authenticity in the type, and the cache of signatures already verified.
//
// A core takes Verified<T> only, and only a Verifier makes one; so "was this checked?" is a
// question for the compiler. Each folder that has messages derives its verifier from the base
// `Verifier`, whose protected `vouch` is the single way to make a Verified<T>.

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "crypto/signing.h"

namespace quorate::crypto {

class Verifier;

template <class T>
class Verified {
 public:
  [[nodiscard]] const T& operator*() const { return value_; }
  [[nodiscard]] const T* operator->() const { return &value_; }

 private:
  friend class Verifier;
  explicit Verified(T value) : value_(std::move(value)) {}
  T value_;
};

// Remembers (key, body, signature) triples that verified, so that a vote seen alone and again
// inside certificates is paid for once. Only successes are remembered, so an attacker cannot poison
// it. Bounded: a fixed table in which a new entry replaces an old one. Thread-safe.
class SignatureCache {
 public:
  // Rounded up to a power of two; 32 bytes an entry. `rule` judges what is not remembered: Ed25519,
  // and nothing else wherever signatures are worth anything (a simulation may have a cheaper one).
  explicit SignatureCache(std::size_t entries_max = 1 << 16,
                          VerifyFunction& rule = crypto::verify);

  // The rule's verdict, remembered if good.
  [[nodiscard]] bool verify(const PublicKey& key, ByteView signed_bytes,
                            const Signature& signature);

  struct Counters {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
  };
  [[nodiscard]] Counters counters() const;

 private:
  friend class RememberingSigner;
  [[nodiscard]] Digest name(const PublicKey& key, ByteView signed_bytes,
                            const Signature& signature) const;
  void remember(const Digest& name);

  VerifyFunction& rule_;
  mutable std::mutex mutex_;
  std::vector<Digest> table_;
  Digest salt_;  // random, so that nobody can aim at a slot
  Counters counters_;
};

// Signs, and has the cache remember that it did: what was signed here need not be judged here.
class RememberingSigner final : public Signer {
 public:
  // Both outlive this.
  RememberingSigner(const Signer& signer, SignatureCache& cache)
      : signer_(signer), cache_(cache) {}
  [[nodiscard]] const PublicKey& public_key() const override { return signer_.public_key(); }
  [[nodiscard]] Signature sign(ByteView message) const override;

 private:
  const Signer& signer_;
  SignatureCache& cache_;
};

// Base of all verifiers. Thread-safe if the derived class is.
class Verifier {
 public:
  explicit Verifier(Digest chain_id, SignatureCache* cache) : chain_id_(chain_id), cache_(cache) {}
  [[nodiscard]] const Digest& chain_id() const { return chain_id_; }

 protected:
  ~Verifier() = default;

  template <class Body>
  [[nodiscard]] bool verify_signature(const PublicKey& key, Purpose purpose, const Body& body,
                                      const Signature& signature) const {
    return cache_->verify(key, signing_bytes(purpose, chain_id_, encode(body)), signature);
  }

  // Of bytes whose format carries its own domain separation (checkpoint cosignatures).
  [[nodiscard]] bool verify_bytes(const PublicKey& key, ByteView signed_bytes,
                                  const Signature& signature) const {
    return cache_->verify(key, signed_bytes, signature);
  }

  template <class T>
  [[nodiscard]] static Verified<T> vouch(T value) {
    return Verified<T>(std::move(value));
  }

 private:
  Digest chain_id_;
  SignatureCache* cache_;  // not owned; outlives this
};

}  // namespace quorate::crypto
