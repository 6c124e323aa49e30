// quorate explain

#include <fmt/format.h>

#include <memory>
#include <thread>

#include "node/commands/network_options.h"
#include "node/commands/registry.h"
#include "node/explain/explanation.h"

namespace quorate::node {
namespace {

constexpr std::uint32_t kAnswerPatienceMs = 3000;

struct Options {
  NetworkOptions network;
  std::vector<std::string> nodes;
};

struct Asked {
  std::vector<Answer> answers;
  bool is_testnet = false;
};

// Whom to ask: what was typed, else QUORATE_NODE, else every replica of the testnet.
Result<Asked> whom_to_ask(const Options& options) {
  Asked asked;
  std::vector<std::string> urls = options.nodes;
  if (urls.empty()) {
    QUORATE_ASSIGN(urls, find_node_urls(options.network));
  }
  for (const std::string& url : urls) {
    asked.answers.push_back({url, std::nullopt, std::nullopt, {}});
  }
  if (!options.nodes.empty()) return asked;
  QUORATE_ASSIGN(const auto folder, find_testnet());
  if (!folder) return asked;
  for (const NetworkReplica& replica : folder->replicas) {
    for (Answer& answer : asked.answers) {
      if (answer.url != replica.url()) continue;
      answer.id = replica.id;
      asked.is_testnet = true;
    }
  }
  return asked;
}

Result<ReplicaReport> ask_one(const std::string& url) {
  QUORATE_ASSIGN(RpcClient client, RpcClient::create(url, kAnswerPatienceMs));
  QUORATE_ASSIGN(const auto answer, client.call("quorate_explain", {}));
  return parse_report(answer);
}

// All at once; takes as long as the slowest.
void ask_all(std::vector<Answer>& answers) {
  std::vector<std::thread> askers;
  for (Answer& answer : answers) {
    askers.emplace_back([&answer] {
      auto report = ask_one(answer.url);
      if (report) {
        answer.id = report->waiting.self;
        answer.report = std::move(*report);
      } else {
        answer.error = report.error().message;
      }
    });
  }
  for (std::thread& asker : askers) asker.join();
}

Status check_answers(const std::vector<Answer>& answers) {
  const ReplicaReport* first = nullptr;
  std::vector<std::string> urls;
  for (const Answer& answer : answers) {
    urls.push_back(answer.url);
    if (!answer.report) continue;
    if (first && first->chain_id != answer.report->chain_id) {
      return fail(ErrorKind::kInvalid, "networks-differ",
                  fmt::format("{} is a replica of chain {}, others are of {}", answer.url,
                              answer.report->chain_id, first->chain_id),
                  "Give --node for replicas of one network.");
    }
    if (!first) first = &*answer.report;
  }
  if (first) return {};
  if (answers.size() > 1) {
    QUORATE_ASSIGN(const NodePool nodes, NodePool::create(urls));
    return tl::unexpected(nodes.nobody_reached());
  }
  return fail(ErrorKind::kUnavailable, "node-unreachable", answers.front().error,
              "Look with `quorate testnet status`, start it, or give another --node URL.");
}

Result<ExitCode> run(const Options& options, Console& console) {
  QUORATE_ASSIGN(Asked asked, whom_to_ask(options));
  ask_all(asked.answers);
  QUORATE_TRY(check_answers(asked.answers));
  const Explanation explanation = explain(asked.answers, asked.is_testnet);
  for (const std::string& line : explanation_lines(explanation)) console.line(line);
  console.json(explanation_json(explanation, asked.answers));
  return explanation.is_stuck ? ExitCode::kWaiting : ExitCode::kSuccess;
}

}  // namespace

void add_explain_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add({.path = "explain",
            .sentence = "Say in words why the network waits, and for whom",
            .details =
                "Asks every replica that it can reach which sequence waits, whose votes are\n"
                "missing and since when, who changes views, recovers or only learns, and what\n"
                "comes next. "
                "The first line is the verdict.\n\n"
                "Exit code 0: nothing is stuck; 15: something waits; 6: nobody could be asked.",
            .example = "  quorate explain\n  quorate explain --node http://127.0.0.1:26650 --json",
            .parameters = {{.name = "--node",
                            .value = "URL",
                            .help = "A replica to ask, http://host:port; may be repeated; else "
                                    "QUORATE_NODE, else the testnet here",
                            .target = &options->nodes}},
            .run = [options](Console& console) { return run(*options, console); }});
}

}  // namespace quorate::node
