// Schema::check: each rule of each column as a count of rows and one example.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "base/text.h"
#include "dataset/schema.h"

namespace fettle::dataset {
namespace {

using table::Column;
using table::Kind;
using table::Table;

bool is_missing(const Column& column, std::size_t row) {
  if (!column.is_valid(row)) return true;
  if (column.kind == Kind::Text) return column.codes[row] < 0;
  return column.kind == Kind::Float && std::isnan(column.floats[row]);
}

bool takes(Kind rule, Kind column) { return rule == column || (rule == Kind::Float && column == Kind::Int); }

std::string bound_text(const ColumnRule& rule, double bound) {
  return rule.kind == Kind::Time ? text::rfc3339(static_cast<std::int64_t>(bound)) : text::number(bound);
}

// A value as one number, equal for equal values of a column. REQUIRES: not missing.
std::uint64_t identity(const Column& column, std::size_t row) {
  switch (column.kind) {
    case Kind::Text:
      return static_cast<std::uint64_t>(column.codes[row]);
    case Kind::Float:
      return std::bit_cast<std::uint64_t>(column.floats[row] + 0.0);  // -0 is 0
    default:
      return static_cast<std::uint64_t>(column.ints[row]);
  }
}

// Gives equal keys equal small numbers, in the order in which they come.
class Numbering {
 public:
  // Keys below `bound`; a small bound is a table, a large one a hash.
  explicit Numbering(std::uint64_t bound) {
    if (bound <= kTable) table_.assign(bound, kNone);
  }

  std::uint32_t of(std::uint64_t key) {
    if (table_.empty()) return number(hash_.emplace(key, next_).first->second);
    return number(table_[key] == kNone ? table_[key] = next_ : table_[key]);
  }

  [[nodiscard]] std::uint32_t size() const noexcept { return next_; }

 private:
  static constexpr std::uint64_t kTable = 1 << 22;
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  std::uint32_t number(std::uint32_t value) {
    if (value == next_) ++next_;
    return value;
  }

  std::vector<std::uint32_t> table_;
  std::unordered_map<std::uint64_t, std::uint32_t> hash_;
  std::uint32_t next_ = 0;
};

// Numbers rows by the values of columns: equal values, equal numbers below `count`. A missing value is one of its own.
struct Groups {
  std::vector<std::uint32_t> of_row;
  std::uint32_t count = 1;

  void refine(const Column& column) {
    const bool text = column.kind == Kind::Text;
    Numbering values(text ? column.dictionary.size() : std::numeric_limits<std::uint64_t>::max());
    std::vector<std::uint32_t> value_of(of_row.size());
    for (std::size_t row = 0; row < of_row.size(); ++row)
      value_of[row] = is_missing(column, row) ? 0 : values.of(identity(column, row)) + 1;
    const std::uint64_t width = std::uint64_t{values.size()} + 1;
    Numbering pairs(count * width);
    for (std::size_t row = 0; row < of_row.size(); ++row) of_row[row] = pairs.of(of_row[row] * width + value_of[row]);
    count = pairs.size();
  }
};

// One value per group that most rows have where most agree (Boyer and Moore, 1981), else any.
std::vector<std::uint64_t> usual_values(const Column& column, const Groups& groups) {
  std::vector<std::uint64_t> value(groups.count);
  std::vector<std::uint64_t> votes(groups.count);
  for (std::size_t row = 0; row < groups.of_row.size(); ++row) {
    if (is_missing(column, row)) continue;
    const auto group = groups.of_row[row];
    const auto here = identity(column, row);
    if (votes[group] == 0) value[group] = here;
    votes[group] = value[group] == here ? votes[group] + 1 : votes[group] - 1;
  }
  return value;
}

class Checker {
 public:
  Checker(const Table& rows, const ColumnRule& rule, std::vector<Violation>& found)
      : rows_(rows), rule_(rule), found_(found), column_(rows.find(rule.name)) {}

