#include "ledger/auditor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "crypto/bcs.h"
#include "ledger/audit_index.h"
#include "ledger/audit_pool.h"
#include "ledger/audit_replay.h"
#include "ledger/audit_rest.h"
#include "ledger/audit_tree.h"

namespace quorate::ledger {
namespace {

using Finding = std::optional<AuditFinding>;

constexpr std::size_t kTransactionsAJob = 64;
constexpr std::string_view kInterrupted = "audit-interrupted";

class Audit {
 public:
  Audit(const LevelDb& database, const Genesis& genesis, const AuditOptions& options)
      : database_(database),
        genesis_(genesis),
        options_(options),
        judge_(genesis, report_.chain_id = chain_id_of(genesis)),
        index_(database),
        pool_(options.threads > 0 ? options.threads
                                  : std::max(1U, std::thread::hardware_concurrency())) {}

  [[nodiscard]] Result<AuditReport> run() {
    QUORATE_ASSIGN(report_.finding, find());
    report_.signatures += judge_.signatures();
    return std::move(report_);
  }

 private:
  [[nodiscard]] Result<Finding> find() {
    QUORATE_ASSIGN(auto start, read_start(database_, genesis_));
    if (!start) return std::move(start.error());
    QUORATE_TRY(begin(*start));
    judge_.begin(start->membership);
    AuditChain chain(database_, genesis_, report_.chain_id, *start->membership, start->point);
    auto finding = judge_blocks(chain);
    const bool goes_on = finding && !*finding;
    const bool is_interrupted = !finding && finding.error().code == kInterrupted;
    const bool is_kept = replay_ && options_.may_resume && (goes_on || is_interrupted);
    if (is_kept) QUORATE_TRY(replay_->store());
    if (!goes_on) return finding;
    return judge_what_blocks_made(*start, chain);
  }

  // Two threads; what is reported is the first in the order of indices, values, tree. With the tree
  // all values are good, since execution gave its roots and the write sets after them; so they are
  // compared one by one only where it is not, to name what they should be.
  [[nodiscard]] Result<Finding> judge_what_blocks_made(const AuditStart& start,
                                                       const AuditChain& chain) {
    Result<Finding> values;
    Result<Finding> tree;
    std::vector<AuditPool::Job> jobs;
    jobs.emplace_back([&] {
      tree = AuditTree(database_, genesis_, report_.head).judge();
      const bool is_whole = tree && !*tree;
      if (replay_ && !is_whole) values = replay_->compare_state(database_);
    });
    pool_.start(std::move(jobs));
    auto finding = judge_indices_and_rest(start, chain);
    pool_.wait();
    if (!finding || *finding) return finding;
    if (!values || *values) return values;
    return tree;
  }

  [[nodiscard]] Result<Finding> judge_indices_and_rest(const AuditStart& start,
                                                       const AuditChain& chain) {
    QUORATE_TRY(step("indices"));
    QUORATE_ASSIGN(Finding finding, index_.judge(next(report_.base), report_.head));
    if (finding) return finding;
    QUORATE_ASSIGN(finding, judge_rest(database_, genesis_, start, chain.point(), report_));
    if (finding) return finding;
    QUORATE_TRY(step("state"));
    return std::nullopt;
  }

  [[nodiscard]] Status begin(const AuditStart& start) {
    report_.base = start.point.height;
    report_.head = start.head.height;
    report_.time = start.head.time;
    report_.log = {start.head.frontier.size, start.head.root};
    report_.signatures_checked = !options_.is_structural;
    report_.executed = !options_.is_structural && report_.base.value == 0;
    if (!report_.executed) return {};
    QUORATE_ASSIGN(replay_,
                   AuditReplay::open(options_.work_folder, genesis_, options_.work_options,
                                     options_.may_resume));
    report_.resumed_from = replay_->progress().height;
    if (report_.resumed_from > report_.head) return other_ledger();
    return {};
  }

  [[nodiscard]] Status other_ledger() const {
    return fail(ErrorKind::kConflict, "audit-folder-other-ledger",
                fmt::format("the working folder is of an audit that verified {} blocks of other "
                            "content than the ledger has now",
                            report_.resumed_from.value),
                "Remove it to begin anew, if the change is one that you expect.");
  }

  [[nodiscard]] Status step(std::string_view phase) {
    if (options_.on_step) {
      options_.on_step({phase, report_.base.value + report_.blocks, report_.head.value,
                        report_.transactions, judge_.signatures()});
    }
    if (!options_.goes_on || options_.goes_on()) return {};
    return fail(ErrorKind::kTimeout, kInterrupted,
                fmt::format("the audit was interrupted at height {} of {}; up to there nothing "
                            "wrong was found",
                            report_.base.value + report_.blocks, report_.head.value),
                "Type the same again. With --resume FOLDER it goes on where it was.");
  }

  // While the pool verifies one window, the one before it is judged and the next one read.
  [[nodiscard]] Result<Finding> judge_blocks(AuditChain& chain) {
    if (report_.base == report_.head) return std::nullopt;
    QUORATE_ASSIGN(AuditWindow verified, read_window(database_, next(report_.base), report_.head));
    start_jobs(verified);
    auto finding = judge_windows(verified, chain);
    pool_.wait();  // where something was found, the window after it is under way
    return finding;
  }

