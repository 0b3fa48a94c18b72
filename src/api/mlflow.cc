#include "api/mlflow.h"

#include "api/mlflow/wire.h"
#include "json/value.h"

namespace fettle::api {
namespace {

json::Value server_info() {
  json::Value out;
  out.set("store_type", "SqlStore").set("workspaces_enabled", false);
  // Clients use these unasked. A download in parts asks twice for each file, however small: only for who wants it.
  return out.set("multipart_uploads_enabled", true).set("multipart_downloads_enabled", false);
}

}  // namespace

http::Response no_mlflow_endpoint() {
  auto response = http::Response::text(
      "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
      "<p>This server has no such endpoint; docs/reference/mlflow.md lists those that it has.</p>\n");
  response.status = 404;
  response.content_type = "text/html; charset=utf-8";
  return response;
}

void add_mlflow_routes(http::Router& router, const MlflowParts& service) {
  for (const auto routes :
       {mlflow::experiment_routes(), mlflow::run_routes(), mlflow::metric_routes(), mlflow::logged_model_routes(),
        mlflow::registered_model_routes(), mlflow::version_routes(), mlflow::webhook_routes(), mlflow::user_routes()})
    mlflow::mount(router, service, routes);
  mlflow::add_artifact_routes(router, service);
  mlflow::add_upload_routes(router, service);
  mlflow::add_permission_routes(router, service);
  for (const auto* prefix : {"/api/3.0", "/ajax-api/3.0"})
    router.add(http::Method::Get, std::string(prefix) + "/mlflow/server-info",
               [](const http::Request&) { return http::Response::json(json::dump_pretty(server_info())); },
               {.run = http::Run::Loop, .access = http::Access::Public});
  router.add(http::Method::Get, "/version",
             [](const http::Request&) { return http::Response::text(std::string(kMlflowVersion)); },
             {.run = http::Run::Loop, .access = http::Access::Public});
}

}  // namespace fettle::api
