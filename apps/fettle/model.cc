// `fettle model list|show`: registered models, their versions and aliases.
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "http/client.h"
#include "lineage.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kNounHelp = "Registered models: versions, and aliases that point to them";
constexpr std::string_view kApi = "/api/2.0/mlflow";
constexpr std::size_t kBrief = 12;

struct Options {
  std::string server, model;
};

const json::Array& list_of(const json::Value& value, std::string_view key) {
  static const json::Array kNone;
  const auto* list = value.find(key);
  return list != nullptr && list->is_array() ? list->as_array() : kNone;
}

std::string when(const json::Value& value, std::string_view key) {
  const auto ms = value.int_or(key, 0);
  return ms > 0 ? text::rfc3339(ms).substr(0, 19) : "-";
}

std::string aliases_in_words(const json::Value& model) {
  std::vector<std::string> out;
  for (const auto& alias : list_of(model, "aliases"))
    out.push_back(text::format("{} -> v{}", alias.text_or("alias"), alias.text_or("version")));
  return text::join(out, ", ");
}

Result<void> list(Output& output, const Options& options) {
  FETTLE_TRY(const auto answer, client::get(client::server_url(options.server),
                                            std::string(kApi) + "/registered-models/search?max_results=1000"));
  output.document(answer);
  std::vector<std::vector<std::string>> rows;
  for (const auto& model : list_of(answer, "registered_models")) {
    const auto& latest = list_of(model, "latest_versions");
    rows.push_back({model.text_or("name"), latest.empty() ? "-" : "v" + latest.back().text_or("version"),
                    aliases_in_words(model), when(model, "last_updated_timestamp")});
  }
  if (rows.empty())
    output.line("no registered models");
  else
    output.table({"model", "newest", "aliases", "changed"}, rows);
  return {};
}

std::string tag_of(const json::Value& version, std::string_view key) {
  for (const auto& tag : list_of(version, "tags"))
    if (tag.text_or("key") == key) return tag.text_or("value");
  return "";
}

std::string names_of(const json::Value& version) {
  std::vector<std::string> out;
  for (const auto& alias : list_of(version, "aliases")) out.push_back(alias.as_string());
  return text::join(out, ", ");
}

// A name inside a filter: it holds no quote of the kind that surrounds it.
Result<std::string> versions_query(const std::string& model) {
  const char quote = model.contains('\'') ? '"' : '\'';
  if (model.contains(quote))
    return fail(Code::InvalidArgument, text::format("model {} has both kinds of quotes in its name", model));
  const auto filter = text::format("name = {0}{1}{0}", quote, model);
  return text::format("{}/model-versions/search?order_by={}&filter={}", kApi,
                      http::percent_encode("version_number DESC"), http::percent_encode(filter));
}

Result<void> show(Output& output, const Options& options) {
  const auto server = client::server_url(options.server);
  if (auto version = parse_version_name(options.model)) return show_version(output, server, *std::move(version));
  FETTLE_TRY(auto model, client::get(server, text::format("{}/registered-models/get?name={}", kApi,
                                                          http::percent_encode(options.model))));
  FETTLE_TRY(const auto query, versions_query(options.model));
  FETTLE_TRY(const auto versions, client::get(server, query));
  json::Value document = *model.find("registered_model");
  document.set("versions", list_of(versions, "model_versions"));
  output.document(document);
  output.line(text::format("model {}{}", options.model,
                           document.text_or("description").empty() ? "" : ": " + document.text_or("description")));
  std::vector<std::vector<std::string>> rows;
  for (const auto& version : list_of(versions, "model_versions"))
    rows.push_back({"v" + version.text_or("version"), names_of(version), when(version, "creation_timestamp"),
                    version.text_or("run_id"), tag_of(version, "fettle.bundle").substr(0, kBrief)});
  if (rows.empty())
    output.line("no versions yet");
  else
    output.table({"version", "aliases", "made", "run", "bundle"}, rows);
  return {};
}

}  // namespace

void add_model_verbs(Program& program) {
  auto options = std::make_shared<Options>();
  auto listing = program.verb("model", kNounHelp, "list", "List registered models");
  listing.option("--server", options->server, client::kServerHelp);
  listing.examples("  fettle model list");
  listing.action([options](Output& output) { return list(output, *options); });
  auto showing = program.verb("model", kNounHelp, "show",
                              "One model: its versions, newest first; or one version: where it comes from");
  showing.argument("MODEL", options->model, "NAME, NAME/VERSION or NAME@ALIAS");
  showing.option("--server", options->server, client::kServerHelp);
  showing.examples("  fettle model show flights\n  fettle model show flights@champion");
  showing.action([options](Output& output) { return show(output, *options); });
}

}  // namespace fettle::cli
