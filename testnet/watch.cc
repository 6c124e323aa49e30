#include "testnet/watch.h"

#include <fmt/format.h>

#include <chrono>

#include "node/time_text.h"

namespace quorate::testnet {
namespace {

constexpr std::chrono::milliseconds kPause{500};

std::string describe_process(const ReplicaView& replica) {
  std::string text = fmt::format("{} {}", replica.replica.name,
                                 process_state_text(replica.process.state));
  if (replica.process.pid != 0) {
    text += fmt::format(", process {}", replica.process.pid);
  } else if (!replica.process.end.empty()) {
    text += ": " + replica.process.end;
  }
  return text;
}

bool has_another_process(const ReplicaView& before, const ReplicaView& after) {
  return before.process.state != after.process.state || before.process.pid != after.process.pid;
}

}  // namespace

std::vector<std::string> changes(const TestnetView& before, const TestnetView& after) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < after.replicas.size() && i < before.replicas.size(); ++i) {
    const ReplicaView& was = before.replicas[i];
    const ReplicaView& is = after.replicas[i];
    if (has_another_process(was, is)) lines.push_back(describe_process(is));
    if (was.report && is.report && was.report->view != is.report->view) {
      lines.push_back(fmt::format("{} entered view {} as {}", is.replica.name, is.report->view,
                                  is.report->role));
    }
    const bool answers_again = !was.report && is.report;
    if (answers_again) {
      lines.push_back(fmt::format("{} answers, at height {}", is.replica.name,
                                  is.report->sequence));
    }
  }
  const std::uint64_t height_before = before.height();
  if (after.height() > height_before) {
    lines.push_back(fmt::format("height {} (+{})", after.height(), after.height() - height_before));
  }
  const std::string agreed = agreement(after);
  if (agreed.find("DIFFER") != std::string::npos && agreed != agreement(before)) {
    lines.push_back(agreed);
  }
  return lines;
}

int watch(node::Console& console, const node::NetworkFolder& folder, Interrupt& interrupt) {
  auto before = look(folder);
  while (true) {
    if (const auto signal = interrupt.wait_for(kPause)) return *signal;
    auto after = look(folder);
    if (!before || !after) {
      before = std::move(after);
      continue;
    }
    const std::string time = node::time_to_text(node::clock_now()).substr(11, 12);
    if (!after->supervisor) {
      console.line(fmt::format("{}  the testnet was taken down", time));
      return 0;
    }
    for (const std::string& line : changes(*before, *after)) {
      console.line(fmt::format("{}  {}", time, line));
    }
    before = std::move(after);
  }
}

}  // namespace quorate::testnet
