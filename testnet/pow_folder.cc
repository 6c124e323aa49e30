#include "testnet/pow_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "crypto/key_file.h"
#include "ledger/json_tree.h"
#include "node/files.h"
#include "node/init.h"
#include "node/time_text.h"
#include "testnet/layout.h"

namespace quorate::testnet {
namespace {

namespace fs = std::filesystem;
using ledger::JsonKind;
using ledger::JsonNode;
using ledger::TimeMs;

constexpr std::uint64_t kFormat = 2;
constexpr std::size_t kSmallFileBytesMax = 8 << 20;
constexpr std::string_view kChainFile = "chain.json";
constexpr std::string_view kGenesisFile = "genesis.json";
constexpr std::string_view kStoreFolder = "chain";
constexpr std::string_view kLockFile = "chain.lock";

tl::unexpected<Error> malformed(const fs::path& file, const std::string& what) {
  return fail(ErrorKind::kInvalid, "pow-folder-malformed",
              fmt::format("{}: {}", file.string(), what),
              "Restore the file, or make the chain's folder anew and pull from another.");
}

// -- The rules ---------------------------------------------------------------------------------

std::string rules_text(const node::PowRules& rules) {
  JsonNode root = JsonNode::object();
  root.set("format", JsonNode::number(kFormat));
  root.set("params", JsonNode::string(rules.params));
  root.set("spacing_seconds", JsonNode::number(rules.spacing_seconds));
  root.set("interval", JsonNode::number(rules.interval));
  root.set("limit", JsonNode::string(fmt::format("{:08x}", rules.limit.value)));
  return to_json_text(root);
}

template <class T>
bool read_number(const JsonNode* node, JsonKind kind, int base, T& out) {
  if (node == nullptr || node->kind != kind) return false;
  const char* end = node->text.data() + node->text.size();
  const auto [stop, error] = std::from_chars(node->text.data(), end, out, base);
  return error == std::errc{} && stop == end;
}

Result<node::PowRules> read_rules(const fs::path& file) {
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
    return fail(ErrorKind::kUnsupported,
                format < kFormat ? "pow-folder-older" : "pow-folder-newer",
                fmt::format("{} has format {}, this build knows {}", file.string(), format,
                            kFormat),
                "Use the version of Quorate that made it, or make the chain's folder anew.");
  }
  node::PowRules rules;
  const JsonNode* params = root.find("params");
  if (params == nullptr || params->kind != JsonKind::kText ||
      !read_number(root.find("spacing_seconds"), JsonKind::kNumber, 10, rules.spacing_seconds) ||
      !read_number(root.find("interval"), JsonKind::kNumber, 10, rules.interval) ||
      !read_number(root.find("limit"), JsonKind::kText, 16, rules.limit.value)) {
    return malformed(file, "expected \"params\", \"spacing_seconds\", \"interval\" and \"limit\"");
  }
  rules.params = params->text;
  return rules;
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

Result<FileLock> lock_folder(const fs::path& root) {
  QUORATE_ASSIGN(auto lock, FileLock::try_acquire(root / kLockFile));
  if (lock) return std::move(*lock);
  return fail(ErrorKind::kConflict, "pow-folder-busy",
              fmt::format("another command is at work in {}", root.string()),
              "Wait until it has ended.");
}

}  // namespace

Result<PowFolder> PowFolder::make(const fs::path& root, const PowFolderOptions& options) {
  QUORATE_ASSIGN(const pow::Params params, params_of(options.rules));
  QUORATE_TRY(make_folders(root));
  QUORATE_ASSIGN(const ledger::Genesis genesis, genesis_for(root, options));
  QUORATE_ASSIGN(const pow::BlockPtr block_0,
                 node::mine_block_0(genesis, params, options.threads));
  QUORATE_TRY(node::create_file(root / kGenesisFile, genesis_to_json(genesis)));
  QUORATE_TRY(node::PowChain::create(root / kStoreFolder, genesis, params, block_0));
  // Last: with it the folder is one.
  QUORATE_TRY(node::create_file(root / kChainFile, rules_text(options.rules)));
  return open(root);
}

Result<PowFolder> PowFolder::open(const fs::path& root) {
  QUORATE_ASSIGN(const node::PowRules rules, read_rules(root / kChainFile));
  QUORATE_ASSIGN(const pow::Params params, params_of(rules));
  QUORATE_ASSIGN(FileLock lock, lock_folder(root));
  QUORATE_ASSIGN(const std::string text, node::read_file(root / kGenesisFile, kSmallFileBytesMax));
  auto genesis = std::make_unique<ledger::Genesis>();
  QUORATE_ASSIGN(*genesis, ledger::parse_genesis(text));
  QUORATE_ASSIGN(auto chain, node::PowChain::open(root / kStoreFolder, *genesis, params));
  return PowFolder(root, std::move(lock), std::move(genesis), std::move(chain));
}

Result<Journal> PowFolder::journal() const {
  const ledger::ChainStore& store = chain_->store();
  Journal journal{store.journal_origin(), {}, store.journal_root()};
  QUORATE_ASSIGN(journal.lines, store.journal_lines(0, store.journal_size()));
  return journal;
}

}  // namespace quorate::testnet
