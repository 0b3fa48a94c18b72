// Reading and writing tables: Parquet, CSV, JSON lines, Arrow IPC, by file name extension (Apache Arrow behind it).
//
// Extensions: .parquet; .csv, .tsv; .jsonl, .ndjson; .arrow, .feather, .ipc. Same table, same bytes, in every format:
// text dictionaries are written sorted and without unused entries, row groups have a fixed size, no clock is recorded.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "table/table.h"

namespace fettle::table {

// `columns` empty = all; else these, in this order. A missing file is NotFound, a damaged or cut one DataLoss naming
// it; CSV and JSON lines that do not parse are InvalidArgument with the line. Columns must be numbers, booleans, text
// (or dictionaries of text), dates or timestamps; anything else is InvalidArgument naming the column.
// Empty CSV fields are missing values; times are cut to milliseconds.
[[nodiscard]] Result<Table> read(const std::string& path, const std::vector<std::string>& columns = {});
// Only the rows whose time lies in [from_ms, until_ms), rows with a missing time left out. `column` must be a time and
// need not be among `columns`. Row groups of a Parquet file that lie outside by its statistics are not read.
struct TimeRange {
  std::string column;
  std::int64_t from_ms = 0, until_ms = 0;
};
[[nodiscard]] Result<Table> read_range(const std::string& path, const TimeRange& range,
                                       const std::vector<std::string>& columns = {});

// Atomic and durable. Parquet is zstd with page checksums, which read() verifies.
[[nodiscard]] Result<void> write(const std::string& path, const Table& table);

struct FileSummary {
  std::size_t rows = 0;
  std::vector<std::pair<std::string, Kind>> columns;
};
[[nodiscard]] Result<FileSummary> summarize(const std::string& path);  // from metadata only where the format has it

}  // namespace fettle::table
