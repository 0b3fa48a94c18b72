// What a gate says: the checks of one suite, each with its hypothesis, method, value and threshold, and the worst of
// them.
//
// A verdict holds no clock: the same model on the same rows gives the same bytes, except for measured latencies.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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
[[nodiscard]] bool stops(Status status) noexcept;                // Unknown and Fail
[[nodiscard]] std::string_view name(Status status) noexcept;     // "pass", "warn", "unknown", "fail"
[[nodiscard]] std::string summary(const Verdict& verdict);       // one line: "gate 'default': fail (1 of 12 ...)"
[[nodiscard]] std::string number_with_unit(const Check& check);  // "0.012 nats (at most 0.01)"; "-" without value

}  // namespace fettle::gate
