#include "api/mlflow/wire.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "api/mlflow/batch.h"
#include "base/log.h"
#include "base/text.h"
#include "tracking/names.h"

namespace fettle::api::mlflow {
namespace {

constexpr std::string_view kHint = "See the API docs for more information about request parameters.";
constexpr std::array<std::string_view, 2> kPrefixes{"/api/2.0/mlflow", "/ajax-api/2.0/mlflow"};

std::string_view type_name(const json::Value& value) {  // as Python calls it
  if (value.is_null()) return "NoneType";
  if (value.is_bool()) return "bool";
  if (value.is_int()) return "int";
  if (value.is_number()) return "float";
  if (value.is_string()) return "str";
  return value.is_array() ? "list" : "dict";
}

// Repeated keys of a query become lists when they are asked for as such; all values are text.
json::Value from_query(const http::Request& request) {
  json::Value out = json::Value::object();
  for (const auto& [key, value] : request.query) {
    if (const auto* old = out.find(key)) {
      json::Value list = old->is_array() ? *old : json::Value(json::Array{*old});
      list.push(value);
      out.set(key, std::move(list));
    } else {
      out.set(key, value);
    }
  }
  return out;
}

bool is_text(std::string_view text) { return text.find('\0') == std::string_view::npos && text::is_utf8(text); }

// Whether all that is text in a value can be kept.
bool is_text(const json::Value& value) {
  if (value.is_string()) return is_text(std::string_view(value.as_string()));
  if (value.is_array()) return std::ranges::all_of(value.as_array(), [](const auto& one) { return is_text(one); });
  return !value.is_object() || std::ranges::all_of(value.as_object(), [](const auto& member) {
    return is_text(std::string_view(member.first)) && is_text(member.second);
  });
}

json::Value from_body(const std::string& body) {
  auto value = json::parse(body, "request body");
  if (value && value->is_string()) value = json::parse(std::string(value->as_string()), "request body");
  return value && value->is_object() ? *std::move(value) : json::Value::object();
}

Result<void> check_content_type(const http::Request& request) {
  if (request.method != http::Method::Post && request.method != http::Method::Put) return {};
  const auto header = request.header("Content-Type");
  const auto type = text::trim(header.substr(0, header.find(';')));
  if (type == "application/json") return {};
  return fail(Code::InvalidArgument,
              text::format("Bad Request. Content-Type must be one of ['application/json']: got '{}'", type));
}

std::optional<std::int64_t> as_integer(const json::Value& value) {
  if (value.is_int()) return value.as_int();
  if (value.is_string()) return text::parse_int(value.as_string());
  if (!value.is_number()) return std::nullopt;
  const double real = value.as_double();  // 5.0 is a whole number in JSON
  constexpr double kMost = 9.2e18;
  if (std::nearbyint(real) != real || std::abs(real) > kMost) return std::nullopt;
  return static_cast<std::int64_t>(real);
}

std::optional<double> as_number(const json::Value& value) {
  if (value.is_number()) return value.as_double();
  if (!value.is_string()) return std::nullopt;
  if (value.as_string() == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value.as_string() == "Infinity") return std::numeric_limits<double>::infinity();
  if (value.as_string() == "-Infinity") return -std::numeric_limits<double>::infinity();
  return text::parse_double(value.as_string());
}

// One request on its way through a route.
class Visit : public std::enable_shared_from_this<Visit> {
 public:
  Visit(const Service& service, const Route& route, const http::Request& request, Input input,
        std::shared_ptr<http::Responder> responder)
      : service_(service),
        route_(route),
        request_(request),
        input_(std::move(input)),
        responder_(std::move(responder)) {}

  void run() {
    if (const auto allowed = check(service_, input_, route_.need); !allowed) return end(error_answer(allowed.error()));
    std::visit([this](auto* handle) { end(handle(service_, input_)); }, route_.handler);
  }

 private:
  void end(Result<json::Value> result) { end(answer(result)); }
  void end(Result<Body> result) { end(answer(std::move(result))); }
  void end(Result<Log> log) {
    if (!log) return end(error_answer(log.error()));
    service_.tracking.log_async(log->run, std::move(log->batch), [self = shared_from_this()](const Result<void>& done) {
      self->end(answer(done.transform([] { return json::Value(); })));
    });
  }
  void end(http::Response out) {
    if (service_.access.on()) {
      settle_grants(service_, input_, route_.need, out);
      service_.access.record(request_, route_.need, object_of(input_, route_.need), out);
    }
    responder_->send(std::move(out));
  }

