// quorate validator list | add | remove | rekey | sign | show | submit

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <filesystem>
#include <memory>

#include "crypto/key_file.h"
#include "ledger/membership_file.h"
#include "ledger/quorum.h"
#include "node/commands/network_options.h"
#include "node/commands/registry.h"
#include "node/commands/tx_life.h"
#include "node/files.h"
#include "node/init.h"
#include "node/json_members.h"
#include "node/passphrase.h"
#include "node/submission.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::size_t kFileBytesMax = 64 << 10;

struct Options {
  NetworkOptions network;
  std::string replica, out, file;
  std::optional<std::string> name, vote_key, network_key, key_file;
  std::string passphrase_file;
  std::vector<std::string> files;
  std::string wait{level_text(Level::kReplicated)};
  std::string timeout = "30s";
  std::string valid_for = "1m";
};

// What a node says of its network. It is believed as far as a person believes it: a false set makes
// a change that nobody's rules accept.
struct Members {
  ledger::ReplicaSet set;
  std::uint64_t height = 0;
  json::value pending;
};

tl::unexpected<Error> answer_malformed(const NodePool& nodes) {
  return fail(ErrorKind::kCorrupt, "node-answer-malformed",
              fmt::format("{} does not say which replicas there are", nodes.url()),
              "See that the URL is a Quorate node's of this version.");
}

std::optional<ledger::PublicKey> key_member(const json::value& object, std::string_view name) {
  const auto key = crypto::parse_public_key(text_member(object, name).value_or(""));
  return key ? std::optional(*key) : std::nullopt;
}

Result<Members> ask_members(NodePool& nodes) {
  QUORATE_ASSIGN(const json::value answer, nodes.call("quorate_membership", {}));
  Members members;
  const auto epoch = number_member(answer, "epoch");
  const json::value* replicas = find_member(answer, "replicas");
  if (!epoch || replicas == nullptr || !replicas->is_array()) return answer_malformed(nodes);
  members.set.epoch = {*epoch};
  members.height = number_member(answer, "height").value_or(0);
  for (const json::value& each : replicas->get_array()) {
    const auto vote = key_member(each, "vote_key");
    const auto network = key_member(each, "network_key");
    const auto name = text_member(each, "name");
    if (!vote || !network || !name) return answer_malformed(nodes);
    members.set.replicas.push_back({*name, *vote, *network});
  }
  if (members.set.size() == 0) return answer_malformed(nodes);
  if (const json::value* pending = find_member(answer, "pending")) members.pending = *pending;
  return members;
}

// A public key in hex, or a key file of this purpose, of which only the public half is read.
Result<ledger::PublicKey> read_key(const std::string& text, std::string_view purpose) {
  std::error_code ignored;
  if (!std::filesystem::exists(text, ignored)) {
    QUORATE_ASSIGN(const auto key, crypto::parse_public_key(text));
    QUORATE_TRY(crypto::admit_public_key(key));
    return key;
  }
  QUORATE_ASSIGN(const auto header, crypto::key_file::read_public(text));
  if (header.purpose == purpose) return header.public_key;
  return fail(
      ErrorKind::kUsage, "key-other-purpose",
      fmt::format("{} holds a {} key; a {} key was expected", text, header.purpose, purpose),
      fmt::format("Make one with `quorate keys new --purpose {}`.", purpose));
}

Result<ledger::PublicKey> need_key(const std::optional<std::string>& text, std::string_view option,
                                   std::string_view purpose) {
  if (text) return read_key(*text, purpose);
  return fail(ErrorKind::kUsage, "usage",
              fmt::format("Expected --{} KEY: 64 hex digits, or a key file", option));
}

// By name or vote key.
Result<const ledger::ReplicaInfo*> find_replica(const std::string& text, const Members& members) {
  for (const ledger::ReplicaInfo& each : members.set.replicas) {
    if (each.name == text || each.vote_key.hex() == text) return &each;
  }
  std::vector<std::string> names;
  for (const ledger::ReplicaInfo& each : members.set.replicas) names.push_back(each.name);
  return fail(ErrorKind::kNotFound, "replica-unknown",
              fmt::format("No replica of epoch {} has the name or vote key \"{}\"; there are {}",
                          members.set.epoch.value, text, fmt::join(names, ", ")),
              "`quorate validator list` shows them with their keys.");
}

using Make = Result<ledger::MembershipChange> (*)(const Options&, const Members&);

