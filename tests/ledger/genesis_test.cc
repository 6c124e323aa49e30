#include "ledger/genesis.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "ledger/json_tree.h"
#include "tests/ledger/example_network.h"

namespace quorate::ledger {
namespace {

using namespace test;

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string good_json() { return genesis_to_json(example_genesis()); }

TEST(Genesis, WhatIsWrittenIsRead) {
  Genesis genesis = example_genesis(7);
  EXPECT_EQ(chain_id_of(parse_genesis(genesis_to_json(genesis)).value()), chain_id_of(genesis));
  genesis.senders = {{public_key_of("alice")}};
  genesis.accounts[0].balance = UINT64_MAX - 500;
  genesis.parameters.window_batches = 4;
  genesis.parameters.checkpoint_interval = 5;
  genesis.testnet = false;
  const Genesis read = parse_genesis(genesis_to_json(genesis)).value();
  EXPECT_EQ(crypto::encode(read), crypto::encode(genesis));
}

// What every network without a chain of its own has signed since format 1 came to be.
TEST(Genesis, WithoutRulesOfAChainBytesAndChainIdAreThoseOfFormat1) {
  const Genesis genesis = example_genesis();
  EXPECT_EQ(genesis.format, 1U);
  EXPECT_EQ(genesis_to_json(genesis).find("pow"), std::string::npos);
  EXPECT_EQ(chain_id_of(genesis).hex(),
            "832a9c28f9653526b6f67e4a9f7b289dbefbd144c59eed1480333086cf9bf5ba");
}

TEST(Genesis, RulesOfAChainAreReadAsTheyWereWritten) {
  for (const ChainCarries carries : {ChainCarries::kTransactions, ChainCarries::kAnchors}) {
    Genesis genesis = example_genesis();
    set_chain_rules(genesis, {carries, 0x1e00ffff, 30, 144, true, false});
    const Genesis read = parse_genesis(genesis_to_json(genesis)).value();
    EXPECT_EQ(read.pow, genesis.pow);
    EXPECT_EQ(chain_id_of(read), chain_id_of(genesis));
  }
}

TEST(Genesis, ChainIdCoversEveryRuleOfTheChain) {
  const std::vector<std::function<void(ChainRules&)>> changes = {
      [](ChainRules&) {},
      [](ChainRules& r) { r.carries = ChainCarries::kAnchors; },
      [](ChainRules& r) { r.limit_bits = 0x1f00ffff; },
      [](ChainRules& r) { r.spacing_seconds += 1; },
      [](ChainRules& r) { r.interval += 1; },
      [](ChainRules& r) { r.allows_late_minimum = true; },
      [](ChainRules& r) { r.retargets = false; },
  };
  std::set<Digest> ids = {chain_id_of(example_genesis())};
  for (const auto& change : changes) {
    ChainRules rules;
    change(rules);
    Genesis genesis = example_genesis();
    set_chain_rules(genesis, rules);
    ids.insert(chain_id_of(genesis));
  }
  EXPECT_EQ(ids.size(), changes.size() + 1);
}

TEST(Genesis, RulesThatNoChainHasAreRefused) {
  Genesis genesis = example_genesis();
  set_chain_rules(genesis, {});
  const std::string good = genesis_to_json(genesis);
  const auto code = [](const std::string& json) {
    const auto parsed = parse_genesis(json);
    return parsed ? std::string("good") : std::string(parsed.error().code);
  };
  EXPECT_EQ(code(good), "good");
  EXPECT_EQ(code(replaced(good, "\"format\": 2", "\"format\": 1")), "genesis-malformed");
  EXPECT_EQ(code(replaced(good_json(), "\"format\": 1", "\"format\": 2")), "genesis-malformed");
  EXPECT_EQ(code(replaced(good, "\"format\": 2", "\"format\": 3")), "genesis-newer-format");
  EXPECT_EQ(code(replaced(good, "\"transactions\"", "\"money\"")), "genesis-malformed");
  EXPECT_EQ(code(replaced(good, "207fffff", "207FFFFF")), "genesis-malformed");
  EXPECT_EQ(code(replaced(good, "207fffff", "207ffff")), "genesis-malformed");
  EXPECT_EQ(code(replaced(good, "\"spacing_seconds\": 10", "\"spacing_seconds\": 0")),
            "genesis-bad-parameter");
  EXPECT_EQ(code(replaced(good, "\"interval\": 2016", "\"interval\": 1")),
            "genesis-bad-parameter");
  EXPECT_EQ(code(replaced(good, "\"interval\"", "\"intervall\"")), "genesis-unknown-field");
  genesis.time.value = std::uint64_t{UINT32_MAX} * 1000 + 1;
  EXPECT_EQ(code(genesis_to_json(genesis)), "genesis-bad-parameter");
}

TEST(Genesis, ChainIdDependsOnValuesNotOnSpelling) {
  const Digest chain_id = chain_id_of(example_genesis());
  const std::string json = good_json();
  std::string spaced;
  for (const char c : json) spaced += c == '\n' ? "\r\n\t " : std::string(1, c);
  EXPECT_EQ(chain_id_of(parse_genesis(spaced).value()), chain_id);
  const std::string moved =
      replaced(replaced(json, "  \"format\": 1,\n", ""), "  \"testnet\": true,\n",
               "  \"testnet\": true,\n  \"format\": 1,\n");
  EXPECT_EQ(chain_id_of(parse_genesis(moved).value()), chain_id);
  const std::string quoted = replaced(json, "\"balance\": 1000", "\"balance\": \"1000\"");
  EXPECT_EQ(chain_id_of(parse_genesis(quoted).value()), chain_id);
}

TEST(Genesis, ChainIdCoversEveryValue) {
  const std::vector<std::function<void(Genesis&)>> changes = {
      [](Genesis&) {},
      [](Genesis& g) { g.name = "other"; },
      [](Genesis& g) { g.time.value += 1; },
      [](Genesis& g) { g.testnet = false; },
      [](Genesis& g) { g.faults = 0; },
      [](Genesis& g) { g.replicas[1].name = "other"; },
      [](Genesis& g) { g.replicas[2].vote_key = public_key_of("other"); },
      [](Genesis& g) { g.replicas[3].network_key = public_key_of("other"); },
      [](Genesis& g) { std::swap(g.replicas[0], g.replicas[1]); },
      [](Genesis& g) { g.senders.emplace(); },
      [](Genesis& g) { g.senders = {{public_key_of("alice")}}; },
      [](Genesis& g) { g.accounts[0].balance += 1; },
      [](Genesis& g) { g.accounts[0].key = public_key_of("other"); },
      [](Genesis& g) { g.parameters.window_batches += 1; },
      [](Genesis& g) { g.parameters.checkpoint_interval -= 1; },
      [](Genesis& g) { g.parameters.checkpoint_quiet_ms += 1; },
      [](Genesis& g) { g.parameters.time_slack_ms += 1; },
      [](Genesis& g) { g.parameters.valid_until_horizon_ms += 1; },
      [](Genesis& g) { g.parameters.batch_transactions_max += 1; },
      [](Genesis& g) { g.parameters.batch_bytes_max += 1; },
      [](Genesis& g) { g.parameters.transaction_bytes_max += 1; },
      [](Genesis& g) { g.parameters.sender_pending_max += 1; },
  };
  std::set<Digest> ids;
  for (const auto& change : changes) {
    Genesis genesis = example_genesis();
    change(genesis);
    ids.insert(chain_id_of(genesis));
  }
  EXPECT_EQ(ids.size(), changes.size());
}

TEST(Genesis, OptionalFieldsHaveTheDocumentedDefaults) {
  const std::string key_a = public_key_of("a").hex();
  const std::string key_b = public_key_of("b").hex();
  const Genesis genesis =
      parse_genesis(R"({"format": 1, "name": "one", "time_ms": 5, "faults": 0, "replicas":
                        [{"name": "r", "vote_key": ")" +
                    key_a + R"(", "network_key": ")" + key_b + R"("}]})")
          .value();
  EXPECT_FALSE(genesis.testnet);
  EXPECT_FALSE(genesis.senders);
  EXPECT_TRUE(genesis.accounts.empty());
  EXPECT_EQ(crypto::encode(genesis.parameters), crypto::encode(Parameters{}));
  EXPECT_TRUE(validate_genesis(genesis));
}

struct TextCase {
  const char* name;
  std::string_view code;
  std::string_view from;
  std::string_view to;
};

TEST(Genesis, EveryFaultOfTheDocumentIsRefusedByItsName) {
  const std::vector<TextCase> cases = {
      {"no JSON", "genesis-malformed", "{", ""},
      {"a name twice", "genesis-malformed", "\"faults\": 1,", "\"faults\": 1, \"faults\": 1,"},
      {"format missing", "genesis-malformed", "\"format\": 1,", ""},
      {"format 0", "genesis-malformed", "\"format\": 1,", "\"format\": 0,"},
      {"format 3", "genesis-newer-format", "\"format\": 1,", "\"format\": 3, \"new\": {},"},
      {"name missing", "genesis-malformed", "\"name\": \"example\",", ""},
      {"name a number", "genesis-malformed", "\"name\": \"example\"", "\"name\": 5"},
      {"name in capitals", "genesis-malformed", "\"name\": \"example\"", "\"name\": \"Example\""},
      {"name empty", "genesis-malformed", "\"name\": \"example\"", "\"name\": \"\""},
      {"time missing", "genesis-malformed", "\"time_ms\": 1700000000000,", ""},
      {"time a fraction", "genesis-malformed", "1700000000000", "1700000000000.5"},
      {"time with an exponent", "genesis-malformed", "1700000000000", "1.7e12"},
      {"time negative", "genesis-malformed", "1700000000000", "-1"},
      {"time with a leading zero", "genesis-malformed", "1700000000000", "\"01\""},
      {"time with a space", "genesis-malformed", "1700000000000", "\" 1\""},
      {"time an empty string", "genesis-malformed", "1700000000000", "\"\""},
      {"time past 64 bits", "genesis-malformed", "1700000000000", "18446744073709551616"},
      {"time past the year 9999", "genesis-bad-parameter", "1700000000000", "253402300800000"},
      {"testnet a number", "genesis-malformed", "\"testnet\": true", "\"testnet\": 1"},
      {"faults missing", "genesis-malformed", "\"faults\": 1,", ""},
      {"faults past 16 bits", "genesis-malformed", "\"faults\": 1,", "\"faults\": 65536,"},
      {"faults too many", "genesis-too-few-replicas", "\"faults\": 1,", "\"faults\": 2,"},
      {"a key too short", "genesis-malformed", "\"vote_key\": \"", "\"vote_key\": \"0"},
      {"a key no hex", "genesis-malformed", "\"vote_key\": \"", "\"vote_key\": \"zz"},
      {"a key null", "genesis-malformed", "\"accounts\": [",
       "\"senders\": [null], \"accounts\": ["},
      {"unknown field", "genesis-unknown-field", "\"faults\"", "\"fautls\": 1, \"faults\""},
      {"unknown replica field", "genesis-unknown-field", "\"vote_key\"", "\"x\": 1, \"vote_key\""},
      {"unknown parameter", "genesis-unknown-field", "\"window_batches\"", "\"window\""},
      {"unknown account field", "genesis-unknown-field", "\"balance\"", "\"x\": 1, \"balance\""},
      {"balance missing", "genesis-malformed", ",\n      \"balance\": 1000", ""},
      {"balances past 64 bits", "genesis-balance-overflow", "\"balance\": 1000",
       "\"balance\": \"18446744073709551615\""},
      {"senders an object", "genesis-malformed", "\"accounts\"", "\"senders\": {}, \"accounts\""},
      {"senders empty", "genesis-bad-parameter", "\"accounts\"", "\"senders\": [], \"accounts\""},
      {"a parameter past 32 bits", "genesis-malformed", "\"window_batches\": 8",
       "\"window_batches\": 4294967296"},
  };
  ASSERT_TRUE(parse_genesis(good_json()));
  for (const TextCase& each : cases) {
    EXPECT_EQ(refusal(parse_genesis(replaced(good_json(), each.from, each.to))), each.code)
        << each.name;
  }
  for (const std::string_view text : {"", "[]", "null", "7", "{}", "\"genesis\""}) {
    EXPECT_EQ(refusal(parse_genesis(text)), "genesis-malformed") << text;
  }
}

TEST(Genesis, SectionsOfAnotherKindAreRefused) {
  const JsonNode good = parse_json(good_json(), 1 << 20, "test-code").value();
  for (const std::string_view section : {"replicas", "accounts", "parameters"}) {
    for (const JsonNode& other :
         {JsonNode::null(), JsonNode::number(1), JsonNode::string("x"),
          section == "parameters" ? JsonNode::array() : JsonNode::object()}) {
      JsonNode changed = JsonNode::object();
      for (std::size_t i = 0; i < good.names.size(); ++i) {
        changed.set(good.names[i], good.names[i] == section ? other : good.children[i]);
      }
      EXPECT_EQ(refusal(parse_genesis(to_json_text(changed))), "genesis-malformed") << section;
    }
  }
}

struct ValueCase {
  const char* name;
  std::string_view code;
  std::function<void(Genesis&)> apply;
};

TEST(Genesis, EveryFaultOfItsValuesIsRefusedByItsName) {
  const auto invalid_key =
      crypto::parse_public_key("cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d")
          .value();
  const std::vector<ValueCase> cases = {
      {"name too long", "genesis-malformed", [](auto& g) { g.name = std::string(65, 'a'); }},
      {"no replicas", "genesis-too-few-replicas",
       [](auto& g) { g.replicas.clear(), g.faults = 0; }},
      {"a replica too few", "genesis-too-few-replicas", [](auto& g) { g.replicas.pop_back(); }},
      {"replica name bad", "genesis-malformed", [](auto& g) { g.replicas[1].name = "a_b"; }},
      {"replica name twice", "genesis-duplicate-name",
       [](auto& g) { g.replicas[1].name = g.replicas[0].name; }},
      {"vote key twice", "genesis-duplicate-key",
       [](auto& g) { g.replicas[3].vote_key = g.replicas[0].vote_key; }},
      {"network key twice", "genesis-duplicate-key",
       [](auto& g) { g.replicas[3].network_key = g.replicas[0].network_key; }},
      {"vote key is network key", "genesis-duplicate-key",
       [](auto& g) { g.replicas[0].vote_key = g.replicas[0].network_key; }},
      {"vote key is another's network key", "genesis-duplicate-key",
       [](auto& g) { g.replicas[0].vote_key = g.replicas[2].network_key; }},
      {"sender twice", "genesis-duplicate-key",
       [](auto& g) {
         g.senders = {{public_key_of("a"), public_key_of("a")}};
       }},
      {"account twice", "genesis-duplicate-key",
       [](auto& g) { g.accounts[1].key = g.accounts[0].key; }},
      {"vote key no point", "genesis-invalid-key",
       [&](auto& g) { g.replicas[2].vote_key = invalid_key; }},
      {"network key no point", "genesis-invalid-key",
       [](auto& g) { g.replicas[2].network_key = PublicKey{}; }},
      {"sender no point", "genesis-invalid-key", [&](auto& g) { g.senders = {{invalid_key}}; }},
      {"account no point", "genesis-invalid-key",
       [&](auto& g) { g.accounts[0].key = invalid_key; }},
      {"balances overflow by one", "genesis-balance-overflow",
       [](auto& g) { g.accounts[0].balance = UINT64_MAX - 499; }},
      {"W = 0", "genesis-bad-parameter",
       [](auto& g) { g.parameters.window_batches = 0, g.parameters.checkpoint_interval = 0; }},
      {"W too large", "genesis-bad-parameter", [](auto& g) { g.parameters.window_batches = 1025; }},
      {"K = 0", "genesis-bad-parameter", [](auto& g) { g.parameters.checkpoint_interval = 0; }},
      {"K > L/2", "genesis-bad-parameter", [](auto& g) { g.parameters.checkpoint_interval = 17; }},
      {"C = 0", "genesis-bad-parameter", [](auto& g) { g.parameters.checkpoint_quiet_ms = 0; }},
      {"no slack", "genesis-bad-parameter", [](auto& g) { g.parameters.time_slack_ms = 0; }},
      {"slack of hours", "genesis-bad-parameter",
       [](auto& g) { g.parameters.time_slack_ms = 3'600'001; }},
      {"horizon within the slack", "genesis-bad-parameter",
       [](auto& g) { g.parameters.valid_until_horizon_ms = 1999; }},
      {"horizon without end", "genesis-bad-parameter",
       [](auto& g) { g.parameters.valid_until_horizon_ms = UINT64_MAX; }},
      {"no transactions a batch", "genesis-bad-parameter",
       [](auto& g) { g.parameters.batch_transactions_max = 0; }},
      {"too many transactions a batch", "genesis-bad-parameter",
       [](auto& g) { g.parameters.batch_transactions_max = 100'001; }},
      {"no room in a batch", "genesis-bad-parameter",
       [](auto& g) { g.parameters.batch_bytes_max = 1023; }},
      {"batches too large", "genesis-bad-parameter",
       [](auto& g) { g.parameters.batch_bytes_max = (64 << 20) + 1; }},
      {"transactions too small", "genesis-bad-parameter",
       [](auto& g) { g.parameters.transaction_bytes_max = 255; }},
      {"transactions larger than a batch", "genesis-bad-parameter",
       [](auto& g) { g.parameters.batch_bytes_max = (128 << 10) - 1; }},
      {"transactions too large", "genesis-bad-parameter",
       [](auto& g) { g.parameters.transaction_bytes_max = (1 << 20) + 1; }},
      {"no quota", "genesis-bad-parameter", [](auto& g) { g.parameters.sender_pending_max = 0; }},
      {"quota without end", "genesis-bad-parameter",
       [](auto& g) { g.parameters.sender_pending_max = 1'000'001; }},
  };
  ASSERT_TRUE(validate_genesis(example_genesis()));
  for (const ValueCase& each : cases) {
    Genesis genesis = example_genesis();
    each.apply(genesis);
    const auto status = validate_genesis(genesis);
    EXPECT_EQ(refusal(status), each.code) << each.name;
    EXPECT_TRUE(status || !status.error().next.empty()) << each.name;
    // A document that says the same is refused alike.
    EXPECT_EQ(refusal(parse_genesis(genesis_to_json(genesis))), each.code) << each.name;
  }
}

TEST(Genesis, BoundsAreInclusive) {
  Genesis genesis = example_genesis();
  genesis.accounts[0].balance = UINT64_MAX - 500;
  genesis.parameters.checkpoint_interval = 16;
  genesis.parameters.transaction_bytes_max = 1 << 20;
  genesis.parameters.valid_until_horizon_ms = 2000;
  genesis.name = std::string(64, 'z');
  EXPECT_TRUE(validate_genesis(genesis));
  Genesis small = example_genesis();
  small.parameters.batch_bytes_max = 1024;
  small.parameters.transaction_bytes_max = 1024;
  EXPECT_TRUE(validate_genesis(small));
}

TEST(Genesis, AnyNumberOfReplicasFromOneOnIsAllowed) {
  for (std::size_t n = 1; n <= 13; ++n) {
    EXPECT_TRUE(validate_genesis(example_genesis(n))) << n;
    Genesis cautious = example_genesis(n);
    cautious.faults = 0;
    EXPECT_TRUE(validate_genesis(cautious)) << n;
  }
  Genesis crowd = example_genesis(1);
  crowd.replicas.assign(kReplicasMax + 1, crowd.replicas[0]);
  EXPECT_EQ(refusal(validate_genesis(crowd)), "genesis-bad-parameter");
}

TEST(Genesis, MessagesNameLineFieldFoundAndExpected) {
  const auto message = [](std::string_view from, std::string_view to) {
    return parse_genesis(replaced(good_json(), from, to)).error().message;
  };
  EXPECT_EQ(
      message("\"time_ms\": 1700000000000", "\"time_ms\": \"soon\""),
      "line 4, time_ms: found \"soon\"; an integer from 0 to 18446744073709551615 was expected");
  EXPECT_EQ(message("\"name\": \"replica-0\"", "\"name\": null"),
            "line 9, replicas[0].name: found null; a string was expected");
  EXPECT_EQ(message("\"balance\": 1000", "\"balance\": -1"),
            "line 32, accounts[0].balance: found -1; an integer from 0 to 18446744073709551615 was "
            "expected");
  EXPECT_EQ(message("\"faults\": 1", "\"faults\": 2"),
            "found 4 replicas; faults = 2 needs at least 7");
  EXPECT_EQ(message("\"checkpoint_interval\": 16", "\"checkpoint_interval\": 17"),
            "parameters.checkpoint_interval: found 17; 1 to 16 was expected");
  EXPECT_EQ(message("\"format\": 1,\n", ""),
            "line 1, format: found nothing; an integer from 0 to 4294967295 was expected");
  EXPECT_TRUE(message("\"faults\"", "\"fautls\"")
                  .starts_with("line 6, document: found a field \"fautls\"; one of format, name, "))
      << message("\"faults\"", "\"fautls\"");
}

TEST(Genesis, EveryTruncationIsRefused) {
  const std::string json = good_json();
  for (std::size_t length = 0; length + 2 < json.size(); ++length) {
    EXPECT_FALSE(parse_genesis(json.substr(0, length))) << length;
  }
}

}  // namespace
}  // namespace quorate::ledger
