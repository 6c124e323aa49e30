#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "node/config.h"

namespace quorate::node {
namespace {

constexpr std::size_t kHostBytesMax = 253;  // RFC 1035 §2.3.4

bool is_host_character(char c, bool bracketed) {
  const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-';
  return plain || (bracketed && (c == ':' || c == '%'));
}

tl::unexpected<Error> malformed(std::string_view text) {
  return fail(ErrorKind::kInvalid, "endpoint-malformed",
              fmt::format("Found \"{}\", expected host:port with a port from 1 to 65535", text),
              "Write 127.0.0.1:26650, name.example:26650 or [::1]:26650.");
}

}  // namespace

std::string Endpoint::to_string() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed(text);
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool host_fits =
      !host.empty() && host.size() <= kHostBytesMax &&
      std::all_of(host.begin(), host.end(),
                  [&](char c) { return is_host_character(c, bracketed); });
  if (!host_fits) return malformed(text);

  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [parsed_to, trouble] = std::from_chars(text.data() + colon + 1, end, port);
  if (trouble != std::errc() || parsed_to != end || port == 0) return malformed(text);
  return Endpoint{std::string(host), port};
}

}  // namespace quorate::node
