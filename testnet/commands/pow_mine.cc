// quorate pow mine | pull

#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "node/commands/tx_file.h"
#include "node/time_text.h"
#include "pow/miner.h"
#include "testnet/commands/pow_text.h"
#include "testnet/commands/registry.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;
using ledger::TimeMs;
using node::Console;
using node::ExitCode;

constexpr std::uint64_t kBlocksMax = 100'000;
constexpr pow::PeerId kOther{1};

struct MineOptions {
  std::string dir{kPowFolderName};
  std::uint64_t blocks = 1;
  std::uint64_t threads = 1;
  std::vector<std::string> transactions;
  std::optional<std::uint64_t> clock;
  std::optional<std::string> miner;
};

Status take_transactions(const MineOptions& options, PowFolder& folder) {
  for (const std::string& file : options.transactions) {
    QUORATE_ASSIGN(const node::SignedDraft draft, node::read_signed_draft(file));
    QUORATE_ASSIGN(const auto transaction, folder.verifier().check(draft.encoded));
    QUORATE_TRY(folder.chain().add_transaction(transaction));
  }
  return {};
}

// A block on the tip that is not here yet: one that was marked invalid must not be found again.
Result<pow::BlockPtr> mine_one(PowFolder& folder, const ledger::PublicKey& miner, unsigned threads,
                               TimeMs now, std::uint64_t& hashes) {
  const std::atomic<bool> stop = false;
  for (std::uint64_t extranonce = 0;; ++extranonce) {
    QUORATE_ASSIGN(pow::Block draft, folder.chain().draft(miner, extranonce, now.value / 1000,
                                                          node::kPowBlockBytesMax));
    const pow::Search search = pow::search_nonce(draft.header, threads, stop);
    hashes += search.hashes;
    if (!search.found) continue;
    pow::BlockPtr block = pow::finish_block(std::move(draft), *search.found);
    if (folder.chain().chain().find(block->hash) == nullptr) return block;
  }
}

Result<ExitCode> mine(const MineOptions& options, Console& console) {
  if (options.blocks < 1 || options.blocks > kBlocksMax || options.threads < 1 ||
      options.threads > pow::kMinerThreadsMax) {
    return fail(ErrorKind::kUsage, "usage",
                fmt::format("found --blocks {} --threads {}, expected 1 to {} blocks on 1 to {} "
                            "threads",
                            options.blocks, options.threads, kBlocksMax, pow::kMinerThreadsMax));
  }
  ledger::PublicKey miner;
  if (options.miner) {
    QUORATE_ASSIGN(miner, crypto::parse_public_key(*options.miner));
  }
  QUORATE_ASSIGN(PowFolder folder, open_pow_folder(options.dir, console));
  QUORATE_TRY(take_transactions(options, folder));
  const auto started = std::chrono::steady_clock::now();
  std::uint64_t hashes = 0;
  json::array steps;
  for (std::uint64_t i = 0; i < options.blocks; ++i) {
    const TimeMs now = options.clock ? TimeMs{*options.clock * 1000} : node::clock_now();
    QUORATE_ASSIGN(const pow::BlockPtr block,
                   mine_one(folder, miner, static_cast<unsigned>(options.threads), now, hashes));
    QUORATE_ASSIGN(const pow::Happened happened,
                   folder.step(pow::BlockArrived{std::nullopt, block}, now));
    if (!happened.refused.empty()) return tl::unexpected(happened.refused.front().error);
    print_steps(console, happened);
    for (json::value& step : steps_to_json(happened)) steps.push_back(std::move(step));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  std::string effort = fmt::format("{} hashes in {:.1f} s", hashes, took.count());
  // The rate of less says nothing.
  if (took.count() >= 0.5) {
    effort += fmt::format(", {:.2f} million a second",
                          static_cast<double>(hashes) / took.count() / 1e6);
  }
  console.line(effort);
  console.json(json::object{{"steps", steps}, {"hashes", hashes}, {"seconds", took.count()}});
  return ExitCode::kSuccess;
}

// -- Pulling -----------------------------------------------------------------------------------

struct PullOptions {
  std::string dir{kPowFolderName};
  std::string from;
};

// What has happened over several steps.
struct Pulled {
  pow::Happened all;
  std::size_t headers = 0;
  std::size_t bodies = 0;

  void add(pow::Happened&& happened) {
    headers += happened.headers.size();
    bodies += happened.bodies.size();
    std::move(happened.steps.begin(), happened.steps.end(), std::back_inserter(all.steps));
    std::move(happened.refused.begin(), happened.refused.end(), std::back_inserter(all.refused));
  }
};

// Everything that the other sends is judged as if a stranger sent it.
Status pull_bodies(PowFolder& folder, PowFolder& other, TimeMs now, Pulled& pulled) {
  while (true) {
    bool came = false;
    for (const ledger::Digest& hash : folder.chain().chain().wanted()) {
      const pow::BlockPtr theirs = other.chain().body(hash);
      if (theirs == nullptr) continue;
      const auto block = folder.reader().read(pow::encode_block(*theirs));
      decltype(pow::Input::event) event = pow::BlockArrived{kOther, block ? *block : nullptr};
      if (!block) event = pow::BodyRefused{kOther, theirs->header, block.error()};
      QUORATE_ASSIGN(pow::Happened happened, folder.step(event, now));
      came = came || !happened.bodies.empty();
      pulled.add(std::move(happened));
    }
    if (!came) return {};
  }
}

Result<ExitCode> pull(const PullOptions& options, Console& console) {
  QUORATE_ASSIGN(PowFolder folder, open_pow_folder(options.dir, console));
  QUORATE_ASSIGN(PowFolder other, open_pow_folder(options.from, console));
  const auto block_0 = [](PowFolder& of) { return of.chain().chain().at({0})->hash(); };
  if (block_0(folder) != block_0(other)) {
    return fail(ErrorKind::kRejected, "pow-genesis-wrong",
                fmt::format("block 0 of {} is {}, expected {}", options.from,
                            pow::display_hex(block_0(other)), pow::display_hex(block_0(folder))),
                "Make both folders with the same genesis document and the same rules.");
  }
  const TimeMs now = node::clock_now();
  Pulled pulled;
  while (true) {
    const auto headers = other.chain().chain().headers_after(folder.chain().chain().locator());
    QUORATE_ASSIGN(pow::Happened happened,
                   folder.step(pow::HeadersArrived{kOther, headers}, now));
    const bool is_more = !happened.headers.empty();
    pulled.add(std::move(happened));
    QUORATE_TRY(pull_bodies(folder, other, now, pulled));
    if (!is_more) break;
  }
  print_steps(console, pulled.all);
  json::array refused;
  for (const pow::Refusal& refusal : pulled.all.refused) {
    console.line("refused: " + refusal.error.to_string());
    refused.push_back(json::object{{"hash", pow::display_hex(refusal.hash)},
                                   {"code", refusal.error.code},
                                   {"message", refusal.error.message}});
  }
  const pow::ChainPoint& tip = folder.chain().chain().tip();
  console.line(fmt::format("{} headers and {} bodies taken; tip height {} {}", pulled.headers,
                           pulled.bodies, tip.height.value, pow::display_hex(tip.hash)));
  console.json(json::object{{"headers", pulled.headers},
                            {"bodies", pulled.bodies},
                            {"steps", steps_to_json(pulled.all)},
                            {"refused", refused},
                            {"blocks", tip.height.value},
                            {"bestblockhash", pow::display_hex(tip.hash)}});
  return ExitCode::kSuccess;
}

}  // namespace

