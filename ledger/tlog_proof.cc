#include "ledger/tlog_proof.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/bcs.h"
#include "crypto/merkle.h"
#include "ledger/decimal.h"
#include "ledger/log_view.h"
#include "ledger/published_checkpoint.h"

namespace quorate::ledger {
namespace {

constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";
constexpr std::uint8_t kOfRecord = 0;
constexpr std::uint8_t kOfTransaction = 1;
constexpr std::size_t kHashesMax = 128;  // twice the levels that a tree can have

[[nodiscard]] tl::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorKind::kInvalid, "tlog-proof-malformed", std::string(what),
              "Fetch the proof again; ledger/README.md shows one.");
}

[[nodiscard]] tl::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::kCorrupt, "tlog-proof-wrong", std::move(message),
              "Do not rely on this proof; fetch it again, best from another node.");
}

std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

// A line "<prefix><decimal>" without leading zeros.
std::optional<std::uint64_t> take_number(std::string_view& text, std::string_view prefix) {
  const auto line = take_line(text);
  if (!line || !line->starts_with(prefix)) return std::nullopt;
  return parse_decimal(line->substr(prefix.size()));
}

// Hashes, a line each, up to the empty line, which it takes as well.
Result<std::vector<Digest>> take_hashes(std::string_view& text) {
  std::vector<Digest> hashes;
  while (true) {
    const auto line = take_line(text);
    if (!line) return malformed("no empty line ends the hashes");
    if (line->empty()) return hashes;
    const auto bytes = from_base64(*line);
    Digest hash;
    if (!bytes || bytes->size() != hash.bytes.size() || hashes.size() == kHashesMax) {
      return malformed(fmt::format("line {} of the hashes is no hash of 32 bytes in base64",
                                   hashes.size() + 1));
    }
    std::copy(bytes->begin(), bytes->end(), hash.bytes.begin());
    hashes.push_back(hash);
  }
}

std::string hash_lines(const std::vector<Digest>& hashes) {
  std::string lines;
  for (const Digest& hash : hashes) lines += to_base64(hash.bytes) + "\n";
  return lines;
}

[[nodiscard]] tl::unexpected<Error> nothing_stable(std::uint64_t height) {
  return fail(ErrorKind::kUnavailable, "nothing-stable",
              fmt::format("no checkpoint that a quorum cosigned covers block {} yet", height),
              "Wait for the next checkpoint.");
}

Result<StableCheckpoint> needed(const Store& store, Height height) {
  QUORATE_ASSIGN(auto stable, covering(store, height));
  if (!stable) return nothing_stable(height.value);
  return std::move(*stable);
}

Result<SignedNote> published(const Store& store, const StableCheckpoint& stable,
                             const ReplicaSet& genesis) {
  QUORATE_ASSIGN(const auto epochs, store.epoch_proofs(stable.note.epoch));
  return publish_stored(stable, store.chain_id(), genesis, epochs);
}

Result<TlogProof> prove(const Store& store, Height height, Bytes extra, const ReplicaSet& genesis) {
  QUORATE_ASSIGN(const StableCheckpoint stable, needed(store, height));
  QUORATE_ASSIGN(const SignedNote note, published(store, stable, genesis));
  TlogProof proof{std::move(extra), height.value - 1, {}, note.to_text()};
  QUORATE_ASSIGN(proof.path, store.log().inclusion_path(proof.index, stable.note.head.size));
  return proof;
}

// What the extra data says that the leaf is.
Result<TlogVerdict> read_extra(const TlogProof& proof, const Genesis& genesis) {
  TlogVerdict verdict;
  if (!proof.extra || proof.extra->empty()) {
    return malformed("it has no extra line, so what the leaf is made of is not known");
  }
  const ByteView rest = ByteView(*proof.extra).subspan(1);
  if (proof.extra->front() == kOfRecord) {
    const auto record = crypto::decode<Record>(rest);
    if (!record) return malformed("its extra line holds no record");
    verdict.record = *record;
    return verdict;
  }
  if (proof.extra->front() != kOfTransaction) {
    return malformed("its extra line holds neither a record nor a receipt");
  }
  QUORATE_ASSIGN(const Receipt receipt, decode_receipt(rest));
  if (receipt.checkpoint) return malformed("its extra line holds a receipt with a checkpoint");
  QUORATE_ASSIGN(verdict.transaction, verify_receipt(receipt, genesis));
  verdict.record = receipt.record;
  return verdict;
}

}  // namespace

std::string tlog_proof_text(const TlogProof& proof) {
  std::string text(kTlogProofLine);
  if (proof.extra) text += fmt::format("{}{}\n", kExtra, to_base64(*proof.extra));
  return text + fmt::format("{}{}\n{}\n{}", kIndex, proof.index, hash_lines(proof.path),
                            proof.checkpoint);
}

Result<TlogProof> parse_tlog_proof(std::string_view text) {
  if (text.size() > kTlogProofBytesMax) return malformed("it is longer than any proof");
  if (!text.starts_with(kTlogProofLine)) {
    return malformed("its first line is not c2sp.org/tlog-proof@v1");
  }
  text.remove_prefix(kTlogProofLine.size());
  TlogProof proof;
  if (text.starts_with(kExtra)) {
    const auto line = take_line(text);
    const auto extra = line ? from_base64(line->substr(kExtra.size())) : Result<Bytes>();
    if (!line || !extra) return malformed("its extra line is no line of base64");
    proof.extra = *extra;
  }
  const auto index = take_number(text, kIndex);
  if (!index) return malformed("it has no line \"index <decimal>\" in its place");
  proof.index = *index;
  QUORATE_ASSIGN(proof.path, take_hashes(text));
  proof.checkpoint = text;
  return proof;
}

