// quorate pow check-headers

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <memory>
#include <span>

#include "node/commands/registry.h"
#include "node/files.h"
#include "node/time_text.h"
#include "pow/header_run.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

// Bitcoin makes 4.2 MB of headers a year; this is enough for sixty.
constexpr std::size_t kHeaderFileBytesMax = 256 << 20;
constexpr std::uint64_t kOwnSpacing = 600;
constexpr std::uint64_t kOwnInterval = 2016;
constexpr std::string_view kOwnLimit = "207fffff";
constexpr std::uint64_t kStartHeightMax = 1ULL << 32;

struct Options {
  std::string file;
  std::string params = "bitcoin";
  std::uint64_t start_height = 0;
  std::optional<std::string> boundary;
  std::optional<std::uint64_t> spacing;
  std::optional<std::uint64_t> interval;
  std::optional<std::string> limit;
};

Result<pow::Bits> parse_bits(const std::string& text) {
  std::uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, 16);
  if (error == std::errc{} && stop == end && text.size() == 8) return pow::Bits{value};
  return fail(ErrorKind::kInvalid, "pow-bits-malformed",
              fmt::format("found \"{}\" where compact bits were expected", text),
              "Give eight hex digits, as in 1d00ffff.");
}

Result<pow::Params> params_of(const Options& options) {
  if (options.params == "own") {
    QUORATE_ASSIGN(const pow::Bits limit,
                   parse_bits(options.limit.value_or(std::string(kOwnLimit))));
    return pow::own_params(options.spacing.value_or(kOwnSpacing),
                           options.interval.value_or(kOwnInterval), limit);
  }
  if (options.spacing || options.interval || options.limit) {
    return fail(ErrorKind::kUsage, "pow-params-not-own",
                fmt::format("the parameters \"{}\" have a spacing, an interval and a limit already",
                            options.params),
                "Give --spacing, --interval and --limit with --params own.");
  }
  return pow::find_params(options.params);
}

Result<std::string> read_headers(const std::string& file) {
  QUORATE_ASSIGN(std::string bytes, read_file(file, kHeaderFileBytesMax));
  if (!bytes.empty() && bytes.size() % pow::kHeaderBytes == 0) return bytes;
  return fail(ErrorKind::kInvalid, "pow-headers-truncated",
              fmt::format("{} has {} bytes, expected one or more headers of {} bytes each", file,
                          bytes.size(), pow::kHeaderBytes),
              "The file holds bare headers one after the other, nothing between them.");
}

pow::Header header_at(const std::string& bytes, std::size_t index) {
  return pow::decode_header(std::span<const std::uint8_t, pow::kHeaderBytes>(
      as_bytes(bytes).subspan(index * pow::kHeaderBytes, pow::kHeaderBytes)));
}

Result<pow::HeaderRun> run_through(const Options& options, const std::string& bytes) {
  QUORATE_ASSIGN(const pow::Params params, params_of(options));
  if (options.start_height > kStartHeightMax) {
    return fail(ErrorKind::kUsage, "pow-start-height-too-high",
                fmt::format("--start-height is {}, expected at most {}", options.start_height,
                            kStartHeightMax),
                "Give the height of the file's first header.");
  }
  std::optional<pow::Header> boundary;
  if (options.boundary) {
    QUORATE_ASSIGN(boundary, pow::parse_header(*options.boundary));
  }
  QUORATE_ASSIGN(auto run, pow::HeaderRun::start(params, {options.start_height},
                                                 header_at(bytes, 0), boundary));
  const std::uint64_t now_seconds = clock_now().value / 1000;
  for (std::size_t i = 1; i < bytes.size() / pow::kHeaderBytes; ++i) {
    QUORATE_TRY(run.append(header_at(bytes, i), now_seconds));
  }
  return run;
}

