#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <random>
#include <string>

#include "node/rpc_dispatch.h"
#include "node/rpc_error.h"
#include "node/rpc_server.h"
#include "tests/node/rpc_handler.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

// The one call of a body that has one.
RpcCall call_of(std::string_view body) {
  const ParsedRpc parsed = parse_rpc_body(body);
  EXPECT_EQ(parsed.calls.size(), 1U) << body;
  EXPECT_TRUE(parsed.calls.at(0).has_value()) << body;
  return parsed.calls.at(0).value_or(RpcCall{});
}

// The error number of a body that is refused, or 0.
std::int64_t number_of(std::string_view body) {
  const ParsedRpc parsed = parse_rpc_body(body);
  if (parsed.calls.size() != 1 || parsed.calls[0]) return 0;
  return parsed.calls[0].error().at("error").at("code").as_int64();
}

json::value refusal_id(std::string_view body) {
  const ParsedRpc parsed = parse_rpc_body(body);
  if (parsed.calls.empty() || parsed.calls[0]) return "no refusal";
  return parsed.calls[0].error().at("id");
}

std::string nested(int levels) {
  return R"({"method":"m","params":{"a":)" + std::string(static_cast<std::size_t>(levels), '[') +
         std::string(static_cast<std::size_t>(levels), ']') + "}}";
}

TEST(RpcParse, ReadsACall) {
  const RpcCall call =
      call_of(R"({"jsonrpc":"2.0","id":7,"method":"tx","params":{"hash":"AB","n":-1}})");
  EXPECT_EQ(call.method, "tx");
  EXPECT_EQ(call.id, 7);
  EXPECT_FALSE(call.is_notification);
  EXPECT_EQ(call.params, (json::object{{"hash", "AB"}, {"n", -1}}));
}

TEST(RpcParse, KeepsIdsExactly) {
  for (const std::string id : {"0", "-5", "9223372036854775807", "18446744073709551615",
                               "-9223372036854775808", "null", "\"\"", "\"a\\u0000b\"", "\"7\""}) {
    const RpcCall call = call_of(R"({"method":"m","id":)" + id + "}");
    EXPECT_EQ(json::serialize(call.id), id);
    EXPECT_FALSE(call.is_notification);
  }
}

TEST(RpcParse, RefusesIdsThatCannotBeEchoed) {
  for (const std::string id : {"1.5", "1e3", "18446744073709551616", "true", "[]", "{}"}) {
    EXPECT_EQ(number_of(R"({"method":"m","id":)" + id + "}"), kRpcInvalidRequest) << id;
    EXPECT_TRUE(refusal_id(R"({"method":"m","id":)" + id + "}").is_null()) << id;
  }
}

TEST(RpcParse, ACallWithoutIdIsANotification) {
  EXPECT_TRUE(call_of(R"({"jsonrpc":"2.0","method":"m"})").is_notification);
}

TEST(RpcParse, TakesAbsentNullAndPositionalParams) {
  EXPECT_TRUE(call_of(R"({"method":"m","id":1})").params.empty());
  EXPECT_TRUE(call_of(R"({"method":"m","id":1,"params":null})").params.empty());
  EXPECT_TRUE(call_of(R"({"method":"m","id":1,"params":[]})").params.empty());
  EXPECT_EQ(call_of(R"({"method":"m","id":1,"params":["a",2]})").params,
            (json::object{{"0", "a"}, {"1", 2}}));
}

TEST(RpcParse, RefusesParamsOfAnotherType) {
  for (const std::string params : {"1", "\"a\"", "true", "1.5"}) {
    const std::string body = R"({"method":"m","id":"x","params":)" + params + "}";
    EXPECT_EQ(number_of(body), kRpcInvalidParams) << params;
    EXPECT_EQ(refusal_id(body), "x");
  }
}

TEST(RpcParse, RefusesWhatIsNoJson) {
  for (const std::string_view body :
       {"", " ", "{", "{]", "nul", "{\"method\":\"m\"}x", "{'a':1}", "[1,]", "\xff\xfe"}) {
    EXPECT_EQ(number_of(body), kRpcParseError) << body;
    EXPECT_TRUE(refusal_id(body).is_null());
  }
}

