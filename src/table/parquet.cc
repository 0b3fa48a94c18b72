// Parquet through Arrow: text columns stay dictionaries all the way, columns are decoded in parallel.
#include <arrow/api.h>
#include <arrow/io/api.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/statistics.h>

#include <algorithm>

#include "base/text.h"
#include "table/convert.h"
#include "table/formats.h"

namespace fettle::table {
namespace {

constexpr std::int64_t kRowGroup = 131'072;  // rows: small enough to skip by time, large enough to compress

using FileReader = std::unique_ptr<parquet::arrow::FileReader>;

// What Arrow throws or returns becomes an Error that names the file.
template <typename F>
auto guarded(const std::string& path, const F& read) -> decltype(read()) {
  try {
    return read();
  } catch (const parquet::ParquetException& error) {
    return damaged(path, std::string(error.what()));
  } catch (const std::bad_alloc&) {
    return fail(Code::ResourceExhausted, text::format("'{}' does not fit the memory", path));
  }
}

Result<FileReader> open(const std::string& path, bool dictionaries) {
  auto file = arrow::io::ReadableFile::Open(path);
  if (!file.ok())
    return fail(Code::PermissionDenied, text::format("cannot read '{}': {}", path, file.status().message()));
  auto properties = parquet::default_reader_properties();
  properties.set_page_checksum_verification(true);
  parquet::arrow::FileReaderBuilder builder;
  if (const auto opened = builder.Open(*file, properties); !opened.ok()) return damaged(path, opened);
  parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/true);
  arrow_properties.set_pre_buffer(true);
  const auto& schema = *builder.raw_reader()->metadata()->schema();
  for (int i = 0; i < schema.num_columns(); ++i)
    if (schema.Column(i)->physical_type() == parquet::Type::BYTE_ARRAY)
      arrow_properties.set_read_dictionary(i, dictionaries);
  auto reader = builder.properties(arrow_properties)->Build();
  if (!reader.ok()) return damaged(path, reader.status());
  return *std::move(reader);
}

const parquet::schema::GroupNode& root_of(const parquet::arrow::FileReader& reader) {
  return *reader.parquet_reader()->metadata()->schema()->group_node();
}

std::vector<std::string> names_of(const parquet::arrow::FileReader& reader) {
  std::vector<std::string> names;
  for (int i = 0; i < root_of(reader).field_count(); ++i) names.push_back(root_of(reader).field(i)->name());
  return names;
}

// The leaf of a top-level column; a nested one is none of ours.
Result<int> leaf_of(const parquet::arrow::FileReader& reader, const std::string& name) {
  const auto& root = root_of(reader);
  const auto& node = *root.field(root.FieldIndex(name));
  if (node.is_group() || node.is_repeated())
    return fail(Code::InvalidArgument, text::format("column '{}' is nested; flatten it or leave it out", name));
  return reader.parquet_reader()->metadata()->schema()->ColumnIndex(node);
}

Result<std::vector<int>> leaves_of(const parquet::arrow::FileReader& reader, const std::vector<std::string>& columns) {
  const auto there = names_of(reader);
  FETTLE_TRY_(check_columns(there, columns));
  std::vector<int> leaves;
  for (const auto& name : columns.empty() ? there : columns) {
    FETTLE_TRY(const auto leaf, leaf_of(reader, name));
    leaves.push_back(leaf);
  }
  return leaves;
}

// Milliseconds of a statistic, rounded outward by the caller's choice of +-1; nullopt if the unit is not known.
std::optional<std::int64_t> units_per_ms(const parquet::ColumnDescriptor& column) {
  const auto* const type = column.logical_type().get();
  if (type == nullptr || !type->is_timestamp()) return std::nullopt;
  switch (static_cast<const parquet::TimestampLogicalType*>(type)->time_unit()) {
    case parquet::LogicalType::TimeUnit::MILLIS:
      return 1;
    case parquet::LogicalType::TimeUnit::MICROS:
      return 1000;
    case parquet::LogicalType::TimeUnit::NANOS:
      return 1'000'000;
    default:
      return std::nullopt;
  }
}

// False only if the statistics say that no row of the group lies within the range.
bool may_hold(const parquet::RowGroupMetaData& group, int leaf, std::int64_t units, const TimeRange& range) {
  const auto statistics = group.ColumnChunk(leaf)->statistics();
  if (!statistics || !statistics->HasMinMax() || statistics->physical_type() != parquet::Type::INT64) return true;
  const auto& times = static_cast<const parquet::Int64Statistics&>(*statistics);
  return times.max() / units + 1 >= range.from_ms && times.min() / units - 1 < range.until_ms;
}

Result<std::vector<int>> groups_of(const parquet::arrow::FileReader& reader, const TimeRange* range) {
  const auto& metadata = *reader.parquet_reader()->metadata();
  std::optional<std::int64_t> units;
  int leaf = 0;
  if (range != nullptr) {
    FETTLE_TRY_(check_columns(names_of(reader), {range->column}));
    FETTLE_TRY(leaf, leaf_of(reader, range->column));
    units = units_per_ms(*metadata.schema()->Column(leaf));
  }
  std::vector<int> groups;
  for (int i = 0; i < metadata.num_row_groups(); ++i)
    if (!units || may_hold(*metadata.RowGroup(i), leaf, *units, *range)) groups.push_back(i);
  return groups;
}

Result<Table> read_with(const std::string& path, const std::vector<std::string>& columns, const TimeRange* range,
                        bool dictionaries) {
  FETTLE_TRY(const auto reader, open(path, dictionaries));
  FETTLE_TRY(const auto leaves, leaves_of(*reader, columns));
  FETTLE_TRY(const auto groups, groups_of(*reader, range));
  auto read = reader->ReadRowGroups(groups, leaves);
  if (!read.ok() && read.status().IsNotImplemented() && dictionaries) return read_with(path, columns, range, false);
  if (!read.ok()) return damaged(path, read.status());
  FETTLE_TRY(auto table, from_arrow(**read));
  if (columns.empty()) return table;
  return table.select(columns);  // Arrow gives them in the order of the file
}

}  // namespace

