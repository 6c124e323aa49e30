#include "testnet/ports.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "crypto/check.h"
#include "node/descriptor.h"
#include "node/port_holder.h"

namespace quorate::testnet {
namespace {

constexpr std::uint32_t kPortMax = 65535;
constexpr std::uint32_t kPortMin = 1024;  // below, only root may listen
constexpr std::uint32_t kBaseStep = 100;
constexpr int kBasesTried = 100;

// 0, or why loopback's port cannot be listened at.
int try_port(std::uint16_t port) {
  const node::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return errno;
  // As the node does; what is left of closed connections does not count as taken.
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool is_bound =
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  return is_bound && ::listen(socket.get(), 1) == 0 ? 0 : errno;
}

std::string holder_text(std::uint16_t port) {
  const auto holder = node::find_port_holder(port);
  if (!holder) return "a process that this user may not look at, or one that has just ended";
  return fmt::format("process {}{}", holder->pid,
                     holder->command.empty() ? "" : fmt::format(" ({})", holder->command));
}

Status check_port(std::uint16_t port) {
  const int trouble = try_port(port);
  if (trouble == 0) return {};
  if (trouble == EADDRINUSE) {
    return fail(ErrorKind::kConflict, "port-taken",
                fmt::format("Port {} is taken by {}", port, holder_text(port)),
                "End that process, or choose other ports with --base-port P.");
  }
  return fail(ErrorKind::kEnvironment, "port-unusable",
              fmt::format("Cannot listen at 127.0.0.1:{}: {}", port,
                          std::generic_category().message(trouble)),
              "Choose other ports with --base-port P.");
}

}  // namespace

std::vector<ReplicaPorts> ports_from(std::uint16_t base, std::uint16_t replicas) {
  QUORATE_CHECK(base + 2U * replicas - 1U <= kPortMax, "ports above 65535");
  std::vector<ReplicaPorts> ports;
  for (std::uint16_t i = 0; i < replicas; ++i) {
    ports.push_back({static_cast<std::uint16_t>(base + i),
                     static_cast<std::uint16_t>(base + replicas + i)});
  }
  return ports;
}

Status check_ports_free(const std::vector<ReplicaPorts>& ports) {
  for (const ReplicaPorts& each : ports) {
    QUORATE_TRY(check_port(each.rpc));
    QUORATE_TRY(check_port(each.peer));
  }
  return {};
}

Result<std::uint16_t> choose_base_port(std::optional<std::uint64_t> asked,
                                       std::uint16_t replicas) {
  const std::uint32_t base_max = kPortMax - 2U * replicas + 1U;
  if (asked) {
    if (*asked < kPortMin || *asked > base_max) {
      return fail(ErrorKind::kUsage, "port-out-of-range",
                  fmt::format("Found --base-port {}, expected {} to {}: {} replicas take {} ports "
                              "in a row",
                              *asked, kPortMin, base_max, replicas, 2 * replicas));
    }
    const auto base = static_cast<std::uint16_t>(*asked);
    QUORATE_TRY(check_ports_free(ports_from(base, replicas)));
    return base;
  }
  std::uint32_t base = kBasePortDefault;
  for (int i = 0; i < kBasesTried && base <= base_max; ++i, base += kBaseStep) {
    const auto candidate = static_cast<std::uint16_t>(base);
    if (check_ports_free(ports_from(candidate, replicas))) return candidate;
  }
  return fail(ErrorKind::kConflict, "no-free-ports",
              fmt::format("Found no {} free ports in a row from {} up", 2 * replicas,
                          kBasePortDefault),
              "End some testnets, or choose ports with --base-port P.");
}

}  // namespace quorate::testnet
