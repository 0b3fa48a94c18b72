// `fettle import mlflow SOURCE`: what another tracking server has, taken over.
#include "transfer/import.h"

#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "http/client.h"
#include "json/describe.h"
#include "os/file.h"
#include "os/process.h"
#include "transfer/bucket.h"
#include "transfer/database.h"
#include "transfer/folder.h"
#include "transfer/live.h"
#include "transfer/locations.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kNounHelp = "Take over what another tracking server has";
constexpr std::string_view kRoute = "/api/fettle/v1/import";
constexpr std::int64_t kRedrawMs = 100;

struct Options {
  std::string source, server, destination, suffix;
  std::string artifacts = "own";
  bool check = false, dry_run = false, any_schema = false;
};

class HttpTarget final : public transfer::Target {
 public:
  static Result<std::unique_ptr<HttpTarget>> open(const std::string& server) {
    FETTLE_TRY(auto client, client::connect(server));
    return std::unique_ptr<HttpTarget>(new HttpTarget(std::move(client), server));
  }
  Result<std::vector<transfer::Applied>> apply(const std::string& batch, const std::string& suffix) override {
    const auto path = text::format("{}?suffix={}", kRoute, http::percent_encode(suffix));
    FETTLE_TRY(const auto answer, client::post(client_, server_, path, batch));
    const auto* applied = answer.find("applied");
    return json::from_value<std::vector<transfer::Applied>>(applied == nullptr ? json::Value() : *applied, "answer");
  }
  Result<std::map<std::string, std::string>> marks(const std::string& kind,
                                                   const std::vector<std::string>& ids) override {
    return ask("marks", kind, ids);
  }
  Result<std::map<std::string, std::string>> digests(const std::string& kind,
                                                     const std::vector<std::string>& ids) override {
    return ask("digests", kind, ids);
  }
  Result<void> put_artifact(const std::string& path, const std::string& file) override {
    std::vector<std::string> parts;
    for (const auto& part : text::split(path, '/')) parts.push_back(http::percent_encode(part));
    return client::upload(client_, server_, "/api/2.0/mlflow-artifacts/artifacts/" + text::join(parts, "/"), file);
  }

 private:
  HttpTarget(http::Client client, std::string server) : client_(std::move(client)), server_(std::move(server)) {}
  Result<std::map<std::string, std::string>> ask(std::string_view what, const std::string& kind,
                                                 const std::vector<std::string>& ids) {
    json::Value body;
    body.set("kind", kind).set("ids", json::to_value(ids));
    FETTLE_TRY(const auto answer,
               client::post(client_, server_, text::format("{}/{}", kRoute, what), json::dump(body)));
    const auto* found = answer.find(what);
    return json::from_value<std::map<std::string, std::string>>(found == nullptr ? json::Value() : *found, "answer");
  }
  http::Client client_;
  std::string server_;
};

struct Opened {
  std::unique_ptr<transfer::Source> source;
  std::unique_ptr<transfer::Files> files;
};

// As MLflow's own client is told who one is.
std::string authorization() {
  if (const auto token = os::environment("MLFLOW_TRACKING_TOKEN")) return "Bearer " + *token;
  const auto user = os::environment("MLFLOW_TRACKING_USERNAME");
  if (!user) return {};
  return "Basic " + text::base64(*user + ":" + os::environment("MLFLOW_TRACKING_PASSWORD").value_or(""));
}

std::string without_scheme(const std::string& uri) {
  return uri.starts_with("file:") ? transfer::local_path(uri) : uri;
}

Result<Opened> open(const Options& options, const std::string& folder) {
  Opened out;
  if (options.source.starts_with("http://") || options.source.starts_with("https://")) {
    auto url = options.source;
    while (url.ends_with('/')) url.pop_back();
    const transfer::LiveOptions live{url, authorization(), os::environment("FETTLE_CA_FILE").value_or(""), folder};
    FETTLE_TRY(out.source, transfer::open_live(live));
    FETTLE_TRY(out.files, transfer::live_files(live));
    return out;
  }
  const auto path = without_scheme(options.source);
  if (os::is_folder(path)) {
    FETTLE_TRY(out.source, transfer::open_folder(path));
    out.files = transfer::local_files(options.destination, path);
    return out;
  }
  FETTLE_TRY(out.source, transfer::open_database(options.source, options.any_schema));
  out.files = transfer::local_files(options.destination, "");
  return out;
}

