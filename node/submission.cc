#include "node/submission.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <chrono>
#include <thread>

#include "node/json_members.h"
#include "node/rpc_error.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kSignaturesMax = 8;
// A node holds a question for at most this long, so that a dead one is noticed.
constexpr std::uint64_t kQuestionMsMax = 2000;
constexpr std::chrono::milliseconds kPauseAfterTrouble{50};

// How a node says that it does not know a transaction.
constexpr std::string_view kUnknownCode = "tx-not-found";
// How one says that its engine has no such level.
constexpr std::string_view kOtherEngineCode = "wait-of-other-engine";

bool is_taken_nonce(std::string_view code) {
  return code == "tx-nonce-used" || code == "tx-nonce-pending" || code == "tx-nonce-too-old";
}

class Submitter {
 public:
  Submitter(NodePool& nodes, const SignedDraft& draft, const SubmitOptions& options)
      : nodes_(nodes),
        draft_(draft),
        options_(options),
        deadline_(Clock::now() + std::chrono::milliseconds(options.timeout_ms)) {
    result_.status.id = draft.id;
  }

  Result<Submission> run() {
    do {
      Result<bool> taken = offer();
      if (!taken) {
        if (!may_be_somewhere_) return tl::unexpected(taken.error());
      } else if (!*taken) {
        result_.end = Submission::End::kRefused;
        result_.node = nodes_.url();
        return result_;
      } else if (follow()) {
        result_.node = nodes_.url();
        return result_;
      }
      if (other_engine_) break;
      // The node that had it is gone or forgot it: the next one gets the same bytes.
      std::this_thread::sleep_for(kPauseAfterTrouble);
    } while (Clock::now() < deadline_);
    result_.end = Submission::End::kOpen;
    result_.error = other_engine_.value_or(open_outcome());
    result_.node = nodes_.url();
    return result_;
  }

 private:
  // True: a node has it. False: refused for good, result_.error says why. Error: nobody took it.
  Result<bool> offer() {
    Error last = nodes_.nobody_reached();
    for (std::size_t i = 0; i < nodes_.size(); ++i, nodes_.move_on()) {
      const auto answer =
          nodes_.call_current("broadcast_tx_sync", {{"tx", to_base64(draft_.encoded)}});
      if (answer && number_member(*answer, "code") == std::uint64_t{0}) {
        may_be_somewhere_ = true;
        return true;
      }
      const Error trouble = answer ? refusal_in(*answer) : answer.error();
      // Silence or half an answer may mean that the transaction arrived and the answer did not.
      const bool may_have_arrived = trouble.kind == ErrorKind::kTimeout ||
                                    trouble.code == "node-answer-malformed";
      if (may_have_arrived) may_be_somewhere_ = true;
      if (!may_have_arrived && trouble.kind != ErrorKind::kUnavailable) {
        if (!is_final(trouble)) return true;
        result_.error = trouble;
        return false;
      }
      // A busy node says more than a dead one.
      if (trouble.code != "node-unreachable" || nodes_.size() == 1) last = trouble;
    }
    return tl::unexpected(last);
  }

  // Whether a refusal by this node means that the transaction never happens. While a copy may be
  // alive elsewhere, only a nonce that is used up does; and it may be this very transaction that
  // used it.
  [[nodiscard]] bool is_final(const Error& refusal) {
    if (!is_taken_nonce(refusal.code)) return !may_be_somewhere_;
    if (refusal.code == "tx-nonce-pending" && may_be_somewhere_) return false;
    const auto answer = nodes_.call_current("quorate_tx_status", {{"id", draft_.id.hex()}});
    if (!answer) return answer.error().code == kUnknownCode;
    const auto status = parse_remote_status(*answer);
    return status && is_end(status->level);
  }

  static Error refusal_in(const json::value& answer) {
    if (const json::value* error = find_member(answer, "error")) {
      if (auto parsed = error_from_json(*error)) return *parsed;
    }
    return {ErrorKind::kRejected, "tx-refused",
            fmt::format("The node refused the transaction: {}",
                        text_member(answer, "log").value_or("it gave no reason")),
            "Look at the node's log."};
  }

