// `fettle apply`: tells the server how a project's endpoint is watched, rolled out and retrained.
#include <memory>

#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "control/settings.h"
#include "http/client.h"
#include "json/describe.h"
#include "project.h"

namespace fettle::cli {
namespace {

struct Options {
  std::string project = ".", server;
};

// The same error with the line of the file in front, which says more than the project's name.
Error with_line(const Project& project, Error error) {
  const auto named = text::format("project '{}': ", project.name);
  if (error.message.starts_with(named)) error.message.erase(0, named.size());
  return config::located(project.document, error);
}

Result<void> apply(Output& output, const Options& options) {
  FETTLE_TRY(const auto project, load_project(options.project));
  const control::Project sent{
      project.name, project.folder, project.endpoint, project.monitor, project.rollout, project.retrain, 0};
  if (project.endpoint.empty())
    return fail(Code::InvalidArgument,
                text::format("{}: `endpoint:` is missing; name the endpoint that this project's model serves",
                             project.document.name));
  if (const auto read = control::read_settings(sent); !read) return fail(with_line(project, read.error()));
  FETTLE_TRY(const auto stored,
             client::put(client::server_url(options.server),
                         "/api/fettle/v1/projects/" + http::percent_encode(project.name), json::to_value(sent)));
  output.document(stored);
  output.line(text::format("project '{}' is applied: endpoint '{}' is watched, rolled out and retrained by {}",
                           project.name, project.endpoint, project.document.name));
  return {};
}

}  // namespace

void add_apply_verb(Program& program) {
  auto options = std::make_shared<Options>();
  auto verb = program.verb("apply", "Send fettle.yaml's monitor, rollout and retrain sections to the server");
  verb.option("--project", options->project, kProjectHelp);
  verb.option("--server", options->server, client::kServerHelp);
  verb.examples("  fettle apply\n  fettle apply --project examples/flights");
  verb.action([options](Output& output) { return apply(output, *options); });
}

}  // namespace fettle::cli
