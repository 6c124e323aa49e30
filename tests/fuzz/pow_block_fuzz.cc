// Whatever bytes a peer or a miner sends for a block: they are read or refused, and what is read
// has exactly one spelling, the bytes that it came from.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "crypto/check.h"
#include "crypto/verified.h"
#include "ledger/genesis.h"
#include "pow/block.h"

namespace {

using namespace quorate;

constexpr std::size_t kBlockBytesMax = 1 << 16;

// So that inputs come past the signatures and the Merkle root: any signature is good here, and the
// root is made to fit.
bool any_signature(const crypto::PublicKey&, ByteView, const crypto::Signature&) { return true; }

struct World {
  ledger::Genesis genesis;
  crypto::SignatureCache cache{64, any_signature};
  ledger::TransactionVerifier verifier{genesis, ledger::chain_id_of(genesis), &cache};
  pow::AnchorVerifier anchors{genesis};
  pow::BlockReader reader{verifier, kBlockBytesMax};
  pow::BlockReader anchor_reader{verifier, kBlockBytesMax, &anchors};
};

void hold_to_one_spelling(const pow::BlockReader& reader, ByteView bytes) {
  const auto block = reader.read(bytes);
  if (!block) {
    QUORATE_CHECK(!block.error().found.empty(), "a refusal says what was found");
    return;
  }
  const Bytes again = pow::encode_block(**block);
  QUORATE_CHECK(again.size() == pow::encoded_bytes(**block), "its size is known");
  QUORATE_CHECK(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()),
                "a block has one spelling");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const World world;
  hold_to_one_spelling(world.reader, {data, size});
  hold_to_one_spelling(world.anchor_reader, {data, size});
  if (size <= pow::kHeaderBytes + 1 + pow::kCoinbaseBytes) return 0;
  // The same as a block of its coinbase alone, of this chain and with the right root.
  Bytes bytes(data, data + pow::kHeaderBytes + 1 + pow::kCoinbaseBytes);
  bytes[pow::kHeaderBytes] = 1;
  const auto& chain_id = world.verifier.chain_id().bytes;
  std::copy(chain_id.begin(), chain_id.end(), bytes.begin() + pow::kHeaderBytes + 1);
  const auto root = pow::sha256d(ByteView(bytes).subspan(pow::kHeaderBytes + 1));
  std::copy(root.bytes.begin(), root.bytes.end(), bytes.begin() + 36);
  QUORATE_CHECK(world.reader.read(bytes).has_value(), "a coinbase alone is a block");
  hold_to_one_spelling(world.reader, bytes);
  return 0;
}
