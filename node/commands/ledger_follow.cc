// quorate ledger follow

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>

#include "node/commands/follow_output.h"
#include "node/commands/ledger_options.h"
#include "node/commands/registry.h"
#include "node/commands/value_text.h"
#include "node/feed.h"
#include "node/json_members.h"
#include "node/rpc_error.h"
#include "node/time_text.h"
#include "node/websocket_client.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::uint32_t kGlimpseMs = 200;  // how soon it sees that it was told to stop
constexpr std::uint64_t kAgainMsMin = 200;
constexpr std::uint64_t kAgainMsMax = 2000;

struct Options {
  LedgerOptions ledger;
  std::optional<std::uint64_t> from;
  std::optional<std::string> since, key, prefix, sender, cursor_file, output;
  ValueFormat format;
  bool changes = false, blocks = false, once = false;
};

volatile std::sig_atomic_t told_to_stop = 0;

void listen_to_signals() {
  told_to_stop = 0;
  for (const int signal : {SIGINT, SIGTERM}) {
    (void)std::signal(signal, [](int) { told_to_stop = 1; });
  }
}

tl::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::kUsage, "usage", std::move(message),
              "`quorate ledger follow --help` shows an example.");
}

Result<FeedFilter> filter_of(const Options& options) {
  FeedFilter filter;
  if (options.changes && options.blocks) {
    return wrong("Found --changes and --blocks, expected one of them");
  }
  if (options.key && options.prefix) {
    return wrong("Found --key and --prefix, expected one of them");
  }
  if (options.from && options.since) {
    return wrong("Found --from and --since, expected one of them");
  }
  if (options.cursor_file && options.output) {
    return wrong("Found --cursor and --output, expected one: the output is its own cursor");
  }
  if (options.from && *options.from == 0) {
    return wrong("Found --from 0, expected a height from 1 on");
  }
  if (options.changes) filter.kind = FeedKind::kChanges;
  if (options.blocks) filter.kind = FeedKind::kBlocks;
  filter.is_prefix = options.prefix.has_value();
  if (const auto& key = options.key ? options.key : options.prefix) {
    QUORATE_ASSIGN(filter.key, parse_value(*key, options.format));
  }
  if (options.sender) {
    QUORATE_ASSIGN(filter.sender, crypto::parse_public_key(*options.sender));
  }
  QUORATE_TRY(check_filter(filter));
  return filter;
}

// "2h": two hours ago; else a time.
Result<ledger::TimeMs> parse_since(std::string_view text, ledger::TimeMs now) {
  const auto ago_ms = parse_duration_ms(text);
  if (!ago_ms) return parse_time(text, now);
  return ledger::TimeMs{now.value - std::min(*ago_ms, now.value - 1)};
}

std::string shown(const json::object& event, std::string_view name) {
  const json::value* value = event.if_contains(name);
  if (value != nullptr && value->is_string()) return std::string(value->get_string());
  return value == nullptr ? "" : json::serialize(*value);
}

std::string shown_bytes(const json::object& event, std::string_view name) {
  const std::string hex = shown(event, fmt::format("{}_hex", name));
  return hex.empty() ? shown(event, name) : "0x" + hex;
}

// One line for people.
std::string event_line(const json::object& event) {
  const std::string type = shown(event, "type");
  const std::string head = fmt::format("{}{}  {}", shown(event, "height"),
                                       type == "transaction" ? "." + shown(event, "index") : "",
                                       shown(event, "agreed_time"));
  if (type == "transaction") {
    return fmt::format("{}  {}  {} by {}: {}", head, shown(event, "outcome"),
                       shown(event, "id").substr(0, 8), shown(event, "sender").substr(0, 8),
                       shown(event, "operations"));
  }
  if (type == "block") {
    return fmt::format("{}  {} transactions", head, shown(event, "transactions"));
  }
  return shown(event, "present") == "true"
             ? fmt::format("{}  {} = {}", head, shown_bytes(event, "key"),
                           shown_bytes(event, "value"))
             : fmt::format("{}  {} is gone", head, shown_bytes(event, "key"));
}

class Follower {
 public:
  Follower(const Options& options, FeedFilter filter, Console& console)
      : options_(options), filter_(std::move(filter)), console_(console), from_(options.from) {}

  Result<ExitCode> run();

 private:
  [[nodiscard]] Status open_files();
  [[nodiscard]] Status take(json::object event);
  [[nodiscard]] Status keep_place(std::string_view cursor);
  [[nodiscard]] json::object subscribe_call() const;

  [[nodiscard]] Result<ExitCode> follow_folder();
  [[nodiscard]] Result<FeedCursor> start_in(const ledger::Store& store,
                                            const FeedReader& reader) const;
  [[nodiscard]] Result<ExitCode> follow_nodes();
  // Until the connection ends (an error), or there is nothing more to do.
  [[nodiscard]] Status follow_node(const std::string& url);
  [[nodiscard]] Status on_message(const std::string& url, std::string_view text);
  void on_position(const json::object& position);