std::string consistency_proof_text(const ConsistencyProof& proof) {
  return fmt::format("{}{}\n{}\n{}", kConsistencyPrefix, proof.old_size, hash_lines(proof.path),
                     proof.checkpoint);
}

Result<ConsistencyProof> parse_consistency_proof(std::string_view text) {
  if (text.size() > kTlogProofBytesMax) return malformed("it is longer than any proof");
  ConsistencyProof proof;
  const auto old_size = take_number(text, kConsistencyPrefix);
  if (!old_size) return malformed("its first line is not \"old <decimal>\"");
  proof.old_size = *old_size;
  QUORATE_ASSIGN(proof.path, take_hashes(text));
  proof.checkpoint = text;
  return proof;
}

Result<TlogProof> prove_record(const Store& store, Height height, const ReplicaSet& genesis) {
  QUORATE_ASSIGN(const Record record, store.record(height));
  Bytes extra = {kOfRecord};
  const Bytes encoded = crypto::encode(record);
  extra.insert(extra.end(), encoded.begin(), encoded.end());
  return prove(store, height, std::move(extra), genesis);
}

Result<TlogProof> prove_logged(const Store& store, const TxId& id, const ReplicaSet& genesis) {
  QUORATE_ASSIGN(Receipt receipt, make_receipt(store, id));
  receipt.checkpoint.reset();
  receipt.format = format_of(receipt);
  Bytes extra = {kOfTransaction};
  const Bytes encoded = encode_receipt(receipt);
  extra.insert(extra.end(), encoded.begin(), encoded.end());
  return prove(store, receipt.record.batch.sequence, std::move(extra), genesis);
}

Result<ConsistencyProof> prove_growth(const Store& store, std::uint64_t old_size,
                                      std::optional<std::uint64_t> size,
                                      const ReplicaSet& genesis) {
  StableCheckpoint stable;
  if (size) {
    QUORATE_ASSIGN(stable, needed(store, Height{std::max<std::uint64_t>(*size, 1)}));
    if (stable.note.head.size != *size) {
      return fail(ErrorKind::kNotFound, "checkpoint-not-stable",
                  fmt::format("no quorum cosigned a log of {} records; the next one that was has "
                              "{}",
                              *size, stable.note.head.size),
                  "Ask for the proof to that size.");
    }
  } else {
    const auto view = store.stable_view();
    if (!view) return nothing_stable(store.height().value);
    stable = view->checkpoint();
  }
  QUORATE_ASSIGN(const SignedNote note, published(store, stable, genesis));
  ConsistencyProof proof{old_size, {}, note.to_text()};
  QUORATE_ASSIGN(proof.path, store.log().consistency_path(old_size, stable.note.head.size));
  return proof;
}

Result<TlogVerdict> verify_tlog_proof(std::string_view text, const Genesis& genesis) {
  QUORATE_ASSIGN(const TlogProof proof, parse_tlog_proof(text));
  QUORATE_ASSIGN(TlogVerdict verdict, read_extra(proof, genesis));
  QUORATE_ASSIGN(verdict.checkpoint, verify_published(proof.checkpoint, genesis));
  const TreeHead& head = verdict.checkpoint.note.head;
  const std::uint64_t sequence = verdict.record.batch.sequence.value;
  if (sequence != proof.index + 1 ||
      !crypto::merkle::verify_inclusion(record_leaf(verdict.record), proof.index, head.size,
                                        proof.path, head.root)) {
    return wrong(fmt::format("the record of sequence {} is not leaf {} of the log of {} records "
                             "with root {} that the checkpoint names",
                             sequence, proof.index, head.size, head.root.hex()));
  }
  if (verdict.transaction) {
    verdict.transaction->result_proved = true;
    verdict.transaction->checkpoint = verdict.checkpoint.note.sequence;
    verdict.transaction->cosigners = verdict.checkpoint.cosignatures.size();
  }
  return verdict;
}

Result<GrowthVerdict> verify_growth(std::string_view text, std::string_view old_checkpoint,
                                    const Genesis& genesis) {
  QUORATE_ASSIGN(const ConsistencyProof proof, parse_consistency_proof(text));
  GrowthVerdict verdict;
  QUORATE_ASSIGN(verdict.before, verify_published(old_checkpoint, genesis));
  QUORATE_ASSIGN(verdict.after, verify_published(proof.checkpoint, genesis));
  const TreeHead& before = verdict.before.note.head;
  const TreeHead& after = verdict.after.note.head;
  if (proof.old_size != before.size ||
      !crypto::merkle::verify_consistency(before.size, after.size, before.root, after.root,
                                          proof.path)) {
    return wrong(fmt::format("the proof from size {} does not show that the log of {} records with "
                             "root {} extends the one of {} with root {}",
                             proof.old_size, after.size, after.root.hex(), before.size,
                             before.root.hex()));
  }
  return verdict;
}

}  // namespace quorate::ledger
