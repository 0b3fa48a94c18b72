// Predictions over HTTP: fettle-serve with 200 trees of depth 6 on one loop, beside an echo on the same HTTP server
// that only returns its body; and how fast and how small the programs start.
//
// Requests, echo and model alternate in rounds; medians are printed. The echo is the ceiling that the HTTP server sets.
#include <unistd.h>
#include <xgboost/c_api.h>

#include <cstdio>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "base/text.h"
#include "blob/store.h"
#include "bundle/bundle.h"
#include "http/server.h"
#include "load.h"
#include "os/file.h"
#include "os/process.h"

namespace {

using namespace fettle;

constexpr std::size_t kFeatures = 5;
constexpr std::size_t kTrainRows = 20'000;
constexpr int kTrees = 200;
constexpr int kBatch = 250;
constexpr int kRounds = 5;
constexpr double kSeconds = 1;
const std::vector<std::string> kNames{"hour", "weekday", "distance", "origin", "destination"};

void check(int code) {
  if (code == 0) return;
  std::fprintf(stderr, "serving_bench: %s\n", XGBGetLastError());
  std::exit(1);
}

template <typename T>
T need(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "serving_bench: %s\n", result.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

std::string train() {
  Rng rng(5);
  std::vector<float> rows(kTrainRows * kFeatures);
  std::vector<float> labels(kTrainRows);
  for (auto& x : rows) x = static_cast<float>(rng.uniform() * 100);
  for (std::size_t r = 0; r < kTrainRows; ++r)
    labels[r] = rows[r * kFeatures] + rows[r * kFeatures + 3] * rng.uniform() > 90 ? 1.0F : 0.0F;
  DMatrixHandle matrix = nullptr;
  BoosterHandle booster = nullptr;
  check(XGDMatrixCreateFromMat(rows.data(), kTrainRows, kFeatures, -1, &matrix));
  check(XGDMatrixSetFloatInfo(matrix, "label", labels.data(), kTrainRows));
  check(XGBoosterCreate(&matrix, 1, &booster));
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"objective", "binary:logistic"}, {"tree_method", "hist"}, {"max_depth", "6"}, {"verbosity", "0"}})
    check(XGBoosterSetParam(booster, name.c_str(), value.c_str()));
  for (int round = 0; round < kTrees; ++round) check(XGBoosterUpdateOneIter(booster, round, matrix));
  bst_ulong size = 0;
  const char* bytes = nullptr;
  check(XGBoosterSaveModelToBuffer(booster, R"({"format": "ubj"})", &size, &bytes));
  std::string out(bytes, size);
  check(XGBoosterFree(booster));
  check(XGDMatrixFree(matrix));
  return out;
}

void make_bundle(const std::string& folder) {
  need(os::make_folders(folder + "/model"));
  need(os::write_file(folder + "/model/model.ubj", train()));
  std::vector<std::string> inputs;
  for (const auto& name : kNames) inputs.push_back(text::format(R"({{"name": "{}", "kind": "float"}})", name));
  need(os::write_file(folder + "/model/signature.json",
                      text::format(R"({{"inputs": [{}], "output": "late"}})", text::join(inputs, ","))));
  const auto store = need(blob::Store::open(folder + "/blobs"));
  need(bundle::unpack(*store, need(bundle::create(*store, folder + "/model", "m", {})), folder + "/bundle"));
}

