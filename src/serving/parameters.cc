#include "serving/parameters.h"

#include "serving/refuse.h"

namespace fettle::serving {
namespace {

Result<void> read_parameter(std::string_view key, ondemand::value& value, Batch& batch) {
  if (key == "unit") {
    const auto unit = read_text(value);
    if (!unit) return refuse(text::format("parameter 'unit' is {}; it must be text", kind_of(value)));
    batch.one_unit = *unit;
  } else if (key == "time_ms") {
    std::int64_t time_ms = 0;
    FETTLE_JSON(value.get_int64().get(time_ms), "parameter 'time_ms'");
    batch.one_time_ms = time_ms;
  } else if (key == "record") {
    FETTLE_JSON(value.get_bool().get(batch.record), "parameter 'record'");
  } else if (key == "explain") {
    bool explain = false;
    FETTLE_JSON(value.get_bool().get(explain), "parameter 'explain'");
    batch.explain |= explain;
  } else if (key == "binary_data_output") {
    FETTLE_JSON(value.get_bool().get(batch.binary_outputs), "parameter 'binary_data_output'");
  }
  return {};
}

}  // namespace

Result<void> read_parameters(ondemand::value& value, Batch& batch) {
  ondemand::object parameters;
  FETTLE_JSON(value.get_object().get(parameters), "parameters");
  for (auto field : parameters) {
    std::string_view key;
    FETTLE_JSON(field.unescaped_key().get(key), "parameters");
    ondemand::value parameter;
    FETTLE_JSON(field.value().get(parameter), "parameters");
    FETTLE_TRY_(read_parameter(key, parameter, batch));
  }
  return {};
}

}  // namespace fettle::serving
