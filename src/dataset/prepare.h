// The prepare step: from raw files to the tables that training and evaluation read.
//
// Order: read the columns and the time window that are needed, check the schema, derive, filter, split by time, write.
// The same inputs give the same bytes. Files are read one after the other in the order given, so memory is bounded by
// what is kept.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataset/schema.h"
#include "json/describe.h"

namespace fettle::dataset {

// One derived column: exactly one of the ways is given. A missing source value gives a missing value, in a joined text
// the word "(missing)".
struct Derivation {
  std::string hour, weekday, day, month;  // of a time column, UTC: 0-23; 0 = Monday .. 6; 1-31; 1-12
  double offset_hours = 0;                // added to the time first, for hour, weekday, day and month
  std::vector<json::Value> at_least;      // [column, number]: 1 if value >= number, else 0
  std::vector<std::string> join;          // texts of several columns with '-' between
};
BOOST_DESCRIBE_STRUCT(Derivation, (), (hour, weekday, day, month, offset_hours, at_least, join))

struct Filter {  // Rows outside, or with the value missing, are dropped and counted.
  std::optional<double> min, max;
  bool keep_missing = false;
};
BOOST_DESCRIBE_STRUCT(Filter, (), (min, max, keep_missing))

struct PrepareSpec {  // A step's `with`.
  std::string time;   // the time column
  std::map<std::string, Derivation> derive;
  std::map<std::string, Filter> filter;
  std::vector<std::string> columns;  // what is written, in this order
  // {"as_of": "2001-04-01", "train": {"days": 83, "until_days": 7}, "valid": {"days": 7, "until_days": 0}}: each split
  // is the half-open time [as_of - until_days - days, as_of - until_days). Splits may not overlap.
  std::map<std::string, json::Value> splits;
  std::string schema;  // optional schema.yaml: the raw rows are checked; a violation not tolerated is an error
};
BOOST_DESCRIBE_STRUCT(PrepareSpec, (), (time, derive, filter, columns, splits, schema))

struct SplitReport {
  std::string name, path;
  std::uint64_t rows = 0;
};
BOOST_DESCRIBE_STRUCT(SplitReport, (), (name, path, rows))

struct PrepareReport {
  std::uint64_t read = 0;                        // rows in the window of all splits together
  std::vector<SplitReport> splits;               // by name
  std::map<std::string, std::uint64_t> dropped;  // "delay above 1440" -> rows; a row counts for the first filter only
  std::vector<Violation> violations;             // of the schema, tolerated
};
BOOST_DESCRIBE_STRUCT(PrepareReport, (), (read, splits, dropped, violations))

// Reads `files` (absolute paths) and writes each split to its path in `outs`. InvalidArgument names the key of a wrong
// spec; FailedPrecondition names a split without rows, or the schema rule that the raw rows break.
[[nodiscard]] Result<PrepareReport> prepare(const PrepareSpec& spec, const std::vector<std::string>& files,
                                            const std::map<std::string, std::string>& outs);

}  // namespace fettle::dataset
