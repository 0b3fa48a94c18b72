#include "json/value.h"

#include <boost/json/basic_parser_impl.hpp>

#include "base/text.h"
#include "json/writer.h"

namespace fettle::json {

const Value* Value::find(std::string_view key) const noexcept {
  if (!is_object()) return nullptr;
  for (const auto& [name, value] : as_object())
    if (name == key) return &value;
  return nullptr;
}

std::string Value::text_or(std::string_view key, std::string_view fallback) const {
  const auto* value = find(key);
  return value != nullptr && value->is_string() ? value->as_string() : std::string(fallback);
}

double Value::number_or(std::string_view key, double fallback) const {
  const auto* value = find(key);
  return value != nullptr && value->is_number() ? value->as_double() : fallback;
}

std::int64_t Value::int_or(std::string_view key, std::int64_t fallback) const {
  const auto* value = find(key);
  return value != nullptr && value->is_int() ? value->as_int() : fallback;
}

Value& Value::set(std::string_view key, Value value) {
  if (is_null()) data_ = Object{};
  for (auto& [name, old] : as_object())
    if (name == key) {
      old = std::move(value);
      return *this;
    }
  as_object().emplace_back(std::string(key), std::move(value));
  return *this;
}

void Value::push(Value value) {
  if (is_null()) data_ = Array{};
  as_array().push_back(std::move(value));
}

namespace {

// Builds a Value from Boost.JSON's parse events: a stack of the containers that are still open.
class Builder {
 public:
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  using Code = boost::system::error_code;
  using Part = boost::json::string_view;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return open(Value::object()); }
  bool on_object_end(std::size_t, Code&) { return close(); }
  bool on_array_begin(Code&) { return open(Value::array()); }
  bool on_array_end(std::size_t, Code&) { return close(); }
  bool on_key_part(Part part, std::size_t, Code&) { return append(part); }
  bool on_key(Part part, std::size_t, Code&) {
    append(part);
    keys_.back() = std::exchange(buffer_, {});
    return true;
  }
  bool on_string_part(Part part, std::size_t, Code&) { return append(part); }
  bool on_string(Part part, std::size_t, Code&) {
    append(part);
    return add(Value(std::exchange(buffer_, {})));
  }
  bool on_number_part(Part, Code&) { return true; }
  bool on_int64(std::int64_t value, Part, Code&) { return add(value); }
  bool on_uint64(std::uint64_t value, Part, Code&) { return add(static_cast<double>(value)); }  // beyond int64
  bool on_double(double value, Part, Code&) { return add(value); }
  bool on_bool(bool value, Code&) { return add(value); }
  bool on_null(Code&) { return add(Value()); }
  bool on_comment_part(Part, Code&) { return true; }
  bool on_comment(Part, Code&) { return true; }

  Value take() { return std::move(root_); }

 private:
  bool append(Part part) {
    buffer_.append(part.data(), part.size());
    return true;
  }
  bool open(Value container) {
    open_.push_back(std::move(container));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    Value done = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    return add(std::move(done));
  }
  bool add(Value value) {
    if (open_.empty())
      root_ = std::move(value);
    else if (open_.back().is_array())
      open_.back().as_array().push_back(std::move(value));
    else
      open_.back().as_object().emplace_back(std::move(keys_.back()), std::move(value));
    return true;
  }

  Value root_;
  std::vector<Value> open_;
  std::vector<std::string> keys_;
  std::string buffer_;
};

std::string place(std::string_view text, std::size_t offset) {
  std::size_t line = 1;
  std::size_t column = 1;
  for (const char c : text.substr(0, offset)) {
    column = c == '\n' ? 1 : column + 1;
    line += c == '\n' ? 1 : 0;
  }
  return text::format("line {}, column {}", line, column);
}

// `indent` < 0: compact.
void write(std::string& out, const Value& value, int indent) {
  const auto line = [&](int depth) {
    if (indent >= 0) out.append("\n").append(static_cast<std::size_t>(depth) * 2, ' ');
  };
  const int inner = indent < 0 ? -1 : indent + 1;
  if (value.is_null())
    out += "null";
  else if (value.is_bool())
    out += value.as_bool() ? "true" : "false";
  else if (value.is_int())
    append_number(out, value.as_int());
  else if (value.is_number())
    append_number(out, value.as_double());
  else if (value.is_string())
    append_text(out, value.as_string());
  else if (value.is_array()) {
    out += '[';
    for (bool first = true; const auto& element : value.as_array()) {
      if (!std::exchange(first, false)) out += indent < 0 ? ", " : ",";
      line(inner);
      write(out, element, inner);
    }
    if (!value.as_array().empty()) line(indent);
    out += ']';
  } else {
    out += '{';
    for (bool first = true; const auto& [key, member] : value.as_object()) {
      if (!std::exchange(first, false)) out += indent < 0 ? ", " : ",";
      line(inner);
      append_text(out, key);
      out += ": ";
      write(out, member, inner);
    }
    if (!value.as_object().empty()) line(indent);
    out += '}';
  }
}

}  // namespace

Result<Value> parse(std::string_view text, std::string_view name) {
  boost::json::parse_options options;
  options.allow_infinity_and_nan = true;
  options.numbers = boost::json::number_precision::precise;  // what is written is read back as the same double
  options.max_depth = 128;
  boost::json::basic_parser<Builder> parser(options);
  boost::system::error_code error;
  const auto read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && text::trim(text.substr(read)).empty()) return parser.handler().take();
  const std::string why = error ? error.message() : "text after the end of the value";
  return fail(Code::InvalidArgument, text::format("{} is not valid JSON: {}, {}", name, place(text, read), why));
}

std::string dump(const Value& value) {
  std::string out;
  write(out, value, -1);
  return out;
}

std::string dump_pretty(const Value& value) {
  std::string out;
  write(out, value, 0);
  return out;
}

}  // namespace fettle::json
