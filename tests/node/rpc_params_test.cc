// Reading parameters strictly: every form that the dialect has, and every other one refused by
// name.

#include "node/rpc_params.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/json/array.hpp>

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 3> kNames = {"height", "hash", "prove"};
constexpr bool kGet = true;

// Of a refused parameter its sentence; of a good one the value.
template <class T>
std::string outcome(const RpcExpected<std::optional<T>>& value) {
  if (!value) return value.error().detail.message;
  return *value ? std::to_string(**value) : "absent";
}

std::string number_in(const json::object& given, bool from_get = false) {
  const auto params = RpcParams::read(given, from_get, kNames);
  return params ? outcome(params->number("height", 1, 100)) : params.error().detail.message;
}

std::string hash_in(const json::value& given, bool from_get = false) {
  const json::object object{{"hash", given}};
  const auto params = RpcParams::read(object, from_get, kNames);
  const auto hash = params->need_hash("hash");
  return hash ? hash->hex() : std::string(hash.error().detail.code);
}

std::string bytes_in(const json::value& given, bool from_get = false) {
  const json::object object{{"hash", given}};
  const auto params = RpcParams::read(object, from_get, kNames);
  const auto bytes = params->need_bytes("hash");
  return bytes ? to_hex(*bytes) : std::string(bytes.error().detail.code);
}

std::string hex_in(const json::value& given, bool from_get = false) {
  const json::object object{{"hash", given}};
  const auto params = RpcParams::read(object, from_get, kNames);
  const auto bytes = params->hex_bytes("hash");
  if (!bytes) return std::string(bytes.error().detail.code);
  return *bytes ? to_hex(**bytes) : "absent";
}

std::string boolean_in(const json::value& given) {
  const json::object object{{"prove", given}};
  const auto params = RpcParams::read(object, false, kNames);
  const auto truth = params->boolean("prove", true);
  if (!truth) return std::string(truth.error().detail.code);
  return *truth ? "true" : "false";
}

TEST(RpcParams, AnIntegerIsANumberOrItsText) {
  EXPECT_EQ(number_in({{"height", 7}}), "7");
  EXPECT_EQ(number_in({{"height", "7"}}), "7");
  EXPECT_EQ(number_in({{"height", json::value(std::uint64_t{7})}}), "7");
  EXPECT_EQ(number_in({{"height", "\"7\""}}, kGet), "7");
  EXPECT_EQ(number_in({}), "absent");
  EXPECT_EQ(number_in({{"height", nullptr}}), "absent");
  EXPECT_EQ(number_in({{"height", ""}}, kGet), "absent");
}

TEST(RpcParams, ARefusalNamesTheParameterWhatWasFoundAndWhatWasExpected) {
  const std::string expected = "; an integer from 1 to 100, as number or text was expected";
  EXPECT_EQ(number_in({{"height", "seven"}}), "height: found \"seven\"" + expected);
  EXPECT_EQ(number_in({{"height", 0}}), "height: found 0" + expected);
  EXPECT_EQ(number_in({{"height", 101}}), "height: found 101" + expected);
  EXPECT_EQ(number_in({{"height", -7}}), "height: found -7" + expected);
  EXPECT_EQ(number_in({{"height", "7 "}}), "height: found \"7 \"" + expected);
  EXPECT_EQ(number_in({{"height", "+7"}}), "height: found \"+7\"" + expected);
  EXPECT_EQ(number_in({{"height", "\"7\""}}), "height: found \"\\\"7\\\"\"" + expected);
  EXPECT_EQ(number_in({{"height", true}}), "height: found true" + expected);
  EXPECT_EQ(number_in({{"height", json::array{7}}}), "height: found an array" + expected);
  EXPECT_EQ(number_in({{"height", ""}}), "height: found \"\"" + expected);
  EXPECT_EQ(number_in({{"height", "18446744073709551616"}}),
            "height: found \"18446744073709551616\"" + expected);
}

TEST(RpcParams, WhatIsFoundIsShownShortAndWhole) {
  const std::string wide(200, 'x');
  const std::string told = number_in({{"height", wide}});
  EXPECT_LT(told.size(), 200U);
  EXPECT_NE(told.find("202 bytes"), std::string::npos);
  std::string accents = "a";
  for (int i = 0; i < 60; ++i) accents += "\xC3\xA9";
  const std::string cut = number_in({{"height", accents}});
  EXPECT_EQ(cut.find("\xC3."), std::string::npos);  // no half of a character
}

