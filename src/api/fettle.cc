#include "api/fettle.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "api/fettle_access.h"
#include "api/fettle_registry.h"
#include "api/fettle_stream.h"
#include "api/fettle_views.h"
#include "base/text.h"
#include "bundle/bundle.h"
#include "json/describe.h"
#include "os/file.h"

namespace fettle::api {
namespace {

using http::Method;
using http::Request;
using http::Response;

constexpr std::string_view kBase = "/api/fettle/v1/";
constexpr std::int64_t kMostChanges = 1000;

Response refuse(const Error& error) {
  json::Value body;
  body.set("code", info(error.code).name).set("message", error.message);
  return Response::json(json::dump(json::Value::object().set("error", std::move(body))), info(error.code).http_status);
}

// What is not known is null: browsers read no NaN and no Infinity.
json::Value finite(json::Value value) {
  if (value.is_number()) return std::isfinite(value.as_double()) ? value : json::Value();
  if (value.is_array())
    for (auto& each : value.as_array()) each = finite(std::move(each));
  if (value.is_object())
    for (auto& [key, each] : value.as_object()) each = finite(std::move(each));
  return value;
}

Response answer(Result<json::Value> result) {
  return result ? Response::json(json::dump(finite(*std::move(result)))) : refuse(result.error());
}

Result<json::Value> body_of(const Request& request) { return object_of(request); }

template <typename T>
Result<T> read(const Request& request) {
  FETTLE_TRY(const auto body, body_of(request));
  return json::from_value<T>(body, "request body");
}

json::Value named(std::string_view name, json::Value value) {
  return json::Value::object().set(name, std::move(value));
}

template <typename T>
Result<json::Value> named(std::string_view name, const Result<T>& result) {
  if (!result) return fail(result.error());
  return named(name, json::to_value(*result));
}

template <typename T>
Result<json::Value> shown(const Result<T>& result) {
  if (!result) return fail(result.error());
  return json::to_value(*result);
}

// The rule's check, the answer, and what the audit trail keeps of it.
template <typename Work>
Response guarded(const FettleParts& parts, const Rule& rule, const Request& request, const Work& work) {
  const auto allowed = rule.check(parts, request);
  auto out = allowed ? work() : refuse(allowed.error());
  if (parts.access.on()) parts.access.record(request, rule.need, request.path.substr(kBase.size()), out);
  return out;
}

class Routes {
 public:
  Routes(http::Router& router, const FettleParts& parts) : router_(router), parts_(parts) {}
  void add() {
    add_reads();
    add_commands();
    add_registry();
    add_bundles();
    add_stream();
  }

