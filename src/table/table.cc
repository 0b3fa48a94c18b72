#include "table/table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "base/clock.h"
#include "base/text.h"

namespace fettle::table {
namespace {

constexpr std::array<std::string_view, 5> kNames{"int", "float", "text", "bool", "time"};

template <typename T>
std::vector<T> taken(const std::vector<T>& values, std::span<const std::uint32_t> rows) {
  std::vector<T> out;
  if (values.empty()) return out;
  out.reserve(rows.size());
  for (const auto row : rows) out.push_back(values[row]);
  return out;
}

std::vector<std::string> names_of(const std::vector<Column>& columns) {
  std::vector<std::string> names;
  names.reserve(columns.size());
  for (const auto& column : columns) names.push_back(column.name);
  return names;
}

// A column on its own: the codes point into the dictionary, and `valid` is as long as the values.
Result<void> check(const Column& column) {
  if (!column.valid.empty() && column.valid.size() != column.rows())
    return fail(Code::InvalidArgument, text::format("column '{}': {} values but {} validity flags", column.name,
                                                    column.rows(), column.valid.size()));
  const auto limit = static_cast<std::int32_t>(column.dictionary.size());
  for (const auto code : column.codes)
    if (code < -1 || code >= limit)
      return fail(Code::InvalidArgument,
                  text::format("column '{}': code {} is outside its dictionary of {}", column.name, code, limit));
  return {};
}

}  // namespace

std::string_view name(Kind kind) noexcept { return kNames[static_cast<std::size_t>(kind)]; }

std::optional<Kind> parse_kind(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Kind>(found - kNames.begin());
}

Column Column::of_ints(std::string name, std::vector<std::int64_t> values, Kind kind) {
  Column column{.name = std::move(name), .kind = kind};
  column.ints = std::move(values);
  return column;
}

Column Column::of_floats(std::string name, std::vector<double> values) {
  Column column{.name = std::move(name), .kind = Kind::Float};
  column.floats = std::move(values);
  return column;
}

Column Column::of_texts(std::string name, const std::vector<std::string>& values) {
  Column column{.name = std::move(name), .kind = Kind::Text};
  column.dictionary = values;
  std::ranges::sort(column.dictionary);
  const auto repeats = std::ranges::unique(column.dictionary);
  column.dictionary.erase(repeats.begin(), repeats.end());
  std::unordered_map<std::string_view, std::int32_t> codes;
  for (std::size_t i = 0; i < column.dictionary.size(); ++i)
    codes.emplace(column.dictionary[i], static_cast<std::int32_t>(i));
  column.codes.reserve(values.size());
  for (const auto& value : values) column.codes.push_back(codes.at(value));
  return column;
}

std::size_t Column::rows() const noexcept {
  switch (kind) {
    case Kind::Float:
      return floats.size();
    case Kind::Text:
      return codes.size();
    default:
      return ints.size();
  }
}

double Column::number(std::size_t row) const noexcept {
  if (!is_valid(row)) return std::numeric_limits<double>::quiet_NaN();
  switch (kind) {
    case Kind::Float:
      return floats[row];
    case Kind::Text:
      return codes[row] < 0 ? std::numeric_limits<double>::quiet_NaN() : codes[row];
    default:
      return static_cast<double>(ints[row]);
  }
}

std::string_view Column::text(std::size_t row) const noexcept {
  if (kind != Kind::Text || codes[row] < 0) return {};
  return dictionary[static_cast<std::size_t>(codes[row])];
}

std::string Column::display(std::size_t row) const {
  if (!is_valid(row) || (kind == Kind::Text && codes[row] < 0)) return "(missing)";
  switch (kind) {
    case Kind::Float:
      return text::number(floats[row]);
    case Kind::Text:
      return std::string(text(row));
    case Kind::Bool:
      return ints[row] != 0 ? "true" : "false";
    case Kind::Time:
      return text::rfc3339(ints[row]);
    case Kind::Int:
      break;
  }
  return std::to_string(ints[row]);
}

Column Column::take(std::span<const std::uint32_t> rows) const {
  Column out{.name = name, .kind = kind, .dictionary = dictionary};
  out.ints = taken(ints, rows);
  out.floats = taken(floats, rows);
  out.codes = taken(codes, rows);
  out.valid = taken(valid, rows);
  if (std::ranges::find(out.valid, 0) == out.valid.end()) out.valid.clear();
  return out;
}

Result<Table> Table::create(std::vector<Column> columns) {
  Table table;
  for (auto& column : columns) {
    if (table.find(column.name) != nullptr)
      return fail(Code::InvalidArgument, text::format("the column '{}' occurs twice; rename one", column.name));
    FETTLE_TRY_(table.add(std::move(column)));
  }
  return table;
}

std::size_t Table::rows() const noexcept { return columns_.empty() ? 0 : columns_.front().rows(); }

const Column* Table::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(columns_, name, &Column::name);
  return found == columns_.end() ? nullptr : &*found;
}

