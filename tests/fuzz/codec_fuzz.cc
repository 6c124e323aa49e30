// Whatever bytes arrive: a type decodes them or refuses them, and what decodes has exactly one
// encoding, the bytes that it came from.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "ledger/evidence_file.h"
#include "ledger/receipt.h"
#include "ledger/recorded_evidence.h"
#include "ledger/transaction.h"
#include "pbft/durable.h"
#include "pbft/message.h"
#include "pow/anchored_receipt.h"
#include "pow/depth_receipt.h"

namespace {

using namespace quorate;

// The first byte picks the type, so that one corpus serves all.
template <class T>
void hold_to_one_encoding(ByteView bytes) {
  const auto value = crypto::decode<T>(bytes);
  if (!value) {
    QUORATE_CHECK(!value.error().code.empty(), "a refusal has a code");
    return;
  }
  const Bytes again = crypto::encode(*value);
  QUORATE_CHECK(ByteView(again).size() == bytes.size() &&
                    std::equal(again.begin(), again.end(), bytes.begin()),
                "a value has one encoding");
}

template <class... Ts>
void dispatch(std::size_t pick, ByteView bytes) {
  std::size_t at = 0;
  ((at++ == pick ? hold_to_one_encoding<Ts>(bytes) : void()), ...);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  dispatch<ledger::SignedTransaction, ledger::Receipt, ledger::CommitCertificate,
           std::vector<ledger::TxResult>, pbft::Message, pbft::ProposalRecord, pbft::CommitRecord,
           pbft::StatusReport, ledger::EvidenceFile, ledger::RecordedEvidence,
           ledger::ChangeMembership, std::vector<ledger::EpochProof>, ledger::EpochEvidenceFile,
           pow::DepthProof, pow::Anchor, pow::AnchoredReceipt>(data[0] % 16, {data + 1, size - 1});
  return 0;
}
