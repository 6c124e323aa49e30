#include "node/commands/tx_file.h"

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "ledger/json_tree.h"
#include "node/files.h"

namespace quorate::node {
namespace {

using ledger::JsonKind;
using ledger::JsonNode;

constexpr std::size_t kFileBytesMax = 8 << 20;
constexpr std::uint64_t kFormat = 1;

tl::unexpected<Error> malformed(const std::string& file, const std::string& what) {
  return fail(ErrorKind::kInvalid, "tx-file-malformed", fmt::format("{}: {}", file, what),
              "Make such a file with `quorate tx put KEY VALUE --save FILE`.");
}

}  // namespace

std::string signed_draft_to_json(const SignedDraft& draft) {
  const ledger::Transaction& body = draft.transaction.body;
  JsonNode root = JsonNode::object();
  root.set("format", JsonNode::number(kFormat));
  root.set("id", JsonNode::string(draft.id.hex()));
  root.set("chain_id", JsonNode::string(body.chain_id.hex()));
  root.set("sender", JsonNode::string(body.sender.hex()));
  root.set("nonce", JsonNode::number(body.nonce));
  root.set("valid_until_ms", JsonNode::number(body.valid_until.value));
  root.set("transaction", JsonNode::string(to_base64(draft.encoded)));
  return to_json_text(root);
}

Result<SignedDraft> read_signed_draft(const std::string& file) {
  QUORATE_ASSIGN(const std::string text, read_file(file, kFileBytesMax));
  const auto root = ledger::parse_json(text, kFileBytesMax, "tx-file-malformed");
  if (!root) return malformed(file, root.error().message);
  const JsonNode* format = root->find("format");
  const JsonNode* id = root->find("id");
  const JsonNode* transaction = root->find("transaction");
  if (format == nullptr || format->kind != JsonKind::kNumber || id == nullptr ||
      id->kind != JsonKind::kText || transaction == nullptr ||
      transaction->kind != JsonKind::kText) {
    return malformed(file, "expected an object with \"format\", \"id\" and \"transaction\"");
  }
  if (format->text != fmt::to_string(kFormat)) {
    return fail(ErrorKind::kUnsupported, "tx-file-newer",
                fmt::format("{} has format {}, this build knows {}", file, format->text, kFormat));
  }
  const auto encoded = from_base64(transaction->text);
  if (!encoded) return malformed(file, "\"transaction\": " + encoded.error().message);
  auto decoded = crypto::decode<ledger::SignedTransaction>(*encoded);
  if (!decoded) return malformed(file, "\"transaction\": " + decoded.error().message);
  SignedDraft draft = make_signed_draft(std::move(*decoded));
  if (draft.id.hex() != id->text) {
    return fail(ErrorKind::kCorrupt, "tx-file-facts-differ",
                fmt::format("{} says id {}, but its transaction has id {}", file, id->text,
                            draft.id.hex()),
                "The file was edited or damaged; sign the transaction again.");
  }
  return draft;
}

}  // namespace quorate::node
