#include "api/mlflow/batch.h"

#include <gtest/gtest.h>

#include <random>

#include "base/text.h"

namespace fettle::api::mlflow {
namespace {

using tracking::Batch;

http::Request request_of(std::string body) {
  http::Request out;
  out.method = http::Method::Post;
  out.headers = {{"Content-Type", "application/json"}};
  out.body = std::move(body);
  return out;
}

std::string shown(const Batch& batch) {
  std::string out;
  for (const auto& m : batch.metrics)
    out += text::format("{} {} {} {} {} {} {}\n", m.key, m.value, m.time_ms, m.step, m.model_id, m.dataset_name,
                        m.dataset_digest);
  for (const auto* pairs : {&batch.params, &batch.tags})
    for (const auto& pair : *pairs) out += text::format("{}={}\n", pair.key, pair.value);
  return out;
}

// What is read in one pass must be what is read the long way.
bool is_plain(const std::string& body) {
  const auto plain = read_plain_batch(body);
  if (!plain) return false;
  const auto input = *Input::of(request_of(body));
  EXPECT_EQ(plain->run_id, *input.need_text("run_id")) << body;
  const auto batch = read_batch(input);
  EXPECT_TRUE(batch) << body;
  EXPECT_EQ(shown(plain->batch), batch ? shown(*batch) : "") << body;
  return true;
}

std::string metrics(const std::string& one) { return R"({"run_id":"r","metrics":[)" + one + "]}"; }

TEST(PlainBatch, WhatTrainingCodeSendsIsPlain) {
  EXPECT_TRUE(is_plain(R"({"run_id": "0123", "metrics": [], "params": [], "tags": []})"));
  EXPECT_TRUE(is_plain(R"({"metrics":[{"key":"loss","value":0.25,"timestamp":1700000000000,"step":3}],"run_id":"r"})"));
  EXPECT_TRUE(
      is_plain(R"({"run_id":"r","params":[{"key":"a","value":"1"},{"key":"b"}],"tags":[{"value":"","key":"t"}]})"));
  EXPECT_TRUE(
      is_plain("\n{\n  \"run_id\": \"r\",\n  \"metrics\": [\n    {\n      \"key\": \"m\",\t\"value\": 1, "
               "\"timestamp\": 2 }\r\n ] } \n"));
  EXPECT_TRUE(
      is_plain(metrics(R"({"key":"m","value":-1.5e-7,"timestamp":1,"step":-4,"model_id":"m-1","dataset_name":"d",)"
                       R"("dataset_digest":""})")));
  for (const auto* value : {"0", "-0", "0.0", "1E5", "1e+5", "999999999999999999", "0.1", "2.2250738585072014e-308",
                            "179769313486231570000.5", "-123456789.123456789123456789"})
    EXPECT_TRUE(is_plain(metrics(text::format(R"({{"key":"m","value":{},"timestamp":1}})", value)))) << value;
}

TEST(PlainBatch, AnythingElseIsReadTheLongWay) {
  for (const auto* body : {"",
                           "{}",
                           "[]",
                           "null",
                           R"({"run_id":""})",
                           R"({"run_id":"r"}x)",
                           R"({"run_id":"r",})",
                           R"({"run_id":"r")",
                           R"({"run_uuid":"r"})",
                           R"({"run_id":"r","other":1})",
                           R"({"run_id":"r","run_id":"r"})",
                           R"({"run_id":5})",
                           R"({"run_id":"\u0041"})",
                           "{\"run_id\":\"\xc3\xa9\"}",
                           "{\"run_id\":\"a\nb\"}",
                           R"({"run_id":"r","metrics":null})",
                           R"({"run_id":"r","metrics":{}})",
                           R"({"run_id":"r","metrics":[1]})",
                           R"({"run_id":"r","params":[{"value":"x"}]})",
                           R"({"run_id":"r","tags":[{"key":"x","value":1}]})",
                           R"("{\"run_id\":\"r\"}")"})
    EXPECT_FALSE(is_plain(body)) << body;
  for (const auto* value : {"NaN", "Infinity", "-", "01", "1.", ".5", "+1", "1e", "1e999", "0x1", "\"1\"", "\"NaN\"",
                            "null", "true", "1000000000000000000", "[1]"})
    EXPECT_FALSE(is_plain(metrics(text::format(R"({{"key":"m","value":{},"timestamp":1}})", value)))) << value;
  for (const auto* time : {"1.0", "1e3", "\"1\"", "9223372036854775808", "null", "-"})
    EXPECT_FALSE(is_plain(metrics(text::format(R"({{"key":"m","value":1,"timestamp":{}}})", time)))) << time;
  for (const auto* one :
       {R"({"value":1,"timestamp":1})", R"({"key":"","value":1,"timestamp":1})", R"({"key":"m","value":1})",
        R"({"key":"m","key":"m","value":1,"timestamp":1})", R"({"key":"m","value":1,"timestamp":1,"extra":0})", "{}"})
    EXPECT_FALSE(is_plain(metrics(one))) << one;
}

// Any change of a good body is read alike, or not in one pass.
TEST(PlainBatch, AgreesWithTheLongWayOnDamagedBodies) {
  const std::string good = R"({"run_id":"r","metrics":[{"key":"m","value":-1.5e2,"timestamp":17,"step":0},)"
                           R"({"key":"n","value":3,"timestamp":4}],"params":[{"key":"p","value":"v"}],"tags":[]})";
  ASSERT_TRUE(is_plain(good));
  constexpr std::string_view kSigns = "{}[]:,\"0123456789.eE+- \\\nnatrufls\x7f\x80";
  std::mt19937_64 random(1);
  int plain = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto body = good;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      const auto place = random() % body.size();
      if (random() % 3 == 0)
        body.erase(place, 1);
      else if (random() % 2 == 0)
        body.insert(place, 1, kSigns[random() % kSigns.size()]);
      else
        body[place] = kSigns[random() % kSigns.size()];
    }
    plain += is_plain(body) ? 1 : 0;
  }
  EXPECT_GT(plain, 100);
}

TEST(PlainBatch, OnlyJsonIsTaken) {
  auto request = request_of(R"({"run_id":"r"})");
  EXPECT_TRUE(Input::of_batch(request)->take_batch());
  request.headers.clear();
  EXPECT_EQ(Input::of_batch(request).error().code, Code::InvalidArgument);
}

}  // namespace
}  // namespace fettle::api::mlflow