void print(Console& console, const pow::HeaderRun& run, const Options& options) {
  const pow::ChainPoint& tip = run.tip();
  console.line(fmt::format("valid: {} headers by the rules of {}, heights {} to {}",
                           tip.height.value - run.first_height().value + 1, options.params,
                           run.first_height().value, tip.height.value));
  console.line(fmt::format("  tip    {}", pow::display_hex(tip.hash)));
  console.line(fmt::format("  time   {}", time_to_text({std::uint64_t{tip.time} * 1000})));
  console.line(fmt::format("  work   {} hashes on average", pow::decimal_of(tip.work)));
  console.line(fmt::format("  {} retarget{}{}", run.retargets().size(),
                           run.retargets().size() == 1 ? "" : "s",
                           run.retargets().empty() ? "" : ":"));
  for (const pow::Retarget& retarget : run.retargets()) {
    console.line(fmt::format("    height {:>8}  {:08x} -> {:08x}  the period took {} s",
                             retarget.height.value, retarget.before.value, retarget.after.value,
                             retarget.span_seconds));
  }
  if (run.first_height().value > 0) {
    console.remark(fmt::format(
        "The first header is taken as given: what stands before it was not shown. The times of {} "
        "after it were held against no median.", run.medians_unknown()));
  }
}

json::object to_json(const pow::HeaderRun& run, const Options& options) {
  const pow::ChainPoint& tip = run.tip();
  json::array retargets;
  for (const pow::Retarget& retarget : run.retargets()) {
    retargets.push_back(json::object{{"height", retarget.height.value},
                                     {"before", fmt::format("{:08x}", retarget.before.value)},
                                     {"after", fmt::format("{:08x}", retarget.after.value)},
                                     {"span_seconds", retarget.span_seconds}});
  }
  return {{"valid", true},
          {"params", options.params},
          {"headers", tip.height.value - run.first_height().value + 1},
          {"first_height", run.first_height().value},
          {"height", tip.height.value},
          {"hash", pow::display_hex(tip.hash)},
          {"time", tip.time},
          {"bits", fmt::format("{:08x}", tip.bits.value)},
          {"chainwork", pow::hex_of(tip.work)},
          {"medians_unknown", run.medians_unknown()},
          {"retargets", retargets}};
}

Result<ExitCode> check_headers(const Options& options, Console& console) {
  QUORATE_ASSIGN(const std::string bytes, read_headers(options.file));
  QUORATE_ASSIGN(const pow::HeaderRun run, run_through(options, bytes));
  print(console, run, options);
  console.json(to_json(run, options));
  return ExitCode::kSuccess;
}

}  // namespace

void add_pow_commands(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add_group("pow", "Proof of work: Bitcoin's rules, for its headers and for ours");
  line.add(
      {.path = "pow check-headers",
       .sentence = "Judge a file of consecutive block headers by the rules of their chain",
       .details =
           "Parents, targets, retargets, median times and proof of work, through the code that "
           "judges headers of\nQuorate's own chains. The file holds bare 80-byte headers. It may "
           "begin at any height: the first\nheader is then taken as given, and the header that "
           "began its retarget period is needed if the file\nreaches the next one. Exit code 4: a "
           "header is refused; the error names its height, what was found\nand what was expected.",
       .example = "  quorate pow check-headers headers.bin --params bitcoin\n"
                  "  quorate pow check-headers later.bin --start-height 2100 --boundary-header "
                  "\"$(bitcoin-cli getblockheader \"$(bitcoin-cli getblockhash 2016)\" false)\"",
       .parameters = {{.name = "FILE", .help = "The headers", .target = &options->file},
                      {.name = "--params",
                       .value = "NAME",
                       .help = "bitcoin, testnet (3), regtest or own; default bitcoin",
                       .target = &options->params},
                      {.name = "--start-height",
                       .value = "H",
                       .help = "Height of the first header in the file; default 0",
                       .target = &options->start_height},
                      {.name = "--boundary-header",
                       .value = "HEX",
                       .help = "The header that began the first one's retarget period, 160 digits",
                       .target = &options->boundary},
                      {.name = "--spacing",
                       .value = "SECONDS",
                       .help = "Wanted between blocks, of --params own; default 600",
                       .target = &options->spacing},
                      {.name = "--interval",
                       .value = "BLOCKS",
                       .help = "Between retargets, of --params own; default 2016",
                       .target = &options->interval},
                      {.name = "--limit",
                       .value = "BITS",
                       .help = "The easiest target, of --params own; default 207fffff",
                       .target = &options->limit}},
       .run = [options](Console& console) { return check_headers(*options, console); }});
}

}  // namespace quorate::node
