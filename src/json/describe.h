// Struct <-> JSON by description.
//
//   struct Step { std::string name; std::vector<std::string> deps; std::optional<int> retries; };
//   BOOST_DESCRIBE_STRUCT(Step, (), (name, deps, retries))
//   json::to_value(step);  json::from_value<Step>(value, "fettle.yaml: steps.train");
//
// Rules: a missing member keeps the struct's default value. An unknown key is an error with the closest known key as a
// hint. Errors carry the path: "fettle.yaml: steps.train.deps[1]: expected text, got a number".
// Types: bool, integers, double, std::string, json::Value, std::vector<T>, std::map<std::string, T>, std::optional<T>
// (null or missing = nullopt; nullopt is not written), described structs, described enums (BOOST_DESCRIBE_ENUM; written
// as lower_snake_case of the enumerator: RolledBack <-> "rolled_back").
#pragma once

#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "json/value.h"

namespace fettle::json {

template <typename T>
[[nodiscard]] Value to_value(const T& object);
// `where` starts the path of error messages; empty for none.
template <typename T>
[[nodiscard]] Result<T> from_value(const Value& value, const std::string& where = "");

namespace detail {

[[nodiscard]] std::string snake_case(std::string_view pascal);
[[nodiscard]] std::unexpected<Error> wrong_kind(const std::string& where, std::string_view expected, const Value& got);
[[nodiscard]] std::unexpected<Error> out_of_range(const std::string& where);
[[nodiscard]] std::unexpected<Error> unknown_name(const std::string& where, std::string_view what,
                                                  std::string_view name, const std::vector<std::string>& known);
[[nodiscard]] std::string join_path(const std::string& where, std::string_view key);
[[nodiscard]] std::string index_path(const std::string& where, std::size_t index);

template <typename T>
struct is_vector : std::false_type {};
template <typename T>
struct is_vector<std::vector<T>> : std::true_type {};
template <typename T>
struct is_map : std::false_type {};
template <typename T>
struct is_map<std::map<std::string, T>> : std::true_type {};
template <typename T>
struct is_optional : std::false_type {};
template <typename T>
struct is_optional<std::optional<T>> : std::true_type {};

template <typename T>
using Members = boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

template <typename T>
Value enum_to_value(T object) {
  Value out;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto entry) {
    if (entry.value == object) out = Value(snake_case(entry.name));
  });
  return out;
}

template <typename T>
Value struct_to_value(const T& object) {
  Object out;
  boost::mp11::mp_for_each<Members<T>>([&](auto member) {
    const auto& field = object.*member.pointer;
    if constexpr (is_optional<std::remove_cvref_t<decltype(field)>>::value) {
      if (field) out.emplace_back(member.name, to_value(*field));
    } else {
      out.emplace_back(member.name, to_value(field));
    }
  });
  return out;
}

template <typename T>
[[nodiscard]] Result<T> enum_from_value(const Value& value, const std::string& where) {
  if (!value.is_string()) return wrong_kind(where, "text", value);
  std::optional<T> found;
  std::vector<std::string> known;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto entry) {
    known.push_back(snake_case(entry.name));
    if (known.back() == value.as_string()) found = entry.value;
  });
  if (!found) return unknown_name(where, "value", value.as_string(), known);
  return *found;
}

template <typename T>
[[nodiscard]] Result<T> struct_from_value(const Value& value, const std::string& where) {
  if (!value.is_object()) return wrong_kind(where, "an object", value);
  T object{};
  std::optional<Error> error;
  std::vector<std::string> known;
  boost::mp11::mp_for_each<Members<T>>([&](auto member) {
    known.emplace_back(member.name);
    const Value* found = value.find(member.name);
    if (error || found == nullptr) return;
    auto& field = object.*member.pointer;
    auto read = from_value<std::remove_cvref_t<decltype(field)>>(*found, join_path(where, member.name));
    if (read)
      field = *std::move(read);
    else
      error = std::move(read).error();
  });
  if (error) return fail(*std::move(error));
  for (const auto& [key, ignored] : value.as_object()) {
    bool is_known = false;
    for (const auto& name : known) is_known = is_known || name == key;
    if (!is_known) return unknown_name(where, "key", key, known);
  }
  return object;
}

template <typename T>
[[nodiscard]] Result<T> number_from_value(const Value& value, const std::string& where) {
  if constexpr (std::is_floating_point_v<T>) {
    if (!value.is_number()) return wrong_kind(where, "a number", value);
    return static_cast<T>(value.as_double());
  } else {
    if (!value.is_int()) return wrong_kind(where, "a whole number", value);
    if (!std::in_range<T>(value.as_int())) return out_of_range(where);
    return static_cast<T>(value.as_int());
  }
}

}  // namespace detail

template <typename T>
Value to_value(const T& object) {
  if constexpr (std::is_same_v<T, Value>)
    return object;
  else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string>)
    return Value(object);
  else if constexpr (std::is_enum_v<T>)
    return detail::enum_to_value(object);
  else if constexpr (std::is_floating_point_v<T>)
    return Value(static_cast<double>(object));
  else if constexpr (std::is_integral_v<T>)
    return Value(static_cast<std::int64_t>(object));
  else if constexpr (detail::is_optional<T>::value)
    return object ? to_value(*object) : Value();
  else if constexpr (detail::is_vector<T>::value) {
    Array out;
    for (const auto& element : object) out.push_back(to_value(element));
    return out;
  } else if constexpr (detail::is_map<T>::value) {
    Object out;
    for (const auto& [key, element] : object) out.emplace_back(key, to_value(element));
    return out;
  } else {
    return detail::struct_to_value(object);
  }
}

template <typename T>
[[nodiscard]] Result<T> from_value(const Value& value, const std::string& where) {
  if constexpr (std::is_same_v<T, Value>)
    return value;
  else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_bool()) return detail::wrong_kind(where, "true or false", value);
    return value.as_bool();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string()) return detail::wrong_kind(where, "text", value);
    return value.as_string();
  } else if constexpr (std::is_enum_v<T>)
    return detail::enum_from_value<T>(value, where);
  else if constexpr (std::is_arithmetic_v<T>)
    return detail::number_from_value<T>(value, where);
  else if constexpr (detail::is_optional<T>::value) {
    if (value.is_null()) return T();
    auto read = from_value<typename T::value_type>(value, where);
    if (!read) return fail(std::move(read).error());
    return T(*std::move(read));
  } else if constexpr (detail::is_vector<T>::value) {
    if (!value.is_array()) return detail::wrong_kind(where, "a list", value);
    T out;
    for (const auto& element : value.as_array()) {
      auto read = from_value<typename T::value_type>(element, detail::index_path(where, out.size()));
      if (!read) return fail(std::move(read).error());
      out.push_back(*std::move(read));
    }
    return out;
  } else if constexpr (detail::is_map<T>::value) {
    if (!value.is_object()) return detail::wrong_kind(where, "an object", value);
    T out;
    for (const auto& [key, element] : value.as_object()) {
      auto read = from_value<typename T::mapped_type>(element, detail::join_path(where, key));
      if (!read) return fail(std::move(read).error());
      out.emplace(key, *std::move(read));
    }
    return out;
  } else {
    return detail::struct_from_value<T>(value, where);
  }
}

}  // namespace fettle::json
