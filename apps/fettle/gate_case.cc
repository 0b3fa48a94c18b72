#include "gate_case.h"

#include "base/clock.h"
#include "base/text.h"
#include "champion.h"
#include "json/describe.h"
#include "model/predict_all.h"
#include "os/file.h"
#include "table/file.h"
#include "train/matrix.h"

namespace fettle::cli {
namespace {

Result<gate::Suite> find_suite(const json::Value& gates, const std::string& name) {
  if (const auto* entry = gates.find(name)) return json::from_value<gate::Suite>(*entry, "gates." + name);
  std::vector<std::string> known;
  if (gates.is_object())
    for (const auto& [key, ignored] : gates.as_object()) known.push_back(key);
  if (known.empty())
    return fail(Code::NotFound, text::format("there is no suite '{}': fettle.yaml has no section gates:", name));
  return fail(Code::NotFound,
              text::format("gates: there is no suite '{}'; there are: {}", name, text::join(known, ", ")));
}

std::string in_folder(const std::string& folder, const std::string& path) {
  return path.starts_with('/') ? path : text::format("{}/{}", folder, path);
}

Result<std::string> digest_of_model(const std::string& folder) {
  for (const auto* name : {"/model.ubj", "/model.json"}) {
    if (!os::exists(folder + name)) continue;
    FETTLE_TRY(const auto digest, os::digest_file(folder + name));
    return digest.hex();
  }
  return fail(Code::NotFound, text::format("'{}' holds no model", folder));
}

Result<void> read_declared(const std::string& folder, GateCase& out) {
  if (!out.suite.schema.empty()) {
    FETTLE_TRY(out.schema, dataset::Schema::load(in_folder(folder, out.suite.schema)));
  }
  if (out.suite.metrics.empty()) return {};
  const auto path = in_folder(folder, out.suite.metrics);
  FETTLE_TRY(const auto text, os::read_file(path));
  FETTLE_TRY(out.metrics, json::parse(text, path));
  return {};
}

Result<void> score_champion(const GateRequest& request, GateCase& out) {
  if (out.suite.endpoint.empty() || request.server.empty()) {
    out.without_champion = out.suite.endpoint.empty() ? "the suite names no endpoint" : "no server was asked for one";
    return {};
  }
  auto champion = fetch_champion(request.server, out.suite.endpoint);
  if (!champion && champion.error().code == Code::Unavailable && !request.insist) {
    out.without_champion = champion.error().message;
    return {};
  }
  if (!champion) return fail(champion.error());
  if (!*champion) return {};
  const auto& model = (*champion)->model;
  const auto rows = train::feature_matrix(model.signature, out.valid);
  if (!rows)
    return fail(
        rows.error().within("the champion cannot score the held-out rows (skip quality.champion and "
                            "slices.champion if its inputs are gone for good)"));
  out.champion_outputs.resize(out.valid.rows() * model.predictor->outputs());
  model::predict_all(*model.predictor, *rows, out.champion_outputs);
  out.champion = (*champion)->bundle;
  return {};
}

}  // namespace

Result<GateCase> load_gate_case(const GateRequest& request) {
  GateCase out;
  out.name = request.suite;
  FETTLE_TRY(out.suite, find_suite(request.gates, request.suite));
  const auto model_folder = in_folder(request.folder, out.suite.model);
  FETTLE_TRY(out.model, model::load_folder(model_folder));
  FETTLE_TRY(out.model_digest, digest_of_model(model_folder));
  FETTLE_TRY(out.train, table::read(in_folder(request.folder, out.suite.train)));
  FETTLE_TRY(out.valid, table::read(in_folder(request.folder, out.suite.valid)));
  FETTLE_TRY(out.valid_rows, train::feature_matrix(out.model.signature, out.valid));
  FETTLE_TRY_(read_declared(request.folder, out));
  FETTLE_TRY_(score_champion(request, out));
  return out;
}

Result<gate::Verdict> judge(const GateCase& the_case) {
  const gate::Inputs inputs{the_case.train,
                            the_case.valid,
                            the_case.model,
                            the_case.valid_rows,
                            the_case.champion_outputs,
                            the_case.schema ? &*the_case.schema : nullptr,
                            the_case.metrics ? &*the_case.metrics : nullptr};
  auto verdict = gate::run(the_case.suite, the_case.name, inputs, system_clock());
  if (!verdict) return fail(verdict.error().within("gates." + the_case.name));
  verdict->model = the_case.model_digest;
  verdict->champion = the_case.champion;
  for (auto& check : verdict->checks)
    if (check.name == "quality.champion" && !the_case.without_champion.empty())
      check.message = "no champion to compare with: " + the_case.without_champion;
  return verdict;
}

Result<void> to_result(const gate::Verdict& verdict, std::string_view verdict_path) {
  if (!gate::stops(verdict.status)) return {};
  return fail(Code::FailedPrecondition, text::format("{}all numbers are in {}; `fettle gate show` shows them again",
                                                     gate::report(verdict), verdict_path));
}

}  // namespace fettle::cli