  const Options& options_;
  FeedFilter filter_;
  Console& console_;
  std::optional<std::uint64_t> from_;
  std::optional<AppendedFile> output_;
  std::optional<CursorFile> cursor_file_;
  std::optional<std::string> cursor_;
  std::uint64_t events_ = 0;
  bool is_done_ = false;
  bool was_connected_ = false;
  std::uint64_t pause_ms_ = kAgainMsMin;
};

Status Follower::open_files() {
  if (options_.output) {
    QUORATE_ASSIGN(AppendedFile file, AppendedFile::open(*options_.output));
    cursor_ = file.cursor();
    output_.emplace(std::move(file));
    // An empty file remembers no place, so one that began at the head would lose what comes
    // between two runs.
    if (!cursor_ && !options_.since) from_ = options_.from.value_or(1);
  }
  if (options_.cursor_file) {
    QUORATE_ASSIGN(CursorFile file, CursorFile::open(*options_.cursor_file));
    cursor_ = file.cursor();
    cursor_file_.emplace(std::move(file));
  }
  if (cursor_) console_.remark(fmt::format("going on from {}", *cursor_));
  return {};
}

Status Follower::keep_place(std::string_view cursor) {
  cursor_ = cursor;
  if (cursor_file_) return cursor_file_->store(cursor);
  return {};
}

Status Follower::take(json::object event) {
  const std::string cursor = shown(event, "cursor");
  ++events_;
  if (output_) {
    QUORATE_TRY(output_->append(json::serialize(event) + "\n"));
  } else if (console_.is_json()) {
    console_.raw(json::serialize(event) + "\n");
  } else {
    console_.line(event_line(event));
  }
  return keep_place(cursor);
}

Result<FeedCursor> Follower::start_in(const ledger::Store& store, const FeedReader& reader) const {
  if (cursor_) return parse_cursor(*cursor_, filter_.kind, store.chain_id());
  if (from_) return FeedCursor{ledger::Height{*from_}, 0};
  if (filter_.since.value > 0) return reader.first_since(filter_.since);
  return FeedCursor{quorate::next(store.base()), 0};
}

Result<ExitCode> Follower::follow_folder() {
  QUORATE_ASSIGN(const ledger::StoppedStore opened, open_ledger(options_.ledger));
  const ledger::Store& store = *opened.store;
  FeedReader reader(store);
  QUORATE_ASSIGN(FeedCursor next, start_in(store, reader));
  for (bool is_at_head = false; !is_at_head && told_to_stop == 0;) {
    QUORATE_ASSIGN(FeedPart part, reader.read(filter_, next, {}));
    for (FeedEvent& event : part.events) {
      event.body["cursor"] = cursor_text(filter_.kind, store.chain_id(), event.next);
      event.body["behind"] =
          store.height().value - std::min(store.height(), event.next.height).value;
      QUORATE_TRY(take(std::move(event.body)));
    }
    next = part.next;
    is_at_head = part.is_at_head;
    QUORATE_TRY(keep_place(cursor_text(filter_.kind, store.chain_id(), next)));
  }
  console_.remark(fmt::format("{} events; this ledger is stopped at height {}", events_,
                              store.height().value));
  return ExitCode::kSuccess;
}

json::object Follower::subscribe_call() const {
  constexpr std::array<std::string_view, 3> kQueries = {"Tx", "Change", "NewBlock"};
  json::object params{
      {"query", fmt::format("tm.event='{}'", kQueries[static_cast<std::size_t>(filter_.kind)])},
      {"positions", true}};
  if (cursor_) {
    params["cursor"] = *cursor_;
  } else if (from_) {
    params["from"] = *from_;
  } else if (filter_.since.value > 0) {
    params["since_ms"] = filter_.since.value;
  }
  if (filter_.key) params[filter_.is_prefix ? "prefix" : "key"] = to_base64(*filter_.key);
  if (filter_.sender) params["sender"] = filter_.sender->hex();
  return {{"jsonrpc", "2.0"}, {"id", 1}, {"method", "subscribe"}, {"params", std::move(params)}};
}

void Follower::on_position(const json::object& position) {
  const std::string state = shown(position, "state");
  if (state == "behind") {
    console_.progress(fmt::format("{} blocks behind the head, {}", shown(position, "behind"),
                                  shown(position, "head")));
  } else if (state == "caught-up") {
    console_.progress(fmt::format("caught up at height {}", shown(position, "head")));
    is_done_ = options_.once;
  }
}

Status Follower::on_message(const std::string& url, std::string_view text) {
  json::error_code trouble;
  json::value message = json::parse(text, trouble);
  const auto malformed = [&] {
    return fail(ErrorKind::kCorrupt, "node-answer-malformed",
                fmt::format("{} sent something else than events: {}", url, text.substr(0, 80)),
                "Check that the address is that of a Quorate node.");
  };
  if (trouble || !message.is_object()) return malformed();
  if (const json::value* error = find_member(message, "error.data")) {
    if (auto detail = error_from_json(*error)) return tl::unexpected(std::move(*detail));
    return malformed();
  }
  const json::value* result = find_member(message, "result");
  if (result == nullptr || !result->is_object()) return malformed();
  if (result->get_object().empty()) return {};  // the answer to `subscribe`
  const json::value* event = find_member(*result, "quorate");
  if (event == nullptr || !event->is_object() || !text_member(*event, "cursor")) {
    return malformed();
  }
  if (text_member(*event, "type") != "position") return take(event->get_object());
  QUORATE_TRY(keep_place(*text_member(*event, "cursor")));
  on_position(event->get_object());
  return {};
}

