// Records of some rows, found by their number while their parts come in.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"

namespace fettle::tracking {

constexpr std::size_t kRowsAtOnce = 512;  // rows that one statement loads

template <typename T>
class ByRow {
 public:
  explicit ByRow(std::span<const std::int64_t> rows) : rows_(rows.begin(), rows.end()), items_(rows.size()) {
    std::ranges::sort(rows_);
  }
  [[nodiscard]] const std::vector<std::int64_t>& rows() const noexcept { return rows_; }  // ascending
  [[nodiscard]] std::vector<T>& items() noexcept { return items_; }                       // in the order of rows()
  // REQUIRES: it is one of rows().
  [[nodiscard]] T& at(std::int64_t row) {
    return items_[static_cast<std::size_t>(std::ranges::lower_bound(rows_, row) - rows_.begin())];
  }

 private:
  std::vector<std::int64_t> rows_;
  std::vector<T> items_;
};

// Runs `load`(ByRow<T>&) on a few hundred rows at a time; all records in the order of `rows`.
template <typename T, typename Load>
[[nodiscard]] Result<std::vector<T>> load_in_order(std::span<const std::int64_t> rows, const Load& load) {
  std::vector<T> out;
  out.reserve(rows.size());
  for (std::size_t first = 0; first < rows.size(); first += kRowsAtOnce) {
    const auto some = rows.subspan(first, std::min(kRowsAtOnce, rows.size() - first));
    ByRow<T> records(some);
    FETTLE_TRY_(load(records));
    for (const auto row : some) out.push_back(std::move(records.at(row)));
  }
  return out;
}

}  // namespace fettle::tracking
