#include "json/describe.h"

#include "base/text.h"

namespace fettle::json::detail {
namespace {

std::string_view kind_of(const Value& value) {
  if (value.is_null()) return "nothing";
  if (value.is_bool()) return "true or false";
  if (value.is_int()) return "a whole number";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "text";
  return value.is_array() ? "a list" : "an object";
}

std::string prefixed(const std::string& where, std::string message) {
  return where.empty() ? message : where + ": " + message;
}

}  // namespace

std::string snake_case(std::string_view pascal) {
  std::string out;
  for (const char c : pascal) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !out.empty()) out += '_';
    out += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

std::unexpected<Error> wrong_kind(const std::string& where, std::string_view expected, const Value& got) {
  return fail(Code::InvalidArgument, prefixed(where, text::format("expected {}, got {}", expected, kind_of(got))));
}

std::unexpected<Error> out_of_range(const std::string& where) {
  return fail(Code::InvalidArgument, prefixed(where, "the number is out of range"));
}

std::unexpected<Error> unknown_name(const std::string& where, std::string_view what, std::string_view name,
                                    const std::vector<std::string>& known) {
  const auto near = text::closest(name, known);
  const auto hint = near ? text::format("did you mean '{}'?", *near) : "known are: " + text::join(known, ", ");
  return fail(Code::InvalidArgument, prefixed(where, text::format("unknown {} '{}'; {}", what, name, hint)));
}

std::string join_path(const std::string& where, std::string_view key) {
  if (where.empty()) return std::string(key);
  // "file.yaml: " ends a file name; a path goes on with a dot.
  return where.ends_with(": ") ? where + std::string(key) : where + "." + std::string(key);
}

std::string index_path(const std::string& where, std::size_t index) { return text::format("{}[{}]", where, index); }

}  // namespace fettle::json::detail
