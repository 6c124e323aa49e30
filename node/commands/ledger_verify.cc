// quorate ledger verify

#include <fmt/format.h>

#include <atomic>
#include <boost/json/object.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "ledger/auditor.h"
#include "node/anchor_audit.h"
#include "node/commands/ledger_options.h"
#include "node/commands/registry.h"
#include "node/commands/work_folder.h"
#include "node/remote_audit.h"
#include "node/time_text.h"
#include "pow/anchored_receipt.h"

namespace quorate::node {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  LedgerOptions ledger;
  bool is_structural = false;
  bool is_quiet = false;
  std::optional<std::string> resume;
  std::optional<std::uint64_t> threads;
  std::optional<std::string> node;
  std::optional<std::string> chain;
};

// While it lives, the first interrupt asks; the second ends the program as ever.
class Interrupt {
 public:
  Interrupt() {
    asked() = false;
    before_ = std::signal(SIGINT, [](int) {
      asked() = true;
      (void)std::signal(SIGINT, SIG_DFL);
    });
  }
  ~Interrupt() { (void)std::signal(SIGINT, before_); }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  [[nodiscard]] static std::atomic<bool>& asked() {
    static std::atomic<bool> asked = false;
    return asked;
  }

 private:
  void (*before_)(int);
};

std::string seconds_text(std::uint64_t seconds) {
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{}:{:02} min", seconds / 60, seconds % 60);
  return fmt::format("{}:{:02} h", seconds / 3600, seconds / 60 % 60);
}

// [####......] 41 %  height 41000 of 100000  18,000 signatures/s  2:10 min left
class Bar {
 public:
  Bar(Console& console, bool is_quiet) : console_(console), is_quiet_(is_quiet) {}

  void show(const ledger::AuditStep& step) {
    const auto now = Clock::now();
    const auto pause = std::chrono::milliseconds(console_.is_on_terminal() ? 100 : 10'000);
    const bool is_new = step.phase != phase_;
    if (is_quiet_ || (now < next_ && (!is_new || !console_.is_on_terminal()))) return;
    next_ = now + pause;
    phase_ = step.phase;
    if (step.phase != "blocks") {
      console_.progress(fmt::format("checking the {} ...", step.phase));
      return;
    }
    if (!first_) first_ = step;
    const auto ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now - begin_).count());
    const std::uint64_t rate = step.signatures * 1000 / std::max<std::uint64_t>(ms, 1);
    const std::uint64_t done = step.height - first_->height;
    const std::uint64_t left = step.last_height - step.height;
    const auto since = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now - first_at_).count());
    constexpr std::uint64_t kCells = 24;
    const std::uint64_t cells = kCells * step.height / std::max<std::uint64_t>(step.last_height, 1);
    console_.progress(fmt::format(
        "[{:#<{}}{:.<{}}] {} %  height {} of {}  {} transactions  {} signatures/s  {}", "", cells,
        "", kCells - cells, 100 * step.height / std::max<std::uint64_t>(step.last_height, 1),
        step.height, step.last_height, step.transactions, rate,
        done == 0 ? std::string("...") : seconds_text(since * left / done / 1000) + " left"));
    if (done == 0) first_at_ = now;
  }

 private:
  Console& console_;
  const bool is_quiet_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point first_at_ = begin_;
  Clock::time_point next_{};
  std::optional<ledger::AuditStep> first_;
  std::string_view phase_;
};

boost::json::object to_json(const ledger::AuditReport& report, std::uint64_t took_ms) {
  boost::json::object object{
      {"verdict", report.finding ? "damaged" : "holds"},
      {"sentence", ledger::verdict_sentence(report)},
      {"chain_id", report.chain_id.hex()},
      {"base", report.base.value},
      {"height", report.head.value},
      {"root", report.log.root.hex()},
      {"blocks", report.blocks},
      {"transactions", report.transactions},
      {"signatures", report.signatures},
      {"stable_checkpoints", report.stable_checkpoints},
      {"stable_ahead", report.stable_ahead},
      {"stable_height", report.last_stable.value},
      {"signatures_checked", report.signatures_checked},
      {"executed", report.executed},
      {"resumed_from", report.resumed_from.value},
      {"took_ms", took_ms},
      {"damage", nullptr}};
  if (!report.finding) return object;
  const ledger::AuditFinding& finding = *report.finding;
  boost::json::object damage{{"height", nullptr},
                             {"transaction", nullptr},
                             {"field", finding.field},
                             {"expected", finding.expected},
                             {"found", finding.found}};
  if (finding.height) damage["height"] = finding.height->value;
  if (finding.transaction) damage["transaction"] = *finding.transaction;
  object["damage"] = std::move(damage);
  return object;
}

