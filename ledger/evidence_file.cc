#include "ledger/evidence_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/bcs.h"

namespace quorate::ledger {

Bytes with_epochs(Bytes file, std::vector<EpochProof> epochs) {
  if (epochs.empty()) return file;
  return crypto::encode(
      EpochEvidenceFile{kEpochEvidenceFormat, std::move(epochs), std::move(file)});
}

Result<OpenedEvidence> open_evidence(ByteView bytes) {
  // The format stands first, little-endian.
  const Bytes format = crypto::encode(kEpochEvidenceFormat);
  if (bytes.size() < format.size() || !std::equal(format.begin(), format.end(), bytes.begin())) {
    return OpenedEvidence{{}, Bytes(bytes.begin(), bytes.end())};
  }
  auto read = crypto::decode<EpochEvidenceFile>(bytes);
  if (read && !read->epochs.empty()) {
    return OpenedEvidence{std::move(read->epochs), std::move(read->file)};
  }
  return fail(
      ErrorKind::kCorrupt, "evidence-malformed",
      fmt::format("the evidence file of format {} does not decode: {}", kEpochEvidenceFormat,
                  read ? "it holds no proof of an epoch" : read.error().message),
      "Ask whoever gave it for the original file; it accuses nobody as it is.");
}

}  // namespace quorate::ledger
