#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/rng.h"
#include "base/text.h"
#include "http/client.h"
#include "http/server.h"
#include "json/value.h"
#include "os/file.h"
#include "serving/http.h"
#include "serving/infer.h"
#include "serving/json_reader.h"
#include "serving/metrics.h"
#include "serving/testing/fake_model.h"

namespace fettle::serving {
namespace {

using model::ColumnKind;
using testing::sum_model;

const model::InputColumn kX{"x", ColumnKind::Float, {}};
model::InputColumn city(std::vector<std::string> names) { return {"city", ColumnKind::Category, std::move(names)}; }
std::string bundle_of(char digit) { return std::string(64, digit); }

EndpointSpec one_variant(float bias = 0) {
  EndpointSpec spec{.name = "m"};
  spec.variants.push_back({"champion", bundle_of('a'), 1, sum_model({kX, city({"A", "B"})}, bias)});
  return spec;
}

// The challenger knows the cities in another order, and one column more.
EndpointSpec two_variants(double challenger_percent) {
  auto spec = one_variant();
  spec.variants.push_back(
      {"challenger", bundle_of('b'), 2, sum_model({city({"C", "B", "A"}), kX, {"extra", ColumnKind::Float, {}}}, 100)});
  spec.slots =
      rollout::SlotTable::create({{"champion", 100 - challenger_percent}, {"challenger", challenger_percent}}, "salt")
          .value();
  return spec;
}

class Serving : public ::testing::Test {
 protected:
  void SetUp() override {
    temp_.emplace(os::TempFolder::create().value());
    log_ = event::Log::open(temp_->path() + "/events").value();
    runtime_ = std::make_unique<Runtime>(log_.get(), clock_);
  }

  // Scores `json` and returns the outputs; the batch keeps the rest.
  std::vector<float> score(const std::string& json) {
    endpoint_ = runtime_->find("m");
    batch_.begin(*endpoint_);
    const auto read = reader_.read_infer(json, {}, batch_);
    EXPECT_TRUE(read) << read.error().message;
    if (!read) return {};
    infer(batch_, *runtime_, clock_.monotonic_ns());
    return batch_.outputs;
  }
  std::vector<event::Prediction> events() {
    log_->flush();
    std::vector<event::Prediction> out;
    EXPECT_TRUE(log_->read({}, 1000, [&](event::Event&& event) {
      if (auto* prediction = std::get_if<event::Prediction>(&event)) out.push_back(std::move(*prediction));
    }));
    return out;
  }

