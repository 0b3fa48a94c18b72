#include "serving/batch.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "serving/refuse.h"
#include "serving/tensor.h"

namespace fettle::serving {
namespace {

std::string shape_text(std::span<const std::int64_t> shape) {
  std::vector<std::string> parts;
  for (const auto dimension : shape) parts.push_back(std::to_string(dimension));
  return "[" + text::join(parts, ", ") + "]";
}

}  // namespace

void Batch::begin(const Endpoint& endpoint) {
  endpoint_ = &endpoint;
  rows_ = 0;
  taken_.assign(endpoint.columns.size(), 0);
  id.clear();
  one_unit = {};
  one_time_ms.reset();
  pinned.reset();
  units.clear();
  times.clear();
  requested.clear();
  binary_outputs = false;
  record = true;
  explain = false;
}

Result<Place> Batch::open(std::string_view name, Datatype datatype, std::span<const std::int64_t> shape,
                          std::size_t room) {
  const auto dimensions = shape.size();
  if (dimensions < 1 || dimensions > 2 || std::ranges::any_of(shape, [](auto size) { return size < 1; }))
    return refuse(text::format("input '{}' has shape {}; use [n], or [n, 1]", name, shape_text(shape)));
  const bool is_reserved = name == kUnitInput || name == kTimeInput;
  const bool is_matrix = !is_reserved && dimensions == 2 && endpoint_->column_index(name) < 0 &&
                         static_cast<std::uint64_t>(shape[1]) == endpoint_->first().columns.size();
  if (dimensions == 2 && shape[1] != 1 && !is_matrix)
    return refuse(
        text::format("input '{}' has shape {}; a column has shape [n] or [n, 1], and all columns in one "
                     "input have shape [n, {}]",
                     name, shape_text(shape), endpoint_->first().columns.size()));
  FETTLE_TRY_(set_rows(static_cast<std::size_t>(shape[0]), room));
  const Place place{.datatype = datatype, .count = rows_, .name = name};
  if (is_matrix) return open_matrix(place, shape);
  if (is_reserved) return open_reserved(place, name == kUnitInput ? Datatype::Bytes : Datatype::Int64);
  return open_column(place);
}

Result<void> Batch::set_rows(std::size_t rows, std::size_t room) {
  if (rows_ == rows) return {};
  if (rows_ != 0) return refuse(text::format("inputs have {} and {} rows; all must have the same", rows_, rows));
  if (rows > kMaxRows)
    return refuse(text::format("a request takes at most {} rows, not {}; send several requests", kMaxRows, rows));
  if (rows * endpoint_->first().columns.size() > room)
    return refuse(text::format("the shape says {} rows, more than the request's {} bytes can hold", rows, room));
  rows_ = rows;
  numbers_.assign(rows * endpoint_->columns.size(), kMissing);
  texts_.assign(rows * endpoint_->texts, {});
  return {};
}

Result<std::size_t> Batch::take_column(std::string_view name) {
  const int index = endpoint_->column_index(name);
  if (index < 0) {
    const auto names = endpoint_->column_names();
    const auto meant = text::closest(name, names);
    return fail(Code::NotFound,
                text::format("there is no input '{}'; {}", name,
                             meant ? text::format("did you mean '{}'?", *meant)
                                   : text::format("'{}' takes {}", endpoint_->name, text::join(names, ", "))));
  }
  const auto column = static_cast<std::size_t>(index);
  if (taken_[column]++ != 0) return refuse(text::format("input '{}' is given twice", name));
  return column;
}

int Batch::see_column(std::string_view name) noexcept {
  const int index = endpoint_->column_index(name);
  if (index >= 0) taken_[static_cast<std::size_t>(index)] = 1;
  return index;
}

Result<Place> Batch::open_reserved(Place place, Datatype wanted) {
  if (place.datatype != wanted)
    return refuse(text::format("input '{}' is {}; it must be {}", place.name, serving::name(place.datatype),
                               serving::name(wanted)));
  place.kind = wanted == Datatype::Bytes ? Place::Kind::Units : Place::Kind::Times;
  if (place.kind == Place::Kind::Units)
    units.assign(rows_, {});
  else
    times.assign(rows_, 0);
  return place;
}

Result<Place> Batch::open_matrix(Place place, std::span<const std::int64_t> shape) {
  if (place.datatype == Datatype::Bytes)
    return refuse(text::format("input '{}' of shape {} is BYTES; give text columns by name, or their codes as numbers",
                               place.name, shape_text(shape)));
  for (const auto column : endpoint_->first().columns)
    if (taken_[column]++ != 0)
      return refuse(text::format("input '{}' is given twice", endpoint_->columns[column].name));
  place.kind = Place::Kind::Matrix;
  place.count = rows_ * endpoint_->first().columns.size();
  return place;
}

Result<Place> Batch::open_column(Place place) {
  const auto column = take_column(place.name);
  if (!column) return refuse(column.error().message);
  place.column = *column;
  const bool wants_text = endpoint_->columns[*column].kind == model::ColumnKind::Category;
  if (wants_text != (place.datatype == Datatype::Bytes))
    return refuse(text::format("input '{}' is {}; this column takes {}", place.name, serving::name(place.datatype),
                               wants_text ? "text (BYTES)" : "numbers (FP32, FP64 or INT64)"));
  place.kind = wants_text ? Place::Kind::Texts : Place::Kind::Numbers;
  return place;
}

bool Batch::put(const Place& place, std::size_t index, double value) noexcept {
  if (place.kind == Place::Kind::Times) {
    times[index] = static_cast<std::int64_t>(value);
    return true;
  }
  if (place.kind == Place::Kind::Numbers) {
    number(index, place.column) = static_cast<float>(value);
    return true;
  }
  const auto& first = endpoint_->first();
  const std::size_t input = index % first.columns.size();
  const std::size_t row = index / first.columns.size();
  const auto column = first.columns[input];
  if (endpoint_->columns[column].kind != model::ColumnKind::Category) {
    number(row, column) = static_cast<float>(value);
    return true;
  }
  const auto& categories = first.variant.model->signature.inputs()[input].categories;
  if (std::isnan(value)) return true;
  if (!(value >= 0 && value < static_cast<double>(categories.size()))) return false;
  text(row, column) = categories[static_cast<std::size_t>(value)];
  return true;
}

void Batch::put(const Place& place, std::size_t index, std::string_view value) noexcept {
  if (place.kind == Place::Kind::Units)
    units[index] = value;
  else
    text(index, place.column) = value;
}

Error Batch::bad_code(const Place& place, std::size_t index) const {
  const auto& first = endpoint_->first();
  const auto& input = first.variant.model->signature.inputs()[index % first.columns.size()];
  return {Code::InvalidArgument,
          text::format("input '{}', row {}: the value of column '{}' is no category code; it has {} categories, from 0",
                       place.name, index / first.columns.size(), input.name, input.categories.size())};
}

Result<void> Batch::ask(RequestedOutput output) {
  const std::vector<std::string> known{endpoint_->output(), std::string(kVariantOutput), std::string(kShapOutput)};
  if (std::ranges::find(known, output.name) == known.end())
    return refuse(
        text::format("there is no output '{}'; '{}' gives {}", output.name, endpoint_->name, text::join(known, ", ")));
  if (std::ranges::find(requested, output.name, &RequestedOutput::name) != requested.end())
    return refuse(text::format("output '{}' is asked for twice", output.name));
  explain |= output.name == kShapOutput;
  requested.push_back(output);
  return {};
}

Result<void> Batch::pin(std::string_view version) {
  const int index = endpoint_->version_index(version);
  if (index < 0) {
    std::vector<std::string> loaded;
    for (const auto& competitor : endpoint_->competitors) loaded.push_back(competitor.version);
    return fail(Code::NotFound, text::format("endpoint '{}' has no version '{}' loaded; it has {}", endpoint_->name,
                                             version, text::join(loaded, ", ")));
  }
  pinned = static_cast<std::size_t>(index);
  return {};
}

Result<void> Batch::finish() const {
  if (id.size() > kMaxId || one_unit.size() > kMaxId)
    return refuse(text::format("the request's id and unit take at most {} bytes each", kMaxId));
  for (std::size_t i = 0; i < taken_.size(); ++i)
    if (taken_[i] == 0 && endpoint_->columns[i].required)
      return refuse(text::format("input '{}' is missing; '{}' takes {}", endpoint_->columns[i].name, endpoint_->name,
                                 text::join(endpoint_->column_names(), ", ")));
  if (rows_ == 0) return refuse("the request has no rows");
  return explain ? check_explainers() : Result<void>();
}

Result<void> Batch::check_explainers() const {
  if (rows_ > kMaxExplained)
    return refuse(text::format("a request with SHAP values takes at most {} rows, not {}; send several requests",
                               kMaxExplained, rows_));
  for (const auto& competitor : endpoint_->competitors)
    if (const auto explainer = competitor.variant.model->predictor->explainer(); !explainer)
      return refuse(
          text::format("variant '{}' gives no SHAP values: {}", competitor.variant.name, explainer.error().message));
  return {};
}

}  // namespace fettle::serving
