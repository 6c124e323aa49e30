#include "testnet/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <thread>

#include "node/json_members.h"
#include "tests/support/temporary_folder.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;

// A control server in a thread of its own, as long as the object lives.
class Served {
 public:
  explicit Served(const std::filesystem::path& socket)
      : server_(ControlServer::create(socket, [](const json::object& question) {
          return answer(question);
        }).value()),
        thread_([this] { serve(); }) {}
  ~Served() {
    stop_ = true;
    thread_.join();
  }

 private:
  static Result<json::value> answer(const json::object& question) {
    if (node::text_member(question, "do") == "fail") {
      return fail(ErrorKind::kConflict, "a-code", "It cannot be", "Do something else.");
    }
    return json::value(question);
  }
  void serve() {
    while (!stop_) {
      std::vector<pollfd> entries;
      server_.watch(entries);
      ::poll(entries.data(), entries.size(), 10);
      server_.serve(entries);
    }
  }

  ControlServer server_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// A connection that says what it likes.
node::Descriptor connect_to(const std::filesystem::path& socket) {
  node::Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket.string();
  std::copy(path.begin(), path.end(), address.sun_path);
  EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return client;
}

std::string read_line(const node::Descriptor& client) {
  std::string line;
  char c = 0;
  while (::recv(client.get(), &c, 1, 0) == 1 && c != '\n') line += c;
  return line;
}

void say(const node::Descriptor& client, const std::string& text) {
  ::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

class Control : public testing::Test {
 protected:
  quorate::test::TemporaryFolder folder_;
  const std::filesystem::path socket_ = folder_.path() / "control.sock";
};

TEST_F(Control, AnswersAQuestion) {
  const Served served(socket_);
  const auto answer = ask_supervisor(socket_, {{"do", "echo"}, {"n", 5}});
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(node::number_member(*answer, "n"), 5u);
}

TEST_F(Control, CarriesAnErrorWithKindCodeAndWayForward) {
  const Served served(socket_);
  const auto answer = ask_supervisor(socket_, {{"do", "fail"}});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(answer.error().code, "a-code");
  EXPECT_EQ(answer.error().next, "Do something else.");
}

TEST_F(Control, WorksInAFolderWhoseNameIsLongerThanASocketsMayBe) {
  const auto deep = folder_.path() / std::string(100, 'a') / std::string(100, 'b');
  std::filesystem::create_directories(deep);
  const Served served(deep / "control.sock");
  EXPECT_TRUE(ask_supervisor(deep / "control.sock", {{"do", "echo"}}).has_value());
}

TEST_F(Control, SaysThatNobodyListens) {
  EXPECT_EQ(ask_supervisor(socket_, {}).error().code, "supervisor-not-running");
  EXPECT_EQ(ask_supervisor(folder_.path() / "absent" / "s", {}).error().code,
            "supervisor-not-running");
  { const Served served(socket_); }
  EXPECT_FALSE(std::filesystem::exists(socket_));
  EXPECT_EQ(ask_supervisor(socket_, {}).error().code, "supervisor-not-running");
}

TEST_F(Control, IsForItsOwnerOnly) {
  const Served served(socket_);
  struct stat facts{};
  ASSERT_EQ(::stat(socket_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

TEST_F(Control, ReplacesASocketThatWasLeftBehind) {
  {
    const node::Descriptor dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = socket_.string();
    std::copy(path.begin(), path.end(), address.sun_path);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(socket_));
  const Served served(socket_);
  EXPECT_TRUE(ask_supervisor(socket_, {{"do", "echo"}}).has_value());
}

TEST_F(Control, AnswersNonsenseWithAnErrorAndGoesOn) {
  const Served served(socket_);
  const auto client = connect_to(socket_);
  for (const std::string nonsense : {"", "x", "[]", "5", "{\"do\"", "\xff\xfe"}) {
    say(client, nonsense + "\n");
    EXPECT_THAT(read_line(client), testing::HasSubstr("control-question-malformed")) << nonsense;
  }
  say(client, std::string(2000, '[') + "\n");
  EXPECT_THAT(read_line(client), testing::HasSubstr("control-question-malformed"));
  say(client, "{\"do\":\"echo\"}\n");
  EXPECT_EQ(read_line(client), "{\"result\":{\"do\":\"echo\"}}");
}

TEST_F(Control, EndsAConversationWhoseLineHasNoEnd) {
  const Served served(socket_);
  const auto client = connect_to(socket_);
  say(client, std::string(kControlLineMax + 2000, 'x'));
  EXPECT_EQ(read_line(client), "");
}

TEST_F(Control, ServesOthersBesideManySilentClients) {
  const Served served(socket_);
  std::vector<node::Descriptor> silent;
  for (std::size_t i = 0; i + 1 < kControlClientsMax; ++i) silent.push_back(connect_to(socket_));
  EXPECT_TRUE(ask_supervisor(socket_, {{"do", "echo"}}).has_value());
}

}  // namespace
}  // namespace quorate::testnet
