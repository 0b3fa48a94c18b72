#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "gate/testing/world.h"
#include "json/describe.h"

namespace fettle::gate {
namespace {

using namespace gate::testing;
using ::testing::HasSubstr;

const Check& named(const Verdict& verdict, std::string_view name) {
  return *std::ranges::find(verdict.checks, name, &Check::name);
}

TEST(Gate, PassesAGoodModelAndSaysWhatItLookedAt) {
  Rng rng(1);
  auto good = make_case({4000}, rng);
  good.suite.slices = {"hub"};
  const auto borrowed = good.inputs();
  const auto verdict = run(good.suite, "default", borrowed, system_clock());
  ASSERT_TRUE(verdict) << verdict.error().message;
  EXPECT_EQ(verdict->status, Status::Pass) << report(*verdict);
  EXPECT_EQ(verdict->checks.size(), check_names().size());
  for (const auto& check : verdict->checks)
    EXPECT_FALSE(check.hypothesis.empty() || check.method.empty()) << check.name;
  EXPECT_THAT(named(*verdict, "quality.champion").message, HasSubstr("first version"));
  const auto text = json::dump_pretty(json::to_value(*verdict));
  EXPECT_EQ(json::dump_pretty(json::to_value(*parse_verdict(text, "verdict.json"))), text);
}

TEST(Gate, ReportNamesWhatStopsWorstFirst) {
  Verdict verdict;
  verdict.suite = "default";
  Check fine, bad;
  fine.name = "data.schema";
  fine.status = Status::Pass;
  bad.name = "leakage.time";
  bad.status = Status::Fail;
  bad.message = "3 rows overlap";
  bad.hypothesis = "none overlaps";
  verdict.checks = {fine, bad};
  verdict.status = worst(verdict.checks);
  EXPECT_EQ(summary(verdict), "gate 'default': fail: 1 of 2 checks stop this model: leakage.time");
  EXPECT_LT(report(verdict).find("3 rows overlap"), report(verdict).find("data.schema"));
  EXPECT_THAT(report(verdict), HasSubstr("assumed: none overlaps"));
  EXPECT_EQ(worst({}), Status::Unknown);
  EXPECT_TRUE(stops(Status::Unknown));
  EXPECT_FALSE(stops(Status::Warn));
}

TEST(Gate, MistakesInTheSuiteAreNamed) {
  Rng rng(2);
  auto it = make_case({}, rng);
  const auto borrowed = it.inputs();
  const auto message = [&] { return run(it.suite, "default", borrowed, system_clock()).error().message; };
  it.suite.skip = {"leakage.tme"};
  EXPECT_THAT(message(), HasSubstr("did you mean 'leakage.time'"));
  it.suite.skip = {};
  it.suite.label = "lat";
  EXPECT_THAT(message(), HasSubstr("label"));
  it.suite.label = "p";
  EXPECT_THAT(message(), HasSubstr("0 or 1"));
  it.suite.label = "late";
  it.suite.slices = {"nowhere"};
  EXPECT_THAT(message(), HasSubstr("nowhere"));
  it.suite.slices = {};
  it.suite.time = "hub";
  EXPECT_THAT(message(), HasSubstr("column of times"));
}

TEST(Leakage, TrainingRowsFromTheHeldOutTimeAreFound) {
  Rng rng(3);
  auto it = make_case({}, rng);
  EXPECT_EQ(it.ask(check_time).status, Status::Pass);
  auto train = simulate({}, kStart - 6 * kDayMs, rng);  // its last day is the first held-out day
  it.train = table_of(train);
  const auto check = it.ask(check_time);
  EXPECT_EQ(check.status, Status::Fail);
  EXPECT_NEAR(*check.value, 1.0 / 7, 0.01);
}

TEST(Leakage, CopiedRowsAreFoundWhateverTheirDictionary) {
  Rng rng(4);
  const auto valid = simulate({}, kStart, rng);
  auto train = simulate({}, kStart - 7 * kDayMs, rng);
  Case it{table_of(train), table_of(valid), matrix_of(valid), {}};
  EXPECT_EQ(*it.ask(check_duplicates).value, 0);
  for (std::size_t i = 0; i < 7; ++i) {
    train.p[i] = valid.p[i];
    train.labels[i] = valid.labels[i];
    train.times[i] = valid.times[i];
    train.hubs[i] = valid.hubs[i];
  }
  train.hubs.back() = "AA";  // moves the codes of B and C
  it.train = table_of(train);
  const auto check = it.ask(check_duplicates);
  EXPECT_NEAR(*check.value, 0.01, 1e-9);
  EXPECT_EQ(check.status, Status::Fail);
}

TEST(Leakage, RowsThatRepeatByNatureAreAWarning) {
  Rng rng(5);
  auto it = make_case({}, rng);
  it.train = *it.train.select({"p", "hub", "late"});  // few possible rows once the time is gone
  it.valid = *it.valid.select({"p", "hub", "late"});
  it.suite.time = "";
  EXPECT_EQ(it.ask(check_duplicates).status, Status::Warn);
}

TEST(Leakage, AnInputMadeFromTheLabelIsNamed) {
  Rng rng(6);
  auto it = make_case({}, rng);
  EXPECT_EQ(it.ask(check_feature).status, Status::Pass);
  for (auto* table : {&it.train, &it.valid}) {
    auto leak = *table->find("late");
    leak.name = "p";
    for (auto& x : leak.floats) x = x * 40 - 20 + rng.uniform();  // disguised, not equal
    ASSERT_TRUE(table->add(leak));
  }
  const auto check = it.ask(check_feature);
  EXPECT_EQ(check.status, Status::Fail);
  EXPECT_THAT(check.message, HasSubstr("p alone"));
}

TEST(Leakage, ATextMadeFromTheLabelIsNamedToo) {
  Rng rng(7);
  auto it = make_case({}, rng);
  for (auto* table : {&it.train, &it.valid}) {
    std::vector<std::string> texts;
    for (std::size_t row = 0; row < table->rows(); ++row)
      texts.push_back((table->find("late")->number(row) > 0 ? "late" : "fine") + std::to_string(rng.below(5)));
    ASSERT_TRUE(table->add(table::Column::of_texts("hub", texts)));
  }
  EXPECT_THAT(it.ask(check_feature).message, HasSubstr("hub alone reaches AUC 1.000"));
}

TEST(Leakage, TooFewOfALabelIsUnknown) {
  Rng rng(8);
  EXPECT_EQ(make_case({60, 7, 0.02, 0, 0}, rng).ask(check_feature).status, Status::Unknown);
}

TEST(Data, CategoriesThatTheModelDoesNotKnow) {
  Rng rng(9);
  auto it = make_case({}, rng);
  EXPECT_EQ(*it.ask(check_unseen).value, 0);
  for (std::size_t i = 0; i < 70; ++i) it.rows[2 * i + 1] = std::numeric_limits<float>::quiet_NaN();
  const auto check = it.ask(check_unseen);
  EXPECT_NEAR(*check.value, 0.1, 1e-9);
  EXPECT_EQ(check.status, Status::Fail);
}

TEST(Data, TheSchemaIsAskedAboutTheColumnsThereAre) {
  Rng rng(10);
  auto it = make_case({}, rng);
  const auto text = R"({"columns": {"hub": {"kind": "text"}, "p": {"kind": "float", "min": 0, "max": 0.2},
                                    "delay": {"kind": "int"}}})";
  const auto schema = dataset::Schema::from_json(*json::parse(text), "schema");
  ASSERT_TRUE(schema) << schema.error().message;
  auto borrowed = it.inputs();
  borrowed.schema = &*schema;
  const auto context = Context::create(it.suite, borrowed);
  const auto check = *check_schema(*context);
  EXPECT_EQ(check.status, Status::Fail);
  EXPECT_THAT(check.message, HasSubstr("p of training rows breaks 'max'"));
  EXPECT_THAT(json::dump(*check.details.find("absent_columns")), HasSubstr("delay"));
}

