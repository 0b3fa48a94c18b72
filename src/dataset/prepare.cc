#include "dataset/prepare.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/clock.h"
#include "base/text.h"
#include "dataset/derive.h"
#include "table/file.h"

namespace fettle::dataset {
namespace {

using table::Kind;
using table::Table;

struct Split {
  std::string name;
  std::int64_t from_ms = 0, until_ms = 0;  // half-open
};

struct SplitText {
  std::int64_t days = 0, until_days = 0;
};
BOOST_DESCRIBE_STRUCT(SplitText, (), (days, until_days))

std::unexpected<Error> wrong_key(const std::string& key, std::string_view what) {
  return fail(Code::InvalidArgument, text::format("with.{}: {}", key, what));
}

// --- reading the spec ---

Result<std::int64_t> as_of(const PrepareSpec& spec) {
  const auto found = spec.splits.find("as_of");
  if (found == spec.splits.end()) return wrong_key("splits", "give as_of, the day up to which data may be seen");
  const auto time = found->second.is_string() ? text::parse_time(found->second.as_string()) : std::nullopt;
  if (!time) return wrong_key("splits.as_of", "expected a date such as 2001-04-01");
  return *time;
}

Result<Split> split_of(const std::string& name, const json::Value& value, std::int64_t as_of_ms) {
  const auto where = "splits." + name;
  FETTLE_TRY(const auto text, json::from_value<SplitText>(value, "with." + where));
  if (text.days < 1 || text.days > 100'000) return wrong_key(where + ".days", "must be 1 or more");
  if (text.until_days < 0 || text.until_days > 100'000) return wrong_key(where + ".until_days", "must be 0 or more");
  const auto until = as_of_ms - text.until_days * kDayMs;
  return Split{name, until - text.days * kDayMs, until};
}

Result<void> check_disjoint(std::vector<Split> splits) {
  std::ranges::sort(splits, {}, &Split::from_ms);
  for (std::size_t i = 1; i < splits.size(); ++i)
    if (splits[i].from_ms < splits[i - 1].until_ms)
      return wrong_key("splits", text::format("'{}' and '{}' overlap: rows of one would leak into the other",
                                              splits[i - 1].name, splits[i].name));
  return {};
}

Result<std::vector<Split>> splits_of(const PrepareSpec& spec, const std::map<std::string, std::string>& outs) {
  FETTLE_TRY(const auto as_of_ms, as_of(spec));
  std::vector<Split> out;
  for (const auto& [name, value] : spec.splits) {
    if (name == "as_of") continue;
    FETTLE_TRY(auto split, split_of(name, value, as_of_ms));
    if (!outs.contains(name)) return wrong_key("splits." + name, text::format("no out is named {}.parquet", name));
    out.push_back(std::move(split));
  }
  if (out.empty()) return wrong_key("splits", "name at least one split");
  for (const auto& [name, path] : outs)
    if (std::ranges::find(out, name, &Split::name) == out.end())
      return wrong_key("splits", text::format("the out '{}' belongs to no split", path));
  FETTLE_TRY_(check_disjoint(out));
  return out;
}

// Columns to read: what is written, derived from, filtered by or checked, without what is derived.
Result<std::vector<std::string>> sources_of(const PrepareSpec& spec) {
  std::set<std::string> out{spec.time};
  const auto add = [&](const std::string& name) {
    if (!spec.derive.contains(name)) out.insert(name);
  };
  for (const auto& name : spec.columns) add(name);
  for (const auto& [name, filter] : spec.filter) add(name);
  for (const auto& [name, derivation] : spec.derive) {
    FETTLE_TRY(const auto from, derived_from(name, derivation));
    out.insert(from.begin(), from.end());
  }
  return std::vector(out.begin(), out.end());
}

Result<void> check_spec(const PrepareSpec& spec) {
  if (spec.time.empty()) return wrong_key("time", "name the time column");
  if (spec.columns.empty()) return wrong_key("columns", "name the columns to write");
  if (std::set(spec.columns.begin(), spec.columns.end()).size() != spec.columns.size())
    return wrong_key("columns", "a column is named twice");
  return {};
}

// --- reading ---

// Columns that the schema names and the file has are read too, so that they are checked.
Result<std::vector<std::string>> with_schema(std::vector<std::string> columns, const std::optional<Schema>& schema,
                                             const std::string& file) {
  if (!schema) return columns;
  FETTLE_TRY(const auto summary, table::summarize(file));
  for (const auto& rule : schema->columns()) {
    const bool there =
        std::ranges::find(summary.columns, rule.name, &std::pair<std::string, Kind>::first) != summary.columns.end();
    if (there && std::ranges::find(columns, rule.name) == columns.end()) columns.push_back(rule.name);
  }
  return columns;
}

Result<Table> read_window(const PrepareSpec& spec, const std::optional<Schema>& schema,
                          const std::vector<Split>& splits, const std::vector<std::string>& files) {
  if (files.empty()) return fail(Code::InvalidArgument, "there are no data files; name data in `data:` of the step");
  FETTLE_TRY(const auto sources, sources_of(spec));
  const table::TimeRange range{.column = spec.time,
                               .from_ms = std::ranges::min(splits, {}, &Split::from_ms).from_ms,
                               .until_ms = std::ranges::max(splits, {}, &Split::until_ms).until_ms};
  std::vector<Table> parts;
  for (const auto& file : files) {
    FETTLE_TRY(const auto columns, with_schema(sources, schema, file));
    FETTLE_TRY(auto part, table::read_range(file, range, columns));
    if (part.rows() > 0 || parts.empty()) parts.push_back(std::move(part));
  }
  if (parts.size() > 1 && parts.front().rows() == 0) parts.erase(parts.begin());
  return table::concatenate(std::move(parts));
}

Result<std::vector<Violation>> check_schema(const std::optional<Schema>& schema, const Table& rows) {
  if (!schema) return std::vector<Violation>();
  auto violations = schema->check(rows);
  const auto bad = std::ranges::find(violations, false, &Violation::tolerated);
  if (bad == violations.end()) return violations;
  const auto more = std::ranges::count(violations, false, &Violation::tolerated) - 1;
  return fail(
      Code::FailedPrecondition,
      text::format("the data break the schema: column '{}', rule '{}', {} rows ({}){}; mend the data or the rule",
                   bad->column, bad->rule, text::human_count(bad->rows), bad->example,
                   more > 0 ? text::format(" and {} more rules", more) : ""));
}

// --- filtering and splitting ---

enum class Verdict : std::uint8_t { Keep, Missing, Below, Above };

Verdict judge(const Filter& filter, double value) {
  if (std::isnan(value)) return filter.keep_missing ? Verdict::Keep : Verdict::Missing;
  if (filter.min && value < *filter.min) return Verdict::Below;
  if (filter.max && value > *filter.max) return Verdict::Above;
  return Verdict::Keep;
}

std::string reason(const std::string& column, const Filter& filter, Verdict verdict) {
  if (verdict == Verdict::Missing) return column + " missing";
  if (verdict == Verdict::Below) return text::format("{} below {}", column, text::number(*filter.min));
  return text::format("{} above {}", column, text::number(*filter.max));
}

Result<std::vector<std::uint32_t>> keep_rows(const PrepareSpec& spec, const Table& rows, PrepareReport& report) {
  std::vector<std::uint8_t> dropped(rows.rows());
  for (const auto& [name, filter] : spec.filter) {
    FETTLE_TRY(const auto* column, rows.get(name));
    if (column->kind == Kind::Text) return wrong_key("filter." + name, "the column is text; only numbers have bounds");
    for (std::size_t row = 0; row < dropped.size(); ++row) {
      if (dropped[row] != 0) continue;
      const auto verdict = judge(filter, column->number(row));
      if (verdict == Verdict::Keep) continue;
      dropped[row] = 1;
      ++report.dropped[reason(name, filter, verdict)];
    }
  }
  std::vector<std::uint32_t> kept;
  for (std::size_t row = 0; row < dropped.size(); ++row)
    if (dropped[row] == 0) kept.push_back(static_cast<std::uint32_t>(row));
  return kept;
}

Result<Table> rows_of(const Split& split, const PrepareSpec& spec, const Table& rows,
                      const std::vector<std::uint32_t>& kept) {
  FETTLE_TRY(const auto* time, rows.get(spec.time));
  std::vector<std::uint32_t> mine;
  for (const auto row : kept)
    if (time->ints[row] >= split.from_ms && time->ints[row] < split.until_ms) mine.push_back(row);
  if (mine.empty())
    return fail(Code::FailedPrecondition,
                text::format("the split '{}' ({} to {}) has no rows; add data of that time or move as_of", split.name,
                             text::rfc3339(split.from_ms).substr(0, 10), text::rfc3339(split.until_ms).substr(0, 10)));
  FETTLE_TRY(const auto chosen, rows.select(spec.columns));
  return chosen.take(mine);
}

Result<void> derive_all(const PrepareSpec& spec, Table& rows) {
  for (const auto& [name, derivation] : spec.derive) {
    FETTLE_TRY(auto column, derive(name, derivation, rows));
    FETTLE_TRY_(rows.add(std::move(column)));
  }
  return {};
}

}  // namespace

Result<PrepareReport> prepare(const PrepareSpec& spec, const std::vector<std::string>& files,
                              const std::map<std::string, std::string>& outs) {
  FETTLE_TRY_(check_spec(spec));
  FETTLE_TRY(const auto splits, splits_of(spec, outs));
  std::optional<Schema> schema;
  if (!spec.schema.empty()) {
    FETTLE_TRY(schema, Schema::load(spec.schema));
  }
  FETTLE_TRY(auto rows, read_window(spec, schema, splits, files));
  PrepareReport report{.read = rows.rows()};
  FETTLE_TRY(report.violations, check_schema(schema, rows));
  FETTLE_TRY_(derive_all(spec, rows));
  FETTLE_TRY(const auto kept, keep_rows(spec, rows, report));
  std::vector<Table> tables;  // all of them before the first is written
  for (const auto& split : splits) {
    FETTLE_TRY(auto mine, rows_of(split, spec, rows, kept));
    tables.push_back(std::move(mine));
  }
  for (std::size_t i = 0; i < splits.size(); ++i) {
    const auto& path = outs.at(splits[i].name);
    FETTLE_TRY_(table::write(path, tables[i]));
    report.splits.push_back({.name = splits[i].name, .path = path, .rows = tables[i].rows()});
  }
  return report;
}

}  // namespace fettle::dataset
