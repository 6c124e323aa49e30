#include "node/listen.h"

#include <fmt/format.h>
#include <unistd.h>

#include "node/port_holder.h"

namespace quorate::node {
namespace {

tl::unexpected<Error> port_taken(const Endpoint& endpoint, const ListenNames& names) {
  std::string by = "another process";
  if (const auto holder = find_port_holder(endpoint.port)) {
    by = holder->pid == ::getpid() ? "this process itself"
                                   : fmt::format("process {} ({})", holder->pid, holder->command);
  }
  return fail(ErrorKind::kConflict, names.taken_code,
              fmt::format("{} is in use by {}, expected a free port", endpoint.to_string(), by),
              fmt::format("Stop that process, or choose another port with {}.", names.setting));
}

tl::unexpected<Error> listen_failed(const Endpoint& endpoint, const ListenNames& names,
                                    const AsioError& trouble) {
  return fail(ErrorKind::kEnvironment, names.failed_code,
              fmt::format("Cannot listen on {}: {}", endpoint.to_string(), trouble.message()),
              fmt::format("Set {} to an address of this machine and a port that this user may "
                          "open, such as 127.0.0.1 and one above 1023.",
                          names.setting));
}

}  // namespace

Result<tcp::acceptor> listen_on(asio::io_context& context, const Endpoint& endpoint,
                                const ListenNames& names) {
  AsioError trouble;
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port),
                                      tcp::resolver::passive, trouble);
  if (trouble) return listen_failed(endpoint, names, trouble);
  const tcp::endpoint local = found.begin()->endpoint();

  tcp::acceptor acceptor(context);
  acceptor.open(local.protocol(), trouble);
  // A port whose old connections linger in TIME_WAIT is free; one with a listener is not.
  if (!trouble) acceptor.set_option(tcp::acceptor::reuse_address(true), trouble);
  if (!trouble) acceptor.bind(local, trouble);
  if (!trouble) acceptor.listen(tcp::acceptor::max_listen_connections, trouble);
  if (trouble == asio::error::address_in_use) return port_taken(endpoint, names);
  if (trouble) return listen_failed(endpoint, names, trouble);
  acceptor.non_blocking(true, trouble);
  if (trouble) return listen_failed(endpoint, names, trouble);
  return acceptor;
}

Endpoint bound_endpoint(const tcp::acceptor& acceptor, const Endpoint& asked) {
  AsioError trouble;
  const tcp::endpoint local = acceptor.local_endpoint(trouble);
  return {asked.host, trouble ? asked.port : local.port()};
}

}  // namespace quorate::node
