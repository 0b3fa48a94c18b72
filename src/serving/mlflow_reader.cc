#include "serving/mlflow_reader.h"

#include <vector>

#include "base/text.h"
#include "serving/parameters.h"
#include "serving/refuse.h"

namespace fettle::serving {
namespace {

std::unexpected<Error> no_format() {
  return refuse(
      "The input must be a JSON dictionary with exactly one of the input fields dataframe_split, dataframe_records, "
      "instances or inputs");
}

constexpr int kUnknown = -1;  // a column that the model does not take

class Reader {
 public:
  Reader(std::size_t bytes, Batch& batch) : bytes_(bytes), batch_(batch) {}

  Result<void> read(ondemand::document& document) {
    ondemand::object request;
    if (document.get_object().get(request) != simdjson::SUCCESS) return no_format();
    int formats = 0;
    for (auto field : request) {
      std::string_view key;
      FETTLE_JSON(field.unescaped_key().get(key), "Invalid input");
      ondemand::value value;
      FETTLE_JSON(field.value().get(value), "Invalid input");
      FETTLE_TRY(const auto read, read_format(key, value, formats > 0));
      formats += read ? 1 : 0;
    }
    return formats == 1 ? Result<void>() : no_format();
  }

 private:
  // Whether `key` is one of the formats; its rows are then in the batch.
  Result<bool> read_format(std::string_view key, ondemand::value& value, bool another) {
    const bool is_format =
        key == "dataframe_split" || key == "dataframe_records" || key == "instances" || key == "inputs";
    if (key == "params" && is_object(value)) FETTLE_TRY_(read_parameters(value, batch_));
    if (!is_format) return false;
    if (another) return no_format();
    if (key == "dataframe_split") FETTLE_TRY_(read_split(value));
    if (key == "dataframe_records" || key == "instances") FETTLE_TRY_(read_rows(value));
    if (key == "inputs") FETTLE_TRY_(is_object(value) ? read_columns(value) : read_rows(value));
    return true;
  }

  static bool is_object(ondemand::value& value) {
    ondemand::json_type type{};
    return value.type().get(type) == simdjson::SUCCESS && type == ondemand::json_type::object;
  }
  static bool is_list(ondemand::value& value) {
    ondemand::json_type type{};
    return value.type().get(type) == simdjson::SUCCESS && type == ondemand::json_type::array;
  }

  Result<void> read_split(ondemand::value& value) {
    ondemand::object split;
    FETTLE_JSON(value.get_object().get(split), "dataframe_split");
    ondemand::array names;
    FETTLE_JSON(split.find_field_unordered("columns").get_array().get(names), "dataframe_split.columns");
    std::vector<int> columns;
    for (auto element : names) {
      std::string_view name;
      FETTLE_JSON(element.get_string().get(name), "dataframe_split.columns");
      columns.push_back(batch_.see_column(name));
    }
    ondemand::array rows;
    FETTLE_JSON(split.find_field_unordered("data").get_array().get(rows), "dataframe_split.data");
    FETTLE_TRY_(set_rows(rows));
    std::size_t row = 0;
    for (auto element : rows) {
      ondemand::value cells;
      FETTLE_JSON(element.get(cells), "dataframe_split.data");
      FETTLE_TRY_(read_cells(cells, row++, columns));
    }
    return {};
  }

  Result<void> set_rows(ondemand::array& rows) {
    std::size_t count = 0;
    FETTLE_JSON(rows.count_elements().get(count), "Invalid input");
    if (count == 0) return refuse("Invalid input: it has no rows");
    return batch_.set_rows(count, bytes_);
  }

  Result<void> read_cells(ondemand::value& value, std::size_t row, const std::vector<int>& columns) {
    ondemand::array cells;
    FETTLE_JSON(value.get_array().get(cells), "Invalid input: a row must be a list");
    std::size_t at = 0;
    for (auto element : cells) {
      ondemand::value cell;
      FETTLE_JSON(element.get(cell), "Invalid input");
      if (at == columns.size()) break;
      FETTLE_TRY_(put(cell, row, columns[at++]));
    }
    if (at == columns.size()) return {};
    return refuse(text::format("Invalid input: row {} has {} values for {} columns", row, at, columns.size()));
  }

