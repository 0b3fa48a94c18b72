#include "api/fettle_gc.h"

#include "auth/identity.h"
#include "json/describe.h"

namespace fettle::api {
namespace {

using http::Method;
using http::Request;
using http::Response;

constexpr std::string_view kGc = "/api/fettle/v1/gc";

Response gc_answer(const Result<json::Value>& result) {
  if (result) return Response::json(json::dump(*result));
  json::Value told;
  told.set("code", info(result.error().code).name).set("message", result.error().message);
  return Response::json(json::dump(json::Value::object().set("error", std::move(told))),
                        info(result.error().code).http_status);
}

Result<json::Value> begin_gc(control::Cleaner& cleaner, const Request& request) {
  control::CleanupRequest wanted;
  if (!request.body.empty()) {
    FETTLE_TRY(const auto body, json::parse(request.body, "request body"));
    FETTLE_TRY(wanted, json::from_value<control::CleanupRequest>(body, "request body"));
  }
  FETTLE_TRY(const auto report, cleaner.start(wanted));
  return json::Value::object().set("report", json::to_value(report));
}

Result<json::Value> last_gc(control::Cleaner& cleaner, const Request&) {
  const auto report = cleaner.report();
  return json::Value::object().set("report", report ? json::to_value(*report) : json::Value());
}

}  // namespace

void add_gc_routes(http::Router& router, control::Cleaner& cleaner, const Access& access) {
  using Work = Result<json::Value> (*)(control::Cleaner&, const Request&);
  const auto add = [&](Method method, Role role, Work work) {
    router.add(method, std::string(kGc),
               [&cleaner, &access, role, work](const Request& request) {
                 const auto allowed = auth::caller(request).need_admin();
                 auto out = gc_answer(allowed ? work(cleaner, request) : fail(allowed.error()));
                 access.record(request, {Need::On::Server, role}, "gc", out);
                 return out;
               },
               {.access = http::Access::SignedIn});
  };
  add(Method::Post, Role::Admin, begin_gc);
  add(Method::Get, Role::Reader, last_gc);
}

}  // namespace fettle::api
