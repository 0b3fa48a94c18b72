// Writing a table part by part, so that one larger than memory can be written: CSV, JSON lines, Parquet.
//
// What is written goes to a sink, in order: a file, standard output. A CSV's or JSON line's bytes are those of write()
// in file.h; a Parquet file has one row group a part.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "table/table.h"

namespace fettle::table {

enum class StreamFormat : std::uint8_t { Csv, JsonLines, Parquet };
[[nodiscard]] std::optional<StreamFormat> parse_stream_format(std::string_view name) noexcept;  // "csv", "jsonl" ...
// By the ending: .csv; .jsonl, .ndjson; .parquet.
[[nodiscard]] std::optional<StreamFormat> stream_format_of(std::string_view path);

using Sink = std::function<Result<void>(std::string_view bytes)>;
using ColumnSpec = std::pair<std::string, Kind>;

class Writer {  // Not thread-safe. Dropped before finish(), what it wrote is no whole table.
 public:
  virtual ~Writer() = default;
  // REQUIRES: the columns that the writer was opened with, in their order.
  [[nodiscard]] virtual Result<void> append(const Table& part) = 0;
  [[nodiscard]] virtual Result<void> finish() = 0;
};
[[nodiscard]] Result<std::unique_ptr<Writer>> open_writer(StreamFormat format, const std::vector<ColumnSpec>& columns,
                                                          Sink sink);

}  // namespace fettle::table