  void check() {
    if (column_ == nullptr) return absent();
    if (!takes(rule_.kind, column_->kind)) return wrong_kind();
    if (!rule_.nullable) count("nullable", [&](std::size_t row) { return is_missing(*column_, row); });
    if (rule_.min) count("min", [&](std::size_t row) { return column_->number(row) < *rule_.min; });
    if (rule_.max) count("max", [&](std::size_t row) { return column_->number(row) > *rule_.max; });
    if (!rule_.categories.empty()) categories();
    if (rule_.max_categories > 0) max_categories();
    if (!rule_.constant_per.empty()) constant_per();
  }

 private:
  void absent() {
    if (rule_.required) add("required", rows_.rows(), "the column is missing");
  }

  void wrong_kind() {
    add("kind", rows_.rows(),
        text::format("the column is {}, not {}", table::name(column_->kind), table::name(rule_.kind)));
  }

  void categories() {
    const std::unordered_set<std::string_view> known(rule_.categories.begin(), rule_.categories.end());
    std::vector<std::uint8_t> bad;
    for (const auto& word : column_->dictionary) bad.push_back(known.contains(word) ? 0 : 1);
    count("categories", [&](std::size_t row) {
      return !is_missing(*column_, row) && bad[static_cast<std::size_t>(column_->codes[row])] != 0;
    });
  }

  // The rows of the rarest texts, beyond the number that is allowed.
  void max_categories() {
    std::vector<std::uint64_t> uses(column_->dictionary.size());
    for (std::size_t row = 0; row < column_->codes.size(); ++row)
      if (!is_missing(*column_, row)) ++uses[static_cast<std::size_t>(column_->codes[row])];
    std::erase(uses, 0);
    if (uses.size() <= rule_.max_categories) return;
    std::ranges::sort(uses, std::greater<>());
    std::uint64_t beyond = 0;
    for (std::size_t i = rule_.max_categories; i < uses.size(); ++i) beyond += uses[i];
    add("max_categories", beyond,
        text::format("{} different texts, at most {} are allowed", uses.size(), rule_.max_categories));
  }

  void constant_per() {
    Groups groups{.of_row = std::vector<std::uint32_t>(rows_.rows())};
    for (const auto& name : rule_.constant_per) {
      const auto* const key = rows_.find(name);
      if (key == nullptr) return add("constant_per", rows_.rows(), text::format("the column '{}' is missing", name));
      groups.refine(*key);
    }
    const auto usual = usual_values(*column_, groups);
    count("constant_per", [&](std::size_t row) {
      return !is_missing(*column_, row) && identity(*column_, row) != usual[groups.of_row[row]];
    });
  }

  template <typename F>
  void count(std::string_view rule, const F& breaks) {
    std::uint64_t bad = 0;
    std::size_t first = 0;
    for (std::size_t row = 0; row < rows_.rows(); ++row)
      if (breaks(row) && bad++ == 0) first = row;
    if (bad > 0) add(rule, bad, example(rule, first));
  }

  std::string example(std::string_view rule, std::size_t row) const {
    auto out = text::format("row {}: {} = {}", row, rule_.name, column_->display(row));
    if (rule == "min") out += text::format(", the least is {}", bound_text(rule_, *rule_.min));
    if (rule == "max") out += text::format(", the most is {}", bound_text(rule_, *rule_.max));
    if (rule == "constant_per")
      for (const auto& name : rule_.constant_per)
        out += text::format(", {} = {}", name, rows_.find(name)->display(row));
    return out;
  }

  void add(std::string_view rule, std::uint64_t rows, std::string example) {
    const double share = rows_.rows() == 0 ? 1 : static_cast<double>(rows) / static_cast<double>(rows_.rows());
    found_.push_back({.column = rule_.name,
                      .rule = std::string(rule),
                      .rows = rows,
                      .share = share,
                      .example = std::move(example),
                      .tolerated = share <= rule_.max_violations});
  }

  const Table& rows_;
  const ColumnRule& rule_;
  std::vector<Violation>& found_;
  const Column* column_;
};

}  // namespace

std::vector<Violation> Schema::check(const table::Table& rows) const {
  std::vector<Violation> out;
  for (const auto& rule : columns_) Checker(rows, rule, out).check();
  return out;
}

}  // namespace fettle::dataset
