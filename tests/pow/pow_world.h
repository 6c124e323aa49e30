#pragma once

// Small real chains for tests: headers with their work done, and real headers of Bitcoin
// (tests/support/test_data.h says where they are).

#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "pow/rules.h"
#include "tests/support/test_data.h"

namespace quorate::pow::test {

inline constexpr const char* kMainHeaders = "bitcoin_mainnet_headers_0_9999.bin";
using quorate::test::kNoData;

// Empty where the file is absent; one that is there holds whole headers.
inline std::vector<Header> read_headers(const std::string& name) {
  std::ifstream file(quorate::test::data_path(name), std::ios::binary);
  if (!file) return {};
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  if (bytes.empty() || bytes.size() % kHeaderBytes != 0) {
    throw std::runtime_error(name + " is not a file of whole headers");
  }
  std::vector<Header> headers;
  for (std::size_t at = 0; at + kHeaderBytes <= bytes.size(); at += kHeaderBytes) {
    headers.push_back(decode_header(
        std::span<const std::uint8_t, kHeaderBytes>(as_bytes(bytes).subspan(at, kHeaderBytes))));
  }
  return headers;
}

// Counts the nonce up until the hash meets the header's own target.
inline Header mined(Header header) {
  const U256 target = target_number(header.bits);
  while (number_of(hash_of(header)) > target) ++header.nonce;
  return header;
}
// The opposite: until it does not.
inline Header unmined(Header header) {
  const U256 target = target_number(header.bits);
  while (number_of(hash_of(header)) <= target) ++header.nonce;
  return header;
}

// A header on `parent` that the rules accept, if `time` is one that they do.
inline Header child_of(const ChainPoint& parent, std::uint32_t time, const Params& params,
                       std::uint8_t salt = 0) {
  Header header;
  header.previous = parent.hash;
  header.merkle_root.bytes[0] = salt;
  header.time = time;
  header.bits = required_bits(parent, time, params).value();
  return mined(header);
}

// Block 0 of a chain of one's own.
inline Header own_genesis(const Params& params, std::uint32_t time = 1'700'000'000) {
  Header header;
  header.time = time;
  header.bits = params.limit_bits;
  return mined(header);
}

}  // namespace quorate::pow::test
