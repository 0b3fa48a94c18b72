// One reader and one writer a format; file.cc picks by extension. Used by this module only.
#pragma once

#include <arrow/status.h>

#include <memory>
#include <string>
#include <vector>

#include "table/file.h"

namespace parquet {
class ArrowWriterProperties;
class WriterProperties;
}  // namespace parquet

namespace fettle::table {

// --- Parquet ---
// `range` may be null. Rows are not yet filtered: only row groups outside of the range are left out, and the range's
// column is added at the end where it is not among `columns`.
[[nodiscard]] Result<Table> read_parquet(const std::string& path, const std::vector<std::string>& columns,
                                         const TimeRange* range);
[[nodiscard]] Result<std::string> parquet_bytes(const Table& table);
[[nodiscard]] std::shared_ptr<parquet::WriterProperties> parquet_properties();  // zstd, page checksums
[[nodiscard]] std::shared_ptr<parquet::ArrowWriterProperties> parquet_arrow_properties();
[[nodiscard]] Result<FileSummary> summarize_parquet(const std::string& path);

// --- Arrow IPC files ---
[[nodiscard]] Result<Table> read_ipc(const std::string& path, const std::vector<std::string>& columns);
[[nodiscard]] Result<std::string> ipc_bytes(const Table& table);
[[nodiscard]] Result<FileSummary> summarize_ipc(const std::string& path);

// --- text ---
[[nodiscard]] Result<Table> read_csv(const std::string& path, char separator);
[[nodiscard]] std::string csv_header(const Table& table, char separator);
[[nodiscard]] std::string csv_rows(const Table& table, char separator);
[[nodiscard]] Result<Table> read_json_lines(const std::string& path);
[[nodiscard]] Result<std::string> json_lines_bytes(const Table& table);

// --- common ---
// A binary file that does not read as its format.
[[nodiscard]] std::unexpected<Error> damaged(const std::string& path, const std::string& why);
[[nodiscard]] std::unexpected<Error> damaged(const std::string& path, const arrow::Status& status);
// NotFound for a wanted column that is not among `there`, with the closest name.
[[nodiscard]] Result<void> check_columns(const std::vector<std::string>& there, const std::vector<std::string>& wanted);

}  // namespace fettle::table
