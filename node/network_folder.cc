#include "node/network_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "ledger/json_tree.h"
#include "node/files.h"

namespace quorate::node {
namespace {

namespace fs = std::filesystem;
using ledger::JsonKind;
using ledger::JsonNode;

constexpr std::size_t kFileBytesMax = 1 << 20;
constexpr std::uint32_t kFormat = 2;
// Of a network that votes, which earlier versions know as well.
constexpr std::uint32_t kPbftFormat = 1;
constexpr std::size_t kFoldersLookedAtMax = 1000;

// Reads members one by one; the first trouble stays and the rest read as empty.
class Reader {
 public:
  Reader(const fs::path& file, const JsonNode& node) : file_(file), node_(node) {}

  std::string text(std::string_view name) { return take(name, JsonKind::kText, "a text"); }
  fs::path relative_path(std::string_view name) {
    fs::path path = text(name);
    // A mark of ownership must not reach outside its folder.
    const bool leaves = path.is_absolute() || path.empty() ||
                        std::find(path.begin(), path.end(), "..") != path.end();
    if (leaves) refuse(name, "a path below this folder");
    return path;
  }
  Endpoint endpoint(std::string_view name) {
    auto parsed = parse_endpoint(text(name));
    if (!parsed) refuse(name, "host:port");
    return parsed.value_or(Endpoint{});
  }
  ledger::PublicKey key(std::string_view name) {
    auto parsed = crypto::parse_public_key(text(name));
    if (!parsed) refuse(name, "64 hex digits");
    return parsed.value_or(ledger::PublicKey{});
  }
  std::uint16_t number(std::string_view name) {
    const std::string digits = take(name, JsonKind::kNumber, "a number");
    std::uint16_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [parsed_to, trouble] = std::from_chars(digits.data(), end, value);
    if (trouble != std::errc() || parsed_to != end) refuse(name, "a number from 0 to 65535");
    return value;
  }
  bool truth(std::string_view name) {
    return take(name, JsonKind::kBool, "true or false") == "true";
  }
  const std::vector<JsonNode>& list(std::string_view name) {
    static const std::vector<JsonNode> kEmpty;
    const JsonNode* member = node_.find(name);
    if (member == nullptr || member->kind != JsonKind::kArray) {
      refuse(name, "a list");
      return kEmpty;
    }
    return member->children;
  }
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  std::string take(std::string_view name, JsonKind kind, std::string_view expected) {
    const JsonNode* member = node_.find(name);
    if (member == nullptr || member->kind != kind) {
      refuse(name, expected);
      return "";
    }
    return member->text;
  }
  void refuse(std::string_view name, std::string_view expected) {
    if (!status_) return;
    const JsonNode* member = node_.find(name);
    status_ = fail(ErrorKind::kInvalid, "testnet-file-malformed",
                   fmt::format("{}:{}: \"{}\" is {}, expected {}", file_.string(),
                               member == nullptr ? node_.line : member->line, name,
                               member == nullptr ? "missing" : describe(*member), expected),
                   "The file is written by `quorate testnet up` and not meant to be edited.");
  }