Result<const Column*> Table::get(std::string_view name) const {
  if (const auto* column = find(name)) return column;
  const auto names = names_of(columns_);
  const auto closest = text::closest(name, names);
  return fail(Code::NotFound, text::format("there is no column '{}'{}; the columns are {}", name,
                                           closest ? text::format(" (did you mean '{}'?)", *closest) : "",
                                           names.empty() ? "none" : text::join(names, ", ")));
}

Result<void> Table::add(Column column) {
  FETTLE_TRY_(check(column));
  const auto same = std::ranges::find(columns_, column.name, &Column::name);
  const bool alone = columns_.empty() || (columns_.size() == 1 && same != columns_.end());
  if (!alone && column.rows() != rows())
    return fail(Code::InvalidArgument,
                text::format("column '{}' has {} rows, the others have {}", column.name, column.rows(), rows()));
  if (same != columns_.end())
    *same = std::move(column);
  else
    columns_.push_back(std::move(column));
  return {};
}

Table Table::take(std::span<const std::uint32_t> rows) const {
  Table out;
  out.columns_.reserve(columns_.size());
  for (const auto& column : columns_) out.columns_.push_back(column.take(rows));
  return out;
}

Result<Table> Table::select(const std::vector<std::string>& names) const {
  std::vector<Column> columns;
  columns.reserve(names.size());
  for (const auto& name : names) {
    FETTLE_TRY(const auto* column, get(name));
    columns.push_back(*column);
  }
  return create(std::move(columns));
}

namespace {

void append_flags(Column& to, const Column& from) {
  if (to.valid.empty() && from.valid.empty()) return;
  to.valid.resize(to.rows(), 1);
  if (from.valid.empty())
    to.valid.resize(to.rows() + from.rows(), 1);
  else
    to.valid.insert(to.valid.end(), from.valid.begin(), from.valid.end());
}

// Both dictionaries as one, sorted; the codes of both columns follow.
void append_codes(Column& to, const Column& from) {
  auto words = to.dictionary;
  words.insert(words.end(), from.dictionary.begin(), from.dictionary.end());
  std::ranges::sort(words);
  const auto repeats = std::ranges::unique(words);
  words.erase(repeats.begin(), repeats.end());
  const auto places = [&](const std::vector<std::string>& old) {
    std::vector<std::int32_t> out;
    for (const auto& word : old)
      out.push_back(static_cast<std::int32_t>(std::ranges::lower_bound(words, word) - words.begin()));
    return out;
  };
  const auto mine = places(to.dictionary), theirs = places(from.dictionary);
  for (auto& code : to.codes)
    if (code >= 0) code = mine[static_cast<std::size_t>(code)];
  to.codes.reserve(to.codes.size() + from.codes.size());
  for (const auto code : from.codes) to.codes.push_back(code < 0 ? -1 : theirs[static_cast<std::size_t>(code)]);
  to.dictionary = std::move(words);
}

Result<void> append(Column& to, const Column& from) {
  if (to.kind != from.kind)
    return fail(Code::InvalidArgument, text::format("column '{}' is {} in one part and {} in another", to.name,
                                                    table::name(to.kind), table::name(from.kind)));
  append_flags(to, from);
  to.ints.insert(to.ints.end(), from.ints.begin(), from.ints.end());
  to.floats.insert(to.floats.end(), from.floats.begin(), from.floats.end());
  if (to.kind == Kind::Text) append_codes(to, from);
  return {};
}

}  // namespace

Result<Table> concatenate(std::vector<Table> parts) {
  if (parts.empty()) return Table();
  std::vector<Column> columns = parts.front().columns();
  for (std::size_t part = 1; part < parts.size(); ++part) {
    if (parts[part].columns().size() != columns.size())
      return fail(Code::InvalidArgument, "the parts of a table have different numbers of columns");
    for (auto& column : columns) {
      FETTLE_TRY(const auto* from, parts[part].get(column.name));
      FETTLE_TRY_(append(column, *from));
    }
  }
  return Table::create(std::move(columns));
}

}  // namespace fettle::table
