// Tables in memory, column by column: what steps, gates and trainers work on. Files are read and written in file.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fettle::table {

enum class Kind : std::uint8_t { Int, Float, Text, Bool, Time };  // Time: milliseconds UTC
[[nodiscard]] std::string_view name(Kind kind) noexcept;          // "int", "float", "text", "bool", "time"
[[nodiscard]] std::optional<Kind> parse_kind(std::string_view name) noexcept;

// One column. Int, Bool (0/1) and Time use `ints`; Float uses `floats`; Text is dictionary-coded: `codes[row]` indexes
// `dictionary` (from a file: sorted, without repeats). `valid` is empty if no value is missing, else 1 per present row;
// a missing Float is also NaN, a missing code is -1.
struct Column {
  std::string name;
  Kind kind = Kind::Float;
  std::vector<std::int64_t> ints;
  std::vector<double> floats;
  std::vector<std::int32_t> codes;
  std::vector<std::string> dictionary;
  std::vector<std::uint8_t> valid;

  [[nodiscard]] static Column of_ints(std::string name, std::vector<std::int64_t> values, Kind kind = Kind::Int);
  [[nodiscard]] static Column of_floats(std::string name, std::vector<double> values);
  [[nodiscard]] static Column of_texts(std::string name, const std::vector<std::string>& values);

  [[nodiscard]] std::size_t rows() const noexcept;
  [[nodiscard]] bool is_valid(std::size_t row) const noexcept { return valid.empty() || valid[row] != 0; }
  // Numeric view of a row: NaN if missing; a Text row gives its code.
  [[nodiscard]] double number(std::size_t row) const noexcept;
  [[nodiscard]] std::string_view text(std::size_t row) const noexcept;  // Text only; empty if missing
  // A row as a person reads it, whatever the kind: "42", "0.5", "ORD", "true", "2001-02-27T23:10:00.000Z", "(missing)".
  [[nodiscard]] std::string display(std::size_t row) const;
  // A copy of these rows in this order; `valid` stays empty if none of them is missing. REQUIRES: rows in range.
  [[nodiscard]] Column take(std::span<const std::uint32_t> rows) const;
};

class Table {
 public:
  Table() = default;
  // InvalidArgument unless all columns have the same number of rows and different names, and every code is in range.
  [[nodiscard]] static Result<Table> create(std::vector<Column> columns);
  [[nodiscard]] std::size_t rows() const noexcept;
  [[nodiscard]] const std::vector<Column>& columns() const noexcept { return columns_; }
  [[nodiscard]] const Column* find(std::string_view name) const noexcept;
  [[nodiscard]] Result<const Column*> get(std::string_view name) const;  // NotFound lists the columns there are
  [[nodiscard]] Result<void> add(Column column);                         // replaces one of the same name
  [[nodiscard]] Table take(std::span<const std::uint32_t> rows) const;   // rows by index
  [[nodiscard]] Result<Table> select(const std::vector<std::string>& names) const;

 private:
  std::vector<Column> columns_;
};

// The rows of all parts, one after the other. InvalidArgument unless all have the same columns, of the same kinds.
[[nodiscard]] Result<Table> concatenate(std::vector<Table> parts);

}  // namespace fettle::table
