// Values in PostgreSQL's binary formats. Private to the module.
#pragma once

#include <libpq-fe.h>

#include <array>
#include <string>
#include <vector>

#include "sql/database.h"

namespace fettle::sql {

[[nodiscard]] Oid type_of(const Parameter& parameter) noexcept;  // 0 for null: the server decides

// Borrows the texts and bytes of the parameters.
class BinaryParameters {
 public:
  explicit BinaryParameters(std::span<const Parameter> parameters);
  [[nodiscard]] int count() const noexcept { return static_cast<int>(values_.size()); }
  [[nodiscard]] const char* const* values() const noexcept { return values_.data(); }
  [[nodiscard]] const int* lengths() const noexcept { return lengths_.data(); }
  [[nodiscard]] const int* formats() const noexcept { return formats_.data(); }

 private:
  std::vector<std::array<char, 8>> numbers_;  // as the network wants them
  std::vector<const char*> values_;
  std::vector<int> lengths_, formats_;
};

// A row of a result; converts between numbers and text as SQLite does.
class BinaryRow final : public Row {
 public:
  explicit BinaryRow(const PGresult* rows) noexcept : rows_(rows) {}
  BinaryRow& at(int row) noexcept;
  [[nodiscard]] bool is_null(int column) const override;
  [[nodiscard]] std::int64_t integer(int column) const override;
  [[nodiscard]] double real(int column) const override;
  [[nodiscard]] std::string_view text(int column) const override;

 private:
  [[nodiscard]] std::string_view bytes(int column) const;

  const PGresult* rows_;
  int row_ = 0;
  mutable std::vector<std::string> written_;  // numbers that were asked for as text, by column
};

}  // namespace fettle::sql
