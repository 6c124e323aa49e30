#include "testnet/control.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "node/rpc_error.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr std::size_t kAnswerBytesMax = 1 << 20;

std::string reason(int number) { return std::generic_category().message(number); }

// A socket's path may have 107 bytes; a folder's may have more. So the socket is named through a
// descriptor of its folder, which lives as long as this.
struct SocketName {
  node::Descriptor folder;
  sockaddr_un address{};
};

Result<SocketName> name_socket(const fs::path& socket) {
  SocketName name;
  name.folder.reset(::open(socket.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!name.folder.is_open()) {
    return fail(ErrorKind::kNotFound, "supervisor-not-running",
                fmt::format("There is no folder {}", socket.parent_path().string()));
  }
  const std::string path =
      fmt::format("/proc/self/fd/{}/{}", name.folder.get(), socket.filename().string());
  name.address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), name.address.sun_path);
  return name;
}

const sockaddr* as_sockaddr(const SocketName& name) {
  return reinterpret_cast<const sockaddr*>(&name.address);
}

tl::unexpected<Error> socket_failed(const fs::path& socket, std::string_view what, int trouble) {
  return fail(ErrorKind::kEnvironment, "control-socket-failed",
              fmt::format("Cannot {} {}: {}", what, socket.string(), reason(trouble)),
              "The folder must be on a file system that has sockets, and writable.");
}

}  // namespace

Result<ControlServer> ControlServer::create(const fs::path& socket, Handler handler) {
  QUORATE_ASSIGN(const SocketName name, name_socket(socket));
  std::error_code ignored;
  fs::remove(socket, ignored);
  node::Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.is_open()) return socket_failed(socket, "make", errno);
  // The mode is given by the mask, so that there is no moment in which others could connect.
  const mode_t mask = ::umask(0177);
  const int bound = ::bind(listener.get(), as_sockaddr(name), sizeof name.address);
  const int trouble = errno;
  ::umask(mask);
  if (bound != 0) return socket_failed(socket, "bind", trouble);
  if (::listen(listener.get(), 16) != 0) return socket_failed(socket, "listen at", errno);
  return ControlServer(socket, std::move(listener), std::move(handler));
}

ControlServer::~ControlServer() {
  std::error_code ignored;
  if (listener_.is_open()) fs::remove(socket_, ignored);
}

void ControlServer::watch(std::vector<pollfd>& entries) const {
  // With all places taken, newcomers wait in the kernel's queue.
  const short wanted = clients_.size() < kControlClientsMax ? POLLIN : 0;
  entries.push_back({listener_.get(), wanted, 0});
  for (const Client& client : clients_) entries.push_back({client.descriptor.get(), POLLIN, 0});
}

void ControlServer::serve(const std::vector<pollfd>& entries) {
  const auto events_of = [&](int fd) {
    const auto entry = std::find_if(entries.begin(), entries.end(),
                                    [&](const pollfd& each) { return each.fd == fd; });
    return entry == entries.end() ? 0 : entry->revents;
  };
  const auto silence_begins = Clock::now() - kControlSilenceMax;
  std::erase_if(clients_, [&](Client& client) {
    if (events_of(client.descriptor.get()) == 0) return client.last_heard < silence_begins;
    return !serve_client(client);
  });
  if (events_of(listener_.get()) != 0) accept_client();
}

void ControlServer::accept_client() {
  node::Descriptor client(
      ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (client.is_open()) clients_.push_back({std::move(client), "", Clock::now()});
}

// False: the client is done with, or must go.
bool ControlServer::serve_client(Client& client) {
  char chunk[1024];
  const ssize_t got = ::recv(client.descriptor.get(), chunk, sizeof chunk, 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  client.last_heard = Clock::now();
  client.received.append(chunk, static_cast<std::size_t>(got));
  std::size_t end = 0;
  while ((end = client.received.find('\n')) != std::string::npos) {
    const std::string reply = answer(std::string_view(client.received).substr(0, end));
    client.received.erase(0, end + 1);
    const ssize_t sent =
        ::send(client.descriptor.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
    // An answer fits into the socket's buffer unless the client does not read what it asked for.
    if (sent != static_cast<ssize_t>(reply.size())) return false;
  }
  return client.received.size() <= kControlLineMax;
}

std::string ControlServer::answer(std::string_view line) const {
  json::error_code trouble;
  json::parse_options options;
  options.max_depth = 8;
  const json::value question = json::parse(line, trouble, {}, options);
  Result<json::value> outcome = fail(ErrorKind::kInvalid, "control-question-malformed",
                                     "Found a line that is no JSON object");
  if (!trouble && question.is_object()) outcome = handler_(question.get_object());
  const json::object reply = outcome
                                 ? json::object{{"result", *outcome}}
                                 : json::object{{"error", node::error_to_json(outcome.error())}};
  return json::serialize(reply) + '\n';
}

Result<json::value> ask_supervisor(const fs::path& socket, const json::object& question,
                                   std::chrono::milliseconds patience) {
  const auto not_running = [&] {
    return fail(ErrorKind::kNotFound, "supervisor-not-running",
                fmt::format("The testnet in {} is not running", socket.parent_path().string()),
                "Start it with `quorate testnet up`.");
  };
  const auto silent = [&](std::string_view what) {
    return fail(ErrorKind::kTimeout, "supervisor-silent",
                fmt::format("The supervisor in {} {}", socket.parent_path().string(), what),
                "Look at supervisor.log there.");
  };
  const auto name = name_socket(socket);
  if (!name) return not_running();
  const node::Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!client.is_open()) return socket_failed(socket, "open", errno);
  if (::connect(client.get(), as_sockaddr(*name), sizeof name->address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return not_running();
    return socket_failed(socket, "connect to", errno);
  }
  const std::string line = json::serialize(question) + '\n';
  if (::send(client.get(), line.data(), line.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(line.size())) {
    return silent("does not read");
  }
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string reply;
  while (!reply.ends_with('\n')) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd entry{client.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) == 0) {
      return silent(fmt::format("did not answer within {} ms", patience.count()));
    }
    char chunk[4096];
    const ssize_t got = ::recv(client.get(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0 || reply.size() > kAnswerBytesMax) return silent("ended the conversation");
    reply.append(chunk, static_cast<std::size_t>(got));
  }
  json::error_code trouble;
  const json::value parsed = json::parse(reply, trouble);
  if (trouble || !parsed.is_object()) return silent("gave no answer that can be read");
  if (const json::value* error = parsed.get_object().if_contains("error")) {
    if (auto refusal = node::error_from_json(*error)) return tl::unexpected(*refusal);
  }
  const json::value* result = parsed.get_object().if_contains("result");
  if (result == nullptr) return silent("gave no answer that can be read");
  return *result;
}

}  // namespace quorate::testnet