TEST(RpcParse, RefusesInvalidUtf8InStrings) {
  EXPECT_EQ(number_of("{\"method\":\"\xc3\x28\",\"id\":1}"), kRpcParseError);
  EXPECT_EQ(number_of("{\"method\":\"m\",\"id\":\"\xed\xa0\x80\"}"), kRpcParseError);
  EXPECT_EQ(call_of("{\"method\":\"m\",\"id\":\"\xc3\xa4\"}").id, "\xc3\xa4");
}

TEST(RpcParse, TellsTheVersionOfACall) {
  EXPECT_FALSE(call_of(R"({"jsonrpc":"2.0","method":"m","id":1})").is_version_1);
  EXPECT_TRUE(call_of(R"({"jsonrpc":"1.0","method":"m","id":1})").is_version_1);
  EXPECT_TRUE(call_of(R"({"method":"m","params":[],"id":1})").is_version_1);
}

TEST(RpcParse, RefusesWhatIsNoRequest) {
  for (const std::string_view body :
       {"1", "\"m\"", "null", "{}", R"({"id":1})", R"({"method":1,"id":1})",
        R"({"method":"","id":1})", R"({"jsonrpc":"3.0","method":"m","id":1})",
        R"({"jsonrpc":2,"method":"m","id":1})"}) {
    EXPECT_EQ(number_of(body), kRpcInvalidRequest) << body;
  }
  EXPECT_EQ(refusal_id(R"({"id":4})"), 4);
}

TEST(RpcParse, BoundsTheMethodsLength) {
  EXPECT_EQ(call_of(R"({"id":1,"method":")" + std::string(128, 'm') + "\"}").method.size(), 128U);
  EXPECT_EQ(number_of(R"({"id":1,"method":")" + std::string(129, 'm') + "\"}"), kRpcInvalidRequest);
}

TEST(RpcParse, BoundsNesting) {
  EXPECT_EQ(call_of(nested(30)).method, "m");
  EXPECT_EQ(number_of(nested(31)), kRpcParseError);
  EXPECT_EQ(number_of(std::string(1'000'000, '[')), kRpcParseError);
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_EQ(number_of(objects), kRpcParseError);
}

TEST(RpcParse, ReadsABatchInOrder) {
  const ParsedRpc parsed =
      parse_rpc_body(R"([{"method":"a","id":1},{"method":"b"},7,{"method":"c","id":2}])");
  EXPECT_TRUE(parsed.is_batch);
  ASSERT_EQ(parsed.calls.size(), 4U);
  EXPECT_EQ(parsed.calls[0]->method, "a");
  EXPECT_TRUE(parsed.calls[1]->is_notification);
  ASSERT_FALSE(parsed.calls[2]);
  EXPECT_EQ(parsed.calls[2].error().at("error").at("code"), kRpcInvalidRequest);
  EXPECT_EQ(parsed.calls[3]->id, 2);
}

TEST(RpcParse, BoundsABatch) {
  const auto batch = [](std::size_t count) {
    std::string body = "[";
    for (std::size_t i = 0; i < count; ++i) body += std::string(i ? "," : "") + R"({"method":"m"})";
    return body + "]";
  };
  EXPECT_EQ(parse_rpc_body(batch(kRpcBatchMax)).calls.size(), kRpcBatchMax);
  EXPECT_EQ(number_of(batch(kRpcBatchMax + 1)), kRpcInvalidRequest);
  EXPECT_EQ(number_of("[]"), kRpcInvalidRequest);
  EXPECT_FALSE(parse_rpc_body("[]").is_batch);
}

TEST(RpcParse, ReadsATarget) {
  const auto call =
      parse_rpc_target("/block?height=12&hash=0xAB&text=%22a+b%26%22&flag=true&empty=");
  ASSERT_TRUE(call);
  EXPECT_EQ(call->method, "block");
  EXPECT_EQ(call->id, -1);
  EXPECT_EQ(call->params, (json::object{{"height", "12"},
                                        {"hash", "0xAB"},
                                        {"text", "\"a b&\""},
                                        {"flag", "true"},
                                        {"empty", ""}}));
  EXPECT_EQ(parse_rpc_target("/status")->method, "status");
  EXPECT_EQ(parse_rpc_target("/status?")->params.size(), 0U);
  EXPECT_EQ(parse_rpc_target("/a?x")->params, (json::object{{"x", ""}}));
  EXPECT_EQ(parse_rpc_target("/a?x=1#part")->params, (json::object{{"x", "1"}}));
  EXPECT_EQ(parse_rpc_target("/a?x=b=c")->params, (json::object{{"x", "b=c"}}));
}

