// quorate recover look | propose | sign | install

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <filesystem>
#include <memory>

#include "ledger/durable_file.h"
#include "ledger/execution.h"
#include "ledger/folder_copy.h"
#include "ledger/guard.h"
#include "ledger/log_view.h"
#include "ledger/membership.h"
#include "ledger/membership_file.h"
#include "ledger/quorum.h"
#include "ledger/recovery.h"
#include "ledger/stopped_ledger.h"
#include "node/clock.h"
#include "node/commands/network_options.h"
#include "node/commands/registry.h"
#include "node/commands/work_folder.h"
#include "node/config.h"
#include "node/files.h"
#include "node/init.h"
#include "node/passphrase.h"
#include "node/submission.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kFileBytesMax = 8 << 20;
constexpr std::uint64_t kValidForMs = 60'000;

struct Options {
  std::vector<std::string> homes, changes, signatures;
  std::string home, file, out, passphrase_file;
  std::optional<std::string> ledger, key_file;
};

Result<ledger::Genesis> read_genesis(const Home& home) {
  QUORATE_ASSIGN(const std::string text, read_file(home.genesis(), kFileBytesMax));
  return ledger::parse_genesis(text);
}

// A copy of a stopped ledger that blocks may be appended to.
struct Scratch {
  WorkFolder folder;
  std::unique_ptr<ledger::Store> store;
};
Result<std::unique_ptr<ledger::Store>> copy_to(const fs::path& to, const fs::path& folder,
                                               const ledger::Digest& chain_id) {
  QUORATE_ASSIGN(const fs::path from, ledger::find_ledger_folder(folder));
  // Refuses one that a node has open.
  QUORATE_TRY(ledger::open_stopped_database(from, chain_id).map([](const auto&) {}));
  QUORATE_TRY(ledger::copy_live_folder(from, to).map([](const auto&) {}));
  return ledger::Store::open(to, chain_id);
}
Result<Scratch> copy_of(const fs::path& folder, const ledger::Digest& chain_id) {
  QUORATE_ASSIGN(WorkFolder work, WorkFolder::make("recover"));
  QUORATE_ASSIGN(auto store, copy_to(work.path() / "ledger", folder, chain_id));
  return Scratch{std::move(work), std::move(store)};
}

// -- look ---------------------------------------------------------------------------------------

struct Look {
  std::string home;
  ledger::TreeHead head;
  std::uint64_t stable = 0;
  ledger::Epoch epoch;
  bool has_votes = false;
  bool has_guard = false;
  std::optional<Error> error;  // its ledger cannot be read
};

Look look_at(const std::string& path) {
  const Home home{path};
  Look look;
  look.home = path;
  std::error_code ignored;
  look.has_votes = fs::exists(home.votes(), ignored);
  look.has_guard = fs::exists(home.guard(), ignored);
  const auto read = [&]() -> Status {
    QUORATE_ASSIGN(const ledger::StoppedStore opened,
                   ledger::open_stopped_store(home.root, std::nullopt));
    look.head = opened.store->tree_head();
    QUORATE_ASSIGN(const auto stable, opened.store->latest_stable());
    if (stable) look.stable = stable->note.sequence.value;
    QUORATE_ASSIGN(look.epoch, ledger::read_epoch(*opened.store));
    return {};
  };
  const Status done = read();
  if (!done) look.error = done.error();
  return look;
}

std::string in_words(const Look& look) {
  const std::string ledger =
      look.error ? fmt::format("no ledger: {} ({})", look.error->message, look.error->code)
                 : fmt::format("height {}, log root {}, stable up to {}, epoch {}", look.head.size,
                               look.head.root.hex().substr(0, 8), look.stable, look.epoch.value);
  return fmt::format("{}: {}; votes {}, guard {}", look.home, ledger,
                     look.has_votes ? "there" : "LOST", look.has_guard ? "there" : "LOST");
}

const Look* fullest(const std::vector<Look>& looks) {
  const Look* best = nullptr;
  for (const Look& look : looks) {
    if (!look.error && (best == nullptr || look.head.size > best->head.size)) best = &look;
  }
  return best;
}

