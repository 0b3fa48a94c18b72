// What a gate says: the checks of one suite, each with its hypothesis, method, value and threshold, and the worst of
// them.
//
// A verdict holds no clock: the same model on the same rows gives the same bytes, except for measured latencies.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/value.h"

namespace fettle::gate {

// From best to worst. Unknown: there is too little evidence to say pass or fail; it stops a model as Fail does, unless
// the suite allows that check to stay open (then the check is a Warn that says so).
enum class Status : std::uint8_t { Pass, Warn, Unknown, Fail };
BOOST_DESCRIBE_ENUM(Status, Pass, Warn, Unknown, Fail)

struct Check {
  std::string name;  // "leakage.time"; suites name checks by it
  Status status = Status::Unknown;
  std::string message;     // for a person: the finding, the rule, and the next step unless it passed
  std::string hypothesis;  // what the check takes for true until shown otherwise
  std::string method;      // how it looked
  std::optional<double> value, threshold;
  std::string unit;     // of both: "share of rows", "nats", "microseconds"
  json::Value details;  // all other numbers, by name
};
BOOST_DESCRIBE_STRUCT(Check, (), (name, status, message, hypothesis, method, value, threshold, unit, details))

struct Verdict {
  int format = 1;
  Status status = Status::Unknown;
  std::string suite;
  std::string model;     // SHA-256 of the model file
  std::string champion;  // digest of the champion's bundle; empty if there was none to compare with
  std::vector<Check> checks;
};
BOOST_DESCRIBE_STRUCT(Verdict, (), (format, status, suite, model, champion, checks))

// The worst of the checks; Unknown if there are none.
[[nodiscard]] Status worst(const std::vector<Check>& checks) noexcept;
[[nodiscard]] bool stops(Status status) noexcept;             // Unknown and Fail
[[nodiscard]] std::string_view name(Status status) noexcept;  // "pass", "warn", "unknown", "fail"
// One line: "gate 'default': fail: 2 of 14 checks stop this model: leakage.time, quality.constant".
[[nodiscard]] std::string summary(const Verdict& verdict);
// For a person: each check that did not pass, worst first, with what it took for true and how it looked if it stops the
// model; then the names of those that passed.
[[nodiscard]] std::string report(const Verdict& verdict);
[[nodiscard]] Result<Verdict> parse_verdict(std::string_view text, const std::string& where);  // verdict.json

}  // namespace fettle::gate
