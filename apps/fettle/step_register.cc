// Built-in step `register`: makes the bundle, stores it on the server, registers a model version, and asks for it to be
// deployed. A dep that is a folder gives its files to the bundle, a dep that is a file itself.
//
// Each request may be sent again: blobs and bundles are named by digest. Only a version is made anew each time, so it
// is made when everything that can fail before has succeeded.
#include <boost/describe.hpp>

#include "base/text.h"
#include "bundle/bundle.h"
#include "client.h"
#include "http/client.h"
#include "json/describe.h"
#include "os/file.h"
#include "os/process.h"
#include "step.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kApi = "/api/fettle/v1";
constexpr std::string_view kMlflow = "/api/2.0/mlflow";
constexpr std::string_view kArtifacts = "mlflow-artifacts:/";

struct RegisterSpec {
  std::string model;  // name of the registered model
};
BOOST_DESCRIBE_STRUCT(RegisterSpec, (), (model))

struct Registered {  // bundle.json, the step's out
  std::string digest, model;
  std::optional<std::int64_t> version;  // none without a server
  std::optional<std::string> run_id, rollout;
  bool deployed = false;
  std::optional<std::string> waits;  // why it is neither deployed nor rolled out, and what to do
};
BOOST_DESCRIBE_STRUCT(Registered, (), (digest, model, version, run_id, rollout, deployed, waits))

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Result<void> gather(const std::string& dep, const std::string& folder) {
  if (!os::is_folder(dep)) return os::copy_file(dep, text::format("{}/{}", folder, base_name(dep)));
  FETTLE_TRY(const auto files, os::list_files(dep));
  for (const auto& file : files) {
    const auto to = text::format("{}/{}", folder, file.path);
    FETTLE_TRY_(os::make_folders(to.substr(0, to.rfind('/'))));
    FETTLE_TRY_(os::copy_file(text::format("{}/{}", dep, file.path), to));
  }
  return {};
}

Result<Digest> make_bundle(const StepContext& context, const std::string& model, blob::Store& store) {
  FETTLE_TRY(const auto folder, os::TempFolder::create("fettle-bundle"));
  for (const auto& dep : context.deps) FETTLE_TRY_(gather(dep, folder.path()));
  const bundle::Provenance provenance{.project = context.project_name,
                                      .run_id = context.run_id,
                                      .commit = context.commit,
                                      .dirty = context.dirty,
                                      .snapshots = context.snapshots,
                                      .steps = context.steps,
                                      .params = context.params};
  return bundle::create(store, folder.path(), model, provenance);
}

Result<void> upload_bundle(const StepContext& context, const blob::Store& store, const Digest& digest) {
  FETTLE_TRY(const auto manifest, bundle::read(store, digest));
  double sent = 0;
  for (const auto& file : manifest.files) {
    context.progress(0.2 + 0.5 * sent++ / static_cast<double>(manifest.files.size()), "uploading " + file.path);
    const auto path = text::format("{}/blobs/{}", kApi, file.digest);
    FETTLE_TRY(const bool there, client::exists(context.server, path));
    if (there) continue;
    FETTLE_TRY_(client::upload(context.server, path, store.path_of(*Digest::parse(file.digest))));
  }
  FETTLE_TRY(const auto answer,
             client::post(context.server, text::format("{}/bundles", kApi), json::to_value(manifest)));
  if (answer.text_or("digest") == digest.hex()) return {};
  return fail(Code::Internal, text::format("the server at {} stored bundle {} as {}", context.server, digest.brief(),
                                           answer.text_or("digest")));
}

Result<std::string> artifact_root(const StepContext& context) {
  FETTLE_TRY(const auto answer,
             client::get(context.server, text::format("{}/runs/get?run_id={}", kMlflow, context.run_id)));
  const auto* run = answer.find("run");
  const auto* info = run == nullptr ? nullptr : run->find("info");
  auto uri = info == nullptr ? "" : info->text_or("artifact_uri");
  if (!uri.starts_with(kArtifacts))
    return fail(Code::FailedPrecondition,
                text::format("run {} keeps its artifacts at '{}', not on its server", context.run_id, uri));
  return uri;
}