// Draws at most ten times a second: how far, how fast, how long still.
class Meter {
 public:
  explicit Meter(Output& output) : output_(output) {}
  void operator()(const transfer::Progress& now) {
    const auto at = system_clock().now_ms();
    if (now.what != what_) {
      what_ = now.what;
      start_ms_ = at;
      first_ = now;
    } else if (at - drawn_ms_ < kRedrawMs && now.done != now.total) {
      return;
    }
    drawn_ms_ = at;
    const auto total = std::max(now.total, now.done);
    const double fraction = now.total == 0 ? -1 : static_cast<double>(now.done) / static_cast<double>(total);
    output_.progress(now.what, fraction, detail(now, static_cast<double>(at - start_ms_)));
  }

 private:
  [[nodiscard]] std::string detail(const transfer::Progress& now, double took_ms) const {
    auto out = text::human_count(now.done);
    if (now.total > 0) out += " of " + text::human_count(now.total);
    if (now.points > 0) out += ", " + text::human_count(now.points) + " points";
    if (now.bytes > 0) out += ", " + text::human_bytes(now.bytes);
    if (took_ms < 1000) return out;
    const auto per_second = [&](std::uint64_t count) {
      return text::human_count(static_cast<std::uint64_t>(static_cast<double>(count) * 1000 / took_ms));
    };
    out += ", " + per_second(now.done - first_.done) + "/s";
    if (now.points > first_.points) out += ", " + per_second(now.points - first_.points) + " points/s";
    if (now.total > now.done && now.done > first_.done)
      out += text::format(", {} left", text::human_duration_ms(took_ms * static_cast<double>(now.total - now.done) /
                                                               static_cast<double>(now.done - first_.done)));
    return out;
  }
  Output& output_;
  std::string what_;
  transfer::Progress first_;
  std::int64_t start_ms_ = 0, drawn_ms_ = 0;
};

json::Value to_json(const transfer::Summary& summary) {
  json::Value out;
  for (const auto& [kind, tally] : summary.kinds) {
    json::Value counts;
    counts.set("created", tally.created).set("updated", tally.updated).set("unchanged", tally.unchanged);
    counts.set("kept", tally.kept).set("conflicts", tally.conflicts);
    out.set(kind, std::move(counts));
  }
  out.set("points", summary.points).set("files", summary.files).set("bytes", summary.bytes);
  out.set("artifacts_left", summary.elsewhere);
  out.set("conflicts", json::to_value(summary.conflicts)).set("mapped", json::to_value(summary.mapped));
  return out;
}

json::Value to_json(const transfer::Comparison& comparison) {
  json::Value out;
  for (const auto& [kind, count] : comparison.kinds)
    out.set(kind, json::Value().set("source", count.source).set("same", count.same));
  return std::move(
      out.set("differing", comparison.differing).set("differences", json::to_value(comparison.differences)));
}

std::string number_or_dash(std::uint64_t number) { return number == 0 ? "-" : std::to_string(number); }

void print(Output& output, const transfer::Summary& summary) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [kind, t] : summary.kinds)
    rows.push_back({kind, number_or_dash(t.created), number_or_dash(t.updated), number_or_dash(t.unchanged),
                    number_or_dash(t.kept), number_or_dash(t.conflicts)});
  output.table({"", "new", "updated", "unchanged", "changed here", "conflicts"}, rows);
  for (const auto& words : summary.mapped) output.line(words);
}

std::uint64_t conflicts_in(const transfer::Summary& summary) {
  std::uint64_t out = 0;
  for (const auto& [kind, tally] : summary.kinds) out += tally.conflicts;
  return out;
}

Result<void> refuse_conflicts(const transfer::Summary& summary) {
  const auto count = conflicts_in(summary);
  if (count == 0) return {};
  return fail(Code::FailedPrecondition,
              text::format("{} conflicts were left out, the rest was imported: {}; give --suffix TEXT to take "
                           "experiments and models under other names",
                           count, text::join(summary.conflicts, "; ")));
}

Result<json::Value> check(Output& output, Opened& opened, transfer::Target& target,
                          const transfer::ImportOptions& how) {
  Meter meter(output);
  const auto compared =
      transfer::compare(*opened.source, *opened.files, target, how, [&](const auto& now) { meter(now); });
  output.progress_done();
  if (!compared) return fail(compared.error());
  std::vector<std::vector<std::string>> rows;
  for (const auto& [kind, count] : compared->kinds)
    rows.push_back({kind, std::to_string(count.source), std::to_string(count.same)});
  output.table({"compared", "in the source", "the same here"}, rows);
  for (const auto& words : compared->differences) output.line(words);
  return to_json(*compared);
}

