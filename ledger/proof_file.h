#pragma once

// The file form that receipts and proofs about the state share: JSON, with facts for people and the
// proof they are made from.
//
// `proof` is the base64 of the proof's bytes, `proof_sha256` ties both together byte by byte. A
// reader makes the facts again from the proof and refuses a file that differs in anything but white
// space, so nothing in it can be changed alone. Pure functions, thread-safe.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/bytes.h"
#include "ledger/certificate.h"
#include "ledger/json_tree.h"
#include "ledger/transaction.h"

namespace quorate::ledger {

// How a kind of file speaks of itself in errors. String literals.
struct ProofFileWords {
  std::string_view name;          // "receipt"
  std::string_view malformed;     // kInvalid
  std::string_view newer_format;  // kUnsupported
  std::string_view differs;       // kCorrupt: the facts are not those of the proof
};

// Above the largest transaction that a genesis can allow, in hex and again in base64.
inline constexpr std::size_t kProofFileBytesMax = 4 << 20;

// Who signed, in the order of the proof.
[[nodiscard]] JsonNode signers_of(const std::vector<Endorsement>& endorsements);
// Adds "proof_sha256" and "proof".
void set_proof(JsonNode& facts, ByteView proof);

struct ProofFile {
  JsonNode root;
  Bytes proof;
};
// Errors: words.malformed, words.newer_format (a "format" above `format_max`, or 0).
[[nodiscard]] Result<ProofFile> open_proof_file(std::string_view json, const ProofFileWords& words,
                                                std::uint32_t format_max);
// words.malformed, with what to do next.
[[nodiscard]] tl::unexpected<Error> malformed(const ProofFileWords& words, std::string message);
// What facts are rendered from it stay within a small multiple of what was read. Error:
// words.malformed.
[[nodiscard]] Status check_renderable(const Transaction& transaction, const ProofFileWords& words);
// Whether the file states these facts. Error: words.differs, naming the first that does not agree.
[[nodiscard]] Status check_facts(const JsonNode& file, const JsonNode& facts,
                                 const ProofFileWords& words);

}  // namespace quorate::ledger