  // Records, lists in the model's column order, or, for a model of one column, its values.
  Result<void> read_rows(ondemand::value& value) {
    ondemand::array rows;
    FETTLE_JSON(value.get_array().get(rows), "Invalid input: the rows must be a list");
    FETTLE_TRY_(set_rows(rows));
    std::size_t row = 0;
    for (auto element : rows) {
      ondemand::value each;
      FETTLE_JSON(element.get(each), "Invalid input");
      if (is_object(each)) {
        FETTLE_TRY_(read_record(each, row++));
      } else if (is_list(each)) {
        FETTLE_TRY_(read_cells(each, row++, all_columns()));
      } else {
        FETTLE_TRY_(read_single(each, row++));
      }
    }
    return {};
  }

  const std::vector<int>& all_columns() {
    if (all_.empty())
      for (const auto column : batch_.endpoint().first().columns)
        all_.push_back(batch_.see_column(batch_.endpoint().columns[column].name));
    return all_;
  }

  Result<void> read_single(ondemand::value& value, std::size_t row) {
    if (all_columns().size() != 1)
      return refuse(text::format("Invalid input: row {} is {}; a model of {} columns takes records or lists", row,
                                 kind_of(value), all_columns().size()));
    return put(value, row, all_columns().front());
  }

  Result<void> read_record(ondemand::value& value, std::size_t row) {
    ondemand::object record;
    FETTLE_JSON(value.get_object().get(record), "Invalid input");
    for (auto field : record) {
      std::string_view key;
      FETTLE_JSON(field.unescaped_key().get(key), "Invalid input");
      ondemand::value cell;
      FETTLE_JSON(field.value().get(cell), "Invalid input");
      FETTLE_TRY_(put(cell, row, batch_.see_column(key)));
    }
    return {};
  }

  Result<void> read_columns(ondemand::value& value) {
    ondemand::object columns;
    FETTLE_JSON(value.get_object().get(columns), "inputs");
    for (auto field : columns) {
      std::string_view key;
      FETTLE_JSON(field.unescaped_key().get(key), "inputs");
      const int column = batch_.see_column(key);
      ondemand::array cells;
      FETTLE_JSON(field.value().get_array().get(cells), "inputs: a column must be a list");
      FETTLE_TRY_(set_rows(cells));
      FETTLE_TRY_(read_column(cells, column));
    }
    return {};
  }

  Result<void> read_column(ondemand::array& cells, int column) {
    std::size_t row = 0;
    for (auto element : cells) {
      ondemand::value cell;
      FETTLE_JSON(element.get(cell), "inputs");
      FETTLE_TRY_(put(cell, row++, column));
    }
    return {};
  }

  Result<void> put(ondemand::value& value, std::size_t row, int index) {
    if (index == kUnknown) return {};
    const auto column = static_cast<std::size_t>(index);
    const auto& name = batch_.endpoint().columns[column].name;
    const bool is_text = batch_.endpoint().columns[column].kind == model::ColumnKind::Category;
    const auto wrong = [&] {
      return refuse(text::format("Failed to enforce schema: column '{}', row {}: expected {}, got {}", name, row,
                                 is_text ? "text" : "a number", kind_of(value)));
    };
    if (is_text) {
      const auto cell = read_text(value);
      if (!cell) return wrong();
      batch_.text(row, column) = *cell;
      return {};
    }
    auto number = read_number(value);
    if (!number)
      if (const auto cell = read_text(value)) number = text::parse_double(text::trim(*cell));
    if (!number) return wrong();
    batch_.number(row, column) = static_cast<float>(*number);
    return {};
  }

  std::size_t bytes_;
  Batch& batch_;
  std::vector<int> all_;
};

}  // namespace

Result<void> read_mlflow(ondemand::document& document, std::size_t bytes, Batch& batch) {
  return Reader(bytes, batch).read(document);
}

}  // namespace fettle::serving