Result<ExitCode> look(const Options& options, Console& console) {
  std::vector<Look> looks;
  json::array shown;
  for (const std::string& home : options.homes) {
    const Look& look = looks.emplace_back(look_at(home));
    console.line(in_words(look));
    json::object each{{"home", look.home}, {"votes", look.has_votes}, {"guard", look.has_guard}};
    if (look.error) {
      each["error"] = look.error->code;
    } else {
      each["height"] = look.head.size;
      each["log_root"] = look.head.root.hex();
      each["stable"] = look.stable;
      each["epoch"] = look.epoch.value;
    }
    shown.push_back(std::move(each));
  }
  const Look* best = fullest(looks);
  if (best == nullptr) {
    console.line("No ledger is left here: restore a backup into one of the homes first.");
  } else {
    console.line(fmt::format("The fullest ledger ends at height {}: {}. What was committed above "
                             "it, only ledgers that are not here have.",
                             best->head.size, best->home));
  }
  console.json(json::object{{"homes", std::move(shown)},
                            {"fullest", best ? json::value(best->home) : json::value()}});
  return best == nullptr ? ExitCode::kNotFound : ExitCode::kSuccess;
}

// -- propose ------------------------------------------------------------------------------------

Result<ledger::ChangeMembership> read_change(const std::vector<std::string>& files,
                                             const ledger::ReplicaSet& set) {
  std::vector<ledger::SignedChange> signatures;
  for (const std::string& file : files) {
    QUORATE_ASSIGN(const std::string text, read_file(file, kFileBytesMax));
    QUORATE_ASSIGN(auto read, ledger::parse_signed_change(text));
    signatures.push_back(std::move(read));
  }
  QUORATE_ASSIGN(auto gathered, ledger::gather(signatures, set));
  if (gathered.is_complete()) return std::move(gathered.operation);
  return fail(ErrorKind::kInvalid, "change-signatures-missing",
              fmt::format("{} more replicas have to sign the change{}", gathered.missing,
                          gathered.lacks_consent ? ", and the new vote key" : ""),
              "Let them sign with `quorate validator sign`, and give all signature files.");
}

// What is given up, in words, for those who are about to sign.
void say_plan(Console& console, const ledger::RecoveryPlan& plan) {
  console.line(fmt::format("plan     {}", ledger::digest_of_plan(plan).hex()));
  console.line(fmt::format("keeps    every block up to height {}, log root {}", plan.base.size,
                           plan.base.root.hex()));
  console.line(fmt::format("gives up what was committed above height {}, if only lost ledgers had "
                           "it; it may have been acknowledged",
                           plan.base.size));
  console.line(fmt::format("ends     epoch {} at height {}; all vote anew from there",
                           plan.epoch.value, plan.note.sequence.value));
}

json::object plan_json(const ledger::RecoveryPlan& plan, const std::string& file) {
  return {{"file", file},
          {"plan", ledger::digest_of_plan(plan).hex()},
          {"chain_id", plan.chain_id.hex()},
          {"epoch", plan.epoch.value},
          {"height", plan.base.size},
          {"log_root", plan.base.root.hex()},
          {"boundary", plan.note.sequence.value}};
}

Result<ExitCode> propose(const Options& options, Console& console) {
  if (options.out.empty()) return fail(ErrorKind::kUsage, "usage", "Expected --out FILE");
  std::vector<Look> looks;
  for (const std::string& home : options.homes) looks.push_back(look_at(home));
  const Look* best = fullest(looks);
  if (best == nullptr) {
    return fail(ErrorKind::kNotFound, "ledger-missing", "none of these homes has a ledger",
                "`quorate recover look HOME...` says what each has.");
  }
  QUORATE_ASSIGN(const ledger::Genesis genesis, read_genesis(Home{best->home}));
  const ledger::Digest chain_id = ledger::chain_id_of(genesis);
  QUORATE_ASSIGN(const Scratch scratch, copy_of(best->home, chain_id));
  QUORATE_ASSIGN(const auto membership, ledger::Membership::read(*scratch.store, genesis));
  Draft draft;
  draft.chain_id = chain_id;
  draft.valid_for_ms = kValidForMs;
  QUORATE_ASSIGN(auto operation, read_change(options.changes, membership.current()));
  draft.operations = {std::move(operation)};
  QUORATE_ASSIGN(const auto key, find_sender_key(options.key_file, options.passphrase_file));
  const ledger::TimeMs time = std::max(wall_time(), scratch.store->time());
  QUORATE_ASSIGN(const auto nonces, ledger::read_nonces(*scratch.store, key.public_key()));
  const SignedDraft signed_draft = sign_draft(draft, key, nonces.highest + 1, time);
  crypto::SignatureCache cache(1);
  const ledger::TransactionVerifier verifier(genesis, chain_id, &cache);
  QUORATE_ASSIGN(const auto change, verifier.check(signed_draft.transaction));
  QUORATE_ASSIGN(const auto plan,
                 ledger::plan_recovery(*scratch.store, genesis, change, time));
  QUORATE_TRY(create_file(options.out, ledger::plan_to_json(plan)));
  say_plan(console, plan);
  console.line(fmt::format("written  {}", options.out));
  console.remark(fmt::format("{} of {} replicas have to sign it: quorate recover sign {} --home "
                             "HOME --out SIGNATURE",
                             ledger::quorum(membership.current().size()),
                             membership.current().size(), options.out));
  console.json(plan_json(plan, options.out));
  return ExitCode::kSuccess;
}

