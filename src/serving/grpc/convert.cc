#include "serving/grpc/convert.h"

#include <algorithm>

#include "base/text.h"
#include "serving/json_writer.h"
#include "serving/output.h"
#include "serving/refuse.h"
#include "serving/tensor.h"

namespace fettle::serving {
namespace {

using Input = inference::ModelInferRequest::InferInputTensor;

std::unexpected<Error> wrong_count(const Place& place, int got) {
  return refuse(text::format("input '{}' has {} elements of {}; its shape says {}", place.name, got,
                             name(place.datatype), place.count));
}

template <typename Elements>
Result<void> put_numbers(Batch& batch, const Place& place, const Elements& elements) {
  if (static_cast<std::size_t>(elements.size()) != place.count) return wrong_count(place, elements.size());
  for (int i = 0; i < elements.size(); ++i)
    if (!batch.put(place, static_cast<std::size_t>(i), static_cast<double>(elements.Get(i))))
      return fail(batch.bad_code(place, static_cast<std::size_t>(i)));
  return {};
}

template <typename Elements>
Result<void> put_texts(Batch& batch, const Place& place, const Elements& elements) {
  if (static_cast<std::size_t>(elements.size()) != place.count) return wrong_count(place, elements.size());
  for (int i = 0; i < elements.size(); ++i) {
    const auto index = static_cast<std::size_t>(i);
    if (!text::is_utf8(elements.Get(i)))
      return refuse(text::format("input '{}', row {}: the text is not UTF-8", place.name, i));
    batch.put(place, index, std::string_view(elements.Get(i)));
  }
  return {};
}

Result<void> put_contents(Batch& batch, const Place& place, const inference::InferTensorContents& contents) {
  switch (place.datatype) {
    case Datatype::Bool:
      return put_numbers(batch, place, contents.bool_contents());
    case Datatype::Int8:
    case Datatype::Int16:
    case Datatype::Int32:
      return put_numbers(batch, place, contents.int_contents());
    case Datatype::Int64:
      return put_numbers(batch, place, contents.int64_contents());
    case Datatype::Uint8:
    case Datatype::Uint16:
    case Datatype::Uint32:
      return put_numbers(batch, place, contents.uint_contents());
    case Datatype::Uint64:
      return put_numbers(batch, place, contents.uint64_contents());
    case Datatype::Fp32:
      return put_numbers(batch, place, contents.fp32_contents());
    case Datatype::Fp64:
      return put_numbers(batch, place, contents.fp64_contents());
    case Datatype::Bytes:
      return put_texts(batch, place, contents.bytes_contents());
    case Datatype::Fp16:
    case Datatype::Bf16:
      return refuse(text::format("input '{}' is {}; send it in raw_input_contents", place.name, name(place.datatype)));
  }
  return {};
}

Result<Place> open(const Input& input, std::size_t room, Batch& batch) {
  const auto datatype = parse_datatype(input.datatype());
  if (!datatype)
    return refuse(text::format("input '{}' has datatype '{}'; columns take FP32, FP64, INT64 or BYTES", input.name(),
                               input.datatype()));
  return batch.open(input.name(), *datatype, {input.shape().data(), static_cast<std::size_t>(input.shape_size())},
                    room);
}

Result<void> read_parameters(const inference::ModelInferRequest& request, Batch& batch) {
  const auto& parameters = request.parameters();
  if (const auto unit = parameters.find("unit"); unit != parameters.end()) {
    if (!unit->second.has_string_param()) return refuse("parameter 'unit' must be text");
    batch.one_unit = unit->second.string_param();
  }
  if (const auto time = parameters.find("time_ms"); time != parameters.end()) {
    if (!time->second.has_int64_param()) return refuse("parameter 'time_ms' must be an int64");
    batch.one_time_ms = time->second.int64_param();
  }
  if (const auto record = parameters.find("record"); record != parameters.end()) {
    if (!record->second.has_bool_param()) return refuse("parameter 'record' must be a bool");
    batch.record = record->second.bool_param();
  }
  if (const auto explain = parameters.find("explain"); explain != parameters.end()) {
    if (!explain->second.has_bool_param()) return refuse("parameter 'explain' must be a bool");
    batch.explain |= explain->second.bool_param();
  }
  return {};
}

void set_parameter(inference::ModelInferResponse& response, const std::string& name, std::string_view value) {
  (*response.mutable_parameters())[name].set_string_param(std::string(value));
}

void add_output(const Batch& batch, const Output& from, inference::ModelInferResponse& response) {
  auto& output = *response.add_outputs();
  output.set_name(std::string(from.name));
  output.set_datatype(std::string(from.datatype()));
  for (const auto dimension : from.shape) output.add_shape(dimension);
  auto& raw = *response.add_raw_output_contents();
  if (from.kind == Output::Kind::Variants) {
    for (std::size_t row = 0; row < batch.rows(); ++row) append_raw(raw, variant_of(batch, row));
  } else {
    const auto numbers = numbers_of(batch, from);
    raw.assign(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes());
  }
}

}  // namespace

Result<void> read_infer(const inference::ModelInferRequest& request, Batch& batch) {
  const int raws = request.raw_input_contents_size();
  if (raws != 0 && raws != request.inputs_size())
    return refuse(
        text::format("there are {} inputs and {} raw contents; send one for each", request.inputs_size(), raws));
  if (!request.model_version().empty()) FETTLE_TRY_(batch.pin(request.model_version()));
  batch.id = request.id();
  FETTLE_TRY_(read_parameters(request, batch));
  const auto room = request.ByteSizeLong();
  for (int i = 0; i < request.inputs_size(); ++i) {
    const auto& input = request.inputs(i);
    FETTLE_TRY(const auto place, open(input, room, batch));
    FETTLE_TRY_(raws != 0 ? put_raw(batch, place, request.raw_input_contents(i))
                          : put_contents(batch, place, input.contents()));
  }
  for (const auto& output : request.outputs()) FETTLE_TRY_(batch.ask({output.name(), std::nullopt}));
  return batch.finish();
}

void write_infer(const Batch& batch, inference::ModelInferResponse& response) {
  const auto [version, bundle] = answerer(batch);
  response.set_model_name(batch.endpoint().name);
  response.set_model_version(std::string(version));
  response.set_id(batch.id);
  set_parameter(response, "prediction_id_prefix", batch.id);
  if (!bundle.empty()) set_parameter(response, "bundle", bundle);
  for (const auto& output : outputs_of(batch)) add_output(batch, output, response);
}

void write_metadata(const Endpoint& endpoint, inference::ModelMetadataResponse& response) {
  const auto describe = [](auto& tensor, const std::string& name, std::string_view datatype, std::size_t width) {
    tensor.set_name(name);
    tensor.set_datatype(std::string(datatype));
    tensor.add_shape(-1);
    if (width > 1) tensor.add_shape(static_cast<std::int64_t>(width));
  };
  response.set_name(endpoint.name);
  response.set_platform(std::string(kPlatform));
  for (const auto& competitor : endpoint.competitors) response.add_versions(competitor.version);
  for (const auto& column : endpoint.columns) describe(*response.add_inputs(), column.name, column_datatype(column), 1);
  describe(*response.add_outputs(), endpoint.output(), "FP32", endpoint.outputs);
}

}  // namespace fettle::serving