Status Follower::follow_node(const std::string& url) {
  QUORATE_ASSIGN(WebSocketClient client, WebSocketClient::connect(url));
  QUORATE_TRY(client.send(json::serialize(subscribe_call())));
  was_connected_ = true;
  while (told_to_stop == 0 && !is_done_) {
    QUORATE_ASSIGN(const auto message, client.receive(kGlimpseMs));
    if (!message) continue;
    QUORATE_TRY(on_message(url, *message));
    pause_ms_ = kAgainMsMin;
  }
  return {};
}

Result<ExitCode> Follower::follow_nodes() {
  QUORATE_ASSIGN(const auto urls, find_node_urls(options_.ledger.network));
  for (std::size_t at = 0; told_to_stop == 0 && !is_done_; ++at) {
    const std::string& url = urls[at % urls.size()];
    const Status ended = follow_node(url);
    if (ended) continue;
    // Its place is kept, and is good at each node.
    const bool may_help = is_trouble_of_one_node(ended.error());
    const bool tried_all = !was_connected_ && at + 1 >= urls.size();
    if (!may_help || tried_all) return tl::unexpected(ended.error());
    console_.progress(fmt::format("{}; going on", ended.error().message));
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms_));
    pause_ms_ = std::min(2 * pause_ms_, kAgainMsMax);
  }
  console_.remark(fmt::format("{} events", events_));
  return ExitCode::kSuccess;
}

Result<ExitCode> Follower::run() {
  if (options_.since) {
    QUORATE_ASSIGN(filter_.since, parse_since(*options_.since, clock_now()));
  }
  listen_to_signals();
  QUORATE_TRY(open_files());
  return options_.ledger.folder.empty() ? follow_nodes() : follow_folder();
}

Result<ExitCode> follow(const Options& options, Console& console) {
  QUORATE_ASSIGN(FeedFilter filter, filter_of(options));
  if (!options.ledger.folder.empty() && options.ledger.network.node) {
    return wrong("Found a folder and --node, expected one of them");
  }
  return Follower(options, std::move(filter), console).run();
}

constexpr std::string_view kDetails =
    "Follows a running node (--node, or the testnet here) from the next block on, or from where "
    "--from, --since or an earlier run says, and goes\non until it is stopped; of a folder it "
    "prints what there is. When a node goes away it connects again, to the next one if it knows "
    "several.\nEvents come in the order of the ledger. A transaction with a result is one event; "
    "with --changes, each change of a key by a block is one,\nand tells what the key holds "
    "afterwards.\nWith --output nothing is left out and nothing comes twice, whatever ends this "
    "command; with --cursor nothing is left out, and at most\none event comes twice after a kill "
    "-9, with the same cursor. With either, --from and --since count for the first run only;\n"
    "--output begins with the first block if neither is given.";

}  // namespace

void add_ledger_follow_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  Parameter folder = ledger_folder_parameter(options->ledger);
  folder.required = false;
  folder.help = "The ledger of a stopped node or a copy of it, instead of a running node";
  line.add(
      {.path = "ledger follow",
       .sentence = "Print the ledger's transactions, or changes of keys, as they happen",
       .details = std::string(kDetails),
       .example = "  quorate ledger follow\n"
                  "  quorate ledger follow --from 1 --output log.jsonl\n"
                  "  quorate ledger follow --changes --prefix orders/ --cursor place --json",
       .parameters =
           {folder,
            node_parameter(options->ledger.network),
            {.name = "--from", .value = "HEIGHT", .help = "Begin with this block",
             .target = &options->from},
            {.name = "--since", .value = "TIME",
             .help = "Begin with the first block of this agreed time or later: 2h (ago), or "
                     "2026-01-31T12:00:00Z",
             .target = &options->since},
            {.name = "--prefix", .value = "KEY", .help = "Only what names a key that begins so",
             .target = &options->prefix},
            {.name = "--key", .value = "KEY", .help = "Only what names this key",
             .target = &options->key},
            hex_parameter(options->format),
            base64_parameter(options->format),
            {.name = "--sender", .value = "ADDRESS",
             .help = "Only transactions of this public key", .target = &options->sender},
            {.name = "--changes", .help = "One event a change of a key",
             .target = &options->changes},
            {.name = "--blocks", .help = "One event a block", .target = &options->blocks},
            {.name = "--cursor", .value = "FILE",
             .help = "Remember the place in this file, and go on from there",
             .target = &options->cursor_file},
            {.name = "--output", .value = "FILE",
             .help = "Append JSON Lines to this file, and go on from its last line",
             .target = &options->output},
            {.name = "--once", .help = "End when the head is reached", .target = &options->once},
            expected_genesis_parameter(options->ledger)},
       .run = [options](Console& console) { return follow(*options, console); }});
}

}  // namespace quorate::node
