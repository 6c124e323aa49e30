#include "node/passphrase.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "crypto/key_file.h"
#include "node/descriptor.h"
#include "node/files.h"

namespace quorate::node {
namespace {

constexpr std::size_t kPassphraseBytesMax = 4096;

// A signal that came while the echo was off; 0: none.
volatile std::sig_atomic_t interrupted_by = 0;

void note_signal(int signal) { interrupted_by = signal; }

// The terminal of this process with its echo off, whatever standard input is. Restored at the end,
// also when Ctrl-C ends the question; the signal does its work after that.
class SilentTerminal {
 public:
  SilentTerminal() : fd_(::open("/dev/tty", O_RDWR | O_CLOEXEC)) {
    if (!fd_.is_open() || ::tcgetattr(fd_.get(), &before_) != 0) return;
    interrupted_by = 0;
    struct sigaction noting {};
    noting.sa_handler = note_signal;  // without SA_RESTART, so that reading ends
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaction(kSignals[i], &noting, &handlers_before_[i]);
    }
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    is_silent_ = ::tcsetattr(fd_.get(), TCSAFLUSH, &silent) == 0;
    if (!is_silent_) restore_handlers();
  }
  ~SilentTerminal() {
    if (!is_silent_) return;
    ::tcsetattr(fd_.get(), TCSAFLUSH, &before_);
    restore_handlers();
    if (interrupted_by != 0) ::raise(interrupted_by);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

  [[nodiscard]] bool is_usable() const { return is_silent_; }

  [[nodiscard]] std::string ask(std::string_view prompt) const {
    write_all(prompt);
    std::string line;
    char c = 0;
    while (line.size() < kPassphraseBytesMax && interrupted_by == 0) {
      const ssize_t got = ::read(fd_.get(), &c, 1);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0 || c == '\n') break;
      line += c;
    }
    write_all("\n");
    return line;
  }

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};

  void restore_handlers() const {
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaction(kSignals[i], &handlers_before_[i], nullptr);
    }
  }
  void write_all(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = ::write(fd_.get(), text.data(), text.size());
      if (written <= 0) return;  // nobody reads; the question is answered by what comes, or not
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  Descriptor fd_;
  termios before_{};
  std::array<struct sigaction, kSignals.size()> handlers_before_{};
  bool is_silent_ = false;
};

// From the file or the variable; nullopt if neither is given.
Result<std::optional<std::string>> given_passphrase(const PassphraseSource& source) {
  std::optional<std::string> passphrase;
  if (!source.file.empty()) {
    QUORATE_ASSIGN(std::string text, read_file(source.file, kPassphraseBytesMax));
    passphrase = text.substr(0, text.find('\n'));
  } else if (const char* variable = std::getenv("QUORATE_PASSPHRASE")) {
    passphrase = variable;
  }
  if (passphrase && passphrase->empty()) {
    return fail(ErrorKind::kUsage, "passphrase-empty",
                fmt::format("The passphrase in {} is empty",
                            source.file.empty() ? "QUORATE_PASSPHRASE" : source.file),
                "Put it on the first line, or ask for none with --insecure-no-passphrase.");
  }
  return passphrase;
}

tl::unexpected<Error> missing(std::string_view what) {
  return fail(ErrorKind::kDenied, "passphrase-missing",
              fmt::format("No passphrase was given for {}, and there is no terminal to ask at",
                          what),
              "Give --passphrase-file FILE or set QUORATE_PASSPHRASE.");
}

}  // namespace

Result<std::optional<std::string>> new_passphrase(const PassphraseSource& source,
                                                  std::string_view what) {
  if (source.is_insecure_no_passphrase) return std::nullopt;
  QUORATE_ASSIGN(auto given, given_passphrase(source));
  if (given) return given;
  const SilentTerminal terminal;
  if (!terminal.is_usable()) return missing(what);
  const std::string first = terminal.ask(fmt::format("Passphrase for {}: ", what));
  if (first.empty()) {
    return fail(ErrorKind::kUsage, "passphrase-empty", "The passphrase is empty",
                "Type one, or ask for none with --insecure-no-passphrase.");
  }
  if (terminal.ask("The same again: ") != first) {
    return fail(ErrorKind::kDenied, "passphrase-mismatch", "The two passphrases differ",
                "Nothing was written; type the command again.");
  }
  return first;
}

Result<std::string> known_passphrase(const PassphraseSource& source, std::string_view what) {
  QUORATE_ASSIGN(auto given, given_passphrase(source));
  if (given) return *given;
  const SilentTerminal terminal;
  if (!terminal.is_usable()) return missing(what);
  return terminal.ask(fmt::format("Passphrase for {}: ", what));
}

Result<crypto::SecretKey> open_key_file(const std::string& path, std::string_view purpose,
                                        const PassphraseSource& source) {
  QUORATE_ASSIGN(const auto header, crypto::key_file::read_public(path));
  if (!header.encrypted) return crypto::key_file::read_secret(path, purpose, std::nullopt);
  QUORATE_ASSIGN(const std::string passphrase, known_passphrase(source, path));
  return crypto::key_file::read_secret(path, purpose, passphrase);
}

}  // namespace quorate::node
