#include "table/writer.h"

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <parquet/arrow/writer.h>

#include <algorithm>

#include "base/text.h"
#include "table/convert.h"
#include "table/formats.h"

namespace fettle::table {
namespace {

Result<Table> empty_table(const std::vector<ColumnSpec>& columns) {
  std::vector<Column> out;
  for (const auto& [name, kind] : columns) {
    out.emplace_back();
    out.back().name = name;
    out.back().kind = kind;
  }
  return Table::create(std::move(out));
}

class CsvWriter final : public Writer {
 public:
  explicit CsvWriter(Sink sink) : sink_(std::move(sink)) {}
  Result<void> begin(const Table& shape) { return sink_(csv_header(shape, ',')); }
  Result<void> append(const Table& part) override { return sink_(csv_rows(part, ',')); }
  Result<void> finish() override { return {}; }

 private:
  Sink sink_;
};

class JsonLinesWriter final : public Writer {
 public:
  explicit JsonLinesWriter(Sink sink) : sink_(std::move(sink)) {}
  Result<void> append(const Table& part) override {
    FETTLE_TRY(const auto bytes, json_lines_bytes(part));
    return sink_(bytes);
  }
  Result<void> finish() override { return {}; }

 private:
  Sink sink_;
};

class SinkStream final : public arrow::io::OutputStream {  // Keeps the sink's own error, which says more than Arrow's.
 public:
  explicit SinkStream(Sink sink) : sink_(std::move(sink)) { set_mode(arrow::io::FileMode::WRITE); }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  arrow::Result<std::int64_t> Tell() const override { return written_; }
  void stop() { error_ = Error{Code::Internal, "the table was given up"}; }
  arrow::Status Write(const void* data, std::int64_t size) override {
    if (error_) return arrow::Status::IOError(error_->message);
    const auto done = sink_({static_cast<const char*>(data), static_cast<std::size_t>(size)});
    written_ += size;
    if (done) return arrow::Status::OK();
    error_ = done.error();
    return arrow::Status::IOError(error_->message);
  }
  [[nodiscard]] std::unexpected<Error> error_or(const arrow::Status& status) const {
    if (error_) return fail(*error_);
    return fail(Code::Internal, text::format("Parquet cannot be written: {}", status.message()));
  }

 private:
  Sink sink_;
  std::int64_t written_ = 0;
  bool closed_ = false;
  std::optional<Error> error_;
};

class ParquetWriter final : public Writer {
 public:
  explicit ParquetWriter(Sink sink) : stream_(std::make_shared<SinkStream>(std::move(sink))) {}
  ParquetWriter(const ParquetWriter&) = delete;
  ParquetWriter& operator=(const ParquetWriter&) = delete;
  ~ParquetWriter() override {  // Arrow's would end the file as if it were whole
    stream_->stop();
  }
  Result<void> begin(const Table& shape) {
    FETTLE_TRY(const auto empty, to_arrow(shape));
    auto writer = parquet::arrow::FileWriter::Open(*empty->schema(), arrow::default_memory_pool(), stream_,
                                                   parquet_properties(), parquet_arrow_properties());
    if (!writer.ok()) return stream_->error_or(writer.status());
    writer_ = *std::move(writer);
    return {};
  }
  Result<void> append(const Table& part) override {
    FETTLE_TRY(const auto source, to_arrow(part));
    const auto written = writer_->WriteTable(*source, std::max<std::int64_t>(1, source->num_rows()));
    if (!written.ok()) return stream_->error_or(written);
    return {};
  }
  Result<void> finish() override {
    if (const auto closed = writer_->Close(); !closed.ok()) return stream_->error_or(closed);
    return {};
  }

 private:
  std::shared_ptr<SinkStream> stream_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
};

}  // namespace

std::optional<StreamFormat> parse_stream_format(std::string_view name) noexcept {
  if (name == "csv") return StreamFormat::Csv;
  if (name == "jsonl" || name == "ndjson" || name == "json") return StreamFormat::JsonLines;
  if (name == "parquet") return StreamFormat::Parquet;
  return std::nullopt;
}

std::optional<StreamFormat> stream_format_of(std::string_view path) {
  const auto name = text::lower(path);
  for (const std::string_view ending : {"csv", "jsonl", "ndjson", "parquet"})
    if (name.ends_with("." + std::string(ending))) return parse_stream_format(ending);
  return std::nullopt;
}

Result<std::unique_ptr<Writer>> open_writer(StreamFormat format, const std::vector<ColumnSpec>& columns, Sink sink) {
  FETTLE_TRY(const auto shape, empty_table(columns));
  if (format == StreamFormat::JsonLines) return std::make_unique<JsonLinesWriter>(std::move(sink));
  if (format == StreamFormat::Csv) {
    auto writer = std::make_unique<CsvWriter>(std::move(sink));
    FETTLE_TRY_(writer->begin(shape));
    return writer;
  }
  auto writer = std::make_unique<ParquetWriter>(std::move(sink));
  FETTLE_TRY_(writer->begin(shape));
  return writer;
}

}  // namespace fettle::table
