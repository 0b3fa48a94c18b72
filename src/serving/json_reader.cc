#include "serving/json_reader.h"

#include <algorithm>
#include <array>

#include "serving/json_values.h"
#include "serving/mlflow_reader.h"
#include "serving/padded.h"
#include "serving/parameters.h"
#include "serving/refuse.h"
#include "serving/tensor.h"

namespace fettle::serving {
namespace {

constexpr int kMaxNesting = 2;  // of a tensor's data: [n, columns]

// What an input says about itself before its data can be read.
struct Header {
  std::string_view name;
  std::optional<Datatype> datatype;
  std::array<std::int64_t, 3> shape{};
  std::size_t dimensions = 0;  // 0 = not given; 3 = too many
  std::optional<std::uint64_t> binary_size;

  [[nodiscard]] bool ready() const noexcept { return !name.empty() && datatype && dimensions > 0; }
};

class InferReader {
 public:
  InferReader(std::string_view raw, std::size_t bytes, Batch& batch) : raw_(raw), bytes_(bytes), batch_(batch) {}

  Result<void> read(ondemand::document& document) {
    ondemand::object request;
    FETTLE_JSON(document.get_object().get(request), "the request is no JSON object");
    for (auto field : request) {
      std::string_view key;
      FETTLE_JSON(field.unescaped_key().get(key), "request");
      ondemand::value value;
      FETTLE_JSON(field.value().get(value), "request");
      FETTLE_TRY_(read_member(key, value));
    }
    if (!document.at_end()) return refuse("the request has text after its end");
    if (!raw_.empty())
      return refuse(
          text::format("{} bytes of binary data belong to no input; give each its binary_data_size", raw_.size()));
    return {};
  }

 private:
  Result<void> read_member(std::string_view key, ondemand::value& value) {
    if (key == "id") return read_id(value);
    if (key == "parameters") return read_parameters(value, batch_);
    if (key == "inputs") return read_inputs(value);
    if (key == "outputs") return read_outputs(value);
    return {};  // unread values are skipped
  }

  Result<void> read_id(ondemand::value& value) {
    const auto id = read_text(value);
    if (!id) return refuse(text::format("id is {}; it must be text", kind_of(value)));
    batch_.id = *id;
    return {};
  }

  Result<void> read_inputs(ondemand::value& value) {
    ondemand::array inputs;
    FETTLE_JSON(value.get_array().get(inputs), "inputs");
    for (auto element : inputs) {
      ondemand::object input;
      FETTLE_JSON(element.get_object().get(input), "inputs");
      FETTLE_TRY_(read_input(input));
    }
    return {};
  }

  // Data is read where it stands when all that says where it goes came before, as clients write it; else at the end.
  Result<void> read_input(ondemand::object& input) {
    Header header;
    bool has_data = false;
    bool read = false;
    for (auto field : input) {
      std::string_view key;
      FETTLE_JSON(field.unescaped_key().get(key), "input");
      ondemand::value value;
      FETTLE_JSON(field.value().get(value), "input");
      if (key == "data") {
        if (has_data) return refuse(text::format("input '{}' has data twice", header.name));
        has_data = true;
        if (!header.ready()) continue;
        FETTLE_TRY_(read_data(header, value));
        read = true;
      } else {
        FETTLE_TRY_(read_header(key, value, header));
      }
    }
    FETTLE_TRY_(check_header(header, has_data));
    if (header.binary_size) return take_raw(header);
    return read ? Result<void>() : read_late_data(input, header);
  }

  Result<void> read_late_data(ondemand::object& input, const Header& header) {
    FETTLE_JSON(input.reset().error(), "input");
    ondemand::value value;
    FETTLE_JSON(input.find_field("data").get(value), "input");
    return read_data(header, value);
  }

