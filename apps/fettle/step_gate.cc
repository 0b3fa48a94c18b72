// Built-in step `gate`: with {suite: NAME}; writes the verdict, tells it to the server, and fails if it stops the
// model.
#include <boost/describe.hpp>

#include "base/text.h"
#include "client.h"
#include "gate_case.h"
#include "json/describe.h"
#include "os/file.h"
#include "step.h"

namespace fettle::cli {
namespace {

struct GateSpec {
  std::string suite = "default";
};
BOOST_DESCRIBE_STRUCT(GateSpec, (), (suite))

Result<void> tell_server(const StepContext& context, const gate::Verdict& verdict) {
  if (context.server.empty()) return {};
  json::Value record;
  record.set("run_id", context.run_id)
      .set("status", gate::name(verdict.status))
      .set("verdict", json::to_value(verdict));
  const auto told = client::post(context.server, "/api/fettle/v1/verdicts", record);
  if (!told) return fail(told.error().within("the verdict cannot be recorded"));
  return {};
}

}  // namespace

Result<void> step_gate(const StepContext& context) {
  FETTLE_TRY(const auto spec, json::from_value<GateSpec>(context.with, context.step + ".with"));
  if (context.outs.size() != 1)
    return fail(Code::InvalidArgument, text::format("step '{}': a gate has one out, its verdict", context.step));
  const auto* gates = context.settings.find("gates");
  context.progress(-1, "loading tables, model and champion");
  FETTLE_TRY(const auto the_case, load_gate_case({.gates = gates == nullptr ? json::Value() : *gates,
                                                  .suite = spec.suite,
                                                  .folder = context.project,
                                                  .server = context.server}));
  context.progress(-1, "checking");
  FETTLE_TRY(const auto verdict, judge(the_case));
  FETTLE_TRY_(os::write_file(context.outs[0], json::dump_pretty(json::to_value(verdict)) + "\n"));
  FETTLE_TRY_(tell_server(context, verdict));
  return to_result(verdict, context.outs[0]);
}

}  // namespace fettle::cli
