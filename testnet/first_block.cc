#include "testnet/first_block.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "ledger/genesis.h"
#include "ledger/quorum.h"
#include "node/files.h"
#include "node/init.h"
#include "node/json_members.h"
#include "node/passphrase.h"
#include "node/rpc_client.h"
#include "node/submission.h"
#include "node/time_text.h"
#include "testnet/layout.h"
#include "testnet/view.h"

namespace quorate::testnet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kGenesisBytesMax = 16 << 20;
constexpr std::chrono::milliseconds kPause{25};
// One submission lasts at most this long, then the nodes are looked at again.
constexpr std::uint64_t kStepMs = 1000;
constexpr std::uint32_t kCallMs = 5000;

// Those that ended, each with how: "replica-1 exited: exit code 9".
std::vector<std::string> dead_nodes(const SupervisorStatus& status) {
  std::vector<std::string> dead;
  for (const ProcessStatus& process : status.replicas) {
    if (process.pid != 0) continue;
    dead.push_back(fmt::format("replica-{} {}{}", process.replica,
                               process_state_text(process.state),
                               process.end.empty() ? "" : ": " + process.end));
  }
  return dead;
}

tl::unexpected<Error> no_block(const std::string& why) {
  return fail(ErrorKind::kUnavailable, "testnet-no-block", why,
              "What the nodes wrote stands in replica-*/output.log and replica-*/node.log.");
}

// Fails as soon as too few are left to form a quorum.
Status check_quorum_lives(const node::NetworkFolder& folder) {
  QUORATE_ASSIGN(const SupervisorStatus status, ask_status(folder));
  const auto dead = dead_nodes(status);
  const std::size_t n = folder.replicas.size();
  if (n - dead.size() >= ledger::quorum(n)) return {};
  return no_block(fmt::format("Too few replicas run to form a quorum of {}: {}", ledger::quorum(n),
                              fmt::join(dead, "; ")));
}

Result<node::SignedDraft> sign_start(const node::NetworkFolder& folder, node::NodePool& nodes) {
  QUORATE_ASSIGN(const std::string text, node::read_file(folder.genesis_path(), kGenesisBytesMax));
  QUORATE_ASSIGN(const ledger::Genesis genesis, ledger::parse_genesis(text));
  QUORATE_ASSIGN(const auto key, node::open_key_file(folder.default_key_path().string(),
                                                     node::kSenderKeyPurpose, {}));
  QUORATE_ASSIGN(const std::uint64_t nonce, node::next_nonce(nodes, key.public_key()));
  const ledger::TimeMs now = node::clock_now();
  node::Draft draft;
  draft.chain_id = ledger::chain_id_of(genesis);
  draft.operations = {ledger::Put{to_bytes(kStartedKey), to_bytes(node::time_to_text(now)), {}}};
  return node::sign_draft(draft, key, nonce, now);
}

// Of a network that may still be starting.
Result<std::optional<node::SignedDraft>> sign_if_it_answers(const node::NetworkFolder& folder,
                                                            node::NodePool& nodes) {
  auto draft = sign_start(folder, nodes);
  if (draft) return std::move(*draft);
  // Not answering yet is what starting looks like.
  if (node::is_trouble_of_one_node(draft.error())) return std::nullopt;
  return tl::unexpected(draft.error());
}

tl::unexpected<Error> too_late(const node::NetworkFolder& folder,
                               std::chrono::milliseconds patience,
                               const std::string& waiting_for) {
  const auto status = ask_status(folder);
  if (!status) return tl::unexpected(status.error());
  const auto dead = dead_nodes(*status);
  return no_block(fmt::format("No block within {} s: {}{}", patience.count() / 1000, waiting_for,
                              dead.empty() ? "" : fmt::format("; {}", fmt::join(dead, "; "))));
}

// -- Proof of work -----------------------------------------------------------------------------

Result<boost::json::value> call_at(const std::string& url, std::string_view method,
                                   const boost::json::object& params) {
  QUORATE_ASSIGN(auto client, node::RpcClient::create(url, kCallMs));
  return client.call(method, params);
}