  // `verified`: the first, under way.
  [[nodiscard]] Result<Finding> judge_windows(AuditWindow& verified, AuditChain& chain) {
    while (true) {
      const bool is_last = verified.finding || verified.blocks.back().height == report_.head;
      AuditWindow coming;
      if (!is_last) {
        QUORATE_ASSIGN(coming, read_window(database_, next(verified.blocks.back().height),
                                           report_.head));
      }
      pool_.wait();
      const AuditWindow window = std::exchange(verified, std::move(coming));
      start_jobs(verified);
      QUORATE_ASSIGN(Finding finding, judge_window(window, chain));
      if (finding) return finding;
      if (is_last) return window.finding;
      QUORATE_TRY(step("blocks"));
    }
  }

  void start_jobs(AuditWindow& window) {
    std::vector<AuditPool::Job> jobs;
    for (AuditBlock& block : window.blocks) {
      const bool verifies = !options_.is_structural && block.height > report_.resumed_from;
      block.audited.resize(block.transactions.size());
      jobs.push_back([this, &block, verifies] { judge_.audit_votes(block, verifies); });
      for (std::size_t from = 0; from < block.audited.size(); from += kTransactionsAJob) {
        const std::size_t to = std::min(from + kTransactionsAJob, block.audited.size());
        jobs.push_back([this, &block, from, to, verifies] {
          judge_.audit_transactions(block, from, to, verifies);
        });
      }
    }
    pool_.start(std::move(jobs));
  }

  [[nodiscard]] Result<Finding> judge_window(const AuditWindow& window, AuditChain& chain) {
    for (const AuditBlock& stored : window.blocks) {
      const auto block = judge_.judge(stored);
      if (!block) return block.error();
      QUORATE_ASSIGN(Finding finding, chain.follow(*block));
      if (finding) return finding;
      QUORATE_ASSIGN(finding, index_.add(*block, stored));
      if (finding) return finding;
      if (replay_) {
        if (options_.may_resume) note_bytes(stored);
        QUORATE_ASSIGN(finding, replay(*block, stored, chain));
        if (finding) return finding;
      }
      count(*block);
    }
    return std::nullopt;
  }

  void count(const JudgedBlock& block) {
    ++report_.blocks;
    report_.transactions += block.results.size();
    if (!block.stable) return;
    ++report_.stable_checkpoints;
    report_.last_stable = block.height;
  }

  [[nodiscard]] Result<Finding> replay(const JudgedBlock& block, const AuditBlock& stored,
                                       const AuditChain& chain) {
    if (block.height == report_.resumed_from) {
      const AuditProgress& before = replay_->progress();
      const bool is_same = before.bytes == bytes_ && before.frontier == chain.point().frontier;
      if (!is_same) QUORATE_TRY(other_ledger());
    }
    if (block.height <= report_.resumed_from) return std::nullopt;
    std::vector<TransactionPtr> transactions;
    for (const AuditedTransaction& each : stored.audited) transactions.push_back(each.checked);
    QUORATE_ASSIGN(Finding finding, replay_->execute(block, transactions));
    if (finding) return finding;
    if (!chain.is_checkpoint()) return std::nullopt;
    QUORATE_TRY(replay_->keep(
        {1, report_.chain_id, block.height, chain.point().frontier, bytes_}));
    return std::nullopt;
  }

  // Of everything that is stored of a block but the stable checkpoint, which may come later and is
  // verified each time.
  void note_bytes(const AuditBlock& stored) {
    crypto::Sha256 digest;
    digest.update(bytes_.bytes);
    const auto add = [&](const Bytes& part) {
      digest.update(crypto::encode(std::uint64_t{part.size()})).update(part);
    };
    add(*stored.record);
    add(*stored.results);
    add(*stored.certificate);
    add(*stored.writes);
    for (const Bytes& transaction : stored.transactions) add(transaction);
    bytes_ = digest.finish();
  }

  const LevelDb& database_;
  const Genesis& genesis_;
  const AuditOptions& options_;
  AuditReport report_;
  BlockJudge judge_;
  AuditIndex index_;
  std::unique_ptr<AuditReplay> replay_;
  Digest bytes_;
  AuditPool pool_;  // last: its threads use the others
};

std::string scope(const AuditReport& report) {
  std::string text;
  if (report.base.value > 0) {
    text += fmt::format("; blocks 1 to {} are not in this ledger, which begins with the state that "
                        "a quorum cosigned there, so nothing was executed again",
                        report.base.value);
  }
  if (!report.signatures_checked) {
    text += "; no signature of a transaction or commit was checked and nothing executed again";
  }
  if (report.last_stable < report.head && report.blocks > 0) {
    text += fmt::format("; no quorum cosigned the results of the blocks above {}",
                        std::max(report.last_stable, report.base).value);
  }
  return text;
}

}  // namespace

Result<AuditReport> audit_ledger(const LevelDb& database, const Genesis& genesis,
                                 const AuditOptions& options) {
  return Audit(database, genesis, options).run();
}

std::string verdict_sentence(const AuditReport& report) {
  if (report.finding) return "DAMAGED at " + finding_sentence(*report.finding);
  std::string text =
      fmt::format("The ledger holds: {} blocks with {} transactions, heights {} to {}, are the log "
                  "with root {}",
                  report.blocks, report.transactions, next(report.base).value, report.head.value,
                  report.log.root.hex());
  if (report.signatures_checked) text += ", their signatures verify";
  if (report.executed) text += ", and executed again from genesis they give its results and state";
  return text + scope(report);
}

}  // namespace quorate::ledger