void add_pow_mine_commands(node::CommandLine& line) {
  const auto options = std::make_shared<MineOptions>();
  line.add(
      {.path = "pow mine",
       .sentence = "Mine blocks on a chain on this machine",
       .details = "Each holds the transactions that wait: those of --tx, and those that a "
                  "reorganisation displaced. With\n--clock the same blocks come out each time.",
       .example =
           "  quorate tx put colour blue --genesis pow-data/genesis.json --key "
           "pow-data/keys/default.key --nonce 1 --no-submit --save blue.json\n"
           "  quorate pow mine --tx blue.json --threads 2",
       .parameters = {pow_dir_parameter(options->dir),
                      {.name = "--blocks",
                       .value = "N",
                       .help = "How many; default 1",
                       .target = &options->blocks},
                      {.name = "--threads",
                       .value = "N",
                       .help = "That look for the nonce; default 1",
                       .target = &options->threads},
                      {.name = "--tx",
                       .value = "FILE",
                       .help = "A signed transaction, as --save writes it; may be repeated",
                       .target = &options->transactions},
                      {.name = "--clock",
                       .value = "SECONDS",
                       .help = "The time since 1970 to mine at, in the place of the clock",
                       .target = &options->clock},
                      {.name = "--miner",
                       .value = "KEY",
                       .help = "The public key that the coinbase names; default nobody's",
                       .target = &options->miner}},
       .run = [options](Console& console) { return mine(*options, console); }});
  const auto pulls = std::make_shared<PullOptions>();
  line.add({.path = "pow pull",
            .sentence = "Take over what another folder's chain has, as from a peer",
            .details = "Headers first, then the bodies of the branch with the most work. Both "
                       "folders need the same block 0.",
            .example = "  quorate pow pull --from ../other/pow-data",
            .parameters = {pow_dir_parameter(pulls->dir),
                           {.name = "--from",
                            .value = "DIR",
                            .help = "The other folder",
                            .target = &pulls->from}},
            .run = [pulls](Console& console) { return pull(*pulls, console); }});
}

}  // namespace quorate::testnet
