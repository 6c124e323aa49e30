#include "crypto/signing.h"

#include "crypto/check.h"

namespace quorate::crypto {

std::string_view purpose_text(Purpose purpose) {
  switch (purpose) {
    case Purpose::kTransaction:
      return "transaction";
    case Purpose::kPrePrepare:
      return "pbft-pre-prepare";
    case Purpose::kPrepare:
      return "pbft-prepare";
    case Purpose::kCommit:
      return "pbft-commit";
    case Purpose::kReply:
      return "pbft-reply";
    case Purpose::kViewChange:
      return "pbft-view-change";
    case Purpose::kNewView:
      return "pbft-new-view";
    case Purpose::kMembership:
      return "membership";
    case Purpose::kMembershipConsent:
      return "membership-consent";
  }
  QUORATE_CHECK(false, "a purpose that is not in the list");
  return {};
}

Bytes signing_bytes(Purpose purpose, const Digest& chain_id, ByteView encoded_body) {
  constexpr std::string_view kPrefix = "quorate:";
  const std::string_view text = purpose_text(purpose);
  Bytes out;
  out.reserve(kPrefix.size() + text.size() + 1 + chain_id.bytes.size() + encoded_body.size());
  out.insert(out.end(), kPrefix.begin(), kPrefix.end());
  out.insert(out.end(), text.begin(), text.end());
  out.push_back(0);
  out.insert(out.end(), chain_id.bytes.begin(), chain_id.bytes.end());
  out.insert(out.end(), encoded_body.begin(), encoded_body.end());
  return out;
}

Digest digest_of_encoded(std::string_view kind, ByteView encoded) {
  constexpr std::uint8_t kZero = 0;
  return Sha256()
      .update(as_bytes("quorate:"))
      .update(as_bytes(kind))
      .update({&kZero, 1})
      .update(encoded)
      .finish();
}

}  // namespace quorate::crypto