// -- sign ---------------------------------------------------------------------------------------

Result<ledger::RecoveryPlan> read_plan(const std::string& file) {
  QUORATE_ASSIGN(const std::string text, read_file(file, kFileBytesMax));
  return ledger::parse_plan(text);
}

// What this home signed before; a plan of the same epoch that is another one is refused.
Status check_signed_before(const fs::path& record, const ledger::RecoveryPlan& plan) {
  const auto text = read_file(record, kFileBytesMax);
  if (!text && text.error().code == "file-not-found") return {};
  if (!text) return tl::unexpected(text.error());
  QUORATE_ASSIGN(const ledger::RecoveryPlan before, ledger::parse_plan(*text));
  const bool is_same = ledger::digest_of_plan(before) == ledger::digest_of_plan(plan);
  if (is_same || before.epoch != plan.epoch) return {};
  return fail(ErrorKind::kConflict, "recovery-signed-another",
              fmt::format("this home signed the plan {} for epoch {}; to sign {} too would be to "
                          "vote twice",
                          ledger::digest_of_plan(before).hex(), plan.epoch.value,
                          ledger::digest_of_plan(plan).hex()),
              fmt::format("Finish the plan in {}.", record.string()));
}

// A replica whose operator signed votes no more in this epoch. Its guard says from here on that it
// may have voted up to the boundary, and without its votes it is held to that: also where a stable
// checkpoint covers all that it signed before, which would let it vote again at once. One without a
// guard signs nothing as it is.
Result<std::optional<std::string>> end_votes(const Home& home, const ledger::RecoveryPlan& plan) {
  std::error_code error;
  if (!fs::exists(home.guard(), error)) return std::nullopt;
  QUORATE_ASSIGN(const auto guard, ledger::Guard::open(home.guard(), plan.chain_id));
  QUORATE_TRY(guard->raise(plan.epoch, ledger::kRecoveryView, plan.note.sequence));
  if (!fs::exists(home.votes(), error)) return std::nullopt;
  const fs::path aside =
      home.root / fmt::format("votes.before-recovery-of-epoch-{}", plan.epoch.value);
  fs::rename(home.votes(), aside, error);
  if (!error && ledger::sync_directory(home.root) == 0) return aside.string();
  return fail(ErrorKind::kEnvironment, "votes-not-set-aside",
              fmt::format("{} could not be renamed to {}: {}", home.votes().string(),
                          aside.string(), error.message()),
              "See that the disk is sound and that nothing of that name is there.");
}

// Agreed time never goes back, so nobody lets a plan carry it away (DESIGN §4, Agreed time).
Status check_time(const ledger::RecoveryPlan& plan, const ledger::Genesis& genesis) {
  const std::uint64_t now_ms = wall_time().value;
  const std::uint64_t slack_ms = genesis.parameters.time_slack_ms;
  if (plan.time.value <= now_ms + slack_ms) return {};
  return fail(ErrorKind::kConflict, "recovery-time-ahead",
              fmt::format("the plan's agreed time is {}, {} ms after this clock; expected were at "
                          "most {} ms",
                          time_to_text(plan.time), plan.time.value - now_ms, slack_ms),
              "Set the clock of whoever is wrong. If it is the plan's, make the plan anew.");
}

