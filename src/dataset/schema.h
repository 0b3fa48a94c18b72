// What data must look like, column by column: schema.yaml, and the check of a table against it.
//
//   columns:
//     date:     {kind: time, min: 2001-01-01}
//     delay:    {kind: int, min: -120, max: 1440, max_violations: 0.0001, required: false}
//     distance: {kind: int, min: 1, constant_per: [origin, destination]}
//     origin:   {kind: text, max_categories: 400}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "json/describe.h"
#include "table/table.h"

namespace fettle::dataset {

struct ColumnRule {
  std::string name;
  table::Kind kind = table::Kind::Float;  // float also takes int columns
  bool required = true;                   // false: the column may be absent
  bool nullable = false;                  // values may be missing
  std::optional<double> min, max;         // inclusive; times as milliseconds UTC
  std::vector<std::string> categories;    // of a text; empty = any
  std::uint64_t max_categories = 0;       // distinct texts; 0 = any number
  std::vector<std::string> constant_per;  // the value is one and the same for equal values of these columns
  double max_violations = 0;              // share of rows that may break a rule of this column, per rule
};

// `rule`: required, kind, nullable, min, max, categories, max_categories, constant_per.
struct Violation {
  std::string column, rule;
  std::uint64_t rows = 0;  // that break it; all for required and kind
  double share = 0;        // of the table's rows
  std::string example;     // as a person reads it: "row 17: delay = 1688, the most is 1440"
  bool tolerated = false;  // within max_violations
};
BOOST_DESCRIBE_STRUCT(Violation, (), (column, rule, rows, share, example, tolerated))

class Schema {
 public:
  [[nodiscard]] static Result<Schema> load(const std::string& path);  // schema.yaml; errors carry file and line
  [[nodiscard]] static Result<Schema> from_json(const json::Value& value, const std::string& where);
  // In the order of the columns; columns that the schema does not name are not looked at. Pure.
  [[nodiscard]] std::vector<Violation> check(const table::Table& rows) const;
  [[nodiscard]] json::Value to_json() const;
  [[nodiscard]] const std::vector<ColumnRule>& columns() const noexcept { return columns_; }

 private:
  std::vector<ColumnRule> columns_;
};

}  // namespace fettle::dataset
