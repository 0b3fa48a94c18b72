// Reading and writing tables: Parquet, CSV, JSON lines, Arrow IPC, by file name extension (Apache Arrow behind it).
#pragma once

#include <string>
#include <vector>

#include "table/table.h"

namespace fettle::table {

// `columns` empty = all. A damaged or cut file is DataLoss naming the file; a missing one NotFound.
// Parquet: int/float/double/bool/string/dictionary/date/timestamp columns; anything else is InvalidArgument naming the column.
[[nodiscard]] Result<Table> read(const std::string& path, const std::vector<std::string>& columns = {});
// Atomic; same table, same bytes (Parquet: zstd, no created_by clock, fixed row groups), so that digests are stable.
[[nodiscard]] Result<void> write(const std::string& path, const Table& table);

struct FileSummary { std::size_t rows = 0; std::vector<std::pair<std::string, Kind>> columns; };
[[nodiscard]] Result<FileSummary> summarize(const std::string& path);  // from metadata only where the format has it

}  // namespace fettle::table