// A copy is to hold what this replica has itself, as far as that goes.
Status check_extends(const ledger::Store& own, const ledger::Store& copy) {
  const ledger::TreeHead head = own.tree_head();
  if (head.size == 0) return {};
  QUORATE_ASSIGN(const ledger::Digest root, copy.log().root(head.size));
  if (root == head.root) return {};
  return fail(ErrorKind::kConflict, "recovery-other-block",
              fmt::format("at height {} this replica's ledger has the log root {}, and the copy {}",
                          head.size, head.root.hex(), root.hex()),
              "Two ledgers differ: `quorate ledger diff` shows where, `quorate ledger blame` who "
              "signed both.");
}

Result<ledger::TransactionPtr> check_change(const ledger::RecoveryPlan& plan,
                                            const ledger::Genesis& genesis) {
  crypto::SignatureCache cache(1);
  const ledger::TransactionVerifier verifier(genesis, ledger::chain_id_of(genesis), &cache);
  return verifier.check(plan.change);
}

bool is_of(const ledger::ReplicaSet& set, const ledger::PublicKey& key) {
  for (const ledger::ReplicaInfo& replica : set.replicas) {
    if (replica.vote_key == key) return true;
  }
  return false;
}

Result<ExitCode> sign(const Options& options, Console& console) {
  if (options.home.empty()) return fail(ErrorKind::kUsage, "usage", "Expected --home HOME");
  if (options.out.empty()) return fail(ErrorKind::kUsage, "usage", "Expected --out FILE");
  const Home home{options.home};
  const fs::path record = home.root / "recovery.json";
  QUORATE_ASSIGN(const ledger::RecoveryPlan plan, read_plan(options.file));
  QUORATE_ASSIGN(const ledger::Genesis genesis, read_genesis(home));
  QUORATE_ASSIGN(const ledger::TransactionPtr change, check_change(plan, genesis));
  QUORATE_TRY(check_time(plan, genesis));
  // What this replica has itself binds it, and counts more than another's copy: the log root does
  // not say what the state is.
  bool is_own = false;
  const auto own = ledger::open_stopped_store(home.root, ledger::chain_id_of(genesis));
  if (own) {
    const Status base = ledger::check_base(*own->store, plan);
    is_own = base.has_value();
    const bool is_behind = !base && base.error().code == "recovery-ledger-behind";
    if (!base && !(is_behind && options.ledger)) return tl::unexpected(base.error());
  } else if (own.error().code != "ledger-missing") {
    return tl::unexpected(own.error());
  }
  QUORATE_TRY(check_signed_before(record, plan));
  {
    const std::string& from = is_own ? options.home : options.ledger.value_or(options.home);
    QUORATE_ASSIGN(const Scratch scratch, copy_of(from, ledger::chain_id_of(genesis)));
    if (own && !is_own) QUORATE_TRY(check_extends(*own->store, *scratch.store));
    QUORATE_ASSIGN(const auto membership, ledger::Membership::read(*scratch.store, genesis));
    const ledger::ReplicaSet set = membership.current();
    QUORATE_TRY(ledger::check_plan(*scratch.store, genesis, plan, change));
    QUORATE_ASSIGN(auto secret, open_key_file(options.key_file.value_or(home.vote_key().string()),
                                              kVoteKeyPurpose,
                                              {.file = options.passphrase_file}));
    const crypto::KeySigner signer(std::move(secret));
    if (!is_of(set, signer.public_key())) {
      return fail(ErrorKind::kInvalid, "recovery-signer-unknown",
                  fmt::format("{} is the vote key of none of the {} replicas of epoch {}",
                              signer.public_key().hex(), set.size(), set.epoch.value),
                  "Sign with the vote key of a replica.");
    }
    say_plan(console, plan);
    // Durable before the signature exists.
    QUORATE_TRY(replace_file(record, ledger::plan_to_json(plan)));
    QUORATE_ASSIGN(const auto aside, end_votes(home, plan));
    if (aside) console.line(fmt::format("aside    the votes of epoch {}: {}", plan.epoch.value,
                                        *aside));
    const auto signature = ledger::sign_recovery(plan, set, signer);
    QUORATE_TRY(create_file(options.out, ledger::recovery_signature_to_json(signature)));
    console.line(fmt::format("signed   by {}", signature.key.hex()));
    console.line(fmt::format("written  {}", options.out));
    json::object shown = plan_json(plan, options.out);
    shown["signer"] = signature.key.hex();
    console.json(shown);
  }
  console.remark("Send that file to whoever installs the plan; this replica votes again once the "
                 "network is recovered.");
  return ExitCode::kSuccess;
}

