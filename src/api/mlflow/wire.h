// MLflow's wire rules: parameters in, answers and errors out, routes under both prefixes.
//
// Parameters come from the query (GET) or a JSON object; numbers may be quoted, a JSON text holding JSON is decoded
// again, a body that is no JSON counts as {}. Messages begin as MLflow's do, since clients match them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "api/mlflow.h"
#include "base/result.h"
#include "http/message.h"
#include "http/server.h"
#include "json/value.h"
#include "tracking/store.h"

namespace fettle::api::mlflow {

class Input {  // The parameters of one request, or of one object inside it.
 public:
  // InvalidArgument for a wrong Content-Type of POST and PUT, and for text that is not UTF-8 or holds a NUL character,
  // which PostgreSQL cannot keep.
  [[nodiscard]] static Result<Input> of(const http::Request& request);
  // The same for runs/log-batch, whose body is read in one pass if it is plain: run_id is then the one parameter.
  [[nodiscard]] static Result<Input> of_batch(const http::Request& request);
  Input(json::Value values, std::string where) : values_(std::move(values)), where_(std::move(where)) {}

  // Who asks; empty while access control is off.
  [[nodiscard]] const std::string& user() const noexcept { return user_; }
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] Result<std::string> need_text(std::string_view name) const;  // missing or empty: InvalidArgument
  [[nodiscard]] Result<std::string> text(std::string_view name, std::string_view fallback = "") const;
  [[nodiscard]] Result<std::optional<std::string>> maybe_text(std::string_view name) const;
  [[nodiscard]] Result<std::int64_t> need_integer(std::string_view name) const;
  [[nodiscard]] Result<std::int64_t> integer(std::string_view name, std::int64_t fallback) const;
  [[nodiscard]] Result<double> need_number(std::string_view name) const;
  [[nodiscard]] Result<bool> flag(std::string_view name, bool fallback) const;
  [[nodiscard]] Result<std::vector<std::string>> texts(std::string_view name) const;  // missing: none
  [[nodiscard]] Result<std::vector<std::string>> need_texts(std::string_view name) const;
  [[nodiscard]] Result<std::vector<Input>> objects(std::string_view name) const;  // missing: none
  [[nodiscard]] Result<std::vector<Input>> need_objects(std::string_view name) const;
  [[nodiscard]] Result<Input> need_object(std::string_view name) const;
  // [{"key", "value"}, ...]
  [[nodiscard]] Result<std::vector<tracking::KeyValue>> pairs(std::string_view name) const;
  // Within [1, most]; `fallback` if missing.
  [[nodiscard]] Result<std::int64_t> page_size(std::int64_t fallback, std::int64_t most) const;
  // Name or number of one of `names`, whose numbers count from 1; nullopt if missing.
  [[nodiscard]] Result<std::optional<int>> choice(std::string_view name, std::span<const std::string_view> names) const;
  // Of a plain log-batch, once.
  [[nodiscard]] std::optional<tracking::Batch> take_batch() { return std::exchange(batch_, std::nullopt); }
  // Who asks: of the request that of() or of_batch() read, which must live; nobody otherwise.
  [[nodiscard]] const Identity& caller() const { return caller_ != nullptr ? *caller_ : *Identity::nobody(); }

 private:
  [[nodiscard]] const json::Value* find(std::string_view name) const;
  [[nodiscard]] std::string path(std::string_view name) const { return where_ + std::string(name); }
  [[nodiscard]] std::unexpected<Error> missing(std::string_view name) const;
  [[nodiscard]] std::unexpected<Error> wrong(std::string_view name, const json::Value& got) const;

  json::Value values_;
  std::string user_;
  std::string where_;      // "metrics[3]."
  bool is_query_ = false;  // a query's list of one is a text
  std::optional<tracking::Batch> batch_;
  const Identity* caller_ = nullptr;
};

using Service = MlflowParts;

struct Body {  // JSON text, ready to be sent: what large answers are written as
  std::string json;
};
struct Log {  // what a run is to keep: stored after the handler, and answered once it is durable; no thread waits for
              // it
  RunId run;
  tracking::Batch batch;
};
using Handler = std::variant<Result<json::Value> (*)(const Service&, const Input&),
                             Result<Body> (*)(const Service&, const Input&), Result<Log> (*)(const Service&, Input&)>;
struct Route {
  http::Method method;
  std::string_view path;  // below /api/2.0/mlflow
  Handler handler;
  Need need = {};  // of the caller; parameters that name the object have MLflow's names
  Result<Input> (*read)(const http::Request&) = Input::of;
};
// Mounts routes below /api/2.0/mlflow and /ajax-api/2.0/mlflow.
void mount(http::Router& router, const Service& service, std::span<const Route> routes);
void mount_at(http::Router& router, const Service& service, std::string_view prefix, const Route& route);

[[nodiscard]] http::Response answer(const Result<json::Value>& result);  // null: {}
[[nodiscard]] http::Response answer(Result<Body> result);
[[nodiscard]] http::Response error_answer(const Error& error);  // {"error_code", "message"}

// The need's check, before the handler; what the answer then says about grants (makers, new names).
[[nodiscard]] Result<void> check(const Service& service, const Input& input, const Need& need);
void settle_grants(const Service& service, const Input& input, const Need& need, const http::Response& answer);
[[nodiscard]] std::string object_of(const Input& input, const Need& need);  // for the audit trail

// One table a resource.
[[nodiscard]] std::span<const Route> experiment_routes();
[[nodiscard]] std::span<const Route> run_routes();
[[nodiscard]] std::span<const Route> metric_routes();
[[nodiscard]] std::span<const Route> logged_model_routes();
[[nodiscard]] std::span<const Route> registered_model_routes();
[[nodiscard]] std::span<const Route> version_routes();
[[nodiscard]] std::span<const Route> webhook_routes();
[[nodiscard]] std::span<const Route> user_routes();
void add_permission_routes(http::Router& router, const Service& service);  // of MLflow 3.12 and newer, below /api/3.0
void add_artifact_routes(http::Router& router, const Service& service);
void add_upload_routes(http::Router& router, const Service& service);  // in parts, and downloads by signed URLs

}  // namespace fettle::api::mlflow
