#include "train/matrix.h"

#include <limits>

#include "base/text.h"

namespace fettle::train {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

Result<void> check_kind(const model::InputColumn& input, const table::Column& column) {
  const bool category = input.kind == model::ColumnKind::Category;
  if (category == (column.kind == table::Kind::Text)) return {};
  return fail(Code::InvalidArgument, text::format("column '{}' is {}, but the model takes {} there", input.name,
                                                  table::name(column.kind), category ? "texts" : "numbers"));
}

// Writes one column of the matrix: values[row * stride].
void fill_categories(const model::Signature& signature, std::size_t input, const table::Column& column, float* values,
                     std::size_t stride) {
  std::vector<float> codes;
  codes.reserve(column.dictionary.size());
  for (const auto& word : column.dictionary) codes.push_back(signature.code(input, word));
  for (std::size_t row = 0; row < column.codes.size(); ++row) {
    const auto code = column.is_valid(row) ? column.codes[row] : -1;
    values[row * stride] = code < 0 ? kMissing : codes[static_cast<std::size_t>(code)];
  }
}

void fill_numbers(const table::Column& column, float* values, std::size_t stride) {
  for (std::size_t row = 0; row < column.rows(); ++row) values[row * stride] = static_cast<float>(column.number(row));
}

}  // namespace

Result<std::vector<float>> feature_matrix(const model::Signature& signature, const table::Table& rows) {
  const auto& inputs = signature.inputs();
  std::vector<float> matrix(rows.rows() * inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    FETTLE_TRY(const auto* column, rows.get(inputs[i].name));
    FETTLE_TRY_(check_kind(inputs[i], *column));
    if (column->kind == table::Kind::Text)
      fill_categories(signature, i, *column, matrix.data() + i, inputs.size());
    else
      fill_numbers(*column, matrix.data() + i, inputs.size());
  }
  return matrix;
}

}  // namespace fettle::train
