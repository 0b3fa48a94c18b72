// `fettle model compare`: where model versions differ: lineage, params, metrics, signature, aliases, approvals.
#include <memory>

#include "base/text.h"
#include "client.h"
#include "comparison.h"
#include "lineage.h"
#include "run_compare.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

std::string joined(const json::Array& list) {
  std::vector<std::string> out;
  for (const auto& each : list) out.push_back(each.is_string() ? each.as_string() : json::dump(each));
  return text::join(out, ", ");
}

void add_field(Values& out, const std::string& key, const std::string& value) {
  if (!value.empty()) out[key] = value;
}

// One value a column, so that a column that came, went or changed its type is seen as such.
void add_signature(Values& out, const json::Value& signature) {
  for (const auto* side : {"inputs", "outputs", "params"}) {
    std::size_t unnamed = 0;
    for (const auto& each : list_in(&signature, side)) {
      auto name = each.text_or("name");
      if (name.empty()) name = std::to_string(unnamed++);
      auto type = each.text_or("type", "?");
      if (const auto* tensor = each.find("tensor-spec"); tensor != nullptr) type += " " + json::dump(*tensor);
      if (const auto* optional = each.find("required"); optional != nullptr && *optional == json::Value(false))
        type += " (optional)";
      out[text::format("signature.{}.{}", side, name)] = type;
    }
  }
}

void add_governance(Values& out, const json::Value& version) {
  add_field(out, "aliases", joined(list_in(&version, "aliases")));
  for (const auto& verdict : list_in(&version, "verdicts")) add_field(out, "gate", verdict.text_or("status"));
  for (const auto& request : list_in(&version, "requests")) {
    const auto by = request.text_or("decided_by");
    out["approval." + request.text_or("alias")] =
        text::format("{}{}{}", request.text_or("state"), by.empty() ? "" : " by ", by);
  }
}

Values lineage_of(const json::Value& version) {
  Values out;
  add_field(out, "run", object_in(version, "run").text_or("run_id"));
  add_field(out, "made by", version.text_or("user"));
  add_field(out, "made at", time_in_words(version, "created_ms"));
  add_field(out, "stage", version.text_or("stage"));
  add_field(out, "description", version.text_or("description"));
  add_field(out, "files", version.text_or("source"));
  add_field(out, "logged model", version.text_or("logged_model"));
  add_field(out, "code.commit", version.text_or("commit"));
  add_field(out, "bundle", object_in(version, "bundle").text_or("digest"));
  for (const auto& data : list_in(&version, "data")) out["data." + data.text_or("name")] = data.text_or("digest");
  for (const auto& step : list_in(&version, "steps")) out["step." + step.text_or("name")] = step.text_or("digest");
  add_signature(out, object_in(version, "signature"));
  add_governance(out, version);
  return out;
}

Result<Compared> version_named(const std::string& server, const std::string& name) {
  FETTLE_TRY(const auto version, get_version(server, name));
  Compared out{name,
               text::format("version {} of {}", version.int_or("version", 0), version.text_or("model")),
               lineage_of(version),
               {}};
  const auto run = object_in(version, "run").text_or("run_id");
  if (run.empty()) return out;
  FETTLE_TRY(const auto found, get_run(server, run));
  for (const auto& [key, value] : values_of_run(found))
    if (!key.starts_with("tags.")) out.values.emplace(key, value);
  return out;
}

Result<void> compare_versions(Output& output, const TrackedOptions& options) {
  const auto server = client::server_url(options.server);
  FETTLE_TRY_(check_comparable(options.names, "versions"));
  std::vector<Compared> things;
  for (const auto& name : options.names) {
    FETTLE_TRY(auto thing, version_named(server, name));
    things.push_back(std::move(thing));
  }
  output.document(compared_document(things));
  print_comparison(output, things, options.all);
  return {};
}

}  // namespace

void add_model_compare_verb(Program& program) {
  auto options = std::make_shared<TrackedOptions>();
  auto verb = program.verb("model", "", "compare",
                           "Where versions differ: lineage, params, metrics, signature, aliases, approvals");
  verb.arguments("VERSION", options->names, "Two or more, as NAME/VERSION or NAME@ALIAS", true);
  add_server_option(verb, *options);
  verb.flag("--all", options->all, "Also what is the same");
  verb.examples("  fettle model compare flights@champion flights/4");
  verb.action([options](Output& output) { return compare_versions(output, *options); });
}

}  // namespace fettle::cli
