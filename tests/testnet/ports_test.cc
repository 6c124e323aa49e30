#include "testnet/ports.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/descriptor.h"

namespace quorate::testnet {
namespace {

using testing::HasSubstr;

// A port of loopback that somebody listens at: this process.
struct TakenPort {
  node::Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port = 0;

  TakenPort() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket.get(), 1), 0);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
  }
};

TEST(Ports, OfAReplicaFollowFromTheBase) {
  const auto ports = ports_from(30000, 4);
  ASSERT_EQ(ports.size(), 4u);
  EXPECT_EQ(ports[0].rpc, 30000);
  EXPECT_EQ(ports[3].rpc, 30003);
  EXPECT_EQ(ports[0].peer, 30004);
  EXPECT_EQ(ports[3].peer, 30007);
}

TEST(Ports, ATakenOneIsRefusedNamingItsHolder) {
  const TakenPort taken;
  const auto status = check_ports_free({{taken.port, taken.port}});
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, "port-taken");
  EXPECT_THAT(status.error().message, HasSubstr(std::to_string(taken.port)));
  EXPECT_THAT(status.error().message, HasSubstr("process " + std::to_string(::getpid())));
}

TEST(Ports, ATakenBaseThatWasAskedForIsRefusedAndNotReplaced) {
  const TakenPort taken;
  // Whatever of the eight ports is the taken one, the base is refused.
  const auto base = choose_base_port(taken.port, 1);
  ASSERT_FALSE(base.has_value());
  EXPECT_EQ(base.error().kind, ErrorKind::kConflict);
}

TEST(Ports, AChosenBaseIsFree) {
  const auto base = choose_base_port(std::nullopt, 4);
  ASSERT_TRUE(base.has_value()) << base.error().to_string();
  EXPECT_TRUE(check_ports_free(ports_from(*base, 4)).has_value());
}

TEST(Ports, RefusesABaseThatLeavesTheRange) {
  EXPECT_EQ(choose_base_port(65529, 4).error().code, "port-out-of-range");
  EXPECT_EQ(choose_base_port(1, 4).error().code, "port-out-of-range");
  EXPECT_EQ(choose_base_port(70000, 4).error().code, "port-out-of-range");
}

}  // namespace
}  // namespace quorate::testnet