Result<void> plan(Output& output, Opened& opened, transfer::Target& target, const transfer::ImportOptions& how) {
  Meter meter(output);
  const auto summary = transfer::plan_import(*opened.source, target, how, [&](const auto& now) { meter(now); });
  output.progress_done();
  if (!summary) return fail(summary.error());
  output.document(to_json(*summary));
  output.line("nothing was written; an import would find:");
  print(output, *summary);
  for (const auto& words : summary->conflicts) output.line(words);
  return {};
}

Result<transfer::Copying> copying_of(const std::string& word) {
  if (word == "own") return transfer::Copying::Own;
  if (word == "copy") return transfer::Copying::WithS3;
  if (word == "leave") return transfer::Copying::None;
  return fail(Code::InvalidArgument, text::format("--artifacts takes own, copy or leave, not '{}'", word));
}

Result<void> import(Output& output, const Options& options) {
  FETTLE_TRY(const auto copying, copying_of(options.artifacts));
  FETTLE_TRY(const auto folder, os::TempFolder::create("fettle-import"));
  FETTLE_TRY(auto opened, open(options, folder.path()));
  if (copying == transfer::Copying::WithS3)
    opened.files = transfer::with_buckets(std::move(opened.files),
                                          os::environment("MLFLOW_S3_ENDPOINT_URL").value_or(""), folder.path());
  FETTLE_TRY(const auto target, HttpTarget::open(client::server_url(options.server)));
  FETTLE_TRY(const auto overview, opened.source->overview());
  output.line("from " + overview.what);
  if (!overview.left_out.empty())
    output.line(text::format("not taken, they stay in the source: {}", text::join(overview.left_out, ", ")));
  const transfer::ImportOptions how{copying, options.suffix};
  if (options.dry_run) return plan(output, opened, *target, how);
  Meter meter(output);
  const auto summary =
      transfer::run_import(*opened.source, *opened.files, *target, how, [&](const auto& now) { meter(now); });
  output.progress_done();
  if (!summary) return fail(summary.error().within("import stopped; the same command goes on with it"));
  auto document = to_json(*summary);
  document.set("source", overview.what).set("left_out", json::to_value(overview.left_out));
  print(output, *summary);
  output.line(text::format("{} points, {} files ({}) sent", text::human_count(summary->points),
                           text::human_count(summary->files), text::human_bytes(summary->bytes)));
  if (summary->elsewhere > 0)
    output.line(
        text::format("artifacts of {} runs and models stay where they are, as at {}{}", summary->elsewhere,
                     summary->elsewhere_example,
                     summary->elsewhere_example.starts_with("s3:") ? "; --artifacts copy takes those of s3: too" : ""));
  std::optional<json::Value> compared;
  if (options.check) {
    FETTLE_TRY(compared, check(output, opened, *target, how));
    document.set("check", *compared);
  }
  output.document(document);
  FETTLE_TRY_(refuse_conflicts(*summary));
  if (compared && compared->int_or("differing", 0) > 0)
    return fail(Code::FailedPrecondition,
                text::format("{} things differ between the source and this server", compared->int_or("differing", 0)));
  return {};
}

}  // namespace

void add_import_verb(Program& program) {
  auto options = std::make_shared<Options>();
  auto verb = program.verb("import", kNounHelp, "mlflow",
                           "Take over an MLflow server, its database or its mlruns folder: ids, dates, everything");
  verb.argument("SOURCE", options->source,
                "http(s)://HOST:PORT, a SQLite file or sqlite:///PATH, postgresql://..., or an mlruns folder");
  verb.option("--server", options->server, client::kServerHelp);
  verb.option("--artifacts-destination", options->destination,
              "Folder behind mlflow-artifacts:/, as `mlflow server --artifacts-destination` names it");
  verb.option("--artifacts", options->artifacts,
              "own: copy those that MLflow's server or machine keeps; copy: those of s3: too, with AWS's credentials "
              "here; leave: none, their locations stay");
  verb.option("--suffix", options->suffix, "Added to names of experiments and models that are taken here");
  verb.flag("--check", options->check, "Afterwards compare everything, by count and digest");
  verb.flag("--dry-run", options->dry_run, "Only say what would be done");
  verb.flag("--any-schema", options->any_schema, "Read a database whose schema is newer than this program");
  verb.examples(
      "  fettle import mlflow http://mlflow.example:5000 --check\n"
      "  fettle import mlflow mlflow.db --artifacts-destination ./mlartifacts\n  fettle import mlflow ./mlruns");
  verb.action([options](Output& output) { return import(output, *options); });
}

}  // namespace fettle::cli