  static Result<void> check_header(const Header& header, bool has_data) {
    if (header.name.empty()) return refuse("an input has no name");
    const auto lacks = [&](std::string_view what) {
      return refuse(text::format("input '{}' has no {}", header.name, what));
    };
    if (!header.datatype) return lacks("datatype");
    if (header.dimensions == 0) return lacks("shape");
    if (!has_data && !header.binary_size) return lacks("data");
    if (has_data && header.binary_size)
      return refuse(text::format("input '{}' has both data and binary_data_size; give one", header.name));
    return {};
  }

  static Result<void> read_header(std::string_view key, ondemand::value& value, Header& header) {
    if (key == "name") {
      FETTLE_JSON(value.get_string().get(header.name), "an input's name");
    } else if (key == "datatype") {
      std::string_view text;
      FETTLE_JSON(value.get_string().get(text), "an input's datatype");
      header.datatype = parse_datatype(text);
      if (!header.datatype)
        return refuse(text::format("there is no datatype '{}'; columns take FP32, FP64, INT64 or BYTES", text));
    } else if (key == "shape") {
      return read_shape(value, header);
    } else if (key == "parameters") {
      return read_binary_size(value, header);
    }
    return {};
  }

  static Result<void> read_shape(ondemand::value& value, Header& header) {
    ondemand::array shape;
    FETTLE_JSON(value.get_array().get(shape), "an input's shape");
    for (auto element : shape) {
      std::int64_t size = 0;
      FETTLE_JSON(element.get_int64().get(size), "an input's shape");
      if (header.dimensions == header.shape.size()) return refuse("a shape has at most 2 dimensions");
      header.shape[header.dimensions++] = size;
    }
    return {};
  }

  static Result<void> read_binary_size(ondemand::value& value, Header& header) {
    ondemand::object parameters;
    FETTLE_JSON(value.get_object().get(parameters), "an input's parameters");
    for (auto field : parameters) {
      std::string_view key;
      FETTLE_JSON(field.unescaped_key().get(key), "an input's parameters");
      if (key.starts_with("shared_memory"))
        return fail(Code::Unimplemented, "shared memory is not offered; send the tensor's bytes");
      std::uint64_t size = 0;
      if (key != "binary_data_size") continue;
      FETTLE_JSON(field.value().get_uint64().get(size), "an input's binary_data_size");
      header.binary_size = size;
    }
    return {};
  }

  Result<Place> open(const Header& header) {
    return batch_.open(header.name, *header.datatype, std::span(header.shape).first(header.dimensions), bytes_);
  }

  Result<void> take_raw(const Header& header) {
    FETTLE_TRY(const auto place, open(header));
    if (*header.binary_size > raw_.size())
      return refuse(text::format("input '{}' says binary_data_size {}; only {} bytes are left", header.name,
                                 *header.binary_size, raw_.size()));
    FETTLE_TRY_(put_raw(batch_, place, raw_.substr(0, *header.binary_size)));
    raw_.remove_prefix(*header.binary_size);
    return {};
  }

  Result<void> read_data(const Header& header, ondemand::value& value) {
    FETTLE_TRY(const auto place, open(header));
    std::size_t index = 0;
    FETTLE_TRY_(read_elements(place, value, index, 1));
    if (index == place.count) return {};
    return refuse(text::format("input '{}' has {} elements; its shape says {}", place.name, index, place.count));
  }

  Result<void> read_elements(const Place& place, ondemand::value& value, std::size_t& index, int depth) {
    ondemand::array elements;
    FETTLE_JSON(value.get_array().get(elements), place.name);
    for (auto element : elements) {
      ondemand::value each;
      FETTLE_JSON(element.get(each), place.name);
      if (index < place.count && put(place, index, each)) {
        ++index;
      } else if (depth < kMaxNesting && starts_list(each)) {
        FETTLE_TRY_(read_elements(place, each, index, depth + 1));
      } else {
        return bad_element(place, index, each);
      }
    }
    return {};
  }