Result<Table> read_parquet(const std::string& path, const std::vector<std::string>& columns, const TimeRange* range) {
  return guarded(path, [&] { return read_with(path, columns, range, true); });
}

Result<FileSummary> summarize_parquet(const std::string& path) {
  return guarded(path, [&]() -> Result<FileSummary> {
    FETTLE_TRY(const auto reader, open(path, false));
    std::shared_ptr<arrow::Schema> schema;
    if (const auto got = reader->GetSchema(&schema); !got.ok()) return damaged(path, got);
    FileSummary out{.rows = static_cast<std::size_t>(reader->parquet_reader()->metadata()->num_rows()), .columns = {}};
    for (const auto& field : schema->fields()) {
      FETTLE_TRY(const auto kind, kind_of(field->name(), *field->type()));
      out.columns.emplace_back(field->name(), kind);
    }
    return out;
  });
}

std::shared_ptr<parquet::WriterProperties> parquet_properties() {
  return parquet::WriterProperties::Builder()
      .compression(parquet::Compression::ZSTD)
      ->enable_page_checksum()
      ->max_row_group_length(kRowGroup)
      ->build();
}
std::shared_ptr<parquet::ArrowWriterProperties> parquet_arrow_properties() {
  return parquet::ArrowWriterProperties::Builder().store_schema()->build();
}

Result<std::string> parquet_bytes(const Table& table) {
  FETTLE_TRY(const auto source, to_arrow(table));
  auto sink = arrow::io::BufferOutputStream::Create();
  if (!sink.ok()) return fail(Code::ResourceExhausted, sink.status().message());
  const auto written = parquet::arrow::WriteTable(*source, arrow::default_memory_pool(), *sink, kRowGroup,
                                                  parquet_properties(), parquet_arrow_properties());
  if (!written.ok()) return fail(Code::Internal, text::format("Parquet cannot be written: {}", written.message()));
  auto bytes = (*sink)->Finish();
  if (!bytes.ok()) return fail(Code::Internal, bytes.status().message());
  return (*bytes)->ToString();
}

}  // namespace fettle::table