Result<ledger::MembershipChange> make_add(const Options& options, const Members&) {
  if (!options.name) return fail(ErrorKind::kUsage, "usage", "Expected --name NAME");
  ledger::ReplicaInfo replica{*options.name, {}, {}};
  QUORATE_ASSIGN(replica.vote_key, need_key(options.vote_key, "vote-key", kVoteKeyPurpose));
  QUORATE_ASSIGN(replica.network_key,
                 need_key(options.network_key, "network-key", kNetworkKeyPurpose));
  return ledger::AddReplica{std::move(replica)};
}

Result<ledger::MembershipChange> make_remove(const Options& options, const Members& members) {
  QUORATE_ASSIGN(const ledger::ReplicaInfo* replica, find_replica(options.replica, members));
  return ledger::RemoveReplica{replica->vote_key};
}

Result<ledger::MembershipChange> make_rekey(const Options& options, const Members& members) {
  QUORATE_ASSIGN(const ledger::ReplicaInfo* before, find_replica(options.replica, members));
  ledger::ReplicaInfo after = *before;
  if (options.name) after.name = *options.name;
  QUORATE_ASSIGN(after.vote_key, need_key(options.vote_key, "vote-key", kVoteKeyPurpose));
  if (options.network_key) {
    QUORATE_ASSIGN(after.network_key, read_key(*options.network_key, kNetworkKeyPurpose));
  }
  return ledger::RekeyReplica{before->vote_key, std::move(after)};
}

void say_change(Console& console, const ledger::Digest& chain_id,
                const ledger::MembershipBody& body) {
  console.line(fmt::format("change   {}", ledger::change_sentence(body.change)));
  console.line(fmt::format("network  {}, epoch {}", chain_id.hex(), body.epoch.value));
}

Result<ExitCode> write_change(const Options& options, Make make, Console& console) {
  if (options.out.empty()) return fail(ErrorKind::kUsage, "usage", "Expected --out FILE");
  QUORATE_ASSIGN(NodePool nodes, find_nodes(options.network));
  QUORATE_ASSIGN(const ledger::Digest chain_id, find_chain_id(options.network, nodes));
  QUORATE_ASSIGN(const Members members, ask_members(nodes));
  ledger::ChangeFile file{ledger::kChangeFormat, chain_id, {members.set.epoch, {}}};
  QUORATE_ASSIGN(file.body.change, make(options, members));
  const ledger::ReplicaInfo* replica = ledger::newcomer(file.body.change);
  if (replica != nullptr && !ledger::is_name(replica->name)) {
    return fail(ErrorKind::kUsage, "replica-name-malformed",
                fmt::format("Found a name of {} characters; 1 to {} of a-z, 0-9, '.' and '-' were "
                            "expected",
                            replica->name.size(), ledger::kNameCharactersMax),
                "Give another name.");
  }
  QUORATE_TRY(create_file(options.out, ledger::change_to_json(file)));
  say_change(console, chain_id, file.body);
  const std::size_t needed = ledger::quorum(members.set.size());
  console.line(fmt::format("written  {}", options.out));
  console.remark(fmt::format(
      "{} of {} replicas have to sign it{}: quorate validator sign {} --key "
      "vote.key --out SIGNATURE",
      needed, members.set.size(), replica != nullptr ? ", and the new vote key" : "", options.out));
  console.json(json::object{{"file", options.out},
                            {"chain_id", chain_id.hex()},
                            {"epoch", file.body.epoch.value},
                            {"sentence", ledger::change_sentence(file.body.change)},
                            {"signatures_needed", needed},
                            {"consent_needed", replica != nullptr}});
  return ExitCode::kSuccess;
}

// --genesis, else the document that stands beside the key in a replica's home, else the testnet's.
Result<GenesisFile> genesis_beside(const Options& options) {
  NetworkOptions network = options.network;
  const auto beside = std::filesystem::path(*options.key_file).parent_path() / "genesis.json";
  std::error_code ignored;
  if (!network.genesis && std::filesystem::exists(beside, ignored)) {
    network.genesis = beside.string();
  }
  return find_genesis(network);
}