  const Service& service_;
  const Route& route_;
  const http::Request& request_;  // lives until it is answered
  Input input_;
  std::shared_ptr<http::Responder> responder_;
};

}  // namespace

Result<Input> Input::of_batch(const http::Request& request) {
  auto plain = read_plain_batch(request.body);
  if (!plain || !check_content_type(request)) return of(request);
  Input out(json::Value().set("run_id", std::move(plain->run_id)), "");
  out.batch_ = std::move(plain->batch);
  out.caller_ = &auth::caller(request);
  return out;
}

Result<Input> Input::of(const http::Request& request) {
  FETTLE_TRY_(check_content_type(request));
  const bool is_get = request.method == http::Method::Get || request.method == http::Method::Head;
  auto values = is_get ? from_query(request) : from_body(request.body);
  for (const auto& [key, value] : request.captures) values.set(key, value);
  // The parser refuses what is not UTF-8, so that a body can only hold a NUL, by its escape.
  const bool sure = !is_get && request.captures.empty() && !request.body.contains("\\u0000");
  for (const auto& [key, value] : values.as_object())
    if (!sure && !(is_text(std::string_view(key)) && is_text(value)))
      return fail(Code::InvalidArgument,
                  text::format("Invalid value for parameter '{}' supplied: text is UTF-8 without NUL characters",
                               is_text(std::string_view(key)) ? key : "?"));
  Input out(std::move(values), "");
  out.is_query_ = is_get;
  out.user_ = request.user;
  out.caller_ = &auth::caller(request);
  return out;
}

const json::Value* Input::find(std::string_view name) const {
  const auto* value = values_.find(name);
  if (value == nullptr && name == "run_id") value = values_.find("run_uuid");
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::unexpected<Error> Input::missing(std::string_view name) const {
  return fail(Code::InvalidArgument, text::format("Missing value for required parameter '{}'. {}", path(name), kHint));
}

std::unexpected<Error> Input::wrong(std::string_view name, const json::Value& got) const {
  return fail(Code::InvalidArgument,
              text::format("Invalid value {} for parameter '{}' supplied:  Hint: Value was of type '{}'. {}",
                           tracking::cut(json::dump(got), 200), path(name), type_name(got), kHint));
}

Result<std::string> Input::need_text(std::string_view name) const {
  FETTLE_TRY(auto value, text(name));
  if (value.empty()) return missing(name);
  return value;
}

Result<std::string> Input::text(std::string_view name, std::string_view fallback) const {
  const auto* value = find(name);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) return wrong(name, *value);
  return value->as_string();
}

Result<std::optional<std::string>> Input::maybe_text(std::string_view name) const {
  if (!has(name)) return std::optional<std::string>();
  FETTLE_TRY(auto value, text(name));
  return std::optional(std::move(value));
}

Result<std::int64_t> Input::need_integer(std::string_view name) const {
  if (!has(name)) return missing(name);
  return integer(name, 0);
}

Result<std::int64_t> Input::integer(std::string_view name, std::int64_t fallback) const {
  const auto* value = find(name);
  if (value == nullptr) return fallback;
  if (const auto number = as_integer(*value)) return *number;
  return wrong(name, *value);
}

Result<double> Input::need_number(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return missing(name);
  if (const auto number = as_number(*value)) return *number;
  return wrong(name, *value);
}

Result<bool> Input::flag(std::string_view name, bool fallback) const {
  const auto* value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_bool()) return value->as_bool();
  const auto word = value->is_string() ? text::lower(value->as_string()) : "";
  if (word == "true" || word == "false") return word == "true";
  return fail(Code::InvalidArgument,
              text::format("Invalid boolean value: {}, must be 'true' or 'false'.", json::dump(*value)));
}

Result<std::vector<std::string>> Input::texts(std::string_view name) const {
  std::vector<std::string> out;
  const auto* value = find(name);
  if (value == nullptr) return out;
  if (is_query_ && value->is_string()) return std::vector{value->as_string()};
  if (!value->is_array()) return wrong(name, *value);
  for (const auto& element : value->as_array()) {
    if (!element.is_string()) return wrong(name, *value);
    out.push_back(element.as_string());
  }
  return out;
}

Result<std::vector<std::string>> Input::need_texts(std::string_view name) const {
  FETTLE_TRY(auto out, texts(name));
  if (out.empty()) return missing(name);
  return out;
}

