#include "testnet/first_block.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "ledger/genesis.h"
#include "ledger/quorum.h"
#include "node/files.h"
#include "node/init.h"
#include "node/passphrase.h"
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

}  // namespace

Result<FirstBlock> await_first_block(const node::NetworkFolder& folder,
                                     std::chrono::milliseconds patience, Interrupt& interrupt) {
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
      auto signed_draft = sign_start(folder, nodes);
      if (!signed_draft) {
        // Not answering yet is what starting looks like.
        if (!node::is_trouble_of_one_node(signed_draft.error())) {
          return tl::unexpected(signed_draft.error());
        }
        continue;
      }
      draft = std::move(*signed_draft);
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
  QUORATE_ASSIGN(const SupervisorStatus status, ask_status(folder));
  const auto dead = dead_nodes(status);
  return no_block(fmt::format("No block within {} s: {}{}", patience.count() / 1000, waiting_for,
                              dead.empty() ? "" : fmt::format("; {}", fmt::join(dead, "; "))));
}

}  // namespace quorate::testnet