Result<ExitCode> sign(const Options& options, Console& console) {
  if (!options.key_file) {
    return fail(ErrorKind::kUsage, "key-not-given", "Expected --key FILE with a vote key",
                "In a replica's home it is vote.key.");
  }
  if (options.out.empty()) return fail(ErrorKind::kUsage, "usage", "Expected --out FILE");
  QUORATE_ASSIGN(const std::string text, read_file(options.file, kFileBytesMax));
  QUORATE_ASSIGN(const ledger::ChangeFile change, ledger::parse_change(text));
  QUORATE_ASSIGN(const GenesisFile genesis, genesis_beside(options));
  const ledger::Digest chain_id = ledger::chain_id_of(genesis.genesis);
  if (change.chain_id != chain_id) {
    return fail(ErrorKind::kConflict, "change-other-chain",
                fmt::format("the change is of network {}, and {} makes {}", change.chain_id.hex(),
                            genesis.path, chain_id.hex()),
                "Sign changes of your own network alone.");
  }
  say_change(console, chain_id, change.body);
  QUORATE_ASSIGN(auto secret, open_key_file(*options.key_file, kVoteKeyPurpose,
                                            {.file = options.passphrase_file}));
  const crypto::KeySigner signer(std::move(secret));
  const ledger::SignedChange done = ledger::sign_change(change, signer);
  QUORATE_TRY(create_file(options.out, ledger::signed_change_to_json(done)));
  const ledger::ReplicaInfo* replica = ledger::newcomer(change.body.change);
  const bool consents = replica != nullptr && replica->vote_key == done.key;
  console.line(fmt::format("signed   by {}, {}", done.key.hex(),
                           consents ? "the new vote key" : "as a replica"));
  console.line(fmt::format("written  {}", options.out));
  console.remark("Send that file to whoever gathers the signatures; the key stays here.");
  console.json(json::object{{"file", options.out},
                            {"signer", done.key.hex()},
                            {"consent", consents},
                            {"chain_id", chain_id.hex()},
                            {"epoch", change.body.epoch.value},
                            {"sentence", ledger::change_sentence(change.body.change)}});
  return ExitCode::kSuccess;
}

Result<std::vector<ledger::SignedChange>> read_signatures(const std::vector<std::string>& files) {
  std::vector<ledger::SignedChange> signatures;
  for (const std::string& file : files) {
    QUORATE_ASSIGN(const std::string text, read_file(file, kFileBytesMax));
    auto read = ledger::parse_signed_change(text);
    if (!read) {
      Error error = read.error();
      error.message = fmt::format("{}: {}", file, error.message);
      return tl::unexpected(std::move(error));
    }
    signatures.push_back(std::move(*read));
  }
  return signatures;
}

std::vector<std::string> names_of(const std::vector<ledger::ReplicaId>& ids,
                                  const ledger::ReplicaSet& set) {
  std::vector<std::string> names;
  for (const ledger::ReplicaId id : ids) names.push_back(set.replicas[id.value].name);
  return names;
}

std::string missing_sentence(const ledger::GatheredChange& gathered,
                             const ledger::ReplicaSet& set) {
  std::string sentence;
  if (gathered.missing > 0) {
    sentence = fmt::format("{} more of these have to sign: {}", gathered.missing,
                           fmt::join(names_of(gathered.unsigned_replicas, set), ", "));
  }
  if (gathered.lacks_consent) {
    sentence += sentence.empty() ? "" : "; ";
    sentence += "the new vote key has to sign";
  }
  return sentence;
}

Result<ExitCode> show(const Options& options, Console& console) {
  QUORATE_ASSIGN(const auto signatures, read_signatures(options.files));
  QUORATE_ASSIGN(NodePool nodes, find_nodes(options.network));
  QUORATE_ASSIGN(const Members members, ask_members(nodes));
  QUORATE_ASSIGN(const auto gathered, ledger::gather(signatures, members.set));
  say_change(console, signatures.front().chain_id, gathered.operation.body);
  std::vector<ledger::ReplicaId> ids;
  for (const auto& each : gathered.operation.endorsements) ids.push_back(each.replica);
  const auto signers = names_of(ids, members.set);
  const auto lacking = names_of(gathered.unsigned_replicas, members.set);
  console.line(fmt::format("signed   by {}{}", fmt::join(signers, ", "),
                           gathered.operation.consent ? " and the new vote key" : ""));
  console.line(gathered.is_complete() ? "complete: quorate validator submit sends it"
                                      : "lacking  " + missing_sentence(gathered, members.set));
  console.json(json::object{{"sentence", ledger::change_sentence(gathered.operation.body.change)},
                            {"epoch", gathered.operation.body.epoch.value},
                            {"signers", json::array(signers.begin(), signers.end())},
                            {"consent", gathered.operation.consent.has_value()},
                            {"missing", gathered.missing},
                            {"unsigned", json::array(lacking.begin(), lacking.end())},
                            {"complete", gathered.is_complete()}});
  return ExitCode::kSuccess;
}