TEST(RpcParse, RefusesATargetThatDoesNotParse) {
  for (const std::string_view target :
       {"", "status", "/", "/?a=1", "/a b", "/a%", "/a%4", "/a%zz", "/a?x=%4", "/a?x=%ff", "/a?=1",
        "/a?x=1&x=2", "/%00", "/#a"}) {
    EXPECT_FALSE(parse_rpc_target(target)) << target;
  }
  std::string many = "/a?";
  for (int i = 0; i < 65; ++i) many += "k" + std::to_string(i) + "=&";
  EXPECT_FALSE(parse_rpc_target(many));
}

TEST(RpcParse, AnswersAnyBytesWithValidJson) {
  const std::string seed = R"([{"jsonrpc":"2.0","id":7,"method":"tx","params":{"hash":"AB"}},1])";
  for (std::uint32_t round = 0; round < 2000; ++round) {
    std::mt19937 random(round);
    std::string body = seed;
    for (std::uint32_t i = 0; i <= random() % 6; ++i) {
      body[random() % body.size()] = static_cast<char>(random());
    }
    for (const auto& call : parse_rpc_body(body).calls) {
      if (call) continue;
      json::error_code trouble;
      const json::value again = json::parse(json::serialize(call.error()), trouble);
      ASSERT_FALSE(trouble) << "seed " << round;
      ASSERT_TRUE(again.at("error").at("data").at("code").is_string()) << "seed " << round;
    }
    (void)parse_rpc_target("/" + body);
  }
}

TEST(RpcDispatch, AnswersABatchWhoseResultsAreTooLargeWithErrors) {
  RpcTestHandler handler;
  std::string body = "[";
  for (int i = 0; i < 5; ++i) {
    body += std::string(i ? "," : "") + R"({"method":"big","params":{"bytes":1000},"id":)" +
            std::to_string(i) + "}";
  }
  json::value answer;
  dispatch_rpc(
      parse_rpc_body(body + "]"), handler,
      [&](const RpcAnswer& given) { answer = json::parse(given.body); }, 3500);
  ASSERT_EQ(answer.as_array().size(), 5U);
  EXPECT_EQ(answer.at(2).at("result").as_string().size(), 1000U);
  EXPECT_EQ(answer.at(3).at("error").at("data").at("code"), "rpc-answer-too-large");
  EXPECT_EQ(answer.at(4).at("id"), 4);
}

TEST(RpcError, TravelsThroughJson) {
  const Error error{ErrorKind::kNotFound, "tx-not-found", "No such transaction", "Wait."};
  const auto again = error_from_json(error_to_json(error));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->kind, error.kind);
  EXPECT_EQ(again->code, error.code);
  EXPECT_EQ(again->message, error.message);
  EXPECT_EQ(again->next, error.next);
}

TEST(RpcError, RefusesACodeThatIsNone) {
  for (const json::value& code : {json::value(), json::value(1), json::value(""),
                                  json::value("A b"), json::value(std::string(65, 'a'))}) {
    EXPECT_FALSE(error_from_json(json::object{{"code", code}}));
  }
  EXPECT_FALSE(error_from_json("text"));
}

// In a process of its own, since what is kept is kept for good.
TEST(RpcErrorDeathTest, KeepsABoundedNumberOfForeignCodes) {
  const auto fill = [] {
    std::string_view last;
    for (int i = 0; i < 3000; ++i) {
      last = error_from_json(json::object{{"code", "foreign-" + std::to_string(i)}})->code;
    }
    std::_Exit(last == "node-error" ? 0 : 1);
  };
  EXPECT_EXIT(fill(), testing::ExitedWithCode(0), "");
}

TEST(RpcError, HasAStatusForGet) {
  const auto status = [](int number, ErrorKind kind) {
    return http_status_of({number, {}, {kind, "x", {}, {}}});
  };
  EXPECT_EQ(status(kRpcInvalidParams, ErrorKind::kInvalid), 400U);
  EXPECT_EQ(status(kRpcMethodNotFound, ErrorKind::kNotFound), 404U);
  EXPECT_EQ(status(kRpcInternalError, ErrorKind::kNotFound), 500U);
  EXPECT_EQ(status(kRpcServerError, ErrorKind::kNotFound), 404U);
  EXPECT_EQ(status(kRpcServerError, ErrorKind::kUnavailable), 503U);
}

}  // namespace
}  // namespace quorate::node
