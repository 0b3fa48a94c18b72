#include "dataset/prepare.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "config/yaml.h"
#include "dataset/derive.h"
#include "os/file.h"
#include "table/file.h"

namespace fettle::dataset {
namespace {

using table::Column;
using table::Kind;
using table::Table;

constexpr std::string_view kSpec = R"(time: date
derive:
  hour: {hour: date, offset_hours: 1}
  weekday: {weekday: date}
  late: {at_least: [delay, 15]}
filter: {delay: {min: -120, max: 1440}}
columns: [date, hour, weekday, origin, late]
splits:
  as_of: "2001-01-08"
  train: {days: 5, until_days: 2}
  valid: {days: 2, until_days: 0}
)";

PrepareSpec spec_of(std::string_view yaml) {
  const auto document = config::parse_yaml(yaml, "spec");
  auto spec = json::from_value<PrepareSpec>(document->root);
  EXPECT_TRUE(spec) << spec.error().message;
  return spec ? *spec : PrepareSpec{};
}

std::int64_t at(std::string_view text) { return *text::parse_time(text); }

Table rows_of(const std::vector<std::string>& dates, const std::vector<std::int64_t>& delays,
              const std::string& origin) {
  std::vector<std::int64_t> times;
  for (const auto& date : dates) times.push_back(at(date));
  return *Table::create({Column::of_ints("date", times, Kind::Time), Column::of_ints("delay", delays),
                         Column::of_texts("origin", std::vector<std::string>(dates.size(), origin)),
                         Column::of_ints("unused", std::vector<std::int64_t>(dates.size()))});
}

class Prepare : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(table::write(files_[0], rows_of({"2000-12-31T23:59:59Z", "2001-01-01T23:30:00Z", "2001-01-05T23:59:59Z",
                                                 "2001-01-06T00:00:00Z"},
                                                {0, 15, 14, 2000}, "ATL")));
    ASSERT_TRUE(table::write(
        files_[1],
        rows_of({"2001-01-07T23:59:59Z", "2001-01-08T00:00:00Z", "2001-01-07T10:00:00Z"}, {16, 99, -500}, "ORD")));
  }

  std::string fails(std::string_view from, std::string_view to, Code code = Code::InvalidArgument) {
    std::string text(kSpec);
    const auto found = text.find(from);
    EXPECT_NE(found, std::string::npos) << from;
    text.replace(found, from.size(), to);
    const auto report = prepare(spec_of(text), files_, outs_);
    EXPECT_FALSE(report) << to;
    for (const auto& [name, path] : outs_) EXPECT_FALSE(os::exists(path)) << to;
    if (report) return "";
    EXPECT_EQ(report.error().code, code) << report.error().message;
    return report.error().message;
  }

  os::TempFolder folder_ = *os::TempFolder::create();
  std::vector<std::string> files_{folder_.path() + "/a.parquet", folder_.path() + "/b.csv"};
  std::map<std::string, std::string> outs_{{"train", folder_.path() + "/train.parquet"},
                                           {"valid", folder_.path() + "/valid.parquet"}};
};

TEST_F(Prepare, SplitsByTimeDerivesAndCountsWhatIsDropped) {
  const auto report = prepare(spec_of(kSpec), files_, outs_);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->read, 5U);
  EXPECT_EQ(report->dropped, (std::map<std::string, std::uint64_t>{{"delay above 1440", 1}, {"delay below -120", 1}}));
  ASSERT_EQ(report->splits.size(), 2U);
  EXPECT_EQ(report->splits[0].rows, 2U);
  const auto train = *table::read(outs_["train"]);
  ASSERT_EQ(train.columns().size(), 5U);
  EXPECT_EQ(train.columns()[0].display(0), "2001-01-01T23:30:00.000Z");
  EXPECT_EQ(train.find("hour")->ints, (std::vector<std::int64_t>{0, 0}));     // an hour later than the file
  EXPECT_EQ(train.find("weekday")->ints, (std::vector<std::int64_t>{0, 4}));  // Monday, Friday
  EXPECT_EQ(train.find("late")->ints, (std::vector<std::int64_t>{1, 0}));
  const auto valid = *table::read(outs_["valid"]);
  ASSERT_EQ(valid.rows(), 1U);
  EXPECT_EQ(valid.find("origin")->dictionary, std::vector<std::string>{"ORD"});
}

TEST_F(Prepare, TheSameInputsGiveTheSameBytes) {
  ASSERT_TRUE(prepare(spec_of(kSpec), files_, outs_));
  const auto before = *os::read_file(outs_["train"]);
  ASSERT_TRUE(prepare(spec_of(kSpec), files_, outs_));
  EXPECT_EQ(before, *os::read_file(outs_["train"]));
}