  std::optional<os::TempFolder> temp_;
  ManualClock clock_{1000};
  std::unique_ptr<event::Log> log_;
  std::unique_ptr<Runtime> runtime_;
  JsonReader reader_;
  Batch batch_;
  std::shared_ptr<const Endpoint> endpoint_;
};

std::string request(const std::string& id, const std::string& more = "") {
  return R"({"id": ")" + id +
         R"(", "inputs": [{"name": "x", "shape": [3], "datatype": "FP32", "data": [1, 2, null]},)"
         R"( {"name": "city", "shape": [3], "datatype": "BYTES", "data": ["A", "B", "C"]})" +
         more + "]}";
}

TEST_F(Serving, RefusesSpecsThatCannotAnswer) {
  const auto message = [](const EndpointSpec& spec) { return check(spec).error().message; };
  EXPECT_TRUE(check(two_variants(5)));
  EXPECT_NE(message({.name = "m"}).find("no variants"), std::string::npos);
  auto spec = two_variants(5);
  spec.variants[1].name = "champion";
  EXPECT_NE(message(spec).find("named twice"), std::string::npos);
  spec = two_variants(5);
  spec.variants.pop_back();
  EXPECT_NE(message(spec).find("'challenger', which it does not have"), std::string::npos);
  spec = two_variants(5);
  spec.variants[1].model = sum_model({{"city", ColumnKind::Float, {}}}, 0);
  EXPECT_NE(message(spec).find("another kind of column"), std::string::npos);
  spec.variants[0].model = nullptr;
  EXPECT_NE(message(spec).find("no model"), std::string::npos);
  runtime_->set(spec);
  EXPECT_TRUE(runtime_->names().empty());
}

TEST_F(Serving, EachVariantCodesTextsItsOwnWay) {
  runtime_->set(two_variants(0));
  EXPECT_EQ(score(request("r")), (std::vector<float>{1, 3, -2000}));  // C is unknown to the champion
  runtime_->set(two_variants(100));
  // A is 2, B 1, C 0; the column that only the challenger takes is missing.
  EXPECT_EQ(score(request("r")), (std::vector<float>{1 + 2 + 100 - 1000, 2 + 1 + 100 - 1000, 0 + 100 - 2000}));
  const std::string extra = R"(, {"name": "extra", "shape": [3], "datatype": "FP32", "data": [5, 5, 5]})";
  EXPECT_EQ(score(request("r", extra))[0], 1 + 2 + 5 + 100);
}

TEST_F(Serving, AUnitStaysWithItsVariant) {
  runtime_->set(two_variants(30));
  std::string data, x, cities;
  constexpr int kRows = 2000;
  for (int i = 0; i < kRows; ++i) {
    data += text::format("{}\"unit-{}\"", i > 0 ? "," : "", i);
    x += i > 0 ? ",1" : "1";
    cities += i > 0 ? ",\"A\"" : "\"A\"";
  }
  const auto json = text::format(R"({{"inputs": [{{"name": "x", "shape": [{0}], "datatype": "FP32", "data": [{1}]}},)"
                                 R"({{"name": "city", "shape": [{0}], "datatype": "BYTES", "data": [{2}]}},)"
                                 R"({{"name": "fettle.unit", "shape": [{0}], "datatype": "BYTES", "data": [{3}]}}]}})",
                                 kRows, x, cities, data);
  const auto table = two_variants(30).slots;
  score(json);
  int challengers = 0;
  for (std::size_t row = 0; row < kRows; ++row) {
    ASSERT_EQ(batch_.competitors[row], table.assign(text::format("unit-{}", row)));
    challengers += batch_.competitors[row];
  }
  EXPECT_NEAR(challengers, 600, 100);
}

TEST_F(Serving, RowsWithoutAUnitAreAssignedByTheirIds) {
  runtime_->set(two_variants(50));
  score(request("some-request"));
  const auto table = two_variants(50).slots;
  for (std::size_t row = 0; row < 3; ++row)
    EXPECT_EQ(batch_.competitors[row], table.assign(text::format("some-request:{}", row)));
}

TEST_F(Serving, EveryRowLeavesAnEvent) {
  runtime_->set(two_variants(100));
  score(request("r-1", R"(, {"name": "fettle.unit", "shape": [3], "datatype": "BYTES", "data": ["u0", "u1", "u2"]},)"
                       R"( {"name": "fettle.time_ms", "shape": [3], "datatype": "INT64", "data": [7, 8, 9]})"));
  clock_.advance_ms(5);
  runtime_->set(one_variant());
  score(request("r-2"));
  const auto got = events();
  ASSERT_EQ(got.size(), 6U);
  EXPECT_EQ(got[1].id, "r-1:1");
  EXPECT_EQ(got[1].time_ms, 8);
  EXPECT_EQ(got[1].endpoint, "m");
  EXPECT_EQ(got[1].variant, "challenger");
  EXPECT_EQ(got[1].bundle, bundle_of('b'));
  EXPECT_EQ(got[1].unit, "u1");
  ASSERT_EQ(got[1].inputs.size(), 3U);
  EXPECT_EQ(got[1].inputs[0], 1);  // the challenger's own order and code
  EXPECT_EQ(got[1].inputs[1], 2);
  EXPECT_TRUE(std::isnan(got[1].inputs[2]));
  EXPECT_EQ(got[1].output, 2 + 1 + 100 - 1000);
  EXPECT_TRUE(got[1].texts.empty());
  EXPECT_EQ(got[5].id, "r-2:2");
  EXPECT_EQ(got[5].time_ms, 1005);
  EXPECT_EQ(got[5].unit, "");
  EXPECT_EQ(got[5].texts, std::vector<std::string>{"city=C"});
}

TEST_F(Serving, AProbeLeavesNoEvent) {
  runtime_->set(one_variant());
  score(request("probe").insert(1, R"("parameters": {"record": false}, )"));
  score(request("traffic"));
  EXPECT_EQ(events().size(), 3U);
  EXPECT_EQ(events().front().id, "traffic:0");
}

TEST_F(Serving, CountsEventsThatTheLogHasNoRoomFor) {
  log_ = event::Log::open(temp_->path() + "/small", {.queue = 2}).value();
  runtime_ = std::make_unique<Runtime>(log_.get(), clock_);
  runtime_->set(one_variant());
  score(request("r"));
  const auto text = exposition(*runtime_);
  EXPECT_NE(text.find("fettle_predictions_unkept_total{endpoint=\"m\"} 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("fettle_events_dropped_total 3\n"), std::string::npos);
  EXPECT_NE(text.find("fettle_predictions_total{endpoint=\"m\",variant=\"champion\",version=\"1\"} 3\n"),
            std::string::npos);
}

TEST_F(Serving, CountersGoOnWhileABundleStays) {
  runtime_->set(one_variant());
  score(request("r"));
  runtime_->set(two_variants(0));
  score(request("r"));
  const auto text = exposition(*runtime_);
  EXPECT_NE(text.find("fettle_requests_total{endpoint=\"m\",variant=\"champion\",version=\"1\"} 2\n"),
            std::string::npos);
  EXPECT_NE(text.find("fettle_requests_total{endpoint=\"m\",variant=\"challenger\",version=\"2\"} 0\n"),
            std::string::npos);
}

TEST_F(Serving, AReaderKeepsWhatASwapReplaces) {
  auto spec = one_variant();
  const std::weak_ptr<const model::LoadedModel> old = spec.variants[0].model;
  runtime_->set(std::move(spec));
  auto held = runtime_->find("m");
  runtime_->set(one_variant(1));
  EXPECT_FALSE(old.expired());
  EXPECT_EQ(held->first().variant.model.get(), old.lock().get());
  held.reset();  // not freed here, on what may be a data loop
  EXPECT_FALSE(old.expired());
  runtime_->remove("nothing");
  EXPECT_TRUE(old.expired());
  runtime_->remove("m");
  EXPECT_EQ(runtime_->find("m"), nullptr);
}

// Damaged requests: the reader says no or yes, and never reads beyond its bytes (run under AddressSanitizer).
TEST_F(Serving, DamagedRequestsAreRefusedOrRead) {
  runtime_->set(two_variants(50));
  const auto endpoint = runtime_->find("m");
  const std::string raw = R"({"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "parameters":)"
                          R"( {"binary_data_size": 4}}, {"name": "city", "shape": [1], "datatype": "BYTES",)"
                          R"( "parameters": {"binary_data_size": 5}}]})";
  const std::string split = R"({"dataframe_split": {"columns": ["city", "x"], "data": [["A", 1], ["B", null]]}})";
  Rng rng(3);
  int read = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string json = i % 3 == 0 ? raw : i % 3 == 1 ? request("r") : split;
    std::string tensors("\0\0\x80\x3f\x01\0\0\0A", 9);
    for (auto edits = rng.below(4); edits > 0; --edits) {
      auto& target = i % 3 == 0 && rng.below(4) == 0 ? tensors : json;
      if (target.empty()) continue;
      const auto at = rng.below(target.size());
      if (rng.below(3) == 0)
        target.erase(at, rng.below(8));
      else
        target[at] = "[]{},:\"0-9eN\\\0\xff"[rng.below(15)];
    }
    batch_.begin(*endpoint);
    const auto result = i % 3 == 2 ? reader_.read_invocation(json, batch_)
                                   : reader_.read_infer(json, i % 3 == 0 ? std::string_view(tensors) : "", batch_);
    if (!result) continue;
    infer(batch_, *runtime_, 0);
    ++read;
  }
  EXPECT_GT(read, 5000);
  EXPECT_LT(read, 29'000);
}

// Swaps between two bundles while clients ask: every answer is whole, and from the bundle that it says.
TEST_F(Serving, AHotSwapUnderLoadDropsNothing) {
  constexpr int kClients = 4;
  constexpr int kSwaps = 200;
  runtime_->set(one_variant(0));
  http::Router router;
  add_routes(router, *runtime_);
  auto server = http::Server::start({.loops = 2}, std::move(router)).value();
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0, answered = 0;
  const auto ask = [&] {
    auto client = http::Client::create(server->url()).value();
    while (!stop || answered < 100) {
      const auto response = client.send(http::Method::Post, "/v2/models/m/infer", request("r"));
      const auto body = response ? json::parse(response->body).value_or(json::Value()) : json::Value();
      const auto* parameters = body.find("parameters");
      const bool second = parameters != nullptr && parameters->text_or("bundle") == bundle_of('b');
      const auto* outputs = body.find("outputs");
      const auto* data = outputs == nullptr ? nullptr : outputs->as_array().front().find("data");
      if (data == nullptr || data->as_array()[0].as_double() != (second ? 6 : 1)) ++wrong;
      ++answered;
    }
  };
  std::vector<std::jthread> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back(ask);
  for (int i = 0; i < kSwaps; ++i) {
    auto spec = one_variant(i % 2 == 0 ? 5 : 0);
    if (i % 2 == 0) spec.variants[0].bundle = bundle_of('b');
    runtime_->set(std::move(spec));
  }
  stop = true;
  clients.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(answered, 100);
}

}  // namespace
}  // namespace fettle::serving
