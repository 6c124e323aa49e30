#include "testnet/pow_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <system_error>

#include "crypto/check.h"
#include "crypto/key_file.h"
#include "crypto/merkle.h"
#include "ledger/json_tree.h"
#include "node/files.h"
#include "node/init.h"
#include "node/time_text.h"
#include "pow/miner.h"
#include "testnet/layout.h"

namespace quorate::testnet {
namespace {

namespace fs = std::filesystem;
using ledger::JsonKind;
using ledger::JsonNode;
using ledger::TimeMs;

constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kSmallFileBytesMax = 8 << 20;
constexpr std::size_t kRecordsBytesMax = std::size_t{4} << 30;
constexpr std::string_view kChainFile = "chain.json";
constexpr std::string_view kGenesisFile = "genesis.json";
constexpr std::string_view kRecordsFile = "records.log";
constexpr std::string_view kJournalFile = "journal.log";
constexpr std::string_view kLockFile = "chain.lock";

// What a record holds.
constexpr std::uint8_t kHeader = 'h';
constexpr std::uint8_t kBlock = 'b';       // the first is block 0
constexpr std::uint8_t kForgotten = 'f';   // a hash; its earlier records count no more
constexpr std::uint8_t kInvalidate = 'i';  // a hash, as the two below
constexpr std::uint8_t kReconsider = 'r';
constexpr std::uint8_t kPrefer = 'p';

// What was stored was judged when it came, also its time.
constexpr std::uint64_t kEndOfTime = std::numeric_limits<std::uint32_t>::max();

tl::unexpected<Error> malformed(const fs::path& file, const std::string& what) {
  return fail(ErrorKind::kInvalid, "pow-folder-malformed",
              fmt::format("{}: {}", file.string(), what),
              "Restore the file, or make the chain's folder anew and pull from another.");
}

// -- The rules ---------------------------------------------------------------------------------

Result<pow::Params> params_of(const PowFolderOptions& options) {
  if (options.params != "own") return pow::find_params(options.params);
  return pow::own_params(options.spacing_seconds, options.interval, options.limit);
}

std::string rules_text(const PowFolderOptions& options) {
  JsonNode root = JsonNode::object();
  root.set("format", JsonNode::number(kFormat));
  root.set("params", JsonNode::string(options.params));
  root.set("spacing_seconds", JsonNode::number(options.spacing_seconds));
  root.set("interval", JsonNode::number(options.interval));
  root.set("limit", JsonNode::string(fmt::format("{:08x}", options.limit.value)));
  return to_json_text(root);
}

template <class T>
bool read_number(const JsonNode* node, JsonKind kind, int base, T& out) {
  if (node == nullptr || node->kind != kind) return false;
  const char* end = node->text.data() + node->text.size();
  const auto [stop, error] = std::from_chars(node->text.data(), end, out, base);
  return error == std::errc{} && stop == end;
}

Result<PowFolderOptions> read_rules(const fs::path& file) {
  auto text = node::read_file(file, kSmallFileBytesMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) {
    return fail(ErrorKind::kNotFound, "pow-folder-not-found",
                fmt::format("There is no {}", file.string()),
                "Make a chain with `quorate pow init`, or name its folder with --dir.");
  }
  if (!text) return tl::unexpected(text.error());
  QUORATE_ASSIGN(const JsonNode root,
                 ledger::parse_json(*text, kSmallFileBytesMax, "pow-folder-malformed"));
  std::uint64_t format = 0;
  if (!read_number(root.find("format"), JsonKind::kNumber, 10, format)) {
    return malformed(file, "expected an object with a \"format\"");
  }
  if (format != kFormat) {
    return fail(ErrorKind::kUnsupported, "pow-folder-newer",
                fmt::format("{} has format {}, this build knows {}", file.string(), format,
                            kFormat));
  }
  PowFolderOptions options;
  const JsonNode* params = root.find("params");
  if (params == nullptr || params->kind != JsonKind::kText ||
      !read_number(root.find("spacing_seconds"), JsonKind::kNumber, 10, options.spacing_seconds) ||
      !read_number(root.find("interval"), JsonKind::kNumber, 10, options.interval) ||
      !read_number(root.find("limit"), JsonKind::kText, 16, options.limit.value)) {
    return malformed(file, "expected \"params\", \"spacing_seconds\", \"interval\" and \"limit\"");
  }
  options.params = params->text;
  return options;
}

// -- Making ------------------------------------------------------------------------------------

Status make_folders(const fs::path& root) {
  std::error_code trouble;
  fs::create_directories(root, trouble);
  if (!trouble && !fs::is_empty(root, trouble) && !trouble) {
    return fail(ErrorKind::kConflict, "pow-folder-not-empty",
                fmt::format("{} is not empty", root.string()),
                "Choose a folder that is empty or does not exist yet with --dir.");
  }
  if (!trouble) fs::create_directories(root / "keys", trouble);
  if (!trouble) return {};
  return fail(ErrorKind::kEnvironment, "file-write-failed",
              fmt::format("Cannot make {}: {}", root.string(), trouble.message()),
              "Choose a folder that this user may write with --dir.");
}

// A document for a chain without votes: the format asks for a replica, so there is one whose keys
// nobody has.
Result<ledger::Genesis> make_genesis(const fs::path& root) {
  const crypto::SecretKey funded = crypto::SecretKey::generate();
  QUORATE_TRY(crypto::key_file::create((root / "keys" / "default.key").string(),
                                       node::kSenderKeyPurpose, funded, std::nullopt));
  ledger::Genesis genesis;
  genesis.name = "pow";
  genesis.time = node::clock_now();
  genesis.testnet = true;
  genesis.replicas.push_back({"nobody", crypto::SecretKey::generate().public_key(),
                              crypto::SecretKey::generate().public_key()});
  genesis.accounts.push_back({funded.public_key(), kDefaultBalance});
  return genesis;
}

Result<ledger::Genesis> genesis_for(const fs::path& root, const PowFolderOptions& options) {
  if (!options.genesis) return make_genesis(root);
  QUORATE_ASSIGN(const std::string text, node::read_file(*options.genesis, kSmallFileBytesMax));
  return ledger::parse_genesis(text);
}

Result<pow::BlockPtr> mine_block_0(const ledger::Genesis& genesis, const pow::Params& params,
                                   unsigned threads) {
  QUORATE_ASSIGN(pow::Block draft, pow::draft_block_0(genesis, params));
  const std::atomic<bool> stop = false;
  const pow::Search search = pow::search_nonce(draft.header, threads, stop);
  if (search.found) return pow::finish_block(std::move(draft), *search.found);
  return fail(ErrorKind::kRejected, "pow-genesis-not-minable",
              "none of the 2^32 nonces of block 0 meets the limit",
              "Make another genesis document, or choose an easier limit.");
}

Result<FileLock> lock_folder(const fs::path& root) {
  QUORATE_ASSIGN(auto lock, FileLock::try_acquire(root / kLockFile));
  if (lock) return std::move(*lock);
  return fail(ErrorKind::kConflict, "pow-folder-busy",
              fmt::format("another command is at work in {}", root.string()),
              "Wait until it has ended.");
}

// -- Records -----------------------------------------------------------------------------------

Result<ledger::Digest> hash_in(const Record& record) {
  ledger::Digest hash;
  if (record.payload.size() != hash.bytes.size()) {
    return fail(ErrorKind::kCorrupt, "pow-records-corrupt", "a record of a hash has another size",
                "Make the chain's folder anew and pull from another.");
  }
  std::copy(record.payload.begin(), record.payload.end(), hash.bytes.begin());
  return hash;
}

// The hash of a header or of a block's header.
std::optional<ledger::Digest> header_hash_in(const Record& record) {
  if (record.payload.size() < pow::kHeaderBytes) return std::nullopt;
  return pow::sha256d(record.payload.first(pow::kHeaderBytes));
}

// Drops headers and blocks that left the tree after they came.
Result<std::vector<Record>> without_forgotten(const std::vector<Record>& records) {
  std::set<ledger::Digest> forgotten;
  std::vector<Record> kept;
  for (auto it = records.rbegin(); it != records.rend(); ++it) {
    if (it->kind == kForgotten) {
      QUORATE_ASSIGN(const ledger::Digest hash, hash_in(*it));
      forgotten.insert(hash);
      continue;
    }
    const auto hash = it->kind == kHeader || it->kind == kBlock ? header_hash_in(*it)
                                                                : std::nullopt;
    if (!hash || !forgotten.contains(*hash)) {
      kept.push_back(*it);
    } else if (it->kind == kHeader) {
      forgotten.erase(*hash);  // an earlier stay is another matter
    }
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

void put_hash(Bytes& out, std::uint8_t kind, const ledger::Digest& hash) {
  put_record(out, kind, hash.bytes);
}

std::optional<std::uint8_t> kind_of_wish(const decltype(pow::Input::event)& event) {
  if (std::holds_alternative<pow::Invalidate>(event)) return kInvalidate;
  if (std::holds_alternative<pow::Reconsider>(event)) return kReconsider;
  if (std::holds_alternative<pow::Prefer>(event)) return kPrefer;
  return std::nullopt;
}

bool was_granted(const pow::Happened& happened) {
  return std::none_of(happened.refused.begin(), happened.refused.end(),
                      [](const pow::Refusal& refusal) {
                        return refusal.why == pow::Reject::kBlockUnknown ||
                               refusal.why == pow::Reject::kGenesisStands;
                      });
}

Bytes records_of(const decltype(pow::Input::event)& event, const pow::Happened& happened) {
  Bytes out;
  if (const auto kind = kind_of_wish(event); kind && was_granted(happened)) {
    const ledger::Digest hash = *kind == kInvalidate   ? std::get<pow::Invalidate>(event).hash
                                : *kind == kReconsider ? std::get<pow::Reconsider>(event).hash
                                                       : std::get<pow::Prefer>(event).hash;
    put_hash(out, *kind, hash);
  }
  // What went made room for what came.
  for (const ledger::Digest& hash : happened.forgotten) put_hash(out, kForgotten, hash);
  for (const pow::Header& header : happened.headers) {
    put_record(out, kHeader, pow::encode_header(header));
  }
  for (const pow::BlockPtr& block : happened.bodies) {
    put_record(out, kBlock, pow::encode_block(*block));
  }
  return out;
}

// -- The journal -------------------------------------------------------------------------------

std::string journal_line(const pow::Move& move, TimeMs now) {
  return fmt::format("{} {} {} {}", node::time_to_text(now),
                     move.kind == pow::Move::Kind::kConnect ? "connect" : "disconnect",
                     move.height.value, pow::display_hex(move.hash));
}

// Where the journal says that this folder stands: the hashes above block 0, as they are printed.
std::vector<std::string> stand_of(const std::vector<std::string>& journal) {
  std::vector<std::string> stand;
  for (const std::string& line : journal) {
    if (line.find(" disconnect ") == std::string::npos) {
      stand.push_back(line.substr(line.rfind(' ') + 1));
    } else if (!stand.empty()) {
      stand.pop_back();
    }
  }
  return stand;
}

}  // namespace

Result<PowFolder> PowFolder::make(const fs::path& root, const PowFolderOptions& options) {
  QUORATE_ASSIGN(const pow::Params params, params_of(options));
  QUORATE_TRY(make_folders(root));
  QUORATE_ASSIGN(const ledger::Genesis genesis, genesis_for(root, options));
  QUORATE_ASSIGN(const pow::BlockPtr block_0, mine_block_0(genesis, params, options.threads));
  QUORATE_TRY(node::create_file(root / kGenesisFile, genesis_to_json(genesis)));
  Bytes records;
  put_record(records, kBlock, pow::encode_block(*block_0));
  QUORATE_TRY(append_synced(root / kRecordsFile, 0, records));
  // Last: with it the folder is one.
  QUORATE_TRY(node::create_file(root / kChainFile, rules_text(options)));
  return open(root);
}

Result<PowFolder> PowFolder::open(const fs::path& root) {
  QUORATE_ASSIGN(const PowFolderOptions options, read_rules(root / kChainFile));
  auto parts = std::make_unique<Parts>();
  QUORATE_ASSIGN(parts->params, params_of(options));
  QUORATE_ASSIGN(FileLock lock, lock_folder(root));
  QUORATE_ASSIGN(const std::string text, node::read_file(root / kGenesisFile, kSmallFileBytesMax));
  QUORATE_ASSIGN(parts->genesis, ledger::parse_genesis(text));
  parts->verifier = std::make_unique<ledger::TransactionVerifier>(
      parts->genesis, ledger::chain_id_of(parts->genesis), &parts->signatures);
  PowFolder folder(root, std::move(lock), std::move(parts));
  QUORATE_TRY(folder.load());
  return folder;
}

pow::BlockReader PowFolder::reader() const { return {*parts_->verifier, kPowBlockBytesMax}; }

Status PowFolder::load() {
  QUORATE_ASSIGN(const std::string bytes, node::read_file(root_ / kRecordsFile, kRecordsBytesMax));
  QUORATE_ASSIGN(const Records records, read_records(as_bytes(bytes)));
  records_bytes_ = records.good_bytes;
  dropped_bytes_ = bytes.size() - records.good_bytes;
  QUORATE_ASSIGN(const std::vector<Record> kept, without_forgotten(records.records));
  QUORATE_TRY(replay(kept));
  QUORATE_TRY(read_journal());
  return catch_up_journal(node::clock_now());
}

Status PowFolder::replay(const std::vector<Record>& records) {
  const fs::path file = root_ / kRecordsFile;
  for (const Record& record : records) {
    decltype(pow::Input::event) event;
    if (record.kind == kBlock) {
      auto block = reader().read(record.payload);
      if (!block) return malformed(file, "a block: " + block.error().found);
      if (parts_->chain == nullptr) {
        QUORATE_TRY(check_block_0(**block, genesis(), params()));
        parts_->chain = std::make_unique<pow::MemoryChain>(params(), genesis(), *block);
        continue;
      }
      event = pow::BlockArrived{std::nullopt, *block};
    } else if (record.kind == kHeader && record.payload.size() == pow::kHeaderBytes) {
      event = pow::HeadersArrived{
          std::nullopt, {pow::decode_header(record.payload.first<pow::kHeaderBytes>())}};
    } else {
      QUORATE_ASSIGN(const ledger::Digest hash, hash_in(record));
      switch (record.kind) {
        case kInvalidate: event = pow::Invalidate{hash}; break;
        case kReconsider: event = pow::Reconsider{hash}; break;
        case kPrefer: event = pow::Prefer{hash}; break;
        default: return malformed(file, fmt::format("a record of kind {}", record.kind));
      }
    }
    if (parts_->chain == nullptr) return malformed(file, "expected block 0 first");
    static_cast<void>(parts_->chain->step({kEndOfTime, std::move(event)}));
  }
  if (parts_->chain == nullptr) return malformed(file, "expected block 0");
  return {};
}

Result<pow::Happened> PowFolder::step(const decltype(pow::Input::event)& event, TimeMs now) {
  pow::Happened happened = parts_->chain->step({now.value / 1000, event});
  QUORATE_TRY(store(records_of(event, happened)));
  std::vector<pow::Move> moves;
  for (const pow::Step& step : happened.steps) moves.push_back(step.move);
  QUORATE_TRY(add_to_journal(moves, now));
  return happened;
}

Status PowFolder::store(const Bytes& records) {
  if (records.empty()) return {};
  QUORATE_TRY(append_synced(root_ / kRecordsFile, records_bytes_, records));
  records_bytes_ += records.size();
  return {};
}

Status PowFolder::read_journal() {
  auto text = node::read_file(root_ / kJournalFile, kRecordsBytesMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) return {};
  if (!text) return tl::unexpected(text.error());
  std::size_t at = 0;
  // A line without its end was cut off by a crash.
  for (std::size_t end = text->find('\n'); end != std::string::npos; end = text->find('\n', at)) {
    journal_.push_back(text->substr(at, end - at));
    at = end + 1;
  }
  journal_bytes_ = at;
  return {};
}

Status PowFolder::add_to_journal(const std::vector<pow::Move>& moves, TimeMs now) {
  if (moves.empty()) return {};
  std::string text;
  for (const pow::Move& move : moves) {
    journal_.push_back(journal_line(move, now));
    text += journal_.back() + "\n";
  }
  QUORATE_TRY(append_synced(root_ / kJournalFile, journal_bytes_, as_bytes(text)));
  journal_bytes_ += text.size();
  return {};
}

// The way from where the journal stands to where the chain does.
Status PowFolder::catch_up_journal(TimeMs now) {
  const std::vector<std::string> stand = stand_of(journal_);
  std::vector<std::string> active;
  for (std::uint64_t h = 1; h <= chain().chain().tip().height.value; ++h) {
    active.push_back(pow::display_hex(chain().chain().at({h})->hash()));
  }
  const auto [there, here] = std::mismatch(stand.begin(), stand.end(), active.begin(),
                                           active.end());
  std::vector<pow::Move> moves;
  for (auto it = stand.end(); it != there; --it) {
    QUORATE_ASSIGN(const ledger::Digest hash, pow::parse_display_hex(*(it - 1)));
    moves.push_back({pow::Move::Kind::kDisconnect, hash,
                     {static_cast<std::uint64_t>(it - stand.begin())}});
  }
  for (auto it = here; it != active.end(); ++it) {
    const std::uint64_t height = static_cast<std::uint64_t>(it - active.begin()) + 1;
    moves.push_back({pow::Move::Kind::kConnect, chain().chain().at({height})->hash(), {height}});
  }
  return add_to_journal(moves, now);
}

Journal PowFolder::journal() const {
  std::vector<crypto::Digest> leaves;
  for (const std::string& line : journal_) {
    leaves.push_back(crypto::merkle::leaf_hash(as_bytes(line)));
  }
  return {journal_, crypto::merkle::root(leaves)};
}

}  // namespace quorate::testnet
