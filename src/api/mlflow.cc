#include "api/mlflow.h"

#include "api/mlflow/wire.h"

namespace fettle::api {

void add_mlflow_routes(http::Router& router, tracking::Store& tracking, registry::Store& registry,
                       tracking::Artifacts& artifacts) {
  const mlflow::Service service{tracking, registry, artifacts};
  for (const auto routes : {mlflow::experiment_routes(), mlflow::run_routes(), mlflow::metric_routes(),
                            mlflow::logged_model_routes(), mlflow::registered_model_routes(), mlflow::version_routes()})
    mlflow::mount(router, service, routes);
  mlflow::add_artifact_routes(router, service);
  router.add(http::Method::Get, "/version",
             [](const http::Request&) { return http::Response::text(std::string(kMlflowVersion)); },
             {.run = http::Run::Loop});
}

}  // namespace fettle::api
