// JSON as a value: null, bool, integer, double, string, array, object (members keep their order).
//
// Integers stay integers (int64). Parsing takes NaN and +-Infinity literals, as Python writes them, and has a depth
// limit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace fettle::json {

class Value;
using Array = std::vector<Value>;
using Member = std::pair<std::string, Value>;
using Object = std::vector<Member>;  // small; look-up is linear

class Value {
 public:
  Value() = default;  // null
  Value(std::nullptr_t) {}
  Value(bool value) : data_(value) {}
  Value(int value) : data_(std::int64_t{value}) {}
  Value(std::int64_t value) : data_(value) {}
  Value(std::uint64_t value) : data_(static_cast<std::int64_t>(value)) {}
  Value(double value) : data_(value) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(std::string_view value) : data_(std::string(value)) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(Array value) : data_(std::move(value)) {}
  Value(Object value) : data_(std::move(value)) {}
  [[nodiscard]] static Value object() { return {Object{}}; }
  [[nodiscard]] static Value array() { return {Array{}}; }

  [[nodiscard]] bool is_null() const noexcept { return data_.index() == 0; }
  [[nodiscard]] bool is_bool() const noexcept { return std::holds_alternative<bool>(data_); }
  [[nodiscard]] bool is_int() const noexcept { return std::holds_alternative<std::int64_t>(data_); }
  [[nodiscard]] bool is_number() const noexcept { return is_int() || std::holds_alternative<double>(data_); }
  [[nodiscard]] bool is_string() const noexcept { return std::holds_alternative<std::string>(data_); }
  [[nodiscard]] bool is_array() const noexcept { return std::holds_alternative<Array>(data_); }
  [[nodiscard]] bool is_object() const noexcept { return std::holds_alternative<Object>(data_); }

  // REQUIRES: the value is of that kind.
  [[nodiscard]] bool as_bool() const { return std::get<bool>(data_); }
  [[nodiscard]] std::int64_t as_int() const { return std::get<std::int64_t>(data_); }
  [[nodiscard]] double as_double() const { return is_int() ? static_cast<double>(as_int()) : std::get<double>(data_); }
  [[nodiscard]] const std::string& as_string() const { return std::get<std::string>(data_); }
  [[nodiscard]] const Array& as_array() const { return std::get<Array>(data_); }
  [[nodiscard]] Array& as_array() { return std::get<Array>(data_); }
  [[nodiscard]] const Object& as_object() const { return std::get<Object>(data_); }
  [[nodiscard]] Object& as_object() { return std::get<Object>(data_); }

  // Member of an object; nullptr if this is no object or has no such member.
  [[nodiscard]] const Value* find(std::string_view key) const noexcept;
  // Member as text or number, else `fallback` (missing, or of another kind).
  [[nodiscard]] std::string text_or(std::string_view key, std::string_view fallback = "") const;
  [[nodiscard]] double number_or(std::string_view key, double fallback) const;
  [[nodiscard]] std::int64_t int_or(std::string_view key, std::int64_t fallback) const;
  // Sets or replaces a member; null becomes an object first. Returns *this, so that calls chain.
  Value& set(std::string_view key, Value value);
  void push(Value value);  // appends; null becomes an array first

  bool operator==(const Value&) const = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> data_;
};

// InvalidArgument with line and column. `name` is what the text is called in messages ("request body").
[[nodiscard]] Result<Value> parse(std::string_view text, std::string_view name = "JSON");
// NaN and infinities are written as bare NaN, Infinity, -Infinity (the field's clients read them).
[[nodiscard]] std::string dump(const Value& value);
[[nodiscard]] std::string dump_pretty(const Value& value);  // two spaces

}  // namespace fettle::json
