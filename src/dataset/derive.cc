#include "dataset/derive.h"

#include <chrono>
#include <cmath>

#include "base/text.h"

namespace fettle::dataset {
namespace {

using table::Column;
using table::Kind;
using table::Table;

constexpr std::int64_t kHour = 3'600'000;  // milliseconds
constexpr std::int64_t kDay = 24 * kHour;
constexpr double kMaxOffsetHours = 24 * 366;

std::unexpected<Error> wrong_way(const std::string& name, std::string_view what) {
  return fail(Code::InvalidArgument, text::format("with.derive.{}: {}", name, what));
}

std::int64_t floor_divide(std::int64_t value, std::int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

std::chrono::year_month_day date_of(std::int64_t ms) {
  return std::chrono::sys_days(std::chrono::days(floor_divide(ms, kDay)));
}

using TimePart = std::int64_t (*)(std::int64_t ms);

std::int64_t hour_of(std::int64_t ms) { return floor_divide(ms, kHour) - 24 * floor_divide(ms, kDay); }
std::int64_t weekday_of(std::int64_t ms) {  // 1970-01-01 was a Thursday
  const auto days = floor_divide(ms, kDay) + 3;
  return days - 7 * floor_divide(days, 7);
}
std::int64_t day_of(std::int64_t ms) { return static_cast<unsigned>(date_of(ms).day()); }
std::int64_t month_of(std::int64_t ms) { return static_cast<unsigned>(date_of(ms).month()); }

struct TimeWay {
  const std::string* source = nullptr;
  TimePart part = nullptr;
};

TimeWay time_way(const Derivation& derivation) {
  if (!derivation.hour.empty()) return {&derivation.hour, hour_of};
  if (!derivation.weekday.empty()) return {&derivation.weekday, weekday_of};
  if (!derivation.day.empty()) return {&derivation.day, day_of};
  if (!derivation.month.empty()) return {&derivation.month, month_of};
  return {};
}

int ways_of(const Derivation& derivation) {
  return (derivation.hour.empty() ? 0 : 1) + (derivation.weekday.empty() ? 0 : 1) + (derivation.day.empty() ? 0 : 1) +
         (derivation.month.empty() ? 0 : 1) + (derivation.at_least.empty() ? 0 : 1) + (derivation.join.empty() ? 0 : 1);
}

Result<Column> from_time(const std::string& name, const TimeWay& way, double offset_hours, const Table& rows) {
  FETTLE_TRY(const auto* time, rows.get(*way.source));
  if (time->kind != Kind::Time)
    return wrong_way(name, text::format("'{}' is {}, not a time", *way.source, table::name(time->kind)));
  const auto offset = static_cast<std::int64_t>(std::llround(offset_hours * static_cast<double>(kHour)));
  std::vector<std::int64_t> values;
  values.reserve(rows.rows());
  for (const auto ms : time->ints) values.push_back(way.part(ms + offset));
  auto column = Column::of_ints(name, std::move(values));
  column.valid = time->valid;
  return column;
}

Result<Column> at_least(const std::string& name, const Derivation& derivation, const Table& rows) {
  FETTLE_TRY(const auto* source, rows.get(derivation.at_least[0].as_string()));
  if (source->kind == Kind::Text) return wrong_way(name, text::format("'{}' is text, not a number", source->name));
  const double bound = derivation.at_least[1].as_double();
  auto column = Column::of_ints(name, std::vector<std::int64_t>(rows.rows()));
  std::vector<std::uint8_t> valid(rows.rows(), 1);
  bool all = true;
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const double value = source->number(row);
    valid[row] = std::isnan(value) ? 0 : 1;
    all = all && valid[row] != 0;
    column.ints[row] = value >= bound ? 1 : 0;
  }
  if (!all) column.valid = std::move(valid);
  return column;
}

Result<Column> join(const std::string& name, const Derivation& derivation, const Table& rows) {
  std::vector<const Column*> sources;
  for (const auto& source : derivation.join) {
    FETTLE_TRY(const auto* column, rows.get(source));
    sources.push_back(column);
  }
  std::vector<std::string> texts(rows.rows());
  for (std::size_t row = 0; row < rows.rows(); ++row)
    for (const auto* source : sources) texts[row] += (source == sources.front() ? "" : "-") + source->display(row);
  return Column::of_texts(name, texts);
}

}  // namespace

Result<std::vector<std::string>> derived_from(const std::string& name, const Derivation& derivation) {
  if (ways_of(derivation) != 1)
    return wrong_way(name, "give exactly one of hour, weekday, day, month, at_least and join");
  if (!(std::abs(derivation.offset_hours) <= kMaxOffsetHours)) return wrong_way(name, "offset_hours is beyond a year");
  if (!derivation.join.empty()) return derivation.join;
  if (const auto way = time_way(derivation); way.part != nullptr) return std::vector{*way.source};
  const auto& pair = derivation.at_least;
  if (pair.size() != 2 || !pair[0].is_string() || !pair[1].is_number())
    return wrong_way(name, "at_least takes a column and a number: [delay, 15]");
  return std::vector{pair[0].as_string()};
}

Result<Column> derive(const std::string& name, const Derivation& derivation, const Table& rows) {
  FETTLE_TRY_(derived_from(name, derivation));
  if (const auto way = time_way(derivation); way.part != nullptr)
    return from_time(name, way, derivation.offset_hours, rows);
  if (!derivation.join.empty()) return join(name, derivation, rows);
  return at_least(name, derivation, rows);
}

}  // namespace fettle::dataset
