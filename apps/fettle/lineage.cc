#include "lineage.h"

#include "base/clock.h"
#include "base/text.h"
#include "client.h"
#include "http/client.h"

namespace fettle::cli {
namespace {

constexpr std::size_t kDigest = 12;

const json::Value& member(const json::Value& value, std::string_view key) {
  static const json::Value kNull;
  const auto* found = value.find(key);
  return found == nullptr ? kNull : *found;
}
const json::Array& items(const json::Value& value, std::string_view key) {
  static const json::Array kNone;
  const auto& list = member(value, key);
  return list.is_array() ? list.as_array() : kNone;
}

std::string day(const json::Value& value, std::string_view key) {
  return text::rfc3339(value.int_or(key, 0)).substr(0, 19);
}
std::string number_in_words(std::int64_t version) { return version == 0 ? "none" : text::format("v{}", version); }

Result<std::int64_t> resolve(const std::string& server, const VersionName& name) {
  if (name.alias.empty()) return name.version;
  FETTLE_TRY(const auto answer,
             client::get(server, text::format("/api/2.0/mlflow/registered-models/alias?name={}&alias={}",
                                              http::percent_encode(name.model), http::percent_encode(name.alias))));
  const auto number = text::parse_int(member(answer, "model_version").text_or("version"));
  if (number) return *number;
  return fail(Code::Internal, text::format("the server at {} named no version", server));
}

Result<json::Value> lineage_at(const std::string& server, const std::string& model, std::int64_t version) {
  return client::get(
      server, text::format("/api/fettle/v1/models/{}/versions/{}/lineage", http::percent_encode(model), version));
}

void print_field(Output& output, std::string_view name, const std::string& value) {
  output.line(text::format("  {:<11} {}", name, value));
}

void print_signature(Output& output, const json::Value& signature) {
  if (!signature.is_object()) return print_field(output, "signature", "not known");
  for (const auto* side : {"inputs", "outputs"}) {
    std::vector<std::string> names;
    for (const auto& each : items(signature, side))
      names.push_back(text::format("{}: {}", each.text_or("name", "tensor"), each.text_or("type", "?")));
    if (!names.empty()) print_field(output, side, text::join(names, ", "));
  }
}

void print_origin(Output& output, const json::Value& version) {
  const auto& run = member(version, "run");
  print_field(output, "run",
              run.is_object()
                  ? text::format("{} {} ({})", run.text_or("run_id"), run.text_or("name"), day(run, "start_ms"))
                  : "not known");
  if (const auto model = version.text_or("logged_model"); !model.empty()) print_field(output, "model", model);
  for (const auto& data : items(version, "data")) {
    const auto context = data.text_or("context");
    print_field(output, "data",
                text::format("{} {} ({}{}{})", data.text_or("name"), data.text_or("digest").substr(0, kDigest),
                             data.text_or("kind"), context.empty() ? "" : ", ", context));
  }
  for (const auto& step : items(version, "steps"))
    print_field(output, "step", text::format("{} {}", step.text_or("name"), step.text_or("digest").substr(0, kDigest)));
  const bool dirty = member(version, "dirty") == json::Value(true);
  print_field(output, "commit",
              version.text_or("commit", "not known") + (dirty ? " with changes that were not committed" : ""));
  const auto& bundle = member(version, "bundle");
  print_field(output, "bundle", bundle.is_object() ? bundle.text_or("digest") : "none");
  print_signature(output, member(version, "signature"));
}

void print_governance(Output& output, const json::Value& version) {
  for (const auto& verdict : items(version, "verdicts")) print_field(output, "gate", verdict.text_or("status"));
  for (const auto& request : items(version, "requests")) {
    const auto by = request.text_or("decided_by");
    print_field(
        output, "approval",
        text::format("{}: {} asked to move {} here; {}{}{}", request.text_or("id"), request.text_or("requested_by"),
                     request.text_or("alias"), request.text_or("state"), by.empty() ? "" : " by ", by));
  }
  for (const auto& change : items(version, "alias_changes")) {
    const auto why = change.text_or("reason");
    print_field(output, "alias",
                text::format("{} {}: {} -> {} by {}{}{}", day(change, "time_ms"), change.text_or("alias"),
                             number_in_words(change.int_or("from", 0)), number_in_words(change.int_or("version", 0)),
                             change.text_or("actor"), why.empty() ? "" : ": ", why));
  }
}

}  // namespace

std::optional<VersionName> parse_version_name(const std::string& text) {
  if (const auto slash = text.rfind('/'); slash != std::string::npos) {
    const auto number = text::parse_int(text.substr(slash + 1));
    return VersionName{text.substr(0, slash), "", number.value_or(0)};
  }
  const auto at = text.rfind('@');
  if (at == std::string::npos) return std::nullopt;
  return VersionName{text.substr(0, at), text.substr(at + 1), 0};
}

Result<json::Value> get_version(const std::string& server, const std::string& name) {
  const auto parsed = parse_version_name(name);
  if (!parsed)
    return fail(Code::InvalidArgument,
                text::format(
                    "'{0}' names no version: write {0}/NUMBER or {0}@ALIAS; `fettle model show {0}` lists them", name));
  FETTLE_TRY(const auto number, resolve(server, *parsed));
  return lineage_at(server, parsed->model, number);
}

Result<void> show_version(Output& output, const std::string& server, VersionName name) {
  FETTLE_TRY(name.version, resolve(server, name));
  FETTLE_TRY(const auto version, lineage_at(server, name.model, name.version));
  output.document(version);
  std::vector<std::string> aliases;
  for (const auto& alias : items(version, "aliases")) aliases.push_back(alias.as_string());
  output.line(text::format("version {} of {}{}{}", name.version, name.model, aliases.empty() ? "" : ": ",
                           text::join(aliases, ", ")));
  const auto user = version.text_or("user");
  print_field(output, "made", day(version, "created_ms") + (user.empty() ? "" : " by " + user));
  print_field(output, "files", version.text_or("source"));
  print_origin(output, version);
  print_governance(output, version);
  return {};
}

}  // namespace fettle::cli
