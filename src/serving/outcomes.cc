#include "serving/outcomes.h"

#include <boost/describe.hpp>
#include <cmath>

#include "base/text.h"
#include "json/describe.h"
#include "serving/refuse.h"

namespace fettle::serving {
namespace {

struct Row {
  std::string id;
  json::Value label;
  std::optional<std::int64_t> time_ms;
};
BOOST_DESCRIBE_STRUCT(Row, (), (id, label, time_ms))

struct Body {  // either form
  std::vector<Row> outcomes;
  std::vector<std::string> ids;
  json::Array labels;
  json::Value time_ms;
};
BOOST_DESCRIBE_STRUCT(Body, (), (outcomes, ids, labels, time_ms))

Result<double> read_label(const json::Value& value, std::string_view id) {
  if (value.is_bool()) return value.as_bool() ? 1.0 : 0.0;
  if (value.is_number() && std::isfinite(value.as_double())) return value.as_double();
  return refuse(text::format("the label of '{}' must be a finite number, true or false", id));
}

Result<event::Outcome> make(const std::string& id, const json::Value& label, std::int64_t time_ms) {
  if (id.empty()) return refuse("an outcome has no id; give the prediction's: its prefix, ':' and the row");
  FETTLE_TRY(const auto number, read_label(label, id));
  return event::Outcome{id, time_ms, number};
}

Result<std::int64_t> time_of(const json::Value& times, std::size_t row, std::size_t rows, std::int64_t now_ms) {
  if (times.is_null()) return now_ms;
  if (times.is_int()) return times.as_int();
  if (times.is_array() && times.as_array().size() == rows && times.as_array()[row].is_int())
    return times.as_array()[row].as_int();
  return refuse("time_ms must be a whole number of milliseconds, or a list of one for each id");
}

Result<std::vector<event::Outcome>> from_columns(const Body& body, std::int64_t now_ms) {
  if (body.ids.size() != body.labels.size())
    return refuse(text::format("there are {} ids and {} labels; give one label for each id", body.ids.size(),
                               body.labels.size()));
  std::vector<event::Outcome> out;
  for (std::size_t i = 0; i < body.ids.size(); ++i) {
    FETTLE_TRY(const auto time_ms, time_of(body.time_ms, i, body.ids.size(), now_ms));
    FETTLE_TRY(out.emplace_back(), make(body.ids[i], body.labels[i], time_ms));
  }
  return out;
}

}  // namespace

Result<std::vector<event::Outcome>> read_outcomes(std::string_view json, std::int64_t now_ms) {
  FETTLE_TRY(const auto document, json::parse(json, "request body"));
  FETTLE_TRY(const auto body, json::from_value<Body>(document));
  if (body.outcomes.empty() == body.ids.empty())
    return refuse("give outcomes: [{id, label}], or ids: [...] and labels: [...]");
  if (!body.ids.empty()) return from_columns(body, now_ms);
  std::vector<event::Outcome> out;
  for (const auto& row : body.outcomes) {
    FETTLE_TRY(out.emplace_back(), make(row.id, row.label, row.time_ms.value_or(now_ms)));
  }
  return out;
}

http::Response outcomes_route(const Runtime& runtime, const http::Request& request) {
  auto* log = runtime.log();
  if (log == nullptr)
    return http::Response::error(
        {Code::FailedPrecondition, "this server keeps no events; start it with --events FOLDER"});
  auto outcomes = read_outcomes(request.body, runtime.clock().now_ms());
  if (!outcomes) return http::Response::error(outcomes.error());
  const auto count = outcomes->size();
  if (const auto kept = log->append_durably(*std::move(outcomes)); !kept) return http::Response::error(kept.error());
  json::Value body;
  body.set("accepted", static_cast<std::int64_t>(count));
  return http::Response::json(json::dump(body));
}

}  // namespace fettle::serving
