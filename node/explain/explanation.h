#pragma once

// Why nothing moves, in words: the reports of the replicas, merged.
//
// A pure function of what was asked, so that every sentence has a test.

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "node/explain/findings.h"

namespace quorate::node {

struct Explanation {
  bool is_stuck = false;
  std::string code;     // of the finding that decides; "nothing-stuck"
  std::string verdict;  // one sentence
  std::vector<Finding> findings;  // the verdict's first
  std::vector<std::string> timers;  // what comes by itself
  std::vector<std::string> next;    // what to do
};

// Precondition: at least one answer has a report.
[[nodiscard]] Explanation explain(const std::vector<Answer>& answers, bool is_testnet);

// For people: the verdict, then what stands behind it, then what to do.
[[nodiscard]] std::vector<std::string> explanation_lines(const Explanation& explanation);
// {stuck, code, verdict, findings: [{code, stuck, text, details, next}], timers, next,
//  replicas: [{url, id?, report?, error?}]}
[[nodiscard]] boost::json::object explanation_json(const Explanation& explanation,
                                                   const std::vector<Answer>& answers);

}  // namespace quorate::node
