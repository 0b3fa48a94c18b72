#include "export.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "base/text.h"
#include "os/errors.h"
#include "os/process.h"

namespace fettle::cli {
namespace {

constexpr std::size_t kBatchRows = 65'536;
constexpr std::size_t kBatchCells = 2'000'000;
constexpr std::size_t kBatchBytes = 32U << 20U;  // of text
constexpr std::uint64_t kTellEvery = 10'000;     // rows
constexpr std::string_view kStandardOutput = "-";

Result<void> to_standard_output(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size()) return {};
  return os::system_error("write", "standard output");
}

Result<table::StreamFormat> format_of(const ExportOptions& options) {
  if (!options.format.empty()) {
    if (const auto named = table::parse_stream_format(options.format)) return *named;
    return fail(Code::InvalidArgument,
                text::format("there is no format '{}'; there are csv, jsonl and parquet", options.format));
  }
  if (options.to == kStandardOutput) return table::StreamFormat::Csv;
  if (const auto by_name = table::stream_format_of(options.to)) return *by_name;
  return fail(Code::InvalidArgument,
              text::format("'{}' does not end with .csv, .jsonl or .parquet; rename it or give --format", options.to));
}

Result<void> check_standard_output(const Output& output, table::StreamFormat format) {
  if (output.json())
    return fail(Code::InvalidArgument,
                "--json tells about a file: name one with --to; rows as JSON are --format jsonl without --json");
  if (format == table::StreamFormat::Parquet && ::isatty(STDOUT_FILENO) == 1)
    return fail(Code::InvalidArgument, "Parquet is not for a terminal; name a file with --to FILE");
  return {};
}

}  // namespace

void add_export_options(Verb& verb, ExportOptions& options) {
  verb.option("--to", options.to, "File (.csv, .jsonl, .parquet); - is standard output");
  verb.option("--format", options.format, "csv, jsonl or parquet; by default the file's ending, else csv");
  verb.flag("--force", options.force, "Replace the file if it exists");
}

// Rows that become one part of the table.
class TableExport::Batch {
 public:
  explicit Batch(const std::vector<table::ColumnSpec>& columns) : columns_(columns), cells_(columns.size()) {}
  void add(const Row& row, const std::vector<std::size_t>& order) {
    for (const auto& [place, cell] : row) {
      if (const auto* text = std::get_if<std::string>(&cell)) bytes_ += text->size();
      cells_[order[place]].emplace_back(rows_, cell);
    }
    ++rows_;
  }
  [[nodiscard]] bool full() const {
    return rows_ >= kBatchRows || rows_ * columns_.size() >= kBatchCells || bytes_ >= kBatchBytes;
  }
  Result<table::Table> take() {
    std::vector<table::Column> out;
    for (std::size_t i = 0; i < columns_.size(); ++i) out.push_back(column(i));
    for (auto& cells : cells_) cells.clear();
    rows_ = bytes_ = 0;
    return table::Table::create(std::move(out));
  }

 private:
  [[nodiscard]] table::Column column(std::size_t index) const {
    const auto& [name, kind] = columns_[index];
    std::vector<std::string> texts(kind == table::Kind::Text ? rows_ : 0);
    std::vector<double> numbers(kind == table::Kind::Float ? rows_ : 0, std::numeric_limits<double>::quiet_NaN());
    std::vector<std::int64_t> wholes(kind == table::Kind::Int ? rows_ : 0);
    std::vector<std::uint8_t> valid(rows_);
    for (const auto& [row, cell] : cells_[index]) {
      valid[row] = 1;
      if (kind == table::Kind::Text) texts[row] = std::get<std::string>(cell);
      if (kind == table::Kind::Float) numbers[row] = std::get<double>(cell);
      if (kind == table::Kind::Int) wholes[row] = std::get<std::int64_t>(cell);
    }
    auto out = kind == table::Kind::Text    ? table::Column::of_texts(name, texts)
               : kind == table::Kind::Float ? table::Column::of_floats(name, std::move(numbers))
                                            : table::Column::of_ints(name, std::move(wholes));
    if (std::ranges::contains(valid, 0)) {
      for (std::size_t row = 0; row < out.codes.size(); ++row)
        if (valid[row] == 0) out.codes[row] = -1;
      out.valid = std::move(valid);
    }
    return out;
  }

