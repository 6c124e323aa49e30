#include "node/remote_audit.h"

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "ledger/rebuild.h"
#include "node/json_members.h"

namespace quorate::node {
namespace {

using ledger::Height;

struct Answer {
  Height head;
  ledger::AuditWindow window;
};

tl::unexpected<Error> malformed(const RpcClient& node, std::string found) {
  return fail(ErrorKind::kCorrupt, "node-answer-malformed",
              fmt::format("{} answered quorate_blocks with {}", node.url(), found),
              "Ask another node. Is the address that of a node of this version?");
}

Result<Answer> ask(RpcClient& node, Height from) {
  QUORATE_ASSIGN(const auto answer, node.call("quorate_blocks", {{"from", from.value}}));
  const auto head = number_member(answer, "head");
  const auto text = text_member(answer, "blocks");
  if (!head || !text) return malformed(node, "something else than head and blocks");
  const auto bytes = from_base64(*text);
  if (!bytes) return malformed(node, "blocks that are no base64");
  auto blocks = crypto::decode<std::vector<ledger::BlockBytes>>(*bytes);
  if (!blocks || blocks->empty()) return malformed(node, "no blocks");
  Height expected = from;
  for (const ledger::BlockBytes& block : *blocks) {
    if (block.height != expected) {
      return malformed(node, fmt::format("height {} where {} was expected", block.height.value,
                                         expected.value));
    }
    expected = next(expected);
  }
  return Answer{Height{*head}, ledger::window_of(std::move(*blocks))};
}

Result<std::unique_ptr<ledger::Store>> open_copy(const RemoteAuditOptions& options,
                                                 const ledger::Genesis& genesis) {
  auto opened = ledger::Store::open(options.folder, ledger::chain_id_of(genesis));
  if (opened || opened.error().code != "ledger-missing") return opened;
  return ledger::Store::create(options.folder, genesis);
}

// The node's head, if what an earlier audit left is of the ledger that it has now.
Result<Height> head_if_same(RpcClient& node, const ledger::Store& copy) {
  QUORATE_ASSIGN(const Answer answer, ask(node, copy.height()));
  QUORATE_ASSIGN(const ledger::Record record, copy.record(copy.height()));
  if (answer.window.blocks.front().record == crypto::encode(record)) return answer.head;
  return fail(ErrorKind::kConflict, "audit-folder-other-ledger",
              fmt::format("the folder is of an audit that verified {} blocks, and {} has another "
                          "record of height {}",
                          copy.height().value, node.url(), copy.height().value),
              "Keep it: two ledgers that differ are evidence. Begin anew in another folder.");
}

}  // namespace

Result<ledger::AuditReport> audit_node(RpcClient& node, const ledger::Genesis& genesis,
                                       const RemoteAuditOptions& options) {
  QUORATE_ASSIGN(const auto copy, open_copy(options, genesis));
  ledger::Rebuild rebuild(genesis, *copy, options.threads, ledger::Claims::kCompared);
  ledger::AuditReport report;
  report.chain_id = ledger::chain_id_of(genesis);
  report.resumed_from = copy->height();
  report.signatures_checked = true;
  report.executed = true;
  if (copy->height().value > 0) {
    QUORATE_ASSIGN(report.head, head_if_same(node, *copy));
  }
  while (!report.finding && (report.head.value == 0 || copy->height() < report.head)) {
    QUORATE_ASSIGN(Answer answer, ask(node, next(copy->height())));
    if (report.head.value == 0) report.head = answer.head;
    QUORATE_ASSIGN(report.finding, rebuild.take(answer.window));
    report.blocks = copy->height().value - report.resumed_from.value;
    report.transactions = rebuild.transactions();
    if (options.on_step) {
      options.on_step({"blocks", copy->height().value, report.head.value, report.transactions,
                       rebuild.signatures()});
    }
    if (options.goes_on && !options.goes_on()) {
      QUORATE_TRY(copy->sync());
      return fail(ErrorKind::kTimeout, "audit-interrupted",
                  fmt::format("the audit was interrupted at height {} of {}; up to there nothing "
                              "wrong was found",
                              copy->height().value, report.head.value),
                  "Type the same again. With --resume FOLDER it goes on where it was.");
    }
  }
  QUORATE_TRY(copy->sync());
  report.head = copy->height();
  report.time = copy->time();
  report.log = copy->tree_head();
  report.signatures = rebuild.signatures();
  report.stable_checkpoints = rebuild.stable_checkpoints();
  report.last_stable = rebuild.last_stable();
  return report;
}

}  // namespace quorate::node
