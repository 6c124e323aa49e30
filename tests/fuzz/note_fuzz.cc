// What strangers hand over about the log as text: each note, key, proof and tile address that is
// read is written back byte for byte, so that none has two spellings.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "crypto/check.h"
#include "ledger/log_tiles.h"
#include "ledger/signed_note.h"
#include "ledger/tlog_proof.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quorate;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto note = ledger::parse_note(text)) {
    QUORATE_CHECK(note->to_text() == text, "a note has one spelling");
  }
  if (const auto key = ledger::parse_note_key(text)) {
    QUORATE_CHECK(key->text() == text, "a key has one spelling");
  }
  if (const auto proof = ledger::parse_tlog_proof(text)) {
    QUORATE_CHECK(ledger::tlog_proof_text(*proof) == text, "a proof has one spelling");
  }
  if (const auto proof = ledger::parse_consistency_proof(text)) {
    QUORATE_CHECK(ledger::consistency_proof_text(*proof) == text, "a proof has one spelling");
  }
  if (const auto tile = ledger::parse_tile_path(text)) {
    QUORATE_CHECK(ledger::tile_path(*tile) == text, "a tile has one address");
  }
  return 0;
}
