#include "dataset/schema.h"

#include <algorithm>
#include <map>

#include "base/clock.h"
#include "base/text.h"
#include "config/yaml.h"

namespace fettle::dataset {

struct RuleText {  // A column of schema.yaml, as it is written.
  std::string kind;
  bool required = true, nullable = false;
  std::optional<json::Value> min, max;
  std::vector<std::string> categories;
  std::uint64_t max_categories = 0;
  std::vector<std::string> constant_per;
  double max_violations = 0;
};
BOOST_DESCRIBE_STRUCT(RuleText, (),
                      (kind, required, nullable, min, max, categories, max_categories, constant_per, max_violations))

struct SchemaText {
  json::Value columns;
};
BOOST_DESCRIBE_STRUCT(SchemaText, (), (columns))

namespace {

using table::Kind;

std::unexpected<Error> wrong(const std::string& where, std::string_view what) {
  return fail(Code::InvalidArgument, text::format("{}: {}", where, what));
}

Result<std::optional<double>> bound(const std::optional<json::Value>& value, Kind kind, const std::string& where) {
  if (!value) return std::nullopt;
  if (kind == Kind::Text || kind == Kind::Bool) return wrong(where, "only numbers and times have bounds");
  if (value->is_number() && kind != Kind::Time) return value->as_double();
  if (kind != Kind::Time) return wrong(where, "expected a number");
  const auto time = value->is_string() ? text::parse_time(value->as_string()) : std::nullopt;
  if (!time) return wrong(where, "expected a date such as 2001-04-01, or a time such as 2001-04-01T12:00:00Z");
  return static_cast<double>(*time);
}

Result<Kind> kind_of(const RuleText& text, const std::string& where) {
  if (const auto kind = table::parse_kind(text.kind)) return *kind;
  const auto closest = text::closest(text.kind, {"int", "float", "text", "bool", "time"});
  return wrong(where + ".kind", text::format("'{}' is no kind{}; there are int, float, text, bool and time", text.kind,
                                             closest ? text::format(" (did you mean '{}'?)", *closest) : ""));
}

Result<ColumnRule> rule_of(const std::string& name, RuleText text, const std::string& where) {
  FETTLE_TRY(const auto kind, kind_of(text, where));
  ColumnRule rule{.name = name, .kind = kind, .required = text.required, .nullable = text.nullable};
  FETTLE_TRY(rule.min, bound(text.min, kind, where + ".min"));
  FETTLE_TRY(rule.max, bound(text.max, kind, where + ".max"));
  if (rule.min && rule.max && *rule.min > *rule.max) return wrong(where + ".min", "is above max");
  if (kind != Kind::Text && !text.categories.empty()) return wrong(where + ".categories", "only texts have categories");
  if (kind != Kind::Text && text.max_categories > 0)
    return wrong(where + ".max_categories", "only texts have categories");
  if (!(text.max_violations >= 0 && text.max_violations < 1))
    return wrong(where + ".max_violations", "it is a share of the rows: from 0 to below 1");
  if (std::ranges::find(text.constant_per, name) != text.constant_per.end())
    return wrong(where + ".constant_per", "a column is always constant per itself");
  rule.categories = std::move(text.categories);
  rule.max_categories = text.max_categories;
  rule.constant_per = std::move(text.constant_per);
  rule.max_violations = text.max_violations;
  return rule;
}

json::Value bound_text(double value, Kind kind) {
  if (kind == Kind::Time) return text::rfc3339(static_cast<std::int64_t>(value));
  if (kind == Kind::Int) return static_cast<std::int64_t>(value);
  return value;
}

json::Value rule_text(const ColumnRule& rule) {
  RuleText text{.kind = std::string(table::name(rule.kind)), .required = rule.required, .nullable = rule.nullable};
  if (rule.min) text.min = bound_text(*rule.min, rule.kind);
  if (rule.max) text.max = bound_text(*rule.max, rule.kind);
  text.categories = rule.categories;
  text.max_categories = rule.max_categories;
  text.constant_per = rule.constant_per;
  text.max_violations = rule.max_violations;
  return json::to_value(text);
}

}  // namespace

Result<Schema> Schema::from_json(const json::Value& value, const std::string& where) {
  FETTLE_TRY(const auto text, json::from_value<SchemaText>(value, where));
  const auto columns = where.empty() ? "columns" : where + ".columns";
  if (!text.columns.is_object() || text.columns.as_object().empty())
    return wrong(columns, "expected the columns by name, at least one");
  Schema out;
  for (const auto& [name, rule] : text.columns.as_object()) {
    const auto here = columns + "." + name;
    FETTLE_TRY(auto read, json::from_value<RuleText>(rule, here));
    FETTLE_TRY(auto checked, rule_of(name, std::move(read), here));
    out.columns_.push_back(std::move(checked));
  }
  return out;
}

Result<Schema> Schema::load(const std::string& path) {
  FETTLE_TRY(const auto document, config::load_yaml(path));
  auto schema = from_json(document.root, "");
  if (!schema) return fail(config::located(document, schema.error()));
  return schema;
}

json::Value Schema::to_json() const {
  json::Value columns = json::Value::object();
  for (const auto& rule : columns_) columns.set(rule.name, rule_text(rule));
  return json::Value().set("columns", std::move(columns));
}

}  // namespace fettle::dataset
