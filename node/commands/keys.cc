// quorate keys new | show | address

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <memory>

#include "crypto/key_file.h"
#include "node/commands/registry.h"
#include "node/init.h"
#include "node/passphrase.h"

namespace quorate::node {
namespace {

constexpr std::array<std::string_view, 3> kPurposes = {kSenderKeyPurpose, kVoteKeyPurpose,
                                                       kNetworkKeyPurpose};

struct Options {
  std::string file;
  std::string out = "quorate.key";
  std::string purpose{kSenderKeyPurpose};
  PassphraseSource passphrase;
};

void describe(Console& console, const std::string& file, const crypto::key_file::Header& header) {
  console.line(fmt::format("file       {}", file));
  console.line(fmt::format("purpose    {}", header.purpose));
  console.line(fmt::format("address    {}", header.public_key.hex()));
  console.line(header.encrypted ? "passphrase needed to use it"
                                : "passphrase none: who reads this file has the key");
  console.json(boost::json::object{{"file", file},
                                   {"purpose", header.purpose},
                                   {"address", header.public_key.hex()},
                                   {"encrypted", header.encrypted}});
}

Result<ExitCode> make_key(const Options& options, Console& console) {
  if (std::find(kPurposes.begin(), kPurposes.end(), options.purpose) == kPurposes.end()) {
    return fail(ErrorKind::kUsage, "key-purpose-unknown",
                fmt::format("Found the purpose \"{}\", expected one of {}", options.purpose,
                            fmt::join(kPurposes, ", ")));
  }
  QUORATE_ASSIGN(const auto passphrase, new_passphrase(options.passphrase, options.out));
  const auto key = crypto::SecretKey::generate();
  const std::optional<std::string_view> secret = passphrase;
  QUORATE_TRY(crypto::key_file::create(options.out, options.purpose, key, secret));
  describe(console, options.out, {options.purpose, key.public_key(), passphrase.has_value()});
  return ExitCode::kSuccess;
}

Result<ExitCode> show_key(const Options& options, Console& console) {
  QUORATE_ASSIGN(const auto header, crypto::key_file::read_public(options.file));
  describe(console, options.file, header);
  return ExitCode::kSuccess;
}

Result<ExitCode> show_address(const Options& options, Console& console) {
  QUORATE_ASSIGN(const auto header, crypto::key_file::read_public(options.file));
  console.line(header.public_key.hex());
  console.json(boost::json::object{{"address", header.public_key.hex()}});
  return ExitCode::kSuccess;
}

}  // namespace

void add_keys_commands(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add_group("keys", "Make and look at key files");
  line.add({.path = "keys new",
            .sentence = "Make an Ed25519 key and write it to a file, encrypted",
            .details = "An existing file is never overwritten. The passphrase is asked for, or "
                       "taken from\n--passphrase-file or QUORATE_PASSPHRASE.",
            .example = "  quorate keys new --out alice.key",
            .parameters = {{.name = "--out",
                            .value = "FILE",
                            .help = "Where to write it; default quorate.key",
                            .target = &options->out},
                           {.name = "--purpose",
                            .value = "PURPOSE",
                            .help = "sender (default: signs transactions), vote or network (of a "
                                    "replica)",
                            .target = &options->purpose},
                           {.name = "--passphrase-file",
                            .value = "FILE",
                            .help = "Its first line is the passphrase",
                            .target = &options->passphrase.file},
                           {.name = "--insecure-no-passphrase",
                            .help = "Write the key in clear, for testnets",
                            .target = &options->passphrase.is_insecure_no_passphrase}},
            .run = [options](Console& console) { return make_key(*options, console); }});
  const Parameter file{.name = "FILE", .help = "A key file", .target = &options->file};
  line.add({.path = "keys show",
            .sentence = "Say what a key file holds; needs no passphrase",
            .example = "  quorate keys show alice.key",
            .parameters = {file},
            .run = [options](Console& console) { return show_key(*options, console); }});
  line.add({.path = "keys address",
            .sentence = "Print the address (public key) of a key file",
            .example = "  quorate tx transfer $(quorate keys address bob.key) 100",
            .parameters = {file},
            .run = [options](Console& console) { return show_address(*options, console); }});
}

}  // namespace quorate::node