Result<ExitCode> submit_change(const Options& options, Console& console) {
  SubmitOptions wish;
  QUORATE_ASSIGN(wish.wait, parse_level(options.wait));
  QUORATE_ASSIGN(wish.timeout_ms, parse_duration_ms(options.timeout));
  QUORATE_ASSIGN(const auto signatures, read_signatures(options.files));
  QUORATE_ASSIGN(NodePool nodes, find_nodes(options.network));
  Draft draft;
  QUORATE_ASSIGN(draft.valid_for_ms, parse_duration_ms(options.valid_for));
  QUORATE_ASSIGN(draft.chain_id, find_chain_id(options.network, nodes));
  QUORATE_ASSIGN(const Members members, ask_members(nodes));
  QUORATE_ASSIGN(auto gathered, ledger::gather(signatures, members.set));
  if (signatures.front().chain_id != draft.chain_id) {
    return fail(ErrorKind::kConflict, "change-other-chain",
                fmt::format("the change is of network {}, and the nodes are of {}",
                            signatures.front().chain_id.hex(), draft.chain_id.hex()),
                "Name a node of its network: --node URL");
  }
  if (!gathered.is_complete()) {
    return fail(ErrorKind::kInvalid, "change-signatures-missing",
                missing_sentence(gathered, members.set),
                "Let them sign with `quorate validator sign`, and give all signature files.");
  }
  QUORATE_ASSIGN(const auto key, find_sender_key(options.key_file, options.passphrase_file));
  draft.operations = {std::move(gathered.operation)};
  LifePrinter printer(console);
  wish.on_level = printer.listener();
  const auto on_signed = [&](const SignedDraft& signed_draft) -> Status {
    printer.set_id(signed_draft.id);
    return {};
  };
  QUORATE_ASSIGN(const Submission submission, sign_and_submit(nodes, draft, key, wish, on_signed));
  return print_end(console, submission);
}

void list_replicas(Console& console, const json::value& object) {
  const json::value* replicas = find_member(object, "replicas");
  if (replicas == nullptr || !replicas->is_array()) return;
  for (const json::value& each : replicas->get_array()) {
    console.line(fmt::format(
        "  {}  {}  vote {}  network {}", number_member(each, "replica").value_or(0),
        text_member(each, "name").value_or("?"), text_member(each, "vote_key").value_or("?"),
        text_member(each, "network_key").value_or("?")));
  }
}

Result<ExitCode> list(const Options& options, Console& console) {
  QUORATE_ASSIGN(NodePool nodes, find_nodes(options.network));
  QUORATE_ASSIGN(const json::value answer, nodes.call("quorate_membership", {}));
  console.line(fmt::format("epoch {} at height {}", number_member(answer, "epoch").value_or(0),
                           number_member(answer, "height").value_or(0)));
  list_replicas(console, answer);
  const json::value* pending = find_member(answer, "pending");
  if (pending != nullptr && pending->is_object()) {
    console.line(fmt::format("epoch {} begins after height {}",
                             number_member(*pending, "epoch").value_or(0),
                             number_member(*pending, "boundary").value_or(0)));
    list_replicas(console, *pending);
  }
  console.json(answer);
  return ExitCode::kSuccess;
}

std::vector<Parameter> newcomer_parameters(Options& options) {
  return {{.name = "--vote-key",
           .value = "KEY",
           .help = "The new vote key: 64 hex digits, or a key file (its public half is read)",
           .target = &options.vote_key},
          {.name = "--network-key",
           .value = "KEY",
           .help = "The new network key, likewise",
           .target = &options.network_key},
          {.name = "--name", .value = "NAME", .help = "Its name", .target = &options.name}};
}

void add_change(CommandLine& line, const std::shared_ptr<Options>& options, Command command,
                Make make) {
  command.parameters.push_back({.name = "--out",
                                .value = "FILE",
                                .help = "Where the change is written",
                                .target = &options->out});
  command.parameters.push_back(node_parameter(options->network));
  command.parameters.push_back(genesis_parameter(options->network));
  command.run = [options, make](Console& console) { return write_change(*options, make, console); };
  line.add(std::move(command));
}

