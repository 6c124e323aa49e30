#include "pow/header.h"

#include <gtest/gtest.h>

#include "pow/params.h"
#include "tests/pow/pow_world.h"

namespace quorate::pow {
namespace {

// Bitcoin's block 100,000.
Header block_100000() {
  Header header;
  header.version = 1;
  header.previous =
      parse_display_hex("000000000002d01c1fccc21636b607dfd930d31d01c3a62104612a1719011250").value();
  header.merkle_root =
      parse_display_hex("f3e94742aca4b5ef85488dc37c06c3282295ffec960994b2c0d5ac2a25a95766").value();
  header.time = 1293623863;
  header.bits = {0x1b04864c};
  header.nonce = 274148111;
  return header;
}

TEST(Header, HasBitcoinsBytesAndHash) {
  EXPECT_EQ(display_hex(hash_of(block_100000())),
            "000000000003ba27aa200b1cecaad478d2b00432346c3f1f3986da1afd33e506");
  EXPECT_EQ(to_hex(encode_header(block_100000())),
            "0100000050120119172a610421a6c3011dd330d9df07b63616c2cc1f1cd00200000000006657a9252aacd5"
            "c0b2940996ecff952228c3067cc38d4885efb5a4ac4247e9f337221b4d4c86041b0f2b5710");
}

TEST(Header, GenesisBlocksAreBitcoins) {
  EXPECT_EQ(display_hex(hash_of(bitcoin_genesis())),
            "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");
  EXPECT_EQ(display_hex(hash_of(testnet_genesis())),
            "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943");
  EXPECT_EQ(display_hex(hash_of(regtest_genesis())),
            "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206");
}

TEST(Header, AnyEightyBytesAreOneHeader) {
  HeaderBytes bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(255 - 3 * i);
  const Header header = decode_header(bytes);
  EXPECT_EQ(header.version, static_cast<std::int32_t>(0xf6f9fcff));
  EXPECT_EQ(encode_header(header), bytes);
  EXPECT_EQ(parse_header(to_hex(bytes)).value(), header);
}

TEST(Header, RealHeadersComeBackByteForByteAndNameEachOther) {
  const auto headers = test::read_headers(test::kMainHeaders);
  if (headers.empty()) GTEST_SKIP() << test::kNoData << test::kMainHeaders;
  ASSERT_EQ(headers.size(), 10'000U);
  Digest previous;
  for (const Header& header : headers) {
    ASSERT_EQ(header.previous, previous);
    ASSERT_EQ(decode_header(encode_header(header)), header);
    previous = hash_of(header);
  }
}

TEST(Header, MalformedHexIsRefused) {
  for (const std::string& hex : {std::string(159, '0'), std::string(162, '0'), std::string("xyz"),
                                std::string(), std::string(158, '0') + "zz"}) {
    const auto header = parse_header(hex);
    ASSERT_FALSE(header) << hex;
    EXPECT_EQ(header.error().code, "pow-header-malformed");
  }
  EXPECT_FALSE(parse_display_hex("00"));
}

}  // namespace
}  // namespace quorate::pow