void print(Console& console, const ledger::AuditReport& report, std::uint64_t took_ms,
           bool is_node) {
  console.line(ledger::verdict_sentence(report) + ".");
  if (report.finding) {
    console.line(fmt::format("  before it, {} blocks with {} transactions were found good",
                             report.blocks, report.transactions));
    console.line(is_node ? "  Rely on nothing that this node says. Compare it with another one, "
                           "and tell its operator."
                         : "  Keep the folder for those who look into it. A node that finds the "
                           "damage heals itself: start it.");
    return;
  }
  console.line(fmt::format("  chain {}", report.chain_id.hex()));
  console.line(fmt::format("  head at agreed time {}; {} stable checkpoints, up to height {}",
                           time_to_text(report.time), report.stable_checkpoints,
                           report.last_stable.value));
  if (report.stable_ahead > 0) {
    console.line(fmt::format("  {} of them are ahead of the head: what they cosign is not here",
                             report.stable_ahead));
  }
  if (report.resumed_from.value > 0) {
    console.line(fmt::format("  the signatures up to height {} were verified by the audit that "
                             "this one went on from",
                             report.resumed_from.value));
  }
  console.line(fmt::format("  {} signatures in {}.{:03} s", report.signatures, took_ms / 1000,
                           took_ms % 1000));
}

std::uint64_t ms_since(Clock::time_point begin) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count());
}

unsigned threads_of(const Options& options) {
  return static_cast<unsigned>(std::min<std::uint64_t>(options.threads.value_or(0), 256));
}

Result<ExitCode> verify_node(const Options& options, Console& console) {
  QUORATE_ASSIGN(const GenesisFile genesis, find_genesis(options.ledger.network));
  QUORATE_ASSIGN(RpcClient node, RpcClient::create(*options.node));
  QUORATE_ASSIGN(const WorkFolder work, WorkFolder::make("verify", options.resume));
  const Interrupt interrupt;
  Bar bar(console, options.is_quiet);
  RemoteAuditOptions audit;
  audit.folder = work.path() / "ledger";
  audit.threads = threads_of(options);
  audit.on_step = [&](const ledger::AuditStep& step) { bar.show(step); };
  audit.goes_on = [] { return !Interrupt::asked(); };
  const auto begin = Clock::now();
  QUORATE_ASSIGN(const ledger::AuditReport report, audit_node(node, genesis.genesis, audit));
  const std::uint64_t took_ms = ms_since(begin);
  print(console, report, took_ms, true);
  if (options.resume && !report.finding) {
    console.line(fmt::format("  a copy, made here from its blocks, lies in {}",
                             audit.folder.string()));
  }
  console.json(to_json(report, took_ms));
  return report.finding ? ExitCode::kCorrupt : ExitCode::kSuccess;
}

// The chain that is named, or the one that lies beside the ledger.
std::optional<std::filesystem::path> chain_folder(const Options& options) {
  if (options.chain) {
    const std::filesystem::path named = *options.chain;
    return std::filesystem::exists(named / "CURRENT") ? named : Home{named}.chain();
  }
  const std::filesystem::path folder = options.ledger.folder;
  for (const auto& beside : {folder / "chain", std::filesystem::weakly_canonical(folder)
                                                   .parent_path() / "chain"}) {
    if (std::filesystem::exists(beside / "CURRENT")) return beside;
  }
  return std::nullopt;
}

// False: the chain says otherwise. Words for both go to the console and into `out`.
Result<bool> compare_with_anchors(const Options& options, const ledger::Genesis& genesis,
                                  Console& console, boost::json::object& out) {
  if (!options.chain && !pow::anchor_params(genesis)) return true;
  const auto folder = chain_folder(options);
  if (!folder) {
    console.line("  not held against anchors: there is no chain of proof of work beside it; name "
                 "one with --chain");
    return true;
  }
  QUORATE_ASSIGN(const auto opened, ledger::open_stopped_store(options.ledger.folder,
                                                               ledger::chain_id_of(genesis)));
  QUORATE_ASSIGN(const AnchorAudit audit, audit_anchors(*folder, genesis, *opened.store));
  for (const std::string& line : describe(audit)) console.line(line);
  out["anchors"] = to_json(audit);
  if (!audit.contradiction) return true;
  out["verdict"] = "contradicts-anchors";
  return false;
}

