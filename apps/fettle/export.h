// Rows on their way into a table: a file (CSV, JSON lines, Parquet) or standard output, the same for every noun.
//
// Rows may be more than memory holds. Columns that are not known before the last row are gathered in a temporary file
// first; a file gets its name when it is whole.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cli.h"
#include "os/output_file.h"
#include "table/writer.h"

namespace fettle::cli {

struct ExportOptions {
  std::string to = "-", format;
  bool force = false;
};
void add_export_options(Verb& verb, ExportOptions& options);

enum class Columns : std::uint8_t { Fixed, AsMet };  // AsMet: rows may bring further ones, sorted after the given ones

class TableExport {
 public:
  // InvalidArgument for a format that is none, --json beside standard output, Parquet on a terminal; AlreadyExists
  // without --force.
  [[nodiscard]] static Result<TableExport> open(Output& output, const ExportOptions& options, Columns columns,
                                                std::vector<table::ColumnSpec> first);
  TableExport(TableExport&&) noexcept;
  ~TableExport();

  // Cells of the row that end_row() ends. REQUIRES: with Columns::Fixed, a column that was given, of that kind.
  void text(const std::string& column, std::string value);
  void number(const std::string& column, double value);
  void whole(const std::string& column, std::int64_t value);
  [[nodiscard]] Result<void> end_row();
  // Names the file and tells about it. NotFound, and no file, if there was no row: `nothing` says where to look.
  [[nodiscard]] Result<void> finish(std::string_view nothing);

 private:
  using Cell = std::variant<std::int64_t, double, std::string>;
  using Row = std::vector<std::pair<std::size_t, Cell>>;
  class Batch;
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  TableExport(Output& output, ExportOptions options, table::StreamFormat format);
  void put(const std::string& column, table::Kind kind, Cell value);
  [[nodiscard]] Result<void> begin_writing();
  [[nodiscard]] Result<void> write(const Row& row);
  [[nodiscard]] Result<void> flush();
  [[nodiscard]] Result<void> spool(const Row& row);
  [[nodiscard]] Result<bool> unspool(Row& row);
  [[nodiscard]] Result<void> write_spooled();
  void sort_columns();

  Output* output_;
  ExportOptions options_;
  table::StreamFormat format_;
  std::vector<table::ColumnSpec> columns_;
  std::map<std::string, std::size_t, std::less<>> places_;
  std::vector<std::size_t> order_;  // column of the file by column as met
  std::size_t first_ = 0;           // columns that were given
  std::optional<os::OutputFile> file_;
  std::unique_ptr<std::FILE, CloseFile> spool_;  // Columns::AsMet
  std::unique_ptr<Batch> batch_;
  std::unique_ptr<table::Writer> writer_;
  Row row_;
  std::uint64_t rows_ = 0;
};

}  // namespace fettle::cli
