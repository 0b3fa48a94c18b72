#include "table/file.h"

#include <algorithm>
#include <numeric>

#include "base/text.h"
#include "os/file.h"
#include "table/formats.h"

namespace fettle::table {
namespace {

enum class Format : std::uint8_t { Parquet, Csv, Tsv, JsonLines, Ipc };

Result<Format> format_of(const std::string& path) {
  static const std::vector<std::pair<std::string, Format>> kExtensions{
      {".parquet", Format::Parquet},  {".csv", Format::Csv},   {".tsv", Format::Tsv},     {".jsonl", Format::JsonLines},
      {".ndjson", Format::JsonLines}, {".arrow", Format::Ipc}, {".feather", Format::Ipc}, {".ipc", Format::Ipc}};
  const auto name = text::lower(path);
  for (const auto& [extension, format] : kExtensions)
    if (name.ends_with(extension)) return format;
  return fail(Code::InvalidArgument,
              text::format("'{}' has no known table format; its name must end with .parquet, .csv, .tsv, .jsonl, "
                           ".ndjson, .arrow, .feather or .ipc",
                           path));
}

Result<void> check_readable(const std::string& path) {
  if (os::is_folder(path)) return fail(Code::InvalidArgument, text::format("'{}' is a folder, not a file", path));
  return os::stat_file(path).transform([](const auto&) {});
}

Result<Table> read_all(const std::string& path, Format format, const std::vector<std::string>& columns) {
  switch (format) {
    case Format::Parquet:
      return read_parquet(path, columns, nullptr);
    case Format::Ipc:
      return read_ipc(path, columns);
    case Format::JsonLines:
      return read_json_lines(path);
    default:
      return read_csv(path, format == Format::Csv ? ',' : '\t');
  }
}

bool is_text(Format format) { return format != Format::Parquet && format != Format::Ipc; }

Result<Table> read_columns(const std::string& path, const std::vector<std::string>& columns) {
  FETTLE_TRY(const auto format, format_of(path));
  FETTLE_TRY_(check_readable(path));
  FETTLE_TRY(auto table, read_all(path, format, columns));
  if (columns.empty() || !is_text(format)) return table;
  return table.select(columns);
}

// Texts that only dropped rows had leave the dictionary.
void compact(Column& column) {
  std::vector<std::int32_t> place(column.dictionary.size(), -1);
  for (const auto code : column.codes)
    if (code >= 0) place[static_cast<std::size_t>(code)] = 0;
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < place.size(); ++i) {
    if (place[i] < 0) continue;
    place[i] = static_cast<std::int32_t>(kept.size());
    kept.push_back(std::move(column.dictionary[i]));
  }
  column.dictionary = std::move(kept);
  for (auto& code : column.codes)
    if (code >= 0) code = place[static_cast<std::size_t>(code)];
}

Result<Table> keep_range(Table source, const TimeRange& range) {
  FETTLE_TRY(const auto* time, source.get(range.column));
  if (time->kind != Kind::Time)
    return fail(Code::InvalidArgument,
                text::format("column '{}' is {}, not a time", range.column, table::name(time->kind)));
  std::vector<std::uint32_t> rows;
  for (std::size_t i = 0; i < source.rows(); ++i)
    if (time->is_valid(i) && time->ints[i] >= range.from_ms && time->ints[i] < range.until_ms)
      rows.push_back(static_cast<std::uint32_t>(i));
  if (rows.size() == source.rows()) return source;
  std::vector<Column> columns;
  for (const auto& column : source.columns()) {
    columns.push_back(column.take(rows));
    if (column.kind == Kind::Text) compact(columns.back());
  }
  return Table::create(std::move(columns));
}

Result<Table> read_in_range(const std::string& path, const TimeRange& range, const std::vector<std::string>& columns) {
  FETTLE_TRY(const auto format, format_of(path));
  FETTLE_TRY_(check_readable(path));
  auto wanted = columns;
  if (!columns.empty() && std::ranges::find(columns, range.column) == columns.end()) wanted.push_back(range.column);
  FETTLE_TRY(auto all, format == Format::Parquet ? read_parquet(path, wanted, &range) : read_columns(path, wanted));
  FETTLE_TRY(auto kept, keep_range(std::move(all), range));
  if (wanted.size() == columns.size()) return kept;
  return kept.select(columns);
}

Result<std::string> bytes_of(const Table& table, Format format) {
  switch (format) {
    case Format::Parquet:
      return parquet_bytes(table);
    case Format::Ipc:
      return ipc_bytes(table);
    case Format::JsonLines:
      return json_lines_bytes(table);
    default:
      break;
  }
  const char separator = format == Format::Csv ? ',' : '\t';
  return csv_header(table, separator) + csv_rows(table, separator);
}

template <typename T>
Result<T> about(const std::string& path, Result<T> result) {
  if (result || result.error().message.contains(path)) return result;
  return fail(result.error().within(text::format("'{}'", path)));
}

FileSummary summary_of(const Table& table) {
  FileSummary out{.rows = table.rows(), .columns = {}};
  for (const auto& column : table.columns()) out.columns.emplace_back(column.name, column.kind);
  return out;
}

Result<FileSummary> summarize_file(const std::string& path) {
  FETTLE_TRY(const auto format, format_of(path));
  FETTLE_TRY_(check_readable(path));
  if (format == Format::Parquet) return summarize_parquet(path);
  if (format == Format::Ipc) return summarize_ipc(path);
  FETTLE_TRY(const auto table, read_columns(path, {}));
  return summary_of(table);
}

}  // namespace

std::unexpected<Error> damaged(const std::string& path, const std::string& why) {
  auto reason = text::trim(why);
  if (reason.ends_with('.')) reason.remove_suffix(1);
  return fail(Code::DataLoss,
              text::format("'{}' is damaged or cut: {}; fetch it again or restore it from a copy", path, reason));
}

std::unexpected<Error> damaged(const std::string& path, const arrow::Status& status) {
  if (status.IsNotImplemented())
    return fail(Code::Unimplemented, text::format("'{}' cannot be read: {}", path, status.message()));
  if (status.IsOutOfMemory())
    return fail(Code::ResourceExhausted, text::format("'{}' does not fit the memory: {}", path, status.message()));
  return damaged(path, status.message());
}

Result<void> check_columns(const std::vector<std::string>& there, const std::vector<std::string>& wanted) {
  for (const auto& name : wanted) {
    if (std::ranges::find(there, name) != there.end()) continue;
    const auto closest = text::closest(name, there);
    return fail(Code::NotFound,
                text::format("there is no column '{}'{}; the columns are {}", name,
                             closest ? text::format(" (did you mean '{}'?)", *closest) : "", text::join(there, ", ")));
  }
  return {};
}

Result<Table> read(const std::string& path, const std::vector<std::string>& columns) {
  return about(path, read_columns(path, columns));
}

Result<Table> read_range(const std::string& path, const TimeRange& range, const std::vector<std::string>& columns) {
  return about(path, read_in_range(path, range, columns));
}

Result<void> write(const std::string& path, const Table& table) {
  FETTLE_TRY(const auto format, format_of(path));
  FETTLE_TRY(const auto bytes, about(path, bytes_of(table, format)));
  return os::write_file(path, bytes);
}

Result<FileSummary> summarize(const std::string& path) { return about(path, summarize_file(path)); }

}  // namespace fettle::table