Result<ExitCode> verify(const Options& options, Console& console) {
  if (options.node.has_value() == !options.ledger.folder.empty() ||
      (options.node && (options.is_structural || options.chain))) {
    return fail(ErrorKind::kUsage, "usage",
                "`quorate ledger verify` needs either DIR, or --node URL without --structural and "
                "--chain",
                "See `quorate ledger verify --help`.");
  }
  if (options.node) return verify_node(options, console);
  QUORATE_ASSIGN(const GenesisFile genesis, find_genesis(options.ledger.network));
  QUORATE_ASSIGN(const auto opened,
                 ledger::open_stopped_database(options.ledger.folder,
                                               ledger::chain_id_of(genesis.genesis)));
  if (!options.ledger.network.genesis) console.remark(fmt::format("genesis: {}", genesis.path));
  for (const ledger::DroppedTail& tail : opened.database->dropped_tails()) {
    console.remark(fmt::format("{} ends in {} bytes that a crash left unfinished; they are no part "
                               "of the ledger",
                               tail.file, tail.bytes_dropped));
  }
  ledger::AuditOptions audit;
  audit.is_structural = options.is_structural;
  audit.threads = threads_of(options);
  std::optional<WorkFolder> work;
  if (!options.is_structural) {
    QUORATE_ASSIGN(WorkFolder made, WorkFolder::make("verify", options.resume));
    work.emplace(std::move(made));
    audit.work_folder = work->path();
    audit.may_resume = options.resume.has_value();
  }
  const Interrupt interrupt;
  Bar bar(console, options.is_quiet);
  audit.on_step = [&](const ledger::AuditStep& step) { bar.show(step); };
  audit.goes_on = [] { return !Interrupt::asked(); };
  const auto begin = Clock::now();
  QUORATE_ASSIGN(const ledger::AuditReport report,
                 ledger::audit_ledger(*opened.database, genesis.genesis, audit));
  const std::uint64_t took_ms = ms_since(begin);
  print(console, report, took_ms, false);
  boost::json::object out = to_json(report, took_ms);
  if (report.finding) {
    console.json(out);
    return ExitCode::kCorrupt;
  }
  QUORATE_ASSIGN(const bool agrees, compare_with_anchors(options, genesis.genesis, console, out));
  console.json(out);
  return agrees ? ExitCode::kSuccess : ExitCode::kCorrupt;
}

}  // namespace

void add_ledger_verify_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add(
      {.path = "ledger verify",
       .sentence = "Audit a ledger that you do not trust, against the genesis document alone",
       .details =
           "Hashes every record into the log, checks every signature and certificate, executes "
           "everything again from\ngenesis, and compares results, state and signed checkpoints. "
           "Ends with a verdict in one sentence; on damage it\nnames the first bad record. The "
           "folder is read, never changed.\nExit code 0: it holds. 8: it is damaged. Anything "
           "else: it could not be audited.\n--structural checks hashes, indices and stable "
           "checkpoints only: bit rot, not forgery.\n--resume keeps the rebuilt state in a folder "
           "of yours; after an interruption, type the same again. Every stored\nbyte is hashed "
           "again and must be what the earlier run verified; who can write in that folder can "
           "deceive you.\n--node executes the blocks of a running node here and holds against that "
           "what the node says they led to.\nIts indices and its state are not read; what it says "
           "of them it must prove. With --resume a copy is kept.\n--chain holds it against the "
           "anchors in a chain of proof of work (of a network with both engines; else the one\n"
           "beside the ledger): a history that even all replicas together signed anew is found "
           "by the first anchor that\nsays otherwise.",
       .example = "  quorate ledger verify testnet-data/default/replica-0 --genesis genesis.json\n"
                  "  quorate ledger verify copy/ledger --structural\n"
                  "  quorate ledger verify copy/ledger --genesis genesis.json --resume audit/\n"
                  "  quorate ledger verify copy/ledger --genesis genesis.json --chain other/chain\n"
                  "  quorate ledger verify --node http://127.0.0.1:26650 --genesis genesis.json",
       .parameters = {{.name = "DIR",
                       .help = "A ledger's folder, or the home of a stopped node; it is read, "
                               "never changed",
                       .target = &options->ledger.folder,
                       .required = false},
                      {.name = "--node",
                       .value = "URL",
                       .help = "Audit the ledger of this running node instead, as it is fetched",
                       .target = &options->node},
                      genesis_parameter(options->ledger.network),
                      {.name = "--chain",
                       .value = "DIR",
                       .help = "The chain of a stopped node, or its home, with the anchors to hold "
                               "it against",
                       .target = &options->chain},
                      {.name = "--structural",
                       .help = "Check no signature of a transaction or commit, execute nothing",
                       .target = &options->is_structural},
                      {.name = "--resume",
                       .value = "FOLDER",
                       .help = "Keep progress there, and go on from it",
                       .target = &options->resume},
                      {.name = "--threads",
                       .value = "N",
                       .help = "Threads that verify; else one a core",
                       .target = &options->threads},
                      {.name = "--quiet", .help = "No progress", .target = &options->is_quiet}},
       .run = [options](Console& console) { return verify(*options, console); }});
}

}  // namespace quorate::node
