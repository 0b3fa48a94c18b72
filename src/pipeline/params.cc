#include "pipeline/params.h"

#include <optional>
#include <string_view>

#include "base/text.h"
#include "config/yaml.h"

namespace fettle::pipeline {
namespace {

std::string_view kind_of(const json::Value& value) {
  if (value.is_bool()) return "true or false";
  if (value.is_int()) return "a whole number";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "text";
  if (value.is_array()) return "a list";
  return value.is_object() ? "a mapping" : "null";
}

bool fits(const json::Value& was, const json::Value& now) {
  if (was.is_null() || now.is_null()) return true;
  if (was.is_number() && !was.is_int()) return now.is_number();
  return kind_of(was) == kind_of(now);
}

void add_names(const json::Value& params, const std::string& prefix, std::vector<std::string>& names) {
  for (const auto& [key, value] : params.as_object()) {
    names.push_back(prefix + key);
    if (value.is_object()) add_names(value, prefix + key + ".", names);
  }
}

// The path names nothing: say so, with the closest that there is.
std::unexpected<Error> unknown(const std::string& where, const std::string& key, const json::Value& params,
                               std::string_view advice) {
  std::vector<std::string> names;
  if (params.is_object()) add_names(params, "", names);
  const auto near = text::closest(key, names);
  return fail(Code::InvalidArgument,
              text::format("{}there is no param '{}'{}", where, key,
                           near ? text::format("; did you mean '{}'?", *near) : std::string(advice)));
}

const json::Value* find(const json::Value& params, std::string_view key) {
  const json::Value* here = &params;
  for (const auto& part : text::split(key, '.')) {
    here = here->find(part);
    if (here == nullptr) return nullptr;
  }
  return here;
}

void replace(json::Value& params, const std::string& key, const json::Value& value) {
  const auto dot = key.find('.');
  if (dot == std::string::npos) {
    params.set(key, value);
    return;
  }
  auto below = *params.find(key.substr(0, dot));
  replace(below, key.substr(dot + 1), value);
  params.set(key.substr(0, dot), std::move(below));
}

Result<json::Value> read_as(const json::Value& was, const std::string& key, const std::string& text) {
  if (was.is_string()) return json::Value(text);
  FETTLE_TRY(const auto document, config::parse_yaml(text, text::format("--set {}", key)));
  if (!fits(was, document.root))
    return fail(Code::InvalidArgument,
                text::format("--set {}: expected {}, as in fettle.yaml, got '{}'", key, kind_of(was), text));
  return document.root;
}

std::string written_out(const json::Value& value) { return value.is_string() ? value.as_string() : json::dump(value); }

class Substitution {
 public:
  Substitution(const json::Value& params, const std::string& where) : params_(params), where_(where) {}

  Result<json::Value> in_text(const std::string& text) {
    if (const auto key = whole(text)) return value_of(*key);
    std::string out;
    std::size_t at = 0;
    for (auto open = text.find("${"); open != std::string::npos; open = text.find("${", at)) {
      if (open > at && text[open - 1] == '$') {
        out += text.substr(at, open - at - 1) + "${";
        at = open + 2;
        continue;
      }
      const auto close = text.find('}', open);
      if (close == std::string::npos)
        return fail(Code::InvalidArgument, text::format("{}: '${{' without '}}' in '{}'", where_, text));
      FETTLE_TRY(const auto value, value_of(text.substr(open + 2, close - open - 2)));
      out += text.substr(at, open - at) + written_out(value);
      at = close + 1;
    }
    return json::Value(out + text.substr(at));
  }

 private:
  static std::optional<std::string> whole(const std::string& text) {
    if (!text.starts_with("${") || text.find('}') != text.size() - 1) return std::nullopt;
    return text.substr(2, text.size() - 3);
  }

  [[nodiscard]] Result<json::Value> value_of(const std::string& key) const {
    if (const auto* found = find(params_, key)) return *found;
    return unknown(where_ + ": ", key, params_, "; add it to params:, or write $${ for the shell's own");
  }

  const json::Value& params_;
  const std::string& where_;
};

}  // namespace

Result<json::Value> apply_overrides(json::Value params, const std::vector<std::string>& overrides) {
  if (!params.is_object()) params = json::Value::object();
  for (const auto& text : overrides) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(Code::InvalidArgument, text::format("--set '{}': expected key=value", text));
    const auto key = text.substr(0, equals);
    const auto* was = find(params, key);
    if (was == nullptr) return unknown(text::format("--set {}: ", key), key, params, "; add it to params:");
    FETTLE_TRY(const auto value, read_as(*was, key, text.substr(equals + 1)));
    replace(params, key, value);
  }
  return params;
}

Result<json::Value> substitute(const json::Value& value, const json::Value& params, const std::string& where) {
  if (value.is_string()) return Substitution(params, where).in_text(value.as_string());
  if (value.is_array()) {
    json::Array out;
    for (const auto& element : value.as_array()) {
      FETTLE_TRY(auto replaced, substitute(element, params, text::format("{}[{}]", where, out.size())));
      out.push_back(std::move(replaced));
    }
    return json::Value(std::move(out));
  }
  if (!value.is_object()) return value;
  json::Object out;
  for (const auto& [key, element] : value.as_object()) {
    FETTLE_TRY(auto replaced, substitute(element, params, text::format("{}.{}", where, key)));
    out.emplace_back(key, std::move(replaced));
  }
  return json::Value(std::move(out));
}

}  // namespace fettle::pipeline