TEST_F(Prepare, WrongSpecsAreNamedByKeyAndWriteNothing) {
  EXPECT_TRUE(fails("as_of: \"2001-01-08\"", "as_of: someday").contains("with.splits.as_of"));
  EXPECT_TRUE(fails("days: 5, until_days: 2", "days: 0, until_days: 2").contains("with.splits.train.days"));
  EXPECT_TRUE(fails("days: 5, until_days: 2", "days: 5, until_day: 2").contains("did you mean 'until_days'"));
  EXPECT_TRUE(fails("days: 5, until_days: 2", "days: 5, until_days: 1").contains("overlap"));
  EXPECT_TRUE(fails("  valid:", "  test:").contains("no out is named test"));
  EXPECT_TRUE(fails("  valid: {days: 2, until_days: 0}\n", "").contains("belongs to no split"));
  EXPECT_TRUE(fails("at_least: [delay, 15]", "at_least: [delay]").contains("with.derive.late"));
  EXPECT_TRUE(fails("{weekday: date}", "{weekday: date, hour: date}").contains("exactly one"));
  EXPECT_TRUE(fails("{weekday: date}", "{weekday: delay}").contains("not a time"));
  EXPECT_TRUE(fails("columns: [date,", "columns: [date, date,").contains("twice"));
  EXPECT_TRUE(fails("filter: {delay:", "filter: {origin:").contains("with.filter.origin"));
  EXPECT_TRUE(fails("time: date", "time: delay").contains("not a time"));
  EXPECT_TRUE(fails("origin, late]", "orign, late]", Code::NotFound).contains("did you mean 'origin'"));
}

TEST_F(Prepare, ASplitWithoutRowsIsNamed) {
  const auto message = fails("as_of: \"2001-01-08\"", "as_of: \"2001-02-08\"", Code::FailedPrecondition);
  EXPECT_TRUE(message.contains("'train' (2001-02-01 to 2001-02-06)")) << message;
}

TEST_F(Prepare, ACutFileIsDataLoss) {
  const auto whole = *os::read_file(files_[0]);
  ASSERT_TRUE(os::write_file(files_[0], whole.substr(0, whole.size() / 2)));
  const auto report = prepare(spec_of(kSpec), files_, outs_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::DataLoss);
  EXPECT_TRUE(report.error().message.contains("a.parquet"));
  EXPECT_FALSE(os::exists(outs_["train"]));
}

TEST_F(Prepare, TheSchemaIsCheckedOnTheRawRows) {
  const auto schema = folder_.path() + "/schema.yaml";
  ASSERT_TRUE(os::write_file(schema, "columns:\n  delay: {kind: int, max: 1440, max_violations: 0.3}\n"));
  auto spec = spec_of(kSpec);
  spec.schema = schema;
  const auto report = prepare(spec, files_, outs_);
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->violations.size(), 1U);
  EXPECT_EQ(report->violations[0].rows, 1U);
  ASSERT_TRUE(os::write_file(schema, "columns:\n  unused: {kind: int, min: 1}\n"));
  const auto broken = prepare(spec, files_, outs_);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::FailedPrecondition);
  EXPECT_TRUE(broken.error().message.contains("column 'unused', rule 'min', 5 rows")) << broken.error().message;
}

TEST_F(Prepare, WithoutFilesOrWithAMissingLabelSource) {
  EXPECT_FALSE(prepare(spec_of(kSpec), {}, outs_));
  auto rows = rows_of({"2001-01-02", "2001-01-07", "2001-01-07"}, {20, 3, 4}, "ATL");
  auto delay = *rows.find("delay");
  delay.valid = {1, 0, 1};
  ASSERT_TRUE(rows.add(delay));
  ASSERT_TRUE(table::write(files_[0], rows));
  const auto report = prepare(spec_of(kSpec), {files_[0]}, outs_);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->dropped.at("delay missing"), 1U);
}

TEST(Derive, PartsOfATimeAndJoins) {
  const auto rows =
      *Table::create({Column::of_ints("t", {at("1969-12-31T23:59:59Z"), at("2000-02-29T00:00:00Z")}, Kind::Time),
                      Column::of_texts("a", {"ORD", "ATL"}), Column::of_ints("n", {7, 8})});
  const auto values = [&](const Derivation& derivation) { return derive("x", derivation, rows)->ints; };
  EXPECT_EQ(values({.hour = "t"}), (std::vector<std::int64_t>{23, 0}));
  EXPECT_EQ(values({.weekday = "t"}), (std::vector<std::int64_t>{2, 1}));  // Wednesday, Tuesday
  EXPECT_EQ(values({.day = "t"}), (std::vector<std::int64_t>{31, 29}));
  EXPECT_EQ(values({.month = "t"}), (std::vector<std::int64_t>{12, 2}));
  EXPECT_EQ(values({.day = "t", .offset_hours = 24}), (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(derive("x", {.join = {"a", "n"}}, rows)->dictionary, (std::vector<std::string>{"ATL-8", "ORD-7"}));
}

}  // namespace
}  // namespace fettle::dataset