TEST(Quality, BoundsOnMetrics) {
  Rng rng(11);
  auto it = make_case({}, rng);
  it.suite.bounds = {{"auc", {0.6, {}}}, {"log_loss", {{}, 0.5}}};
  auto borrowed = it.inputs();
  const auto status = [&](const char* text) {
    const auto metrics = *json::parse(text);
    borrowed.metrics = &metrics;
    const auto context = Context::create(it.suite, borrowed);
    return check_bounds(*context)->status;
  };
  EXPECT_EQ(status(R"({"auc": 0.7, "log_loss": 0.5})"), Status::Pass);
  EXPECT_EQ(status(R"({"auc": 0.5, "log_loss": 0.5})"), Status::Fail);
  EXPECT_EQ(status(R"({"auc": NaN, "log_loss": 0.5})"), Status::Fail);
  EXPECT_EQ(status(R"({"auc": 0.7})"), Status::Fail);
}

TEST(Quality, FewRowsAreUnknownAndMayBeAllowed) {
  Rng rng(12);
  auto it = make_case({100}, rng);
  it.suite.skip = {"leakage.feature", "behaviour.latency"};
  EXPECT_EQ(it.ask(check_constant).status, Status::Unknown);
  const auto borrowed = it.inputs();
  EXPECT_EQ(run(it.suite, "s", borrowed, system_clock())->status, Status::Unknown);
  it.suite.allow_unknown = {"quality.constant"};
  EXPECT_EQ(run(it.suite, "s", borrowed, system_clock())->status, Status::Warn);
}

TEST(Behaviour, OutputsThatAreNoProbabilitiesAndRunsThatDiffer) {
  Rng rng(13);
  auto it = make_case({}, rng);
  EXPECT_EQ(it.ask(check_robustness).status, Status::Pass);
  EXPECT_EQ(it.ask(check_determinism).status, Status::Pass);
  it.model = make_model(Echo::Fault::NotFinite);
  EXPECT_EQ(it.ask(check_robustness).status, Status::Fail);
  it.model = make_model(Echo::Fault::Drifting);
  EXPECT_EQ(it.ask(check_determinism).status, Status::Fail);
}

class TickingClock final : public Clock {  // 5 us pass at each look
 public:
  [[nodiscard]] std::int64_t now_ms() const noexcept override { return 0; }
  [[nodiscard]] std::int64_t monotonic_ns() const noexcept override { return now_ += 5000; }

 private:
  mutable std::int64_t now_ = 0;
};

TEST(Behaviour, LatencyAgainstItsBudget) {
  Rng rng(14);
  auto it = make_case({}, rng);
  const auto borrowed = it.inputs();
  const TickingClock clock;
  it.suite.max_latency_us = 5;
  EXPECT_EQ(check_latency(*Context::create(it.suite, borrowed), clock)->status, Status::Pass);
  it.suite.max_latency_us = 4.9;
  const auto slow = *check_latency(*Context::create(it.suite, borrowed), clock);
  EXPECT_EQ(slow.status, Status::Fail);
  EXPECT_EQ(*slow.value, 5);
}

}  // namespace
}  // namespace fettle::gate
