// `fettle model list|search|show|compare|export`: registered models, their versions and aliases.
#include <memory>

#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "export.h"
#include "lineage.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kModelHelp = "Registered models: versions, and aliases that point to them";
constexpr std::size_t kBrief = 12;

struct ModelOptions : TrackedOptions {
  std::string model;
  ExportOptions file;
};

std::string aliases_in_words(const json::Value& model) {
  std::vector<std::string> out;
  for (const auto& alias : list_in(&model, "aliases"))
    out.push_back(text::format("{} -> v{}", alias.text_or("alias"), alias.text_or("version")));
  return text::join(out, ", ");
}

Result<void> list_models(Output& output, const ModelOptions& options) {
  json::Value found = json::Value::array();
  std::vector<std::vector<std::string>> rows;
  FETTLE_TRY(const bool more,
             each_found(models_search(options, options.limit), [&](const json::Value& model) -> Result<void> {
               const auto& latest = list_in(&model, "latest_versions");
               rows.push_back({model.text_or("name"), latest.empty() ? "-" : "v" + latest.back().text_or("version"),
                               aliases_in_words(model), time_in_words(model, "last_updated_timestamp")});
               found.push(model);
               return {};
             }));
  output.document(json::Value().set("registered_models", std::move(found)).set("more", more));
  if (rows.empty())
    output.line("no registered models");
  else
    output.table({"model", "newest", "aliases", "changed"}, rows);
  if (more) output.line("there are more; see them with --limit");
  return {};
}

std::string tag_of(const json::Value& version, std::string_view key) {
  for (const auto& tag : list_in(&version, "tags"))
    if (tag.text_or("key") == key) return tag.text_or("value");
  return "";
}

std::string names_of(const json::Value& version) {
  std::vector<std::string> out;
  for (const auto& alias : list_in(&version, "aliases")) out.push_back(alias.as_string());
  return text::join(out, ", ");
}

// A name inside a filter: it holds no quote of the kind that surrounds it.
Result<std::string> filter_of(const std::string& model) {
  const char quote = model.contains('\'') ? '"' : '\'';
  if (model.contains(quote))
    return fail(Code::InvalidArgument, text::format("model {} has both kinds of quotes in its name", model));
  return text::format("name = {0}{1}{0}", quote, model);
}

Search versions_search(const ModelOptions& options, const std::string& filter) {
  json::Value parameters;
  parameters.set("filter", filter).set("order_by", json::Array{"version_number DESC"});
  return {.server = options.server,
          .route = "/model-versions/search",
          .list = "model_versions",
          .method = http::Method::Get,
          .parameters = std::move(parameters)};
}

Result<void> show_model(Output& output, const ModelOptions& options) {
  if (auto version = parse_version_name(options.model))
    return show_version(output, options.server, *std::move(version));
  FETTLE_TRY(auto model, find_registered_model(options.server, options.model));
  FETTLE_TRY(const auto filter, filter_of(options.model));
  json::Value versions = json::Value::array();
  std::vector<std::vector<std::string>> rows;
  FETTLE_TRY_(each_found(versions_search(options, filter), [&](const json::Value& version) -> Result<void> {
    rows.push_back({"v" + version.text_or("version"), names_of(version), time_in_words(version, "creation_timestamp"),
                    version.text_or("run_id"), tag_of(version, "fettle.bundle").substr(0, kBrief)});
    versions.push(version);
    return {};
  }));
  const auto description = model.text_or("description");
  output.document(model.set("versions", std::move(versions)));
  output.line(text::format("model {}{}", options.model, description.empty() ? "" : ": " + description));
  if (rows.empty())
    output.line("no versions yet");
  else
    output.table({"version", "aliases", "made", "run", "bundle"}, rows);
  return {};
}

Result<void> export_models(Output& output, const ModelOptions& options) {
  using table::Kind;
  FETTLE_TRY(auto out, TableExport::open(output, options.file, Columns::AsMet,
                                         {{"name", Kind::Text},
                                          {"version", Kind::Int},
                                          {"aliases", Kind::Text},
                                          {"current_stage", Kind::Text},
                                          {"status", Kind::Text},
                                          {"run_id", Kind::Text},
                                          {"model_id", Kind::Text},
                                          {"source", Kind::Text},
                                          {"description", Kind::Text},
                                          {"user_id", Kind::Text},
                                          {"creation_timestamp", Kind::Int},
                                          {"last_updated_timestamp", Kind::Int}}));
  const auto take = [&](const json::Value& version) {
    out.whole("version", text::parse_int(version.text_or("version")).value_or(0));
    out.text("aliases", names_of(version));
    for (const auto* key :
         {"name", "current_stage", "status", "run_id", "model_id", "source", "description", "user_id"})
      if (version.find(key) != nullptr) out.text(key, version.text_or(key));
    for (const auto* key : {"creation_timestamp", "last_updated_timestamp"}) out.whole(key, version.int_or(key, 0));
    for (const auto& tag : list_in(&version, "tags")) out.text("tags." + tag.text_or("key"), tag.text_or("value"));
    return out.end_row();
  };
  for (const auto& name : options.names) {
    FETTLE_TRY_(find_registered_model(options.server, name));
    FETTLE_TRY(const auto filter, filter_of(name));
    FETTLE_TRY_(each_found(versions_search(options, filter), take));
  }
  if (options.names.empty()) FETTLE_TRY_(each_found(versions_search(options, options.filter), take));
  return out.finish("see `fettle model list`");
}

}  // namespace

void add_model_verbs(Program& program) {
  auto options = std::make_shared<ModelOptions>();
  const auto verb = [&](std::string_view name, std::string_view help) {
    auto out = program.verb("model", kModelHelp, name, help);
    add_server_option(out, *options);
    return out;
  };
  const auto act = [options](Verb& of, Result<void> (*work)(Output&, const ModelOptions&)) {
    act_on_server(of, options, work);
  };
  const auto add_choice = [options](Verb& of) {
    add_order_option(of, *options, "last_updated_timestamp DESC");
    add_limit_option(of, *options);
  };
  auto listing = verb("list", "List registered models");
  add_choice(listing);
  listing.examples("  fettle model list");
  act(listing, list_models);
  auto searching = verb("search", "List registered models that a filter leaves");
  searching.argument("FILTER", options->filter, "As in MLflow: name LIKE 'fl%' AND tags.team = 'a'");
  add_choice(searching);
  searching.examples("  fettle model search \"name LIKE 'fl%'\"");
  act(searching, list_models);
  auto showing = verb("show", "One model: its versions, newest first; or one version: where it comes from");
  showing.argument("MODEL", options->model, "NAME, NAME/VERSION or NAME@ALIAS");
  showing.examples("  fettle model show flights\n  fettle model show flights@champion");
  act(showing, show_model);
  add_model_compare_verb(program);
  auto exporting = verb("export", "Model versions as CSV, JSON lines or Parquet, one row a version");
  exporting.arguments("MODEL", options->names, "Names; by default all versions that --filter leaves");
  exporting.option("--filter", options->filter, "Of versions, as in MLflow: run_id = '0f3c...'");
  add_export_options(exporting, options->file);
  exporting.examples("  fettle model export flights --to versions.csv");
  act(exporting, export_models);
}

}  // namespace fettle::cli
