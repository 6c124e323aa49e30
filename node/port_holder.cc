#include "node/port_holder.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>

namespace quorate::node {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCommandBytesMax = 120;

// proc(5), /proc/net/tcp: "sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout
// inode"; an address is hex:hex, state 0A is LISTEN.
void collect_listening_inodes(const char* table, std::uint16_t port,
                              std::set<std::string>& inodes) {
  std::ifstream in(table);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
    fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >>
        timeout >> inode;
    const std::size_t colon = local.rfind(':');
    if (!fields || state != "0A" || colon == std::string::npos) continue;
    unsigned found = 0;
    std::from_chars(local.data() + colon + 1, local.data() + local.size(), found, 16);
    if (found == port) inodes.insert("socket:[" + inode + "]");
  }
}

bool holds_one_of(const fs::path& process, const std::set<std::string>& sockets) {
  std::error_code trouble;
  fs::directory_iterator descriptor(process / "fd", trouble);
  for (; !trouble && descriptor != fs::directory_iterator(); descriptor.increment(trouble)) {
    std::error_code gone;
    if (sockets.contains(fs::read_symlink(descriptor->path(), gone).string())) return true;
  }
  return false;
}

std::string command_of(const fs::path& process) {
  std::ifstream in(process / "cmdline", std::ios::binary);
  std::string command{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  while (!command.empty() && command.back() == '\0') command.pop_back();
  // Whoever started the process chose these bytes, and they go to a terminal.
  std::replace_if(
      command.begin(), command.end(), [](char c) { return c < ' ' || c > '~'; }, ' ');
  if (command.size() > kCommandBytesMax) {
    command.resize(kCommandBytesMax);
    command += "...";
  }
  return command;
}

}  // namespace

std::optional<PortHolder> find_port_holder(std::uint16_t port) {
  std::set<std::string> sockets;
  collect_listening_inodes("/proc/net/tcp", port, sockets);
  collect_listening_inodes("/proc/net/tcp6", port, sockets);
  if (sockets.empty()) return std::nullopt;
  std::error_code trouble;
  fs::directory_iterator process("/proc", trouble);
  for (; !trouble && process != fs::directory_iterator(); process.increment(trouble)) {
    const std::string name = process->path().filename().string();
    std::int64_t pid = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad != std::errc() || end != name.data() + name.size()) continue;
    if (holds_one_of(process->path(), sockets)) return PortHolder{pid, command_of(process->path())};
  }
  return std::nullopt;
}

}  // namespace quorate::node