TEST(RpcParams, AMisspeltParameterIsRefusedAndNamed) {
  EXPECT_EQ(number_in({{"hieght", 7}}),
            "found a parameter \"hieght\"; one of height, hash, prove was expected");
  const json::object given{{"anything", 1}};
  const auto none = RpcParams::read(given, false, {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().number, kRpcInvalidParams);
  EXPECT_EQ(none.error().detail.code, "param-unknown");
  EXPECT_NE(none.error().detail.message.find("none was expected"), std::string::npos);
}

TEST(RpcParams, PositionsStandInTheOrderOfTheNames) {
  EXPECT_EQ(number_in({{"0", 7}}), "7");
  EXPECT_EQ(number_in({{"1", 7}}), "absent");
  EXPECT_NE(number_in({{"3", 7}}).find("found a parameter"), std::string::npos);
}

TEST(RpcParams, AHashIsHexOrBase64) {
  const std::string hex(64, 'a');
  const std::string base64 = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=";
  for (const bool from_get : {false, true}) {
    EXPECT_EQ(hash_in(json::string(hex), from_get), hex);
    EXPECT_EQ(hash_in(json::string("0x" + hex), from_get), hex);
    EXPECT_EQ(hash_in(json::string(std::string(64, 'A')), from_get), hex);
    EXPECT_EQ(hash_in(json::string(base64), from_get), hex);
    EXPECT_EQ(hash_in(json::string(hex.substr(2)), from_get), "param-malformed");
    EXPECT_EQ(hash_in(json::string("0x" + hex + "aa"), from_get), "param-malformed");
    EXPECT_EQ(hash_in(json::string(base64.substr(1)), from_get), "param-malformed");
    EXPECT_EQ(hash_in(7, from_get), "param-malformed");
    EXPECT_EQ(hash_in(nullptr, from_get), "param-missing");
  }
  EXPECT_EQ(hash_in(json::string("\"" + hex + "\""), kGet), hex);
  EXPECT_EQ(hash_in(json::string("\"" + hex + "\"")), "param-malformed");
}

TEST(RpcParams, BytesAreBase64InAPostAndHexOrQuotedTextInAGet) {
  EXPECT_EQ(bytes_in("YWI="), "6162");
  EXPECT_EQ(bytes_in(""), "");
  EXPECT_EQ(bytes_in("YWI"), "param-malformed");
  EXPECT_EQ(bytes_in("0x6162"), "param-malformed");
  EXPECT_EQ(bytes_in(nullptr), "param-missing");
  EXPECT_EQ(bytes_in("0x6162", kGet), "6162");
  EXPECT_EQ(bytes_in("\"ab\"", kGet), "6162");
  EXPECT_EQ(bytes_in("YWI=", kGet), "param-malformed");
  EXPECT_EQ(bytes_in("0x616", kGet), "param-malformed");
  EXPECT_EQ(bytes_in("\"", kGet), "param-malformed");
}

TEST(RpcParams, HexBytesAreHexInAPost) {
  EXPECT_EQ(hex_in("6162"), "6162");
  EXPECT_EQ(hex_in("0x6162"), "6162");
  EXPECT_EQ(hex_in(""), "");
  EXPECT_EQ(hex_in(nullptr), "absent");
  EXPECT_EQ(hex_in("YWI="), "param-malformed");
  EXPECT_EQ(hex_in("0x6162", kGet), "6162");
  EXPECT_EQ(hex_in("\"ab\"", kGet), "6162");
  EXPECT_EQ(hex_in("6162", kGet), "param-malformed");
}

TEST(RpcParams, ABooleanIsOneOfTwoWords) {
  EXPECT_EQ(boolean_in(true), "true");
  EXPECT_EQ(boolean_in(false), "false");
  EXPECT_EQ(boolean_in("false"), "false");
  EXPECT_EQ(boolean_in(nullptr), "true");
  EXPECT_EQ(boolean_in(1), "param-malformed");
  EXPECT_EQ(boolean_in("yes"), "param-malformed");
}

TEST(RpcParams, OnlyWrongInputIsTheCallersFault) {
  EXPECT_EQ(rpc_error_of({ErrorKind::kInvalid, "a", "", ""}).number, kRpcInvalidParams);
  EXPECT_EQ(rpc_error_of({ErrorKind::kNotFound, "a", "", ""}).number, kRpcServerError);
  EXPECT_EQ(rpc_error_of({ErrorKind::kCorrupt, "a", "", ""}).number, kRpcServerError);
}

}  // namespace
}  // namespace quorate::node
