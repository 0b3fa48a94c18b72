#include "serving/json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "json/value.h"
#include "serving/output.h"
#include "serving/tensor.h"

namespace fettle::serving {
namespace {

void append_text(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4U];
      out += kHex[static_cast<unsigned char>(c) & 15U];
    } else {
      out += c;
    }
  }
  out += '"';
}

// Shortest text that reads back as the same float.
template <typename T>
void append_number(std::string& out, T value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_score(std::string& out, float value) {
  if (std::isfinite(value)) return append_number(out, value);
  out += std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

void append_scores(std::string& out, std::span<const float> scores) {
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (i > 0) out += ',';
    append_score(out, scores[i]);
  }
}

void append_data(std::string& out, const Batch& batch, const Output& output) {
  out += "\"data\":[";
  if (output.kind != Output::Kind::Variants) {
    append_scores(out, numbers_of(batch, output));
  } else {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (row > 0) out += ',';
      append_text(out, variant_of(batch, row));
    }
  }
  out += ']';
}

std::string raw_data(const Batch& batch, const Output& output) {
  std::string out;
  if (output.kind == Output::Kind::Variants)
    for (std::size_t row = 0; row < batch.rows(); ++row) append_raw(out, variant_of(batch, row));
  else
    for (const float score : numbers_of(batch, output)) append_raw(out, score);
  return out;
}

void append_output(std::string& out, std::string& raw, const Batch& batch, const Output& output) {
  out += "{\"name\":";
  append_text(out, output.name);
  out += ",\"datatype\":";
  append_text(out, output.datatype());
  out += ",\"shape\":[";
  for (std::size_t d = 0; d < output.shape.size(); ++d) {
    if (d > 0) out += ',';
    append_number(out, output.shape[d]);
  }
  out += "],";
  if (output.binary) {
    const auto bytes = raw_data(batch, output);
    out += "\"parameters\":{\"binary_data_size\":";
    append_number(out, bytes.size());
    out += '}';
    raw += bytes;
  } else {
    append_data(out, batch, output);
  }
  out += '}';
}

// The rows' values, each [width] where there are several.
void append_rows(std::string& out, std::span<const float> values, std::size_t width) {
  for (std::size_t i = 0; i < values.size(); i += width) {
    if (i > 0) out += ", ";
    if (width > 1) out += '[';
    append_scores(out, values.subspan(i, width));
    if (width > 1) out += ']';
  }
}

json::Value tensor_metadata(std::string_view name, std::string_view datatype, std::size_t width) {
  json::Value tensor;
  json::Value shape;
  shape.push(-1);
  if (width > 1) shape.push(static_cast<std::int64_t>(width));
  tensor.set("name", name).set("datatype", datatype).set("shape", std::move(shape));
  return tensor;
}

}  // namespace

Answerer answerer(const Batch& batch) noexcept {
  const auto& competitors = batch.competitors;
  const bool one = std::ranges::all_of(competitors, [&](auto c) { return c == competitors.front(); });
  const auto& endpoint = batch.endpoint();
  if (!one) return {endpoint.first().version, {}};
  const auto& competitor = endpoint.competitors[competitors.front()];
  return {competitor.version, competitor.variant.bundle};
}

InferAnswer write_infer(const Batch& batch) {
  InferAnswer answer;
  auto& out = answer.body;
  const auto [version, bundle] = answerer(batch);
  out.reserve(320 + 12 * (batch.outputs.size() + (batch.explain ? batch.shap.size() : 0)));
  out += "{\"model_name\":";
  append_text(out, batch.endpoint().name);
  out += ",\"model_version\":";
  append_text(out, version);
  out += ",\"id\":";
  append_text(out, batch.id);
  out += ",\"parameters\":{\"prediction_id_prefix\":";
  append_text(out, batch.id);
  if (!bundle.empty()) {
    out += ",\"bundle\":";
    append_text(out, bundle);
  }
  out += "},\"outputs\":[";
  std::string raw;
  bool any_binary = false;
  bool first = true;
  for (const auto& output : outputs_of(batch)) {
    if (!std::exchange(first, false)) out += ',';
    append_output(out, raw, batch, output);
    any_binary |= output.binary;
  }
  out += "]}";
  if (any_binary) answer.header_size = out.size();
  out += raw;
  return answer;
}

std::string write_invocation(const Batch& batch) {
  std::string out = "{\"predictions\": [";
  append_rows(out, batch.outputs, batch.endpoint().outputs);
  if (batch.explain) {
    out += "], \"shap_values\": [";
    append_rows(out, batch.shap, batch.shap.size() / batch.rows());
  }
  out += "]}";
  return out;
}

std::string_view column_datatype(const Column& column) noexcept {
  switch (column.kind) {
    case model::ColumnKind::Category:
      return "BYTES";
    case model::ColumnKind::Int:
      return "INT64";
    case model::ColumnKind::Float:
      return "FP32";
  }
  return "FP32";
}

std::string write_model_metadata(const Endpoint& endpoint) {
  json::Value versions;
  for (const auto& competitor : endpoint.competitors) versions.push(competitor.version);
  json::Value inputs;
  for (const auto& column : endpoint.columns) inputs.push(tensor_metadata(column.name, column_datatype(column), 1));
  json::Value outputs;
  outputs.push(tensor_metadata(endpoint.output(), "FP32", endpoint.outputs));
  json::Value metadata;
  metadata.set("name", endpoint.name)
      .set("versions", std::move(versions))
      .set("platform", kPlatform)
      .set("inputs", std::move(inputs))
      .set("outputs", std::move(outputs));
  return json::dump(metadata);
}

}  // namespace fettle::serving