  const std::vector<table::ColumnSpec>& columns_;
  std::vector<std::vector<std::pair<std::size_t, Cell>>> cells_;  // by column: row, value
  std::size_t rows_ = 0, bytes_ = 0;
};

TableExport::TableExport(Output& output, ExportOptions options, table::StreamFormat format)
    : output_(&output), options_(std::move(options)), format_(format) {}
TableExport::TableExport(TableExport&&) noexcept = default;
TableExport::~TableExport() = default;

Result<TableExport> TableExport::open(Output& output, const ExportOptions& options, Columns columns,
                                      std::vector<table::ColumnSpec> first) {
  FETTLE_TRY(const auto format, format_of(options));
  TableExport out(output, options, format);
  if (options.to == kStandardOutput) {
    FETTLE_TRY_(check_standard_output(output, format));
  } else {
    auto file = os::OutputFile::create(options.to, options.force ? os::Replace::Yes : os::Replace::No);
    if (!file && file.error().code == Code::AlreadyExists)
      return fail(Code::AlreadyExists,
                  text::format("'{}' exists; give --force to replace it, or another name", options.to));
    if (!file) return fail(file.error());
    out.file_.emplace(*std::move(file));
  }
  out.first_ = first.size();
  for (std::size_t i = 0; i < first.size(); ++i) out.places_.emplace(first[i].first, i);
  out.columns_ = std::move(first);
  if (columns == Columns::Fixed) return out;
  auto name = os::environment("TMPDIR").value_or("/tmp") + "/fettle-export.XXXXXX";
  const int fd = ::mkstemp(name.data());
  if (fd < 0) return os::system_error("create", name);
  ::unlink(name.c_str());
  out.spool_.reset(::fdopen(fd, "w+"));
  return out;
}

void TableExport::text(const std::string& column, std::string value) {
  put(column, table::Kind::Text, std::move(value));
}
void TableExport::number(const std::string& column, double value) { put(column, table::Kind::Float, value); }
void TableExport::whole(const std::string& column, std::int64_t value) { put(column, table::Kind::Int, value); }

void TableExport::put(const std::string& column, table::Kind kind, Cell value) {
  const auto [found, is_new] = places_.emplace(column, columns_.size());
  if (is_new) columns_.emplace_back(column, kind);
  row_.emplace_back(found->second, std::move(value));
}

Result<void> TableExport::end_row() {
  ++rows_;
  const auto done = spool_ ? spool(row_) : write(row_);
  row_.clear();
  if (rows_ % kTellEvery == 0 && output_->terminal())
    output_->progress("export", -1, text::human_count(rows_) + " rows");
  return done;
}

Result<void> TableExport::begin_writing() {
  if (order_.empty()) sort_columns();
  batch_ = std::make_unique<Batch>(columns_);
  const auto sink = file_ ? table::Sink([file = &*file_](std::string_view bytes) { return file->write(bytes); })
                          : table::Sink(to_standard_output);
  FETTLE_TRY(writer_, table::open_writer(format_, columns_, sink));
  return {};
}

void TableExport::sort_columns() {
  std::vector<std::size_t> sorted(columns_.size());
  std::iota(sorted.begin(), sorted.end(), 0);
  std::sort(sorted.begin() + static_cast<std::ptrdiff_t>(first_), sorted.end(),
            [&](std::size_t a, std::size_t b) { return columns_[a].first < columns_[b].first; });
  order_.resize(sorted.size());
  std::vector<table::ColumnSpec> columns;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    order_[sorted[i]] = i;
    columns.push_back(columns_[sorted[i]]);
  }
  columns_ = std::move(columns);
}