Result<std::vector<Input>> Input::need_objects(std::string_view name) const {
  FETTLE_TRY(auto out, objects(name));
  if (out.empty()) return missing(name);
  return out;
}

Result<std::vector<Input>> Input::objects(std::string_view name) const {
  std::vector<Input> out;
  const auto* value = find(name);
  if (value == nullptr) return out;
  if (!value->is_array()) return wrong(name, *value);
  for (const auto& element : value->as_array()) {
    const auto where = text::format("{}[{}]", path(name), out.size());
    if (!element.is_object()) return Input(json::Value(), "").wrong(where, element);
    out.emplace_back(element, where + ".");
  }
  return out;
}

Result<Input> Input::need_object(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return missing(name);
  if (!value->is_object()) return wrong(name, *value);
  return Input(*value, path(name) + ".");
}

Result<std::vector<tracking::KeyValue>> Input::pairs(std::string_view name) const {
  FETTLE_TRY(const auto elements, objects(name));
  std::vector<tracking::KeyValue> out;
  for (const auto& element : elements) {
    FETTLE_TRY(auto key, element.need_text("key"));
    FETTLE_TRY(auto value, element.text("value"));
    out.push_back({std::move(key), std::move(value)});
  }
  return out;
}

Result<std::int64_t> Input::page_size(std::int64_t fallback, std::int64_t most) const {
  FETTLE_TRY(const auto size, integer("max_results", fallback));
  if (size < 1)
    return fail(
        Code::InvalidArgument,
        text::format("Invalid value {} for parameter 'max_results' supplied: It must be a positive integer, but "
                     "got value {}",
                     size, size));
  if (size > most)
    return fail(Code::InvalidArgument,
                text::format("Invalid value {} for parameter 'max_results' supplied: It must be at most {}, but got "
                             "value {}",
                             size, most, size));
  return size;
}

Result<std::optional<int>> Input::choice(std::string_view name, std::span<const std::string_view> names) const {
  const auto* value = find(name);
  if (value == nullptr) return std::optional<int>();
  if (const auto number = as_integer(*value); number && *number >= 1 && *number <= std::ssize(names))
    return std::optional(static_cast<int>(*number));
  for (std::size_t i = 0; value->is_string() && i < names.size(); ++i)
    if (names[i] == value->as_string()) return std::optional(static_cast<int>(i) + 1);
  std::string all;
  for (const auto known : names) all += text::format("{}{}", all.empty() ? "" : ", ", known);
  return fail(Code::InvalidArgument, text::format("Invalid value {} for parameter '{}' supplied: it is one of {}",
                                                  json::dump(*value), path(name), all));
}

http::Response answer(const Result<json::Value>& result) {
  if (!result) return error_answer(result.error());
  return http::Response::json(result->is_null() ? "{}" : json::dump_pretty(*result));
}

http::Response answer(Result<Body> result) {
  return result ? http::Response::json(std::move(result->json)) : error_answer(result.error());
}

http::Response error_answer(const Error& error) {
  // A full disk is a state that passes, as a database that is gone: clients wait, and ask again.
  const bool passes = error.code == Code::ResourceExhausted || error.code == Code::Unavailable;
  const auto& code = info(passes ? Code::Unavailable : error.code);
  if (code.http_status >= 500) log::error(text::format("mlflow api: {}", error.message));
  json::Value body;
  body.set("error_code", code.mlflow_code).set("message", error.message);
  auto response = http::Response::json(json::dump(body), code.http_status);
  response.retry_later(error.code);
  return response;
}

void mount_at(http::Router& router, const Service& service, std::string_view prefix, const Route& route) {
  const bool is_log = std::holds_alternative<Result<Log> (*)(const Service&, Input&)>(route.handler);
  router.add_async(
      route.method, std::string(prefix) + std::string(route.path),
      [service, route](const http::Request& request, std::shared_ptr<http::Responder> responder) {
        auto input = route.read(request);
        if (!input) return responder->send(error_answer(input.error()));
        std::make_shared<Visit>(service, route, request, *std::move(input), std::move(responder))->run();
      },
      // Checks of what a caller may do read SQL.
      {.run = is_log && !service.access.on() ? http::Run::BySize : http::Run::Worker, .access = access_of(route.need)});
}

void mount(http::Router& router, const Service& service, std::span<const Route> routes) {
  for (const auto prefix : kPrefixes)
    for (const auto& route : routes) mount_at(router, service, prefix, route);
}

}  // namespace fettle::api::mlflow