// -- install ------------------------------------------------------------------------------------

// An install that was broken off left the ledger as it was, or between its two renames.
struct Places {
  fs::path ledger, before, made;
};
Result<Places> places_of(const Home& home, ledger::Epoch epoch) {
  const Places at{home.ledger(),
                  home.root / fmt::format("ledger.before-recovery-of-epoch-{}", epoch.value),
                  home.root / "ledger.recovering"};
  std::error_code error;
  const bool is_between = !fs::exists(at.ledger, error) && fs::exists(at.before, error);
  if (is_between) fs::rename(at.before, at.ledger, error);
  if (!error) fs::remove_all(at.made, error);
  if (!error) return at;
  return fail(ErrorKind::kEnvironment, "recovery-folder-unwritable",
              fmt::format("{}: {}", home.root.string(), error.message()),
              "See that the disk is sound and that the folder may be written.");
}

// The recovered ledger takes the place of the one before, which is kept.
Status put_in_place(const Places& at, const Home& home) {
  std::error_code error;
  fs::rename(at.ledger, at.before, error);
  if (!error) fs::rename(at.made, at.ledger, error);
  if (!error && ledger::sync_directory(home.root) == 0) return {};
  return fail(ErrorKind::kEnvironment, "recovery-folder-unwritable",
              fmt::format("{} could not be put in the place of {}: {}", at.made.string(),
                          at.ledger.string(), error.message()),
              "Mend what is in the way and type the same again.");
}

Result<bool> is_installed(const Home& home, const ledger::RecoveryPlan& plan) {
  QUORATE_ASSIGN(const auto own, ledger::open_stopped_store(home.root, plan.chain_id));
  if (own.store->height() < plan.note.sequence) return false;
  QUORATE_ASSIGN(const auto note, own.store->own_checkpoint(plan.note.sequence));
  return note == plan.note;
}

Result<ExitCode> install(const Options& options, Console& console) {
  if (options.home.empty()) return fail(ErrorKind::kUsage, "usage", "Expected --home HOME");
  const Home home{options.home};
  QUORATE_ASSIGN(const ledger::RecoveryPlan plan, read_plan(options.file));
  QUORATE_ASSIGN(const ledger::Genesis genesis, read_genesis(home));
  QUORATE_ASSIGN(const ledger::TransactionPtr change, check_change(plan, genesis));
  const ledger::Digest chain_id = ledger::chain_id_of(genesis);
  std::vector<ledger::RecoverySignature> signatures;
  for (const std::string& file : options.signatures) {
    QUORATE_ASSIGN(const std::string text, read_file(file, kFileBytesMax));
    QUORATE_ASSIGN(auto read, ledger::parse_recovery_signature(text));
    signatures.push_back(std::move(read));
  }
  QUORATE_ASSIGN(const Places at, places_of(home, plan.epoch));
  QUORATE_ASSIGN(const bool was_installed, is_installed(home, plan));
  if (was_installed) {
    console.line(fmt::format("{} has the plan's blocks already", home.root.string()));
    console.json(plan_json(plan, home.root.string()));
    return ExitCode::kSuccess;
  }
  QUORATE_ASSIGN(const Scratch scratch, copy_of(home.root, chain_id));
  QUORATE_ASSIGN(const auto membership, ledger::Membership::read(*scratch.store, genesis));
  const ledger::ReplicaSet set = membership.current();
  QUORATE_TRY(ledger::check_plan(*scratch.store, genesis, plan, change));
  QUORATE_ASSIGN(const ledger::RecoveryProof proof, ledger::gather(plan, signatures, set));
  if (proof.missing > 0) {
    std::vector<std::string> names;
    for (const ledger::ReplicaId id : proof.unsigned_replicas) {
      names.push_back(set.replicas[id.value].name);
    }
    return fail(ErrorKind::kInvalid, "recovery-signatures-missing",
                fmt::format("{} more of these have to sign: {}", proof.missing,
                            fmt::join(names, ", ")),
                "Let them sign with `quorate recover sign`, and give all signature files.");
  }
  {
    QUORATE_ASSIGN(const auto store, copy_to(at.made, home.root, chain_id));
    QUORATE_TRY(ledger::install_recovery(*store, genesis, plan, change, proof));
  }
  QUORATE_TRY(put_in_place(at, home));
  say_plan(console, plan);
  console.line(fmt::format("installed in {}; start the nodes, this one among the first",
                           home.root.string()));
  console.json(plan_json(plan, home.root.string()));
  return ExitCode::kSuccess;
}

