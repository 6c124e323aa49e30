#include "ledger/proof_file.h"

#include <fmt/format.h>

#include "crypto/sha256.h"

namespace quorate::ledger {
namespace {

[[nodiscard]] std::string shown(const JsonNode* node) {
  return node == nullptr ? "nothing" : describe(*node);
}

// Whether it is a number from 1 to `format_max`, as it is written.
[[nodiscard]] bool is_known(const JsonNode& format, std::uint32_t format_max) {
  for (std::uint32_t known = 1; known <= format_max; ++known) {
    if (format.text == fmt::format("{}", known)) return true;
  }
  return false;
}

}  // namespace

tl::unexpected<Error> malformed(const ProofFileWords& words, std::string message) {
  return fail(ErrorKind::kInvalid, words.malformed, std::move(message),
              fmt::format("Give the {} file as the node wrote it, or fetch it again.", words.name));
}

Status check_renderable(const Transaction& transaction, const ProofFileWords& words) {
  const std::size_t operations = transaction.operations.size();
  if (operations <= kOperationsMax) return {};
  return malformed(words, fmt::format("proof: found {} operations; at most {} were expected",
                                      operations, kOperationsMax));
}

JsonNode signers_of(const std::vector<Endorsement>& endorsements) {
  JsonNode replicas = JsonNode::array();
  for (const Endorsement& each : endorsements) {
    replicas.push(JsonNode::number(each.replica.value));
  }
  return replicas;
}

void set_proof(JsonNode& facts, ByteView proof) {
  facts.set("proof_sha256", JsonNode::string(crypto::sha256(proof).hex()));
  facts.set("proof", JsonNode::string(to_base64(proof)));
}

Result<ProofFile> open_proof_file(std::string_view json, const ProofFileWords& words,
                                  std::uint32_t format_max) {
  ProofFile file;
  QUORATE_ASSIGN(file.root, parse_json(json, kProofFileBytesMax, words.malformed));
  if (file.root.kind != JsonKind::kObject) {
    return malformed(words,
                     fmt::format("found {}; an object was expected", describe(file.root)));
  }
  const JsonNode* format = file.root.find("format");
  if (format == nullptr || format->kind != JsonKind::kNumber) {
    return malformed(words, fmt::format("format: found {}; a number up to {} was expected",
                                        shown(format), format_max));
  }
  if (!is_known(*format, format_max)) {
    return fail(ErrorKind::kUnsupported, words.newer_format,
                fmt::format("the {} has format {}; this program knows format 1 to {}", words.name,
                            describe(*format), format_max),
                "Use the version of Quorate that made it, or a newer one.");
  }
  const JsonNode* proof = file.root.find("proof");
  if (proof == nullptr || proof->kind != JsonKind::kText) {
    return malformed(words, fmt::format("proof: found {}; base64 was expected", shown(proof)));
  }
  auto bytes = from_base64(proof->text);
  if (!bytes) return malformed(words, fmt::format("proof: {}", bytes.error().message));
  file.proof = std::move(*bytes);
  return file;
}

Status check_facts(const JsonNode& file, const JsonNode& facts, const ProofFileWords& words) {
  if (file == facts) return {};
  std::string what = "the order of its fields";
  for (const std::string& name : file.names) {
    const JsonNode* fact = facts.find(name);
    if (fact != nullptr && *fact == *file.find(name)) continue;
    what = fmt::format("the fact {} is {}; its proof says {}", describe(JsonNode::string(name)),
                       shown(file.find(name)), shown(fact));
    break;
  }
  for (const std::string& name : facts.names) {
    if (file.find(name) == nullptr) what = fmt::format("the fact \"{}\" is missing", name);
  }
  return fail(
      ErrorKind::kCorrupt, words.differs,
      fmt::format("the {} does not say what its proof proves: {}", words.name, what),
      fmt::format("Do not rely on this {}; fetch it again, best from another node.", words.name));
}

}  // namespace quorate::ledger
