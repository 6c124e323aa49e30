#pragma once

// A signed transaction in a file: made on one machine, submitted from another, or again.
//
// JSON: facts for people (id, sender, nonce, valid-until) and `transaction`, the base64 of
// BCS(SignedTransaction). A file whose id is not that of its transaction is refused.

#include <string>

#include "crypto/result.h"
#include "node/submission.h"

namespace quorate::node {

[[nodiscard]] std::string signed_draft_to_json(const SignedDraft& draft);
// Errors: "tx-file-malformed" (kInvalid), "tx-file-newer" (kUnsupported), "tx-file-facts-differ"
// (kCorrupt), those of read_file.
[[nodiscard]] Result<SignedDraft> read_signed_draft(const std::string& file);

}  // namespace quorate::node