Parameter home_parameter(Options& options) {
  return {.name = "--home", .value = "HOME", .help = "Of this replica, stopped",
          .target = &options.home};
}
Parameter out_parameter(Options& options, std::string help) {
  return {.name = "--out", .value = "FILE", .help = std::move(help), .target = &options.out};
}
Parameter passphrase_parameter(Options& options) {
  return {.name = "--passphrase-file",
          .value = "FILE",
          .help = "Its first line opens the key; else QUORATE_PASSPHRASE, else a prompt",
          .target = &options.passphrase_file};
}

}  // namespace

void add_recover_commands(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add_group("recover", "When more replicas lost their votes than may fail: begin anew");
  line.add({.path = "recover look",
            .sentence = "Say what stopped homes still have: ledger, votes, guard",
            .details = "Reads and changes nothing. The plan is made from the fullest ledger, so "
                       "look at all homes\nthat are left, also at backups.",
            .example = "  quorate recover look replica-0 replica-1 replica-2 replica-3",
            .parameters = {{.name = "HOME", .help = "Of a replica, or a copy",
                            .target = &options->homes}},
            .run = [options](Console& console) { return look(*options, console); }});
  line.add({.path = "recover propose",
            .sentence = "Make the plan from the fullest of these homes, for a quorum to sign",
            .details =
                "It keeps every block of that ledger, executes a membership change, and ends the "
                "epoch; in the\nnext one all vote anew. The change is signed before: `quorate "
                "validator rekey` for one of those\nthat lost their votes, which asks a node that "
                "still runs, and `quorate validator sign`. A replica\nwithout its guard votes "
                "again only with a new vote key.",
            .example = "  quorate recover propose replica-0 replica-1 --change rekey.0.json \\\n"
                       "    --change rekey.1.json --change rekey.2.json --change rekey.new.json "
                       "--out recovery.json",
            .parameters = {{.name = "HOME", .help = "Of a stopped replica",
                            .target = &options->homes},
                           {.name = "--change", .value = "SIGNATURE",
                            .help = "What `validator sign` wrote; to be repeated",
                            .target = &options->changes},
                           {.name = "--key", .value = "FILE",
                            .help = "The key that sends the change; else the funded key of the "
                                    "testnet here",
                            .target = &options->key_file},
                           passphrase_parameter(*options),
                           out_parameter(*options, "Where the plan is written")},
            .run = [options](Console& console) { return propose(*options, console); }});
  line.add({.path = "recover sign",
            .sentence = "Sign a plan with this replica's vote key, after executing it here",
            .details =
                "Refuses a plan that would give up blocks of this ledger, one whose time is ahead "
                "of this clock,\nand a second plan for one epoch. From then on this replica signs "
                "nothing more in that epoch: its\nvotes are set aside, and its guard holds it to "
                "that.",
            .example = "  quorate recover sign recovery.json --home replica-0 --out signed.0.json",
            .parameters = {{.name = "PLAN", .help = "What `recover propose` wrote",
                            .target = &options->file},
                           home_parameter(*options),
                           {.name = "--ledger", .value = "DIR",
                            .help = "A copy of the ledger that the plan was made from, verified, "
                                    "where this replica's own is gone or behind",
                            .target = &options->ledger},
                           {.name = "--key", .value = "FILE",
                            .help = "The vote key; else the one in HOME",
                            .target = &options->key_file},
                           passphrase_parameter(*options),
                           out_parameter(*options, "Where the signature is written")},
            .run = [options](Console& console) { return sign(*options, console); }});
  line.add({.path = "recover install",
            .sentence = "Append what a quorum signed to the ledger of this home",
            .details = "Once, in a home whose ledger ends where the plan begins; then start all "
                       "nodes: the others catch\nup from it. Whoever neither signed nor "
                       "installed must not be started without the others.",
            .example = "  quorate recover install recovery.json signed.*.json --home replica-0",
            .parameters = {{.name = "PLAN", .help = "What `recover propose` wrote",
                            .target = &options->file},
                           {.name = "SIGNATURE", .help = "What `recover sign` wrote",
                            .target = &options->signatures},
                           home_parameter(*options)},
            .run = [options](Console& console) { return install(*options, console); }});
}

}  // namespace quorate::node
