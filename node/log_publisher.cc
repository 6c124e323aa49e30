#include "node/log_publisher.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "crypto/key_file.h"
#include "ledger/durable_file.h"
#include "ledger/log_view.h"
#include "ledger/published_checkpoint.h"
#include "node/files.h"
#include "node/init.h"

namespace quorate::node {
namespace {

namespace key_file = crypto::key_file;

constexpr std::string_view kBeginAnew =
    "To begin with a new log key, stop the node, remove log.key and log.signed, and tell the new "
    "key to those who know the old one. The cosignatures of the quorum are published meanwhile.";

// What a log key has signed before its first note.
constexpr std::string_view kNothingSigned = "nothing signed yet\n";

[[nodiscard]] Result<bool> is_there(const std::filesystem::path& file) {
  std::error_code trouble;
  const bool found = std::filesystem::exists(file, trouble);
  if (!trouble) return found;
  return fail(ErrorKind::kEnvironment, "file-unreadable",
              fmt::format("Cannot tell whether {} is there: {}", file.string(), trouble.message()),
              "Look after the disk and the rights of its folder.");
}

// A rename is on the disk once its folder is.
[[nodiscard]] Status replace_durably(const std::filesystem::path& file, std::string_view text) {
  QUORATE_TRY(replace_file(file, text));
  const int trouble = ledger::sync_directory(file.parent_path());
  if (trouble == 0) return {};
  return fail(ErrorKind::kEnvironment, "file-write-failed",
              fmt::format("Cannot sync the folder of {}: {}", file.string(),
                          ledger::errno_text(trouble)),
              "Look after the disk.");
}

}  // namespace

LogPublisher::LogPublisher(const Home& home, const ledger::Digest& chain_id,
                           ledger::ReplicaSet replicas,
                           const std::optional<std::string>& passphrase)
    : chain_id_(chain_id), replicas_(std::move(replicas)), signed_file_(home.log_signed()) {
  if (const Status loaded = load(home, passphrase); !loaded) refusal_ = loaded.error();
}

Status LogPublisher::load(const Home& home, const std::optional<std::string>& passphrase) {
  const std::string file = home.log_key().string();
  const std::optional<std::string_view> secret = passphrase;
  QUORATE_ASSIGN(const bool has_key, is_there(home.log_key()));
  QUORATE_ASSIGN(const bool has_memory, is_there(signed_file_));
  if (!has_key) {
    // An interrupted first start leaves a memory of nothing; any other is of a key that may return.
    if (has_memory) {
      QUORATE_ASSIGN(const std::string kept, read_file(signed_file_, ledger::kNoteBytesMax));
      if (kept != kNothingSigned) {
        return fail(ErrorKind::kConflict, "log-memory-without-key",
                    fmt::format("{} is gone, and {} keeps what it signed", file,
                                signed_file_.string()),
                    "Put the key back. " + std::string(kBeginAnew));
      }
    }
    QUORATE_TRY(replace_durably(signed_file_, kNothingSigned));
    QUORATE_TRY(
        key_file::create(file, kLogKeyPurpose, crypto::SecretKey::generate(), secret));
  } else if (!has_memory) {
    return fail(ErrorKind::kConflict, "log-key-without-memory",
                fmt::format("{} is gone, so what {} has signed is not known",
                            signed_file_.string(), file),
                std::string(kBeginAnew));
  }
  QUORATE_ASSIGN(crypto::SecretKey key, key_file::read_secret(file, kLogKeyPurpose, secret));
  QUORATE_ASSIGN(const std::string text, read_file(signed_file_, ledger::kNoteBytesMax));
  if (text != kNothingSigned) {
    const auto note = ledger::parse_note(text);
    const ledger::NoteKey own{ledger::checkpoint_origin(chain_id_), ledger::NoteKeyType::kEd25519,
                              key.public_key()};
    auto body = note ? ledger::parse_checkpoint_body(note->text)
                     : Result<ledger::CheckpointNote>(tl::unexpected(note.error()));
    if (!body || !ledger::verify_line(note->lines.front(), own, note->text)) {
      return fail(ErrorKind::kCorrupt, "log-signed-malformed",
                  fmt::format("{} is no note that the key of {} signed", signed_file_.string(),
                              file),
                  std::string(kBeginAnew));
    }
    last_signed_ = std::move(*body);
    last_line_ = note->lines.front();
  }
  signer_ = std::make_unique<crypto::KeySigner>(std::move(key));
  return {};
}

Status LogPublisher::check_extends(const ledger::CheckpointNote& note,
                                   const ledger::Store& store) const {
  if (!last_signed_ || *last_signed_ == note) return {};
  const ledger::TreeHead& before = last_signed_->head;
  if (note.head.size < before.size) {
    return fail(ErrorKind::kConflict, "log-other-history",
                fmt::format("the log key signed a log of {} records, and the newest stable "
                            "checkpoint here has {}",
                            before.size, note.head.size),
                "A node that catches up signs again once it is there. " + std::string(kBeginAnew));
  }
  const auto root = store.log().root(before.size);
  if (!root && root.error().code == "block-not-kept") {
    return fail(ErrorKind::kUnavailable, "log-history-unknown",
                fmt::format("the log key signed a log of {} records, and this ledger begins "
                            "after {}, so whether it is the same log cannot be told",
                            before.size, store.base().value),
                std::string(kBeginAnew));
  }
  if (!root) return tl::unexpected(root.error());
  if (*root == before.root && note.head.size > before.size) return {};
  return fail(ErrorKind::kConflict, "log-other-history",
              fmt::format("the log key signed a log of {} records with root {} and state root {}; "
                          "here the log of that size has root {}, and the newest stable "
                          "checkpoint has {} records and state root {}",
                          before.size, before.root.hex(), last_signed_->state_root.hex(),
                          root->hex(), note.head.size, note.state_root.hex()),
              "Keep both ledgers: more than f replicas may have lied, and `quorate ledger blame` "
              "names them. " + std::string(kBeginAnew));
}

Status LogPublisher::promise(const ledger::CheckpointNote& note, const ledger::Store& store) {
  QUORATE_TRY(check_extends(note, store));
  if (last_signed_ == note) return {};
  const std::string body = ledger::checkpoint_body(note);
  ledger::NoteLine line = ledger::sign_note(body, ledger::checkpoint_origin(chain_id_), *signer_);
  const ledger::SignedNote memory{body, {line}};
  QUORATE_TRY(replace_durably(signed_file_, memory.to_text()));
  last_signed_ = note;
  last_line_ = std::move(line);
  return {};
}

Status LogPublisher::refresh(const ledger::Store& store) {
  const auto view = store.stable_view();
  if (!view) return {};
  const ledger::StableCheckpoint& stable = view->checkpoint();
  {
    const std::lock_guard lock(mutex_);
    const bool retries = signer_ && refusal_ && refusal_->kind == ErrorKind::kEnvironment;
    if (published_ == stable.note && !retries) return {};
  }
  QUORATE_ASSIGN(const auto epochs, view->epoch_proofs());
  QUORATE_ASSIGN(ledger::SignedNote note,
                 ledger::publish_stored(stable, chain_id_, replicas_, epochs));
  std::optional<Error> refusal;
  if (signer_) {
    if (const Status promised = promise(stable.note, store); !promised) {
      if (promised.error().kind == ErrorKind::kCorrupt) return promised;
      refusal = promised.error();
    } else {
      note.lines.insert(note.lines.begin(), last_line_);
    }
  }
  const std::lock_guard lock(mutex_);
  published_ = stable.note;
  text_ = note.to_text();
  if (signer_) refusal_ = std::move(refusal);
  return {};
}

std::optional<std::string> LogPublisher::note() const {
  const std::lock_guard lock(mutex_);
  return published_ ? std::optional(text_) : std::nullopt;
}

std::string LogPublisher::key_text() const {
  if (!signer_) return {};
  return ledger::NoteKey{ledger::checkpoint_origin(chain_id_), ledger::NoteKeyType::kEd25519,
                         signer_->public_key()}
      .text();
}

std::optional<Error> LogPublisher::refusal() const {
  const std::lock_guard lock(mutex_);
  return refusal_;
}

}  // namespace quorate::node