// The model folder as artifacts of the run below model/, where the mlflow client looks for it.
Result<std::string> upload_model(const StepContext& context) {
  FETTLE_TRY(const auto root, artifact_root(context));
  for (const auto& dep : context.deps) {
    if (!os::is_folder(dep)) continue;
    FETTLE_TRY(const auto files, os::list_files(dep));
    for (const auto& file : files)
      FETTLE_TRY_(client::upload(
          context.server,
          text::format("/api/2.0/mlflow-artifacts/artifacts/{}/model/{}", root.substr(kArtifacts.size()), file.path),
          text::format("{}/{}", dep, file.path)));
  }
  return root + "/model";
}

Result<void> ensure_model(const StepContext& context, const std::string& name) {
  const auto made = client::post(context.server, text::format("{}/registered-models/create", kMlflow),
                                 json::Value::object().set("name", name));
  if (made || made.error().code == Code::AlreadyExists) return {};
  return fail(made.error());
}

Result<std::int64_t> create_version(const StepContext& context, const std::string& name, const std::string& source,
                                    const Digest& digest) {
  FETTLE_TRY_(ensure_model(context, name));
  json::Value body;
  body.set("name", name).set("source", source).set("run_id", context.run_id);
  body.set("tags", json::Array{json::Value::object().set("key", "fettle.bundle").set("value", digest.hex())});
  FETTLE_TRY(const auto answer, client::post(context.server, text::format("{}/model-versions/create", kMlflow), body));
  const auto* version = answer.find("model_version");
  const auto number = version == nullptr ? std::nullopt : text::parse_int(version->text_or("version"));
  if (number) return *number;
  return fail(Code::Internal,
              text::format("the server at {} made a version of '{}' but did not number it", context.server, name));
}

Result<void> place(const StepContext& context, Registered& registered) {
  const auto* endpoint = context.settings.find("endpoint");
  json::Value body;
  body.set("model", registered.model).set("version", *registered.version).set("bundle", registered.digest);
  body.set("endpoint", endpoint != nullptr && endpoint->is_string() ? endpoint->as_string() : "");
  body.set("run_id", context.run_id).set("created_by", os::environment("USER").value_or("fettle pipeline run"));
  const auto answer = client::post(context.server, text::format("{}/versions", kApi), body);
  if (!answer && answer.error().code == Code::FailedPrecondition) {  // another rollout runs: the version stays
    registered.waits = answer.error().message;
    return {};
  }
  if (!answer) return fail(answer.error());
  const auto* deployed = answer->find("deployed");
  registered.deployed = deployed != nullptr && deployed->is_bool() && deployed->as_bool();
  if (auto rollout = answer->text_or("rollout"); !rollout.empty()) registered.rollout = std::move(rollout);
  return {};
}

Result<void> record(const StepContext& context, const blob::Store& store, const Digest& digest,
                    Registered& registered) {
  FETTLE_TRY_(upload_bundle(context, store, digest));
  context.progress(0.7, "uploading the model as artifacts of the run");
  FETTLE_TRY(const auto source, upload_model(context));
  context.progress(0.9, "registering");
  FETTLE_TRY(registered.version, create_version(context, registered.model, source, digest));
  registered.run_id = context.run_id;
  return place(context, registered);
}

std::string told(const Registered& registered) {
  if (!registered.version) return "bundle made; no server to register it with";
  const auto version = text::format("version {} of {}", *registered.version, registered.model);
  if (registered.deployed) return version + " is the champion";
  if (registered.rollout) return text::format("{} is rolled out: {}", version, *registered.rollout);
  return registered.waits ? text::format("{} waits: {}", version, *registered.waits) : version + " is registered";
}

}  // namespace

Result<void> step_register(const StepContext& context) {
  FETTLE_TRY(const auto spec, json::from_value<RegisterSpec>(context.with, context.step + ".with"));
  if (spec.model.empty() || context.outs.size() != 1)
    return fail(Code::InvalidArgument,
                text::format("step '{}': register needs with.model, the model's name, and one out", context.step));
  FETTLE_TRY(const auto store, blob::Store::open(context.project + "/.fettle/blobs"));
  context.progress(0, "making the bundle");
  FETTLE_TRY(const auto digest, make_bundle(context, spec.model, *store));
  Registered registered{digest.hex(), spec.model, {}, {}, {}, false, {}};
  if (!context.server.empty()) FETTLE_TRY_(record(context, *store, digest, registered));
  FETTLE_TRY_(os::write_file(context.outs[0], json::dump_pretty(json::to_value(registered)) + "\n"));
  context.progress(1, told(registered));
  return {};
}

}  // namespace fettle::cli