// An inference request of `rows` rows: JSON, or a JSON header with binary columns.
struct Body {
  std::string bytes;
  std::string headers;
};
Body json_body(int rows) {
  std::vector<std::string> inputs;
  for (const auto& name : kNames) {
    std::string data;
    for (int r = 0; r < rows; ++r) data += text::format("{}{}", r > 0 ? "," : "", (r * 37 % 1000) / 10.0);
    inputs.push_back(text::format(R"({{"name":"{}","shape":[{}],"datatype":"FP32","data":[{}]}})", name, rows, data));
  }
  return {text::format(R"({{"inputs":[{}]}})", text::join(inputs, ",")), ""};
}
Body binary_body(int rows) {
  std::vector<std::string> inputs;
  std::string raw;
  for (const auto& name : kNames) {
    inputs.push_back(
        text::format(R"({{"name":"{}","shape":[{}],"datatype":"FP32","parameters":{{"binary_data_size":{}}}}})", name,
                     rows, 4 * rows));
    for (int r = 0; r < rows; ++r) {
      const auto value = static_cast<float>(r * 37 % 1000) / 10;
      raw.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
  }
  const auto header =
      text::format(R"({{"parameters":{{"binary_data_output":true}},"inputs":[{}]}})", text::join(inputs, ","));
  return {header + raw, text::format("Inference-Header-Content-Length: {}\r\n", header.size())};
}

int echo(const std::string& port) {
  os::block_stop_signals();
  http::Router router;
  const http::RouteOptions on_loop{.run = http::Run::Loop};
  router.add(
      http::Method::Post, "/v2/models/{model}/infer",
      [](const http::Request& request) { return http::Response::json(request.body); }, on_loop);
  router.add(http::Method::Get, "/health", [](const http::Request&) { return http::Response::text("OK"); }, on_loop);
  const auto server = need(http::Server::start({.address = "127.0.0.1:" + port}, std::move(router)));
  os::wait_for_stop_signal();
  return 0;
}

struct Measure {
  std::string name;
  Body body;
  int rows = 1, connections = 16;
};

void print(bool json, const Measure& measure, const bench::Load& fettle, const bench::Load& echo) {
  const double rows = fettle.requests_per_second * measure.rows;
  const auto* const form =
      json ? "{\"measure\": \"infer_%s\", \"requests_per_s\": %.0f, \"rows_per_s\": %.0f, \"p50_us\": %.0f, "
             "\"p99_us\": %.0f, \"echo_per_s\": %.0f, \"share_of_echo\": %.2f}\n"
           : "%-22s %8.0f requests/s %10.0f rows/s  p50 %6.0f us  p99 %6.0f us   echo %8.0f/s   %.2f of it\n";
  std::printf(form, measure.name.c_str(), fettle.requests_per_second, rows, fettle.p50_us, fettle.p99_us,
              echo.requests_per_second, fettle.requests_per_second / echo.requests_per_second);
}

bench::Load middle(const std::vector<bench::Load>& loads) {
  const auto of = [&](double bench::Load::* member) {
    std::vector<double> values;
    for (const auto& load : loads) values.push_back(load.*member);
    return bench::median(std::move(values));
  };
  return {of(&bench::Load::requests_per_second), of(&bench::Load::p50_us), of(&bench::Load::p99_us)};
}

void measure_load(bool json, const std::string& bundle, const std::string& events) {
  const auto port = bench::free_port();
  const auto echo_port = bench::free_port();
  const bench::Program fettle(
      {"fettle-serve", bundle, "--http", text::format("127.0.0.1:{}", port), "--events", events}, port);
  const bench::Program echo({os::executable_path(), "--echo", std::to_string(echo_port)}, echo_port);
  for (const auto& measure : {Measure{"1_row_1_connection", json_body(1), 1, 1}, Measure{"1_row", json_body(1)},
                              Measure{"1_row_binary", binary_body(1)}, Measure{"250_rows", json_body(kBatch), kBatch},
                              Measure{"250_rows_binary", binary_body(kBatch), kBatch}}) {
    const auto request = bench::post("/v2/models/m/infer", measure.body.bytes, measure.body.headers);
    std::vector<bench::Load> ours, echoes;
    for (int round = 0; round < kRounds; ++round) {
      ours.push_back(bench::run_load(port, request, measure.connections, kSeconds));
      echoes.push_back(bench::run_load(echo_port, request, measure.connections, kSeconds));
      if (ours.back().failed > 0) need(Result<void>(fail(Code::Internal, "some requests were refused")));
    }
    print(json, measure, middle(ours), middle(echoes));
  }
}

void measure_start(bool json, const char* name, const std::function<bench::Program(std::uint16_t)>& start) {
  std::vector<double> times, sizes;
  for (int round = 0; round < 2 * kRounds; ++round) {
    const auto program = start(bench::free_port());
    times.push_back(program.start_ms());
    sizes.push_back(program.resident_mb());
  }
  const auto* const form = json ? "{\"measure\": \"start_%s\", \"ms\": %.1f, \"resident_mb\": %.1f}\n"
                                : "start to first answer: %-20s %6.1f ms   %6.1f MB resident\n";
  std::printf(form, name, bench::median(times), bench::median(sizes));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2 && std::string_view(argv[1]) == "--echo") return echo(argv[2]);
  const bool json = argc > 1 && std::string_view(argv[1]) == "--json";
  const auto temp = need(os::TempFolder::create());
  const auto folder = temp.path();
  make_bundle(folder);
  const auto address = [](std::uint16_t port) { return text::format("127.0.0.1:{}", port); };
  measure_start(json, "fettle-serve", [&](std::uint16_t port) {
    return bench::Program({"fettle-serve", folder + "/bundle", "--http", address(port)}, port);
  });
  measure_start(json, "fettle-serve_grpc", [&](std::uint16_t port) {
    return bench::Program({"fettle-serve", folder + "/bundle", "--http", address(port), "--grpc", "127.0.0.1:0"}, port);
  });
  measure_start(json, "fettle_server", [&](std::uint16_t port) {
    return bench::Program({"fettle", "server", "--data", text::format("{}/data-{}", folder, port), "--control",
                           address(port), "--predict", "127.0.0.1:0", "--grpc", "127.0.0.1:0"},
                          port);
  });
  measure_load(json, folder + "/bundle", folder + "/events");
  return 0;
}