  static bool starts_list(ondemand::value& value) {
    ondemand::json_type type{};
    return value.type().get(type) == simdjson::SUCCESS && type == ondemand::json_type::array;
  }

  bool put(const Place& place, std::size_t index, ondemand::value& value) {
    if (place.datatype == Datatype::Bytes) {
      const auto text = read_text(value);
      if (text) batch_.put(place, index, *text);
      return text.has_value();
    }
    std::int64_t whole = 0;
    if (place.kind == Place::Kind::Times) {
      if (value.get_int64().get(whole) != simdjson::SUCCESS) return false;
      batch_.times[index] = whole;
      return true;
    }
    const auto number = read_number(value);
    return number && batch_.put(place, index, *number);
  }

  [[nodiscard]] std::unexpected<Error> bad_element(const Place& place, std::size_t index, ondemand::value& value) {
    if (index >= place.count)
      return refuse(text::format("input '{}' has more elements than its shape says ({})", place.name, place.count));
    const bool is_text = place.datatype == Datatype::Bytes;
    if (place.kind == Place::Kind::Matrix && kind_of(value) == "a number") return fail(batch_.bad_code(place, index));
    return refuse(text::format("input '{}', element {}: expected {}, got {}", place.name, index,
                               is_text ? "text" : "a number", kind_of(value)));
  }

  Result<void> read_outputs(ondemand::value& value) {
    ondemand::array outputs;
    FETTLE_JSON(value.get_array().get(outputs), "outputs");
    for (auto element : outputs) {
      ondemand::object output;
      FETTLE_JSON(element.get_object().get(output), "outputs");
      FETTLE_TRY_(read_output(output));
    }
    return {};
  }

  Result<void> read_output(ondemand::object& output) {
    RequestedOutput requested;
    for (auto field : output) {
      std::string_view key;
      FETTLE_JSON(field.unescaped_key().get(key), "output");
      ondemand::value value;
      FETTLE_JSON(field.value().get(value), "output");
      if (key == "name") FETTLE_JSON(value.get_string().get(requested.name), "an output's name");
      if (key == "parameters") FETTLE_TRY_(read_output_parameters(value, requested));
    }
    return batch_.ask(requested);
  }

  static Result<void> read_output_parameters(ondemand::value& value, RequestedOutput& requested) {
    ondemand::object parameters;
    FETTLE_JSON(value.get_object().get(parameters), "an output's parameters");
    for (auto field : parameters) {
      std::string_view key;
      FETTLE_JSON(field.unescaped_key().get(key), "an output's parameters");
      if (key != "binary_data") continue;
      bool binary = false;
      FETTLE_JSON(field.value().get_bool().get(binary), "an output's binary_data");
      requested.binary = binary;
    }
    return {};
  }

  std::string_view raw_;
  std::size_t bytes_;  // of the whole request
  Batch& batch_;
};

}  // namespace

struct JsonReader::Impl {
  ondemand::parser parser;
  Padded text;

  // Runs `read` on the document of `json`.
  template <typename Read>
  Result<void> parse(std::string_view json, Read&& read) {
    ondemand::document document;
    const auto padded = text.copy(json);
    FETTLE_JSON(parser.iterate(padded).get(document), "the request is no JSON");
    return read(document);
  }
};

JsonReader::JsonReader() : impl_(std::make_unique<Impl>()) {}
JsonReader::~JsonReader() = default;

Result<void> JsonReader::read_infer(std::string_view json, std::string_view raw, Batch& batch) {
  FETTLE_TRY_(impl_->parse(json, [&](ondemand::document& document) {
    return InferReader(raw, json.size() + raw.size(), batch).read(document);
  }));
  return batch.finish();
}

Result<void> JsonReader::read_invocation(std::string_view json, Batch& batch) {
  FETTLE_TRY_(
      impl_->parse(json, [&](ondemand::document& document) { return read_mlflow(document, json.size(), batch); }));
  return batch.finish();
}

}  // namespace fettle::serving