// Offers the transaction again, in case a reorganisation of an earlier life took its place.
Status offer_and_mine(const std::string& url, const node::SignedDraft& draft) {
  QUORATE_TRY(call_at(url, "broadcast_tx_sync", {{"tx", to_base64(draft.encoded)}}));
  QUORATE_ASSIGN(const auto info, call_at(url, "getmininginfo", {}));
  if (node::number_member(info, "quorate.threads").value_or(0) > 0) return {};
  QUORATE_TRY(call_at(url, "generate", {{"nblocks", 1}}));
  return {};
}

// How many of the nodes that answer have it on their chain, and whether that is all.
struct Spread {
  std::size_t answering = 0;
  std::size_t having = 0;
  std::uint64_t height = 0;
};
Spread spread_of(const node::NetworkFolder& folder, const ledger::TxId& id) {
  Spread spread;
  for (const node::NetworkReplica& replica : folder.replicas) {
    const auto depth = call_at(replica.url(), "quorate_tx_depth", {{"id", id.hex()}});
    if (!depth && depth.error().code != "tx-not-found") continue;
    ++spread.answering;
    if (!depth || node::number_member(*depth, "depth").value_or(0) == 0) continue;
    ++spread.having;
    spread.height = node::number_member(*depth, "height").value_or(0);
  }
  return spread;
}

Result<FirstBlock> await_first_pow_block(const node::NetworkFolder& folder,
                                         std::chrono::milliseconds patience,
                                         Interrupt& interrupt) {
  const auto deadline = Clock::now() + patience;
  const std::string url = folder.replicas.front().url();
  QUORATE_ASSIGN(node::NodePool nodes, node::NodePool::create({url}, kStepMs));
  std::optional<node::SignedDraft> draft;
  std::string waiting_for = "node 0 does not answer";
  while (Clock::now() < deadline) {
    if (interrupt.wait_for(kPause)) {
      return fail(ErrorKind::kUnavailable, "interrupted", "Interrupted before the first block");
    }
    QUORATE_ASSIGN(const SupervisorStatus status, ask_status(folder));
    if (const auto dead = dead_nodes(status); !dead.empty()) {
      return no_block(fmt::format("Not all nodes run: {}", fmt::join(dead, "; ")));
    }
    if (!draft) {
      QUORATE_ASSIGN(draft, sign_if_it_answers(folder, nodes));
      if (!draft) continue;
    }
    const Spread spread = spread_of(folder, draft->id);
    if (spread.having == folder.replicas.size()) return FirstBlock{draft->id.hex(), spread.height};
    waiting_for = fmt::format("{} of {} nodes answer, and {} have the first transaction",
                              spread.answering, folder.replicas.size(), spread.having);
    if (spread.having > 0) continue;
    if (const Status mined = offer_and_mine(url, *draft); !mined) {
      waiting_for = mined.error().message;
    }
  }
  return too_late(folder, patience, waiting_for);
}

}  // namespace

Result<FirstBlock> await_first_block(const node::NetworkFolder& folder,
                                     std::chrono::milliseconds patience, Interrupt& interrupt) {
  if (folder.engine == "pow") return await_first_pow_block(folder, patience, interrupt);
  const auto deadline = Clock::now() + patience;
  std::vector<std::string> urls;
  for (const node::NetworkReplica& replica : folder.replicas) urls.push_back(replica.url());
  QUORATE_ASSIGN(node::NodePool nodes, node::NodePool::create(urls, kStepMs));

  std::optional<node::SignedDraft> draft;
  std::string waiting_for = "no node answered";
  while (Clock::now() < deadline) {
    if (interrupt.wait_for(kPause)) {
      return fail(ErrorKind::kUnavailable, "interrupted", "Interrupted before the first block");
    }
    QUORATE_TRY(check_quorum_lives(folder));
    if (!draft) {
      QUORATE_ASSIGN(draft, sign_if_it_answers(folder, nodes));
      if (!draft) continue;
    }
    const auto submission = node::submit(nodes, *draft, {.timeout_ms = kStepMs});
    if (!submission) {
      waiting_for = submission.error().message;
      continue;
    }
    if (submission->end == node::Submission::End::kReached) {
      return FirstBlock{draft->id.hex(), submission->status.height.value_or(0)};
    }
    if (submission->end == node::Submission::End::kRefused) {
      // Another client of this key was faster.
      draft.reset();
      waiting_for = submission->error.message;
      continue;
    }
    waiting_for = fmt::format("the first transaction is {}",
                              node::level_text(submission->status.level));
  }
  return too_late(folder, patience, waiting_for);
}

}  // namespace quorate::testnet
