#include "node/anchor_audit.h"

#include <fmt/format.h>

#include "ledger/log_view.h"
#include "ledger/stopped_ledger.h"
#include "node/pow_chain.h"
#include "pow/anchored_receipt.h"

namespace quorate::node {

Result<AnchorAudit> audit_anchors(const std::filesystem::path& chain,
                                  const ledger::Genesis& genesis, const ledger::Store& ledger) {
  QUORATE_ASSIGN(const pow::Params params, pow::anchor_params(genesis));
  const ledger::StoppedFolder reading = ledger::read_stopped_folder(chain);
  QUORATE_ASSIGN(const auto opened,
                 PowChain::open(reading.folder, genesis, params, reading.options));
  const pow::ChainPoint& tip = opened->chain().tip();
  const ledger::LogView log = ledger.log();
  AnchorAudit audit;
  audit.blocks = tip.height.value;
  audit.tip = pow::display_hex(tip.hash);
  audit.work = pow::decimal_of(tip.work);
  for (const auto& [size, place] : opened->memory().anchored()) {
    if (size.value > log.size()) {
      ++audit.ahead;
      continue;
    }
    const auto root = log.root(size.value);
    if (!root && root.error().kind == ErrorKind::kNotFound) {
      ++audit.not_kept;
      continue;
    }
    if (!root) return tl::unexpected(root.error());
    const ledger::Digest& anchored = place.anchor->note().head.root;
    if (*root != anchored) {
      audit.contradiction =
          AnchorContradiction{size, anchored, *root, place.block, place.height};
      return audit;
    }
    ++audit.agreeing;
    audit.highest = size;
    audit.depth = tip.height.value - place.height.value + 1;
  }
  return audit;
}

std::vector<std::string> describe(const AnchorAudit& audit) {
  std::vector<std::string> lines;
  if (audit.contradiction) {
    const AnchorContradiction& found = *audit.contradiction;
    lines.push_back(fmt::format("It contradicts the anchor of size {} in block {} at height {}: "
                                "anchored is the root {}, here it is {}.",
                                found.size.value, pow::display_hex(found.block),
                                found.block_height.value, found.anchored_root.hex(),
                                found.own_root.hex()));
    lines.push_back(fmt::format("  {} anchors of smaller sizes agree; a quorum signed both: this "
                                "history was signed anew, or is of the liars",
                                audit.agreeing));
    lines.emplace_back("  Keep it as evidence; `quorate ledger blame` names who signed two "
                       "histories, where there is a ledger of the other one.");
    return lines;
  }
  lines.push_back(fmt::format("  {} anchors agree, up to size {} at depth {}; the chain has {} "
                              "blocks with the work of {} hashes, up to {}",
                              audit.agreeing, audit.highest.value, audit.depth, audit.blocks,
                              audit.work, audit.tip));
  if (audit.ahead > 0) {
    lines.push_back(
        fmt::format("  {} anchors are of more records than are here", audit.ahead));
  }
  if (audit.not_kept > 0) {
    lines.push_back(fmt::format("  {} anchors are of what was before this ledger begins",
                                audit.not_kept));
  }
  return lines;
}

boost::json::object to_json(const AnchorAudit& audit) {
  boost::json::object out{{"agreeing", audit.agreeing}, {"ahead", audit.ahead},
                          {"not_kept", audit.not_kept}, {"highest", audit.highest.value},
                          {"depth", audit.depth},       {"blocks", audit.blocks},
                          {"tip", audit.tip},           {"work", audit.work},
                          {"contradiction", nullptr}};
  if (audit.contradiction) {
    const AnchorContradiction& found = *audit.contradiction;
    out["contradiction"] = boost::json::object{{"size", found.size.value},
                                               {"anchored_root", found.anchored_root.hex()},
                                               {"own_root", found.own_root.hex()},
                                               {"block", pow::display_hex(found.block)},
                                               {"block_height", found.block_height.value}};
  }
  return out;
}

}  // namespace quorate::node