  const fs::path& file_;
  const JsonNode& node_;
  Status status_;
};

Result<NetworkFolder> parse_network_file(const fs::path& file, std::string_view text) {
  QUORATE_ASSIGN(const JsonNode root,
                 ledger::parse_json(text, kFileBytesMax, "testnet-file-malformed"));
  Reader reader(file, root);
  const std::uint16_t format = reader.number("format");
  QUORATE_TRY(reader.status());
  if (format > kFormat) {
    return fail(ErrorKind::kUnsupported, "testnet-file-newer",
                fmt::format("{} has format {}, this build knows up to {}", file.string(), format,
                            kFormat),
                "Use the newer quorate that made this testnet.");
  }
  NetworkFolder folder;
  folder.is_complete = reader.truth("complete");
  folder.name = reader.text("name");
  // Folders of earlier versions do not say.
  if (root.find("engine") != nullptr) folder.engine = reader.text("engine");
  folder.genesis = reader.relative_path("genesis");
  folder.default_key = reader.relative_path("default_key");
  for (const JsonNode& node : reader.list("replicas")) {
    Reader member(file, node);
    NetworkReplica replica;
    replica.id = {member.number("id")};
    replica.name = member.text("name");
    replica.rpc = member.endpoint("rpc");
    replica.peer = member.endpoint("peer");
    replica.home = member.relative_path("home");
    replica.vote_key = member.key("vote_key");
    QUORATE_TRY(member.status());
    if (replica.id.value != folder.replicas.size()) {
      return fail(ErrorKind::kInvalid, "testnet-file-malformed",
                  fmt::format("{}:{}: replica {} stands where {} is expected", file.string(),
                              node.line, replica.id.value, folder.replicas.size()));
    }
    folder.replicas.push_back(std::move(replica));
  }
  QUORATE_TRY(reader.status());
  return folder;
}

bool is_network_folder(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / kNetworkFileName, ignored);
}

// The testnets' folders directly below `folder`, sorted.
std::vector<fs::path> networks_below(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code trouble;
  fs::directory_iterator entry(folder, fs::directory_options::skip_permission_denied, trouble);
  for (std::size_t i = 0; !trouble && entry != fs::directory_iterator() && i < kFoldersLookedAtMax;
       ++i, entry.increment(trouble)) {
    if (is_network_folder(entry->path())) found.push_back(entry->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<std::optional<NetworkFolder>> only_one_of(const std::vector<fs::path>& candidates) {
  if (candidates.empty()) return std::nullopt;
  if (candidates.size() > 1) {
    std::vector<std::string> names;
    for (const fs::path& each : candidates) names.push_back(each.string());
    return fail(ErrorKind::kUsage, "testnet-ambiguous",
                fmt::format("Found {} testnets here, expected one: {}", names.size(),
                            fmt::join(names, ", ")),
                "Say which: set QUORATE_TESTNET to its folder, or type the command inside it.");
  }
  QUORATE_ASSIGN(NetworkFolder folder, read_network_folder(candidates.front()));
  return folder;
}

}  // namespace

Result<NetworkFolder> read_network_folder(const fs::path& folder) {
  std::error_code trouble;
  const fs::path root = fs::absolute(folder, trouble).lexically_normal();
  const fs::path file = root / kNetworkFileName;
  const auto text = read_file(file, kFileBytesMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) {
    return fail(ErrorKind::kNotFound, "testnet-not-found",
                fmt::format("There is no testnet in {}: it has no {}", root.string(),
                            kNetworkFileName),
                "Start one with `quorate testnet up`, or name its folder.");
  }
  if (!text) return tl::unexpected(text.error());
  QUORATE_ASSIGN(NetworkFolder result, parse_network_file(file, *text));
  result.root = root;
  return result;
}

Status write_network_file(const NetworkFolder& folder) {
  JsonNode root = JsonNode::object();
  root.set("format", JsonNode::number(folder.engine == "pbft" ? kPbftFormat : kFormat));
  root.set("made_by", JsonNode::string("quorate testnet up"));
  root.set("complete", JsonNode::boolean(folder.is_complete));
  root.set("name", JsonNode::string(folder.name));
  root.set("engine", JsonNode::string(folder.engine));
  root.set("genesis", JsonNode::string(folder.genesis.string()));
  root.set("default_key", JsonNode::string(folder.default_key.string()));
  JsonNode replicas = JsonNode::array();
  for (const NetworkReplica& replica : folder.replicas) {
    JsonNode node = JsonNode::object();
    node.set("id", JsonNode::number(replica.id.value));
    node.set("name", JsonNode::string(replica.name));
    node.set("rpc", JsonNode::string(replica.rpc.to_string()));
    node.set("peer", JsonNode::string(replica.peer.to_string()));
    node.set("home", JsonNode::string(replica.home.string()));
    node.set("vote_key", JsonNode::string(replica.vote_key.hex()));
    replicas.push(std::move(node));
  }
  root.set("replicas", std::move(replicas));
  return replace_file(folder.root / kNetworkFileName, to_json_text(root));
}

Result<std::optional<NetworkFolder>> find_network_folder(const fs::path& directory,
                                                         const std::optional<fs::path>& named) {
  if (named) {
    QUORATE_ASSIGN(NetworkFolder folder, read_network_folder(*named));
    return folder;
  }
  for (fs::path at = directory;; at = at.parent_path()) {
    if (is_network_folder(at)) return only_one_of({at});
    const fs::path data = at / kTestnetDataFolder;
    if (is_network_folder(data / "default")) return only_one_of({data / "default"});
    const auto below = networks_below(data);
    if (!below.empty()) return only_one_of(below);
    if (at == directory) {
      const auto beside = networks_below(at);
      if (!beside.empty()) return only_one_of(beside);
    }
    if (at == at.parent_path()) return std::nullopt;
  }
}

}  // namespace quorate::node
