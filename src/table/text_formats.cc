// CSV and JSON lines: read by Arrow, which finds the types; written here, so that every value reads back as its kind.
#include <arrow/api.h>
#include <arrow/csv/api.h>
#include <arrow/io/api.h>
#include <arrow/json/api.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/clock.h"
#include "base/text.h"
#include "json/value.h"
#include "table/convert.h"
#include "table/formats.h"

namespace fettle::table {
namespace {

constexpr std::int32_t kJsonBlock = 1 << 24;  // bytes; the longest line

std::unexpected<Error> unparsed(const std::string& path, const arrow::Status& status) {
  return fail(Code::InvalidArgument, text::format("'{}': {}", path, status.message()));
}

arrow::Result<std::shared_ptr<arrow::Table>> parse_csv(const std::string& path, char separator, bool threads) {
  ARROW_ASSIGN_OR_RAISE(const auto file, arrow::io::ReadableFile::Open(path));
  auto read = arrow::csv::ReadOptions::Defaults();
  read.use_threads = threads;
  auto parse = arrow::csv::ParseOptions::Defaults();
  parse.delimiter = separator;
  parse.newlines_in_values = true;
  auto convert = arrow::csv::ConvertOptions::Defaults();
  convert.null_values = {""};
  convert.strings_can_be_null = true;
  convert.quoted_strings_can_be_null = false;
  convert.auto_dict_encode = true;
  convert.auto_dict_max_cardinality = std::numeric_limits<std::int32_t>::max();
  ARROW_ASSIGN_OR_RAISE(const auto reader,
                        arrow::csv::TableReader::Make(arrow::io::default_io_context(), file, read, parse, convert));
  return reader->Read();
}

arrow::Result<std::shared_ptr<arrow::Table>> parse_json(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto file, arrow::io::ReadableFile::Open(path));
  auto read = arrow::json::ReadOptions::Defaults();
  read.block_size = kJsonBlock;
  ARROW_ASSIGN_OR_RAISE(const auto reader, arrow::json::TableReader::Make(arrow::default_memory_pool(), file, read,
                                                                          arrow::json::ParseOptions::Defaults()));
  return reader->Read();
}

// A text column whose every text is a full time ("2001-02-27T23:10:00.000Z") is a time column.
void promote_times(Column& column) {
  if (column.kind != Kind::Text || column.dictionary.empty()) return;
  std::vector<std::int64_t> times;
  for (const auto& word : column.dictionary) {
    const auto time = word.contains('T') ? text::parse_time(word) : std::nullopt;
    if (!time) return;
    times.push_back(*time);
  }
  for (const auto code : column.codes) column.ints.push_back(code < 0 ? 0 : times[static_cast<std::size_t>(code)]);
  column.kind = Kind::Time;
  column.codes.clear();
  column.dictionary.clear();
}

// The 1-based line of the first text that is not one JSON object, for the message.
Result<Table> explained(const std::string& path, const arrow::Status& status) {
  auto file = arrow::io::ReadableFile::Open(path);
  if (!file.ok()) return unparsed(path, file.status());
  auto bytes = (*file)->Read(kJsonBlock);
  if (!bytes.ok()) return unparsed(path, bytes.status());
  std::size_t number = 0;
  const auto all = (*bytes)->ToString();
  for (const auto& line : text::split(all, '\n')) {
    ++number;
    if (text::trim(line).empty()) continue;
    const auto value = json::parse(line, text::format("line {}", number));
    if (!value) return fail(Code::InvalidArgument, text::format("'{}': {}", path, value.error().message));
    if (!value->is_object())
      return fail(Code::InvalidArgument, text::format("'{}': line {} is not a JSON object", path, number));
  }
  return unparsed(path, status);
}

// A float that reads back as one, not as an integer.
std::string float_text(double value) {
  auto out = text::number(value);
  if (out.find_first_not_of("-0123456789") == std::string::npos) out += ".0";
  return out;
}

std::string csv_text(std::string_view value, char separator) {
  const bool plain = !value.empty() && value.find_first_of("\"\r\n") == std::string_view::npos &&
                     !value.contains(separator) && value.front() != ' ' && value.back() != ' ';
  if (plain) return std::string(value);
  std::string out = "\"";
  for (const char c : value) {
    out += c;
    if (c == '"') out += c;
  }
  return out + '"';
}

bool is_missing(const Column& column, std::size_t row) {
  return !column.is_valid(row) || (column.kind == Kind::Text && column.codes[row] < 0) ||
         (column.kind == Kind::Float && std::isnan(column.floats[row]));
}

std::string csv_value(const Column& column, std::size_t row, char separator) {
  if (is_missing(column, row)) return {};
  if (column.kind == Kind::Text) return csv_text(column.text(row), separator);
  if (column.kind == Kind::Float) return float_text(column.floats[row]);
  return column.display(row);
}

Result<std::string> json_value(const Column& column, std::size_t row) {
  if (is_missing(column, row)) return "null";
  if (column.kind == Kind::Text) return json::dump(json::Value(column.text(row)));
  if (column.kind == Kind::Time) return '"' + column.display(row) + '"';
  if (column.kind != Kind::Float) return column.display(row);
  if (std::isfinite(column.floats[row])) return float_text(column.floats[row]);
  return fail(Code::InvalidArgument,
              text::format("column '{}' is infinite in row {}, which JSON cannot hold", column.name, row));
}

}  // namespace

Result<Table> read_csv(const std::string& path, char separator) {
  auto read = parse_csv(path, separator, true);
  if (!read.ok()) read = parse_csv(path, separator, false);  // one thread knows the line
  if (!read.ok()) return unparsed(path, read.status());
  return from_arrow(**read);
}

Result<Table> read_json_lines(const std::string& path) {
  const auto read = parse_json(path);
  if (!read.ok()) return explained(path, read.status());
  FETTLE_TRY(auto table, from_arrow(**read));
  std::vector<Column> columns = table.columns();
  for (auto& column : columns) promote_times(column);
  return Table::create(std::move(columns));
}

std::string csv_header(const Table& table, char separator) {
  std::string out;
  for (const auto& column : table.columns()) {
    if (&column != &table.columns().front()) out += separator;
    out += csv_text(column.name, separator);
  }
  return out + '\n';
}

std::string csv_rows(const Table& table, char separator) {
  std::string out;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (const auto& column : table.columns()) {
      if (&column != &table.columns().front()) out += separator;
      out += csv_value(column, row, separator);
    }
    out += '\n';
  }
  return out;
}

Result<std::string> json_lines_bytes(const Table& table) {
  std::vector<std::string> keys;
  for (const auto& column : table.columns()) keys.push_back(json::dump(json::Value(column.name)) + ":");
  std::string out;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    out += '{';
    for (std::size_t i = 0; i < keys.size(); ++i) {
      FETTLE_TRY(const auto value, json_value(table.columns()[i], row));
      out += (i == 0 ? "" : ",") + keys[i] + value;
    }
    out += "}\n";
  }
  return out;
}

}  // namespace fettle::table
