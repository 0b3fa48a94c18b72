#include "serving/http.h"

#include <memory>
#include <optional>

#include "base/text.h"
#include "json/value.h"
#include "serving/infer.h"
#include "serving/json_reader.h"
#include "serving/json_writer.h"
#include "serving/outcomes.h"

namespace fettle::serving {
namespace {

using http::Method;
using http::Request;
using http::Response;

constexpr http::RouteOptions kOpen{.run = http::Run::Loop, .access = http::Access::Public};
constexpr std::string_view kHeaderLength = "Inference-Header-Content-Length";

struct Scratch {
  JsonReader reader;
  Batch batch;
};

// Buffers for one request: the loop's own, which keep their memory; for a large body some that are freed after it.
class Buffers {
 public:
  explicit Buffers(std::size_t body_bytes) {
    thread_local Scratch own;
    if (body_bytes > kKeptBytes) large_ = std::make_unique<Scratch>();
    scratch_ = large_ ? large_.get() : &own;
  }
  Scratch* operator->() const noexcept { return scratch_; }

 private:
  static constexpr std::size_t kKeptBytes = 1U << 20U;
  std::unique_ptr<Scratch> large_;
  Scratch* scratch_;
};

std::unexpected<Error> no_model(const Runtime& runtime, std::string_view name) {
  const auto names = runtime.names();
  const auto meant = text::closest(name, names);
  return fail(Code::NotFound, text::format("there is no model '{}'; {}", name,
                                           meant           ? text::format("did you mean '{}'?", *meant)
                                           : names.empty() ? "none is deployed yet"
                                                           : text::format("there are: {}", text::join(names, ", "))));
}

Result<std::shared_ptr<const Endpoint>> get(const Runtime& runtime, std::string_view name) {
  auto endpoint = runtime.find(name);
  if (!endpoint) return no_model(runtime, name);
  return endpoint;
}

// The JSON and the binary tensors of a body.
struct Parts {
  std::string_view json, raw;
};

Result<Parts> split(const Request& request) {
  const std::string_view body = request.body;
  if (const auto encoding = request.header("Content-Encoding"); !encoding.empty() && encoding != "identity")
    return fail(Code::Unimplemented, text::format("bodies in encoding '{}' are not taken; send it plain", encoding));
  const auto header = request.header(kHeaderLength);
  if (header.empty()) return Parts{body, {}};
  const auto length = text::parse_int(header);
  if (!length || *length < 1 || static_cast<std::uint64_t>(*length) > body.size())
    return fail(Code::InvalidArgument, text::format("{} is '{}'; it must be the length of the JSON, 1 to {}",
                                                    kHeaderLength, header, body.size()));
  return Parts{body.substr(0, static_cast<std::size_t>(*length)), body.substr(static_cast<std::size_t>(*length))};
}

Result<Response> infer_on(const Runtime& runtime, const Endpoint& endpoint, const Request& request) {
  const auto started_ns = runtime.clock().monotonic_ns();
  const Buffers buffers(request.body.size());
  auto& batch = buffers->batch;
  batch.begin(endpoint);
  FETTLE_TRY(const auto parts, split(request));
  if (const auto version = request.capture("version"); !version.empty()) FETTLE_TRY_(batch.pin(version));
  FETTLE_TRY_(buffers->reader.read_infer(parts.json, parts.raw, batch));
  if (batch.id.empty()) make_id(batch.id);
  infer(batch, runtime, started_ns);
  auto answer = write_infer(batch);
  auto response = Response::json(std::move(answer.body));
  if (answer.header_size > 0) {
    response.content_type = "application/octet-stream";
    response.headers.emplace_back(std::string(kHeaderLength), std::to_string(answer.header_size));
  }
  return response;
}

Response infer_route(const Runtime& runtime, const Request& request) {
  const auto endpoint = get(runtime, request.capture("model"));
  if (!endpoint) return Response::error(endpoint.error());
  auto response = infer_on(runtime, **endpoint, request);
  if (response) return *std::move(response);
  (*endpoint)->counters->errors.fetch_add(1, std::memory_order_relaxed);
  return Response::error(response.error());
}

Response mlflow_error(const Error& error, std::optional<int> status = std::nullopt) {
  json::Value body;
  body.set("error_code", info(error.code).mlflow_code).set("message", error.message);
  return Response::json(json::dump(body), status.value_or(info(error.code).http_status));
}

Result<std::shared_ptr<const Endpoint>> invoked(const Runtime& runtime, const Request& request) {
  if (const auto name = request.capture("model"); !name.empty()) return get(runtime, name);
  const auto names = runtime.names();
  if (names.size() == 1) return get(runtime, names.front());
  if (names.empty()) return fail(Code::NotFound, "no model is deployed yet");
  return fail(Code::InvalidArgument, text::format("this server has {} models; use /endpoints/NAME/invocations with {}",
                                                  names.size(), text::join(names, ", ")));
}

// "application/json", with or without charset=utf-8.
bool is_json(std::string_view content_type) {
  const auto parts = text::split(text::lower(content_type), ';');
  if (text::trim(parts.front()) != "application/json") return false;
  return parts.size() == 1 || (parts.size() == 2 && text::trim(parts[1]) == "charset=utf-8");
}

Response invocations_route(const Runtime& runtime, const Request& request) {
  constexpr int kUnsupportedMediaType = 415;
  const auto started_ns = runtime.clock().monotonic_ns();
  if (const auto type = request.header("Content-Type"); !is_json(type))
    return mlflow_error(
        {Code::InvalidArgument, text::format("content type '{}' is not taken; send application/json", type)},
        kUnsupportedMediaType);
  const auto endpoint = invoked(runtime, request);
  if (!endpoint) return mlflow_error(endpoint.error());
  const Buffers buffers(request.body.size());
  auto& batch = buffers->batch;
  batch.begin(**endpoint);
  if (const auto read = buffers->reader.read_invocation(request.body, batch); !read) {
    (*endpoint)->counters->errors.fetch_add(1, std::memory_order_relaxed);
    return mlflow_error(read.error());
  }
  make_id(batch.id);
  infer(batch, runtime, started_ns);
  auto response = Response::json(write_invocation(batch));
  response.headers.emplace_back("X-Fettle-Prediction-Id-Prefix", batch.id);
  return response;
}

Response health(const Request&) {
  json::Value body;
  body.set("live", true).set("ready", true);
  return Response::json(json::dump(body));
}

Response server_metadata(const Request&) {
  json::Value body;
  json::Value extensions;
  extensions.push("binary_tensor_data");
  extensions.push("model_repository");
  extensions.push("fettle_outcomes");
  body.set("name", "fettle").set("version", "2").set("extensions", std::move(extensions));
  return Response::json(json::dump(body));
}

Result<std::shared_ptr<const Endpoint>> get_version(const Runtime& runtime, const Request& request) {
  FETTLE_TRY(auto endpoint, get(runtime, request.capture("model")));
  const auto version = request.capture("version");
  if (version.empty() || endpoint->version_index(version) >= 0) return endpoint;
  return fail(Code::NotFound, text::format("model '{}' has no version '{}' loaded", endpoint->name, version));
}

Response metadata_route(const Runtime& runtime, const Request& request) {
  const auto endpoint = get_version(runtime, request);
  return endpoint ? Response::json(write_model_metadata(**endpoint)) : Response::error(endpoint.error());
}

Response ready_route(const Runtime& runtime, const Request& request) {
  const auto endpoint = get_version(runtime, request);
  if (!endpoint) return Response::error(endpoint.error());
  json::Value body;
  body.set("name", (*endpoint)->name).set("ready", true);
  return Response::json(json::dump(body));
}

Response index_route(const Runtime& runtime, const MayAsk& may_ask, const Request& request) {
  json::Value models = json::Value::array();
  for (const auto& endpoint : runtime.list()) {
    if (may_ask && !may_ask(request, endpoint->name)) continue;
    for (const auto& competitor : endpoint->competitors) {
      json::Value model;
      model.set("name", endpoint->name).set("version", competitor.version).set("state", "READY").set("reason", "");
      models.push(std::move(model));
    }
  }
  return Response::json(json::dump(models));
}

// Who may not ask all models hears of none but those that he names rightly.
std::optional<Response> turned_away(const Runtime& runtime, const MayAsk& may_ask, const Request& request) {
  if (!may_ask) return std::nullopt;
  auto name = std::string(request.capture("model"));
  if (name.empty()) {
    const auto names = runtime.names();
    if (names.size() != 1) return mlflow_error({Code::InvalidArgument, "use /endpoints/NAME/invocations"});
    name = names.front();
  }
  if (may_ask(request, name) && runtime.find(name)) return std::nullopt;
  return Response::error({Code::NotFound, text::format("there is no model '{}'", request.capture("model"))});
}

// A handler that sees the runtime.
using RuntimeHandler = Response (*)(const Runtime&, const Request&);

}  // namespace

void add_routes(http::Router& router, Runtime& runtime, MayAsk may_ask) {
  const auto add = [&](Method method, std::string_view pattern, RuntimeHandler handler) {
    router.add(method, pattern,
               [&runtime, handler, may_ask](const Request& request) {
                 if (auto away = turned_away(runtime, may_ask, request)) return *std::move(away);
                 return handler(runtime, request);
               },
               {.run = http::Run::Loop, .access = http::Access::SignedIn});
  };
  const auto add_model = [&](Method method, std::string_view end, RuntimeHandler handler) {
    for (const auto* base : {"/v2/models/{model}", "/v2/models/{model}/versions/{version}"})
      add(method, text::format("{}{}", base, end), handler);
  };
  add_model(Method::Post, "/infer", infer_route);
  add_model(Method::Get, "", metadata_route);
  add_model(Method::Get, "/ready", ready_route);
  add(Method::Post, "/invocations", invocations_route);
  add(Method::Post, "/endpoints/{model}/invocations", invocations_route);
  router.add(Method::Post, "/v2/repository/index",
             [&runtime, may_ask](const Request& request) { return index_route(runtime, may_ask, request); },
             {.run = http::Run::Loop, .access = http::Access::SignedIn});
  router.add(Method::Post, "/v2/outcomes",
             [&runtime, may_ask](const Request& request) {
               if (may_ask && !may_ask(request, ""))
                 return Response::error({Code::PermissionDenied, "outcomes are told by who may ask a model"});
               return outcomes_route(runtime, request);
             },
             {.run = http::Run::Worker, .access = http::Access::SignedIn});
  router.add(Method::Get, "/v2", server_metadata, kOpen);
  router.add(Method::Get, "/v2/health/live", health, kOpen);
  router.add(Method::Get, "/v2/health/ready", health, kOpen);
  router.add(Method::Get, "/ping", [](const Request&) { return Response::text("\n"); }, kOpen);
}

}  // namespace fettle::serving
