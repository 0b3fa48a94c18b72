// Rows of a file as live traffic: in order of time, day by day, written as inference requests with binary tensors.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "table/table.h"

namespace fettle::cli {

// A bug of the application that asks, for drills: "distance*1.609344 where origin=ATL from=2001-05-21 to=2001-05-28".
struct Fault {
  std::string column;
  double factor = 1;
  std::string where_column, where_value;  // empty = all rows
  std::int64_t from_ms = INT64_MIN, until_ms = INT64_MAX;
};
[[nodiscard]] Result<Fault> parse_fault(std::string_view text);

struct ReplaySource {
  std::string file;
  std::string time, label;            // columns
  std::string unit;                   // column; empty = the row's number
  std::vector<std::string> features;  // columns that are sent
  std::optional<std::int64_t> from_ms, until_ms;
  std::optional<Fault> fault;
  std::string id_prefix;
};

struct ReplayDay {
  std::int64_t start_ms = 0;
  std::size_t first = 0, last = 0;  // of order: [first, last)
};

class ReplayRows {
 public:
  // NotFound lists the file's columns if one is missing; InvalidArgument if the time is no time, or the label no
  // number.
  [[nodiscard]] static Result<ReplayRows> load(const ReplaySource& source);
  [[nodiscard]] const std::vector<ReplayDay>& days() const noexcept { return days_; }
  [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }
  [[nodiscard]] double label(std::size_t at) const { return label_->number(order_[at]); }

  // One inference request for rows [first, last) of the order; `body` is JSON, then tensors; the JSON's length is
  // returned. Times, units and the request id are the rows' own.
  std::size_t write_request(std::size_t first, std::size_t last, std::string_view id, std::string& body) const;
  // Outcomes of rows [first, last), all of one request id.
  void write_outcomes(std::size_t first, std::size_t last, std::string_view id, std::string& ids,
                      std::string& labels) const;

 private:
  struct Feature {
    const table::Column* column = nullptr;
    std::vector<float> values;  // numeric columns, as they are sent
  };
  [[nodiscard]] Result<void> prepare(const ReplaySource& source);
  [[nodiscard]] Result<void> break_it(const Fault& fault);
  void sort_by_time(const ReplaySource& source);
  [[nodiscard]] std::string unit_of(std::uint32_t row) const;

  table::Table table_;
  const table::Column* time_ = nullptr;
  const table::Column* label_ = nullptr;
  const table::Column* unit_ = nullptr;
  std::string id_prefix_;
  std::vector<Feature> features_;
  std::vector<std::uint32_t> order_;
  std::vector<ReplayDay> days_;
};

}  // namespace fettle::cli
