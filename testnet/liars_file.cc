#include "testnet/liars_file.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <system_error>

#include "node/files.h"

namespace quorate::testnet {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kFileBytesMax = 1 << 16;
constexpr std::size_t kGenesisBytesMax = 16 << 20;

}  // namespace

Result<LiveLiars> read_liars(const node::NetworkFolder& folder) {
  const fs::path file = folder.root / kLiarsFile;
  const auto text = node::read_file(file, kFileBytesMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) return LiveLiars{};
  if (!text) return tl::unexpected(text.error());
  boost::system::error_code trouble;
  const json::value value = json::parse(*text, trouble);
  std::vector<std::string> liars;
  bool is_good = !trouble && value.is_object();
  if (is_good) {
    for (const auto& [replica, does] : value.get_object()) {
      is_good = is_good && does.is_string();
      if (does.is_string()) {
        liars.push_back(fmt::format("{}={}", std::string_view(replica),
                                    std::string_view(does.get_string())));
      }
    }
  }
  if (!is_good) {
    return fail(ErrorKind::kInvalid, "liars-file-malformed",
                fmt::format("{} is no object of replica numbers and behaviours", file.string()),
                "Remove it, or write it anew with `quorate testnet up --byzantine`.");
  }
  return parse_live_liars(liars, folder.replicas.size());
}

Status write_liars(const node::NetworkFolder& folder, const LiveLiars& liars) {
  const fs::path file = folder.root / kLiarsFile;
  if (liars.empty()) {
    std::error_code trouble;
    fs::remove(file, trouble);
    if (!trouble) return {};
    return fail(ErrorKind::kEnvironment, "file-write-failed",
                fmt::format("Cannot remove {}: {}", file.string(), trouble.message()),
                "Remove it by hand: it says which replicas lie.");
  }
  QUORATE_ASSIGN(const std::string genesis, node::read_file(folder.genesis_path(),
                                                            kGenesisBytesMax));
  QUORATE_ASSIGN(const ledger::Genesis network, ledger::parse_genesis(genesis));
  QUORATE_TRY(check_may_lie(network));
  json::object object;
  for (const auto& [replica, behaviours] : liars) {
    object[std::to_string(replica.value)] = live_behaviours_text(behaviours);
  }
  return node::replace_file(file, json::serialize(object) + '\n');
}

}  // namespace quorate::testnet