 private:
  using Work = std::function<Result<json::Value>(const FettleParts&, const Request&)>;
  void route(Method method, std::string_view path, Rule rule, Work work) {
    router_.add(method, std::string(kBase) + std::string(path),
                [parts = parts_, rule = std::move(rule), work = std::move(work)](const Request& request) {
                  return guarded(parts, rule, request, [&] { return answer(run(parts, work, request)); });
                },
                {.access = access_of(rule.need)});
  }
  static Result<json::Value> run(const FettleParts& parts, const Work& work, const Request& request) {
    FETTLE_TRY(auto value, work(parts, request));
    return visible(parts, auth::caller(request), std::move(value));
  }
  void add_reads();
  void add_commands();
  void add_registry();
  void add_bundles();
  void add_stream();
  http::Router& router_;
  const FettleParts& parts_;
};

std::string capture(const Request& request, std::string_view name) { return std::string(request.capture(name)); }
std::string query(const Request& request, std::string_view name) {
  return std::string(request.parameter(name).value_or(""));
}

// A prediction is its endpoint's; the run behind it may be hidden.
Result<json::Value> for_caller(const FettleParts& parts, const Identity& who, const std::string& id,
                               json::Value value) {
  if (who.unrestricted()) return value;
  const auto endpoint = value.find("prediction")->text_or("endpoint");
  FETTLE_TRY_(check_visible(parts, who, endpoint, Role::Reader,
                            text::format("there is no prediction '{}' in '{}'", id, parts.events_folder)));
  const auto run = value.find("run")->text_or("run_id");
  if (!run.empty() && !parts.access.run(who, run, Role::Reader)) value.set("run", json::Value());
  return value;
}

void Routes::add_reads() {
  using Parts = const FettleParts&;
  route(Method::Get, "status", filtered(), [](Parts parts, const Request&) { return view_status(parts); });
  route(Method::Get, "endpoints", filtered(),
        [](Parts parts, const Request&) { return named("endpoints", view_endpoints(parts)); });
  route(Method::Get, "endpoints/{name}", on_endpoint(Role::Reader),
        [](Parts parts, const Request& request) { return view_endpoint(parts, capture(request, "name")); });
  route(Method::Get, "endpoints/{name}/windows", on_endpoint(Role::Reader),
        [](Parts parts, const Request& request) -> Result<json::Value> {
          FETTLE_TRY_(parts.store.endpoint(capture(request, "name")));
          return named("windows", parts.store.windows(capture(request, "name"), query(request, "kind")));
        });
  route(Method::Get, "rollouts", filtered(),
        [](Parts parts, const Request&) { return named("rollouts", parts.store.rollouts()); });
  route(Method::Get, "rollouts/{id}", on_rollout(Role::Reader),
        [](Parts parts, const Request& request) { return view_rollout(parts, capture(request, "id")); });
  route(Method::Get, "alerts", filtered(),
        [](Parts parts, const Request&) { return named("alerts", parts.store.alerts()); });
  route(Method::Get, "retrains", filtered(),
        [](Parts parts, const Request&) { return named("retrains", parts.store.retrains()); });
  route(Method::Get, "projects", filtered(),
        [](Parts parts, const Request&) { return named("projects", parts.store.projects()); });
  route(Method::Get, "verdicts", on_verdicts(Role::Reader), [](Parts parts, const Request& request) {
    return named("verdicts", parts.store.verdicts(query(request, "run_id")));
  });
  route(Method::Get, "changes", filtered(), [](Parts parts, const Request& request) {
    const auto limit = text::parse_int(query(request, "limit")).value_or(100);
    return named("changes",
                 parts.store.changes(static_cast<std::size_t>(std::clamp<std::int64_t>(limit, 0, kMostChanges))));
  });
  route(Method::Get, "predictions/{id*}", somewhere(Role::Reader),
        [](Parts parts, const Request& request) -> Result<json::Value> {
          const auto id = capture(request, "id");
          FETTLE_TRY(auto value, view_prediction(parts, id));
          return for_caller(parts, auth::caller(request), id, std::move(value));
        });
}

// A version is a number; MLflow's clients write it as text.
Result<json::Value> with_number(json::Value body, std::string_view key) {
  const auto* value = body.find(key);
  if (value == nullptr || !value->is_string()) return body;
  const auto number = text::parse_int(value->as_string());
  if (!number) return fail(Code::InvalidArgument, text::format("request body: {}: expected a whole number", key));
  return std::move(body.set(key, *number));
}

void Routes::add_commands() {
  using Parts = const FettleParts&;
  route(Method::Post, "rollouts", on_new_rollout(), [](Parts parts, const Request& request) -> Result<json::Value> {
    FETTLE_TRY(auto body, body_of(request));
    FETTLE_TRY(body, with_number(std::move(body), "version"));
    FETTLE_TRY(auto wanted, json::from_value<control::NewRollout>(body, "request body"));
    wanted.actor = actor_of(request, body);
    return shown(parts.loop.start_rollout(std::move(wanted)));
  });
  route(
      Method::Post, "rollouts/{id}/{verb}", on_rollout_command(),
      [](Parts parts, const Request& request) -> Result<json::Value> {
        FETTLE_TRY(const auto body, body_of(request));
        FETTLE_TRY(const auto verb,
                   json::from_value<control::Verb>(json::Value(capture(request, "verb")), "rollout command"));
        return shown(parts.loop.command(capture(request, "id"), verb, actor_of(request, body), body.text_or("reason")));
      });
  route(Method::Post, "alerts/{id}/acknowledge", on_alert(Role::Writer),
        [](Parts parts, const Request& request) -> Result<json::Value> {
          FETTLE_TRY(const auto body, body_of(request));
          return shown(parts.loop.acknowledge(capture(request, "id"), actor_of(request, body)));
        });
  route(Method::Put, "projects/{name}", on_project(), [](Parts parts, const Request& request) -> Result<json::Value> {
    FETTLE_TRY(auto project, read<control::Project>(request));
    project.name = capture(request, "name");
    return shown(parts.loop.apply(std::move(project)));
  });
  route(Method::Post, "versions", on_placed_version(), [](Parts parts, const Request& request) -> Result<json::Value> {
    FETTLE_TRY(auto body, body_of(request));
    FETTLE_TRY(body, with_number(std::move(body), "version"));
    FETTLE_TRY(auto version, json::from_value<control::NewVersion>(body, "request body"));
    if (!request.user.empty()) version.created_by = request.user;
    return shown(parts.loop.place(std::move(version)));
  });
  route(Method::Post, "verdicts", on_verdicts(Role::Writer),
        [](Parts parts, const Request& request) -> Result<json::Value> {
          FETTLE_TRY(auto verdict, read<control::VerdictRecord>(request));
          return shown(parts.loop.record_verdict(std::move(verdict)));
        });
  route(Method::Post, "logged-models/{id}/restore", on_logged_model(Role::Writer),
        [](Parts parts, const Request& request) -> Result<json::Value> {
          FETTLE_TRY_(parts.tracking.models().restore(capture(request, "id")));
          return named("model_id", json::Value(capture(request, "id")));
        });
  route(Method::Post, "settle", somewhere(Role::Writer),
        [](Parts parts, const Request&) { return shown(parts.loop.settle()); });
}

void Routes::add_registry() {
  for (const auto routes : {alias_routes(), lineage_routes(), webhook_routes()})
    for (const auto& each : routes) route(each.method, each.path, each.rule(), each.handle);
}

Result<Digest> digest_in(const Request& request) {
  const auto digest = Digest::parse(request.capture("digest"));
  if (!digest)
    return fail(Code::InvalidArgument,
                text::format("'{}' is no digest: 64 lower-case hex digits", request.capture("digest")));
  return *digest;
}

// Stores the spooled body; refuses one that is not what its name says, before it is stored. Replaces a damaged object.
Result<json::Value> put_blob(const FettleParts& parts, const Request& request) {
  FETTLE_TRY(const auto wanted, digest_in(request));
  if (parts.blobs.renew(wanted) && parts.blobs.verify(wanted)) return named("stored", json::Value(false));
  const bool spooled = !request.body_file.empty();
  const auto digest = spooled ? os::digest_file(request.body_file) : Result<Digest>(Digest::of(request.body));
  if (!digest) return fail(digest.error());
  if (*digest != wanted)
    return fail(Code::InvalidArgument,
                text::format("the bytes sent have digest {}, not {}; send them again", digest->hex(), wanted.hex()));
  FETTLE_TRY_(os::remove_all(parts.blobs.path_of(wanted)));  // a damaged one: these bytes mend it
  FETTLE_TRY_(spooled ? parts.blobs.put_file(request.body_file) : parts.blobs.put(request.body));
  return named("stored", json::Value(true));
}

Response get_blob(const FettleParts& parts, const Request& request) {
  const auto digest = digest_in(request);
  if (!digest) return refuse(digest.error());
  // Who asks whether it is there will refer to it without sending it.
  if (!parts.blobs.renew(*digest))
    return refuse({Code::NotFound, text::format("there is no blob '{}'", digest->hex())});
  Response response;
  response.content_type = "application/octet-stream";
  response.file = parts.blobs.path_of(*digest);
  return response;
}

// The manifest, sent last: every file that it names must be there.
Result<json::Value> put_bundle(const FettleParts& parts, const Request& request) {
  const auto manifest = bundle::parse(request.body);
  if (!manifest) return fail(Code::InvalidArgument, manifest.error().message);  // the sender's bytes, not ours
  for (const auto& file : manifest->files) {
    const auto digest = Digest::parse(file.digest);
    if (!digest || !parts.blobs.renew(*digest))
      return fail(Code::FailedPrecondition,
                  text::format("file '{}' ({}) of the bundle is not stored; PUT /api/fettle/v1/blobs/{} first",
                               file.path, file.digest.substr(0, 12), file.digest));
  }
  FETTLE_TRY(const auto digest, parts.blobs.put(bundle::canonical(*manifest)));
  return named("digest", json::Value(digest.hex()));
}

Result<json::Value> get_bundle(const FettleParts& parts, const Request& request) {
  FETTLE_TRY(const auto digest, digest_in(request));
  FETTLE_TRY(const auto manifest, bundle::read(parts.blobs, digest));
  auto out = json::to_value(manifest);
  out.set("digest", digest.hex());
  if (const auto record = parts.store.bundle(digest.hex())) out.set("version", record->version);
  return out;
}

void Routes::add_bundles() {
  const auto path = std::string(kBase) + "blobs/{digest}";
  router_.add(Method::Put, path,
              [parts = parts_, rule = somewhere(Role::Writer)](const Request& request) {
                return guarded(parts, rule, request, [&] { return answer(put_blob(parts, request)); });
              },
              {.max_body = 0, .spool_body = true, .access = http::Access::SignedIn});
  for (const auto method : {Method::Get, Method::Head})
    router_.add(method, path,
                [parts = parts_, rule = somewhere(Role::Reader)](const Request& request) {
                  return guarded(parts, rule, request, [&] { return get_blob(parts, request); });
                },
                {.access = http::Access::SignedIn});
  route(Method::Post, "bundles", somewhere(Role::Writer), put_bundle);
  route(Method::Get, "bundles/{digest}", somewhere(Role::Reader), get_bundle);
}

void Routes::add_stream() {
  auto streams = std::make_shared<Streams>();
  parts_.loop.on_change(
      [streams](const control::Change& change) { streams->send("change", json::dump(json::to_value(change))); });
  router_.add_async(Method::Get, std::string(kBase) + "stream",
                    [streams](const Request& request, std::shared_ptr<http::Responder> responder) {
                      streams->add(std::move(responder), auth::caller(request).unrestricted());
                    },
                    {.run = http::Run::Loop, .access = http::Access::SignedIn});
}

}  // namespace

Result<json::Value> object_of(const Request& request) {
  return request.body.empty() ? Result<json::Value>(json::Value::object()) : json::parse(request.body, "request body");
}

void add_fettle_routes(http::Router& router, const FettleParts& parts) { Routes(router, parts).add(); }

}  // namespace fettle::api