  // Asks for one level after the other. True: it ended, result_ says how; false: this node does not
  // know it any more, or time ran out.
  bool follow() {
    while (true) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
      if (left <= 0) return false;
      const auto timeout_ms = std::min<std::uint64_t>(static_cast<std::uint64_t>(left),
                                                      kQuestionMsMax);
      const auto answer = nodes_.call_current("quorate_tx_status",
                                              {{"id", draft_.id.hex()},
                                               {"wait", wanted_text()},
                                               {"timeout_ms", timeout_ms}});
      const auto status = answer ? parse_remote_status(*answer) : tl::unexpected(answer.error());
      if (!status && status.error().code == kOtherEngineCode) {
        other_engine_ = status.error();
        return false;
      }
      if (!status || status->id != draft_.id) {
        nodes_.move_on();
        return false;
      }
      take(*status);
      if (options_.wait == Level::kAnchored) {
        const bool is_there = status->level == Level::kAnchored &&
                              status->depth.value_or(0) >= options_.depth.value_or(1);
        if (!is_there && !is_end(status->level)) continue;
        end_with(status->level);
        return true;
      }
      if (options_.depth) {
        if (status->depth.value_or(0) < *options_.depth) continue;
        end_at_depth();
        return true;
      }
      if (satisfies(status->level, options_.wait)) {
        end_with(status->level);
        return true;
      }
    }
  }

  [[nodiscard]] std::string wanted_text() const {
    if (options_.wait == Level::kAnchored && next_wanted() == Level::kAnchored) {
      return fmt::format("anchored={}", options_.depth.value_or(1));
    }
    if (options_.depth && options_.wait != Level::kAnchored) {
      return fmt::format("depth={}", *options_.depth);
    }
    return std::string(level_text(next_wanted()));
  }

  // It stands on the chain; what came of it there is another matter.
  void end_at_depth() {
    const auto& outcome = result_.status.outcome;
    if (!outcome || outcome->code == "applied") {
      result_.end = Submission::End::kReached;
    } else {
      end_with(Level::kRejected);
    }
  }

  // The level after the highest one known, at most the one that the caller wants.
  [[nodiscard]] Level next_wanted() const {
    const auto next = static_cast<std::uint8_t>(static_cast<std::uint8_t>(shown_) + 1);
    return std::min(static_cast<Level>(next), options_.wait);
  }

  void take(const RemoteStatus& status) {
    result_.status = status;
    for (const LevelChange& change : status.history) {
      if (change.level <= shown_) continue;
      shown_ = change.level;
      if (options_.on_level) options_.on_level(change);
    }
    shown_ = std::max(shown_, std::min(status.level, options_.wait));
  }

  void end_with(Level level) {
    if (!is_end(level)) {
      result_.end = Submission::End::kReached;
      return;
    }
    result_.end = Submission::End::kRefused;
    json::object refusal{{"code", level == Level::kExpired ? "tx-expired" : "tx-rejected"},
                         {"message", fmt::format("The transaction is {}", level_text(level))},
                         {"next", "It had no effect and never will; sign a new one."}};
    if (const auto& outcome = result_.status.outcome) {
      refusal["code"] = outcome->code;
      refusal["message"] = outcome->message;
    }
    result_.error = error_from_json(refusal).value_or(
        Error{ErrorKind::kRejected, "tx-rejected", "The transaction is rejected", ""});
  }

  [[nodiscard]] std::string wished_text() const {
    if (!options_.depth) return std::string(level_text(options_.wait));
    return fmt::format("{}at depth {}", options_.wait == Level::kAnchored ? "anchored " : "",
                       *options_.depth);
  }

  [[nodiscard]] Error open_outcome() const {
    return {ErrorKind::kTimeout, "tx-outcome-open",
            fmt::format("After {:.1f} s transaction {} is {}, not {}: its outcome is open, and it "
                        "may still happen until {}",
                        static_cast<double>(options_.timeout_ms) / 1000.0, draft_.id.hex(),
                        result_.status.depth && *result_.status.depth > 0
                            ? fmt::format("at depth {}", *result_.status.depth)
                            : std::string(level_text(result_.status.level)),
                        wished_text(),
                        time_to_text(draft_.transaction.body.valid_until)),
            fmt::format("Ask again with `quorate tx status {}`. Do not sign it anew before you "
                        "know.",
                        draft_.id.hex())};
  }

  NodePool& nodes_;
  const SignedDraft& draft_;
  const SubmitOptions& options_;
  Clock::time_point deadline_;
  Submission result_;
  Level shown_ = Level::kUnknown;
  bool may_be_somewhere_ = false;  // some node may hold a copy
  std::optional<Error> other_engine_;  // it knows no such wait
};

}  // namespace

SignedDraft make_signed_draft(ledger::SignedTransaction transaction) {
  const ledger::TxId id = ledger::id_of(transaction.body);
  Bytes encoded = crypto::encode(transaction);
  return {std::move(transaction), id, std::move(encoded)};
}

Result<Submission> submit(NodePool& nodes, const SignedDraft& draft,
                          const SubmitOptions& options) {
  return Submitter(nodes, draft, options).run();
}

SignedDraft sign_draft(const Draft& draft, const crypto::SecretKey& key, std::uint64_t nonce,
                       ledger::TimeMs now) {
  ledger::SignedTransaction transaction;
  transaction.body = {draft.chain_id, key.public_key(), nonce,
                      {now.value + draft.valid_for_ms}, draft.operations};
  transaction.signature = key.sign(crypto::signing_bytes(
      crypto::Purpose::kTransaction, draft.chain_id, crypto::encode(transaction.body)));
  return make_signed_draft(std::move(transaction));
}

Result<std::uint64_t> next_nonce(NodePool& nodes, const ledger::PublicKey& sender) {
  QUORATE_ASSIGN(const json::value answer, nodes.call("quorate_account", {{"key", sender.hex()}}));
  const auto nonce = number_member(answer, "next_nonce");
  if (!nonce || *nonce == 0) {
    return fail(ErrorKind::kCorrupt, "node-answer-malformed",
                fmt::format("{} gave no valid next_nonce for the account", nodes.url()),
                "Give --nonce N, or ask another node.");
  }
  return *nonce;
}

Result<Submission> sign_and_submit(NodePool& nodes, const Draft& draft,
                                   const crypto::SecretKey& key, const SubmitOptions& options,
                                   const std::function<Status(const SignedDraft&)>& on_signed) {
  for (std::uint32_t signed_anew = 0;; ++signed_anew) {
    std::uint64_t nonce = draft.nonce.value_or(0);
    if (!draft.nonce) {
      QUORATE_ASSIGN(nonce, next_nonce(nodes, key.public_key()));
    }
    const SignedDraft signed_draft = sign_draft(draft, key, nonce, clock_now());
    if (on_signed) QUORATE_TRY(on_signed(signed_draft));
    QUORATE_ASSIGN(Submission submission, submit(nodes, signed_draft, options));
    submission.signed_anew = signed_anew;
    const bool lost_the_nonce = submission.end == Submission::End::kRefused &&
                                is_taken_nonce(submission.error.code) && !draft.nonce;
    if (!lost_the_nonce || signed_anew + 1 == kSignaturesMax) return submission;
  }
}

}  // namespace quorate::node