void add_changes(CommandLine& line, const std::shared_ptr<Options>& options) {
  const Parameter replica{
      .name = "REPLICA", .help = "Its name or its vote key", .target = &options->replica};
  add_change(line, options,
             {.path = "validator add",
              .sentence = "Write a change that adds a replica, for the others to sign",
              .details = "Signs nothing and sends nothing. It is good in the epoch of the network "
                         "as it is now.",
              .example = "  quorate validator add --name replica-4 --vote-key vote.key \\\n"
                         "    --network-key network.key --out add.json",
              .parameters = newcomer_parameters(*options)},
             make_add);
  add_change(line, options,
             {.path = "validator remove",
              .sentence = "Write a change that removes a replica, for the others to sign",
              .details = "Signs nothing and sends nothing. As many replicas stay as genesis "
                         "promises.",
              .example = "  quorate validator remove replica-4 --out remove.json",
              .parameters = {replica}},
             make_remove);
  std::vector<Parameter> parameters = newcomer_parameters(*options);
  parameters.insert(parameters.begin(), replica);
  add_change(line, options,
             {.path = "validator rekey",
              .sentence = "Write a change that gives a replica a new vote key",
              .details = "For one whose key or guard is lost. Name and network key stay unless "
                         "others are given.\nSigns nothing and sends nothing.",
              .example = "  quorate validator rekey replica-2 --vote-key new-vote.key --out "
                         "rekey.json",
              .parameters = std::move(parameters)},
             make_rekey);
}

}  // namespace

void add_validator_commands(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add_group("validator", "Who may vote: the replicas, and changes that a quorum signs");
  line.add({.path = "validator list",
            .sentence = "List the replicas of the epoch, and a change that is under way",
            .example = "  quorate validator list --json",
            .parameters = {node_parameter(options->network)},
            .run = [options](Console& console) { return list(*options, console); }});
  add_changes(line, options);
  line.add({.path = "validator sign",
            .sentence = "Sign a change with a replica's vote key, or with the new one",
            .details = "Where the key is: it never travels, the signature file does. Read what it "
                       "says before you send it on.",
            .example = "  quorate validator sign add.json --key vote.key --out add.replica-0.json",
            .parameters = {{.name = "FILE", .help = "The change", .target = &options->file},
                           {.name = "--key",
                            .value = "FILE",
                            .help = "The vote key",
                            .target = &options->key_file},
                           {.name = "--passphrase-file",
                            .value = "FILE",
                            .help = "Its first line opens the key; else QUORATE_PASSPHRASE, else a "
                                    "prompt",
                            .target = &options->passphrase_file},
                           {.name = "--out",
                            .value = "FILE",
                            .help = "Where the signature is written",
                            .target = &options->out},
                           genesis_parameter(options->network)},
            .run = [options](Console& console) { return sign(*options, console); }});
  const Parameter files{
      .name = "SIGNATURE", .help = "What `validator sign` wrote", .target = &options->files};
  line.add({.path = "validator show",
            .sentence = "Say what signature files change, who signed and who has to",
            .example = "  quorate validator show add.*.json",
            .parameters = {files, node_parameter(options->network)},
            .run = [options](Console& console) { return show(*options, console); }});
  line.add({.path = "validator submit",
            .sentence = "Put the signatures of a change together and send it as a transaction",
            .details = "Once it is executed, the new replicas vote from the boundary on that "
                       "`validator list` names.\nExit code 7 means that time ran out and the "
                       "outcome is open.",
            .example = "  quorate validator submit add.*.json --key alice.key",
            .parameters = {files,
                           node_parameter(options->network),
                           {.name = "--key",
                            .value = "FILE",
                            .help = "The key that sends it; else the funded key of the testnet "
                                    "here",
                            .target = &options->key_file},
                           {.name = "--passphrase-file",
                            .value = "FILE",
                            .help = "Its first line opens the key",
                            .target = &options->passphrase_file},
                           {.name = "--wait",
                            .value = "LEVEL",
                            .help = "Level to wait for: local, promised, quorum, replicated "
                                    "(default), or stable",
                            .target = &options->wait},
                           {.name = "--timeout",
                            .value = "DURATION",
                            .help = "How long to wait for it; default 30s",
                            .target = &options->timeout},
                           {.name = "--valid-for",
                            .value = "DURATION",
                            .help = "It can happen this long from now and never later; default 1m",
                            .target = &options->valid_for},
                           genesis_parameter(options->network)},
            .run = [options](Console& console) { return submit_change(*options, console); }});
}

}  // namespace quorate::node