Result<void> TableExport::write(const Row& row) {
  if (!writer_) FETTLE_TRY_(begin_writing());
  batch_->add(row, order_);
  return batch_->full() ? flush() : Result<void>();
}

Result<void> TableExport::flush() {
  FETTLE_TRY(const auto part, batch_->take());
  return writer_->append(part);
}

Result<void> TableExport::finish(std::string_view nothing) {
  if (rows_ == 0) return fail(Code::NotFound, text::format("there is nothing to export; {}", nothing));
  if (spool_) FETTLE_TRY_(write_spooled());
  FETTLE_TRY_(flush());
  FETTLE_TRY_(writer_->finish());
  output_->progress_done();
  if (!file_) return std::fflush(stdout) == 0 ? Result<void>() : os::system_error("write", "standard output");
  FETTLE_TRY_(file_->publish());
  output_->document(json::Value().set("file", options_.to).set("rows", rows_).set("columns", columns_.size()));
  output_->line(text::format("{} rows, {} columns in '{}'", text::human_count(rows_), columns_.size(), options_.to));
  return {};
}

// A spooled row is, in this machine's byte order: count of cells, then each cell's column, kind and value. The file is
// read by this process alone.
namespace {

template <typename T>
bool put_raw(std::FILE* file, T value) {
  return std::fwrite(&value, sizeof value, 1, file) == 1;
}
template <typename T>
bool get_raw(std::FILE* file, T& value) {
  return std::fread(&value, sizeof value, 1, file) == 1;
}

}  // namespace

Result<void> TableExport::spool(const Row& row) {
  auto* file = spool_.get();
  bool fine = put_raw(file, row.size());
  for (const auto& [place, cell] : row) {
    fine = fine && put_raw(file, place) && put_raw(file, cell.index());
    if (const auto* whole = std::get_if<std::int64_t>(&cell)) fine = fine && put_raw(file, *whole);
    if (const auto* number = std::get_if<double>(&cell)) fine = fine && put_raw(file, *number);
    if (const auto* text = std::get_if<std::string>(&cell))
      fine = fine && put_raw(file, text->size()) && std::fwrite(text->data(), 1, text->size(), file) == text->size();
  }
  if (fine) return {};
  return os::system_error("write", "a temporary file (TMPDIR says where it lies)");
}

Result<bool> TableExport::unspool(Row& row) {
  auto* file = spool_.get();
  row.clear();
  std::size_t count = 0;
  if (!get_raw(file, count)) return false;
  bool fine = true;
  for (std::size_t i = 0; i < count && fine; ++i) {
    std::size_t place = 0, kind = 0, size = 0;
    std::int64_t whole = 0;
    double number = 0;
    fine = get_raw(file, place) && get_raw(file, kind);
    if (kind == Cell(whole).index()) {
      fine = fine && get_raw(file, whole);
      row.emplace_back(place, whole);
    } else if (kind == Cell(number).index()) {
      fine = fine && get_raw(file, number);
      row.emplace_back(place, number);
    } else {
      fine = fine && get_raw(file, size);
      std::string text(fine ? size : 0, '\0');
      fine = fine && std::fread(text.data(), 1, size, file) == size;
      row.emplace_back(place, std::move(text));
    }
  }
  if (fine) return true;
  return os::system_error("read", "a temporary file (TMPDIR says where it lies)");
}

Result<void> TableExport::write_spooled() {
  if (std::fflush(spool_.get()) != 0 || std::fseek(spool_.get(), 0, SEEK_SET) != 0)
    return os::system_error("write", "a temporary file (TMPDIR says where it lies)");
  Row row;
  for (std::uint64_t done = 0;; ++done) {
    FETTLE_TRY(const bool more, unspool(row));
    if (!more) return {};
    FETTLE_TRY_(write(row));
    if (done % kTellEvery == 0 && output_->terminal())
      output_->progress("write", static_cast<double>(done) / static_cast<double>(rows_));
  }
}

}  // namespace fettle::cli
