// Where a model version comes from, in one form: for versions of Fettle's pipelines from the bundle's provenance, for
// those of plain MLflow code from the run, its inputs and its tags, and the MLmodel file. What is not known is null.
#include <algorithm>
#include <array>

#include "api/fettle_registry.h"
#include "api/fettle_views.h"
#include "base/text.h"
#include "bundle/bundle.h"
#include "config/yaml.h"
#include "json/describe.h"
#include "os/file.h"
#include "tracking/artifact_roots.h"

namespace fettle::api {
namespace {

using http::Method;
using http::Request;
using registry::Version;
using tracking::KeyValue;

constexpr std::string_view kBundleTag = "fettle.bundle", kCommitTag = "mlflow.source.git.commit",
                           kContextTag = "mlflow.data.context";

std::string value_of(const std::vector<KeyValue>& pairs, std::string_view key) {
  const auto found = std::ranges::find(pairs, key, &KeyValue::key);
  return found == pairs.end() ? std::string() : found->value;
}
json::Value or_null(const std::string& text) { return text.empty() ? json::Value() : json::Value(text); }

struct Sources {  // what the answer is put together from
  Version version;
  std::optional<tracking::Run> run;
  std::optional<bundle::Manifest> manifest;
};

// A run that the caller may not read is left out, as if it were gone.
Result<Sources> gather(const FettleParts& parts, const auth::Identity& who, const std::string& model,
                       std::int64_t number) {
  Sources out;
  FETTLE_TRY(out.version, parts.registry.get_version(model, number));
  if (const auto digest = Digest::parse(out.version.tag(kBundleTag)))
    if (auto manifest = bundle::read(parts.blobs, *digest)) out.manifest = *std::move(manifest);
  const auto& run_id =
      out.version.run_id.empty() && out.manifest ? out.manifest->provenance.run_id : out.version.run_id;
  if (run_id.empty()) return out;
  auto run = parts.tracking.run(RunId(run_id));
  if (!run && run.error().code != Code::NotFound && run.error().code != Code::InvalidArgument) return fail(run.error());
  if (run && parts.access.experiment(who, run->info.experiment.str(), Role::Reader)) out.run = *std::move(run);
  return out;
}

json::Value data_of(const Sources& sources) {
  json::Value out = json::Value::array();
  if (sources.manifest)
    for (const auto& snapshot : sources.manifest->provenance.snapshots)
      out.push(json::Value().set("kind", "snapshot").set("name", snapshot.name).set("digest", snapshot.digest));
  if (sources.run)
    for (const auto& input : sources.run->datasets) {
      json::Value each;
      each.set("kind", "input").set("name", input.dataset.name).set("digest", input.dataset.digest);
      each.set("source", input.dataset.source).set("context", or_null(value_of(input.tags, kContextTag)));
      out.push(std::move(each));
    }
  return out;
}

std::string commit_of(const Sources& sources) {
  if (sources.manifest && !sources.manifest->provenance.commit.empty()) return sources.manifest->provenance.commit;
  return sources.run ? value_of(sources.run->tags, kCommitTag) : "";
}

json::Value bundle_signature(const FettleParts& parts, const bundle::Manifest& manifest) {
  const auto file = std::ranges::find(manifest.files, "signature.json", &bundle::File::path);
  const auto digest = file == manifest.files.end() ? std::nullopt : Digest::parse(file->digest);
  const auto bytes =
      digest ? os::read_file(parts.blobs.path_of(*digest)) : Result<std::string>(fail(Code::NotFound, ""));
  const auto value = bytes ? json::parse(*bytes) : Result<json::Value>(fail(bytes.error()));
  return value ? *value : json::Value();
}

constexpr std::uint64_t kMostMlmodel = 1U << 20U;

Result<std::string> read_mlmodel(const FettleParts& parts, const std::string& folder) {
  FETTLE_TRY(const auto found, parts.roots.find(folder, "MLmodel"));
  if (!found || found->size > kMostMlmodel) return fail(Code::NotFound, "no MLmodel");
  FETTLE_TRY(const auto reader, found->open(0, found->size));
  std::string out;
  for (;;) {
    FETTLE_TRY(const auto piece, reader->next(kMostMlmodel));
    if (piece.empty()) return out;
    out += piece;
  }
}

// MLmodel holds inputs, outputs and params of the signature as JSON in text.
json::Value mlmodel_signature(const FettleParts& parts, const Version& version) {
  const auto bytes = read_mlmodel(parts, version.storage_location);
  const auto document = bytes ? config::parse_yaml(*bytes, "MLmodel") : Result<config::Document>(fail(bytes.error()));
  const auto* signature = document ? document->root.find("signature") : nullptr;
  if (signature == nullptr || !signature->is_object()) return {};
  json::Value out = json::Value::object();
  for (const auto& [key, value] : signature->as_object()) {
    const auto decoded = value.is_string() ? json::parse(value.as_string()) : Result<json::Value>(value);
    if (decoded && !decoded->is_null()) out.set(key, *decoded);
  }
  return out;
}

json::Value run_in_brief(const Sources& sources) {
  if (!sources.run) return {};
  const auto& info = sources.run->info;
  json::Value out;
  out.set("run_id", info.id.str()).set("name", info.name).set("experiment_id", info.experiment.str());
  return std::move(out.set("user", info.user).set("start_ms", info.start_ms));
}

json::Value bundle_in_brief(const Sources& sources) {
  if (!sources.manifest) return {};
  json::Value out = json::Value::object().set("digest", sources.version.tag(kBundleTag));
  out.set("project", sources.manifest->provenance.project);
  return std::move(out.set("files", static_cast<std::int64_t>(sources.manifest->files.size())));
}

Result<json::Value> governance(const FettleParts& parts, const Version& version, json::Value out) {
  FETTLE_TRY(const auto requests, parts.registry.aliases().requests({version.model, {}, version.version}));
  FETTLE_TRY(auto changes, parts.registry.aliases().history(version.model));
  std::erase_if(
      changes, [&](const auto& change) { return change.version != version.version && change.from != version.version; });
  out.set("requests", requests_value(requests)).set("alias_changes", changes_value(changes));
  if (version.run_id.empty()) return std::move(out.set("verdicts", json::Value::array()));
  FETTLE_TRY(const auto verdicts, parts.store.verdicts(version.run_id));
  return std::move(out.set("verdicts", json::to_value(verdicts)));
}

Result<json::Value> lineage(const FettleParts& parts, const Request& request) {
  const auto number = text::parse_int(request.capture("version"));
  if (!number)
    return fail(Code::InvalidArgument, text::format("'{}' is no version; it is a number", request.capture("version")));
  FETTLE_TRY(const auto sources, gather(parts, auth::caller(request), std::string(request.capture("name")), *number));
  const auto& version = sources.version;
  json::Value out;
  out.set("model", version.model).set("version", version.version).set("created_ms", version.created_ms);
  out.set("user", or_null(version.user)).set("description", version.description).set("stage", version.stage);
  out.set("aliases", json::to_value(version.aliases)).set("source", version.source);
  out.set("logged_model", or_null(version.model_id)).set("run", run_in_brief(sources)).set("data", data_of(sources));
  out.set("steps", sources.manifest ? json::to_value(sources.manifest->provenance.steps) : json::Value::array());
  out.set("commit", or_null(commit_of(sources)));
  out.set("dirty", sources.manifest ? json::Value(sources.manifest->provenance.dirty) : json::Value());
  out.set("bundle", bundle_in_brief(sources));
  auto signature = sources.manifest ? bundle_signature(parts, *sources.manifest) : json::Value();
  out.set("signature", signature.is_null() ? mlmodel_signature(parts, version) : std::move(signature));
  return governance(parts, version, std::move(out));
}

constexpr std::array<FettleRoute, 1> kLineageRoutes{{
    {Method::Get, "models/{name}/versions/{version}/lineage", model_reader, lineage},
}};

}  // namespace

std::span<const FettleRoute> lineage_routes() { return kLineageRoutes; }

}  // namespace fettle::api
