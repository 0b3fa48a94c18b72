#include "tracking/contents.h"

#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "base/rng.h"
#include "base/text.h"
#include "json/value.h"
#include "tracking/traffic.h"

namespace fettle::bench {
namespace {

constexpr int kBatch = 1000;
constexpr int kMany = 1'000'000;
constexpr int kSmaller = 10;
constexpr int kManyInSmaller = 10'000;
constexpr std::int64_t kStart = 1'700'000'000'000;

std::string text_of(const std::string& answer, std::string_view object, std::string_view key) {
  const auto value = need(json::parse(answer));
  const auto* inside = value.find(object);
  return inside == nullptr ? value.text_or(key) : inside->text_or(key);
}

// One run as two lines of an import: what it is, and its points.
std::string run_lines(const std::string& experiment, int number, Rng& rng) {
  static constexpr std::array<std::string_view, 4> kModels{"xgb", "forest", "linear", "net"};
  const auto id = rng.hex(32);
  const auto start = kStart + number * std::int64_t{1000};
  const double auc = rng.uniform();
  auto out = text::format(
      R"({{"kind":"run","record":{{"id":"{0}","experiment":"{1}","name":"run {2}","user":"bench","artifact_uri":)"
      R"("mlflow-artifacts:/{1}/{0}/artifacts","status":3,"start_ms":{3},"params":[{{"key":"model","value":)"
      R"("{4}"}},{{"key":"depth","value":"{5}"}}],"tags":[{{"key":"team","value":"team {6}"}},)"
      R"({{"key":"job","value":"job {2}"}}]}}}})"
      "\n",
      id, experiment, number, start, kModels[rng.below(4)], 2 + rng.below(10), rng.below(50));
  for (const auto& [key, value] : std::initializer_list<std::pair<std::string_view, double>>{
           {"auc", auc}, {"loss", 1 - auc + 0.1 * rng.uniform()}, {"epochs", static_cast<double>(rng.below(10))}})
    out += text::format(R"({{"kind":"points","run":"{}","key":"{}","points":[[{},1,{}]]}})"
                        "\n",
                        id, key, start, value);
  return out;
}

std::string import_runs(http::Client& client, const std::string& name, int count, Rng& rng) {
  auto experiment = new_experiment(client, name);
  for (int i = 0; i < count; i += kBatch) {
    std::string lines;
    for (int j = 0; j < kBatch; ++j) lines += run_lines(experiment, i + j, rng);
    ask(client, {http::Method::Post, "/api/fettle/v1/import", lines});
    if (i % 50'000 == 0) progress(text::format("{} of {} runs stored in {}", i, count, name));
  }
  return experiment;
}

}  // namespace

void progress(const std::string& what) {
  if (::isatty(STDERR_FILENO) != 0)
    std::fprintf(stderr, "\r\033[K%s", what.c_str());
  else if (!what.empty())
    std::fprintf(stderr, "%s\n", what.c_str());
}

std::string new_experiment(http::Client& client, const std::string& name) {
  return text_of(ask(client, post("/experiments/create", text::format(R"({{"name":"{}"}})", name))), "",
                 "experiment_id");
}

std::string new_run(http::Client& client, const std::string& experiment) {
  const auto answer = ask(
      client, post("/runs/create", text::format(R"({{"experiment_id":"{}","start_time":{}}})", experiment, kStart)));
  return need(json::parse(answer)).find("run")->find("info")->text_or("run_id");
}

std::string points_body(const std::string& run, std::int64_t first, int count, int keys) {
  Rng rng(static_cast<std::uint64_t>(first));
  std::string out;
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = 0.3 + 2 * std::exp(-static_cast<double>(first + i) / 1e5) + 0.02 * rng.normal();
    const auto time = kStart + 50 * (first + i) + static_cast<std::int64_t>(rng.below(20));
    out += text::format(R"({}{{"key":"m{}","value":{},"timestamp":{},"step":{}}})", i > 0 ? "," : "", i % keys, value,
                        time, first + i);
  }
  return text::format(R"({{"run_id":"{}","metrics":[{}]}})", run, out);
}

void log_points(http::Client& client, const std::string& run, int count) {
  for (int i = 0; i < count; i += 1000) {
    ask(client, post("/runs/log-batch", points_body(run, i, 1000, 1)));
    if (i % 100'000 == 0 && count > 100'000) progress(text::format("{} of {} points logged", i, count));
  }
}

std::string make_runs(http::Client& client, int runs) {
  auto experiment = new_experiment(client, text::format("{} runs", runs));
  for (int r = 0; r < runs; ++r) {
    const auto run = new_run(client, experiment);
    std::string params;
    for (int p = 0; p < 10; ++p)
      params += text::format(R"({}{{"key":"p{}","value":"{}"}})", p > 0 ? "," : "", p, (r + p) % 7);
    auto body = points_body(run, r, 20, 20);
    body.insert(
        body.size() - 1,
        text::format(R"(,"params":[{}],"tags":[{{"key":"team","value":"a"}},{{"key":"kind","value":"b"}}])", params));
    ask(client, post("/runs/log-batch", body));
    ask(client, post("/runs/log-inputs",
                     text::format(R"({{"run_id":"{}","datasets":[{{"tags":[{{"key":"mlflow.data.context","value":)"
                                  R"("train"}}],"dataset":{{"name":"d","digest":"{}","source_type":"local",)"
                                  R"("source":"{{}}","schema":"{{}}"}}}}]}})",
                                  run, r % 5)));
  }
  return experiment;
}

ManyRuns import_many_runs(http::Client& client) {
  Rng rng(1);
  ManyRuns out;
  for (int i = 0; i < kSmaller; ++i)
    out.smaller.push_back(import_runs(client, text::format("smaller {}", i), kManyInSmaller, rng));
  out.experiment = import_runs(client, "a million runs", kMany, rng);
  return out;
}

}  // namespace fettle::bench
