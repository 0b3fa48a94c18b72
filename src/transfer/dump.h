// All rows of a server's tables as lines of text, and back: what a backup holds of a database, whatever store it is on.
//
//   dump   := header { table } end
//   header := {"format": 1, "program", "created_ms", "modules": {name: version}}
//   table  := {"table": name, "columns": [...]} { row } {"rows": count}
//   row    := [value, ...]                        bytes are written as base64
//   end    := {"end": count of tables}            a dump without it was cut off
// one JSON value a line. Tables and their columns are read from the modules' schemas (CREATE TABLE in sql's common
// form), so that nothing here asks which store it is on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/database.h"

namespace fettle::transfer {

enum class ColumnType : std::uint8_t { Integer, Real, Text, Bytes };
struct TableColumn {
  std::string name;
  ColumnType type = ColumnType::Text;
};
struct TableShape {
  std::string name;
  std::vector<TableColumn> columns;
  std::vector<std::size_t> key;  // columns of the primary key; its order is the order of rows in a dump
};
// InvalidArgument for a column of a type that the common form does not have. Pure.
[[nodiscard]] Result<std::vector<TableShape>> tables_in(const std::vector<sql::Migrations>& modules);

struct DumpCount {
  std::uint64_t tables = 0, rows = 0;
  bool operator==(const DumpCount&) const = default;
};
// Writes a dump of one snapshot; `line` takes each line with its '\n'.
[[nodiscard]] Result<DumpCount> dump(const sql::Database& database, const std::vector<sql::Migrations>& modules,
                                     const std::string& program, std::int64_t now_ms,
                                     const std::function<Result<void>(std::string_view)>& line);
// Puts a dump's rows in the place of all rows there are. `next` gives line after line, empty at the end.
// FailedPrecondition if the dump's schemas are not this program's; DataLoss if it is damaged or cut off.
[[nodiscard]] Result<DumpCount> load(sql::Session& session, const std::vector<sql::Migrations>& modules,
                                     const std::function<Result<std::string>()>& next);
// Reads a dump without a database: its shape and counts.
[[nodiscard]] Result<DumpCount> check_dump(const std::function<Result<std::string>()>& next);

}  // namespace fettle::transfer
