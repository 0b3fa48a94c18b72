#include "dataset/schema.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "config/yaml.h"
#include "os/file.h"

namespace fettle::dataset {
namespace {

using table::Column;
using table::Kind;
using table::Table;

constexpr std::string_view kYaml = R"(columns:
  date: {kind: time, min: 2001-01-01, max: "2001-12-31T23:59:59Z"}
  delay: {kind: int, min: -120, max: 1440, max_violations: 0.3, required: false}
  distance: {kind: float, min: 1, constant_per: [origin, destination]}
  origin: {kind: text, categories: [ATL, ORD, DEN]}
  destination: {kind: text, max_categories: 2, nullable: true}
)";

Result<Schema> parse(std::string_view yaml) {
  const auto document = config::parse_yaml(yaml, "schema.yaml");
  return Schema::from_json(document->root, "");
}

std::string error_of(std::string_view yaml) {
  const auto schema = parse(yaml);
  EXPECT_FALSE(schema) << yaml;
  return schema ? "" : schema.error().message;
}

Table good() {
  return *Table::create({Column::of_ints("date", {978'307'200'000, 978'307'200'001}, Kind::Time),
                         Column::of_ints("delay", {3, -7}), Column::of_ints("distance", {606, 606}),
                         Column::of_texts("origin", {"ATL", "ATL"}), Column::of_texts("destination", {"ORD", "ORD"})});
}

TEST(Schema, ReadsRulesInOrderAndWritesThemBack) {
  const auto schema = parse(kYaml);
  ASSERT_TRUE(schema) << schema.error().message;
  ASSERT_EQ(schema->columns().size(), 5U);
  EXPECT_EQ(schema->columns()[0].name, "date");
  EXPECT_EQ(*schema->columns()[0].min, 978'307'200'000.0);
  EXPECT_FALSE(schema->columns()[1].required);
  EXPECT_EQ(schema->columns()[2].constant_per, (std::vector<std::string>{"origin", "destination"}));
  const auto again = Schema::from_json(schema->to_json(), "");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->to_json(), schema->to_json());
  EXPECT_EQ(*again->columns()[0].max, *schema->columns()[0].max);
}

TEST(Schema, WrongFilesAreNamedWithTheirPlace) {
  EXPECT_EQ(error_of("columns: {a: {kind: integer}}"),
            "columns.a.kind: 'integer' is no kind; there are int, float, text, bool and time");
  EXPECT_TRUE(error_of("columns: {a: {kind: int, mn: 1}}").contains("did you mean 'min'"));
  EXPECT_TRUE(error_of("columns: {a: {}}").contains("columns.a.kind"));
  EXPECT_TRUE(error_of("columns: {a: {kind: int, min: 5, max: 1}}").contains("above max"));
  EXPECT_TRUE(error_of("columns: {a: {kind: text, min: 5}}").contains("columns.a.min"));
  EXPECT_TRUE(error_of("columns: {a: {kind: time, min: 5}}").contains("a date"));
  EXPECT_TRUE(error_of("columns: {a: {kind: int, min: low}}").contains("a number"));
  EXPECT_TRUE(error_of("columns: {a: {kind: int, categories: [x]}}").contains("only texts"));
  EXPECT_TRUE(error_of("columns: {a: {kind: int, max_violations: 2}}").contains("share"));
  EXPECT_TRUE(error_of("columns: {a: {kind: int, constant_per: [a]}}").contains("itself"));
  EXPECT_TRUE(error_of("columns: []").contains("by name"));
  EXPECT_TRUE(error_of("colums: {}").contains("did you mean 'columns'"));
}

TEST(Schema, AFileTellsTheLine) {
  const auto folder = *os::TempFolder::create();
  const auto path = folder.path() + "/schema.yaml";
  ASSERT_TRUE(os::write_file(path, "columns:\n  a: {kind: int}\n  b:\n    kind: number\n"));
  const auto schema = Schema::load(path);
  ASSERT_FALSE(schema);
  EXPECT_TRUE(schema.error().message.contains("schema.yaml:4")) << schema.error().message;
  EXPECT_EQ(Schema::load(folder.path() + "/none.yaml").error().code, Code::NotFound);
}

struct Broken {
  std::string column, rule;
  std::uint64_t rows;
  bool tolerated;
};

void expect_broken(const Table& rows, const std::vector<Broken>& expected) {
  const auto found = parse(kYaml)->check(rows);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].column, expected[i].column);
    EXPECT_EQ(found[i].rule, expected[i].rule);
    EXPECT_EQ(found[i].rows, expected[i].rows) << found[i].column << found[i].rule;
    EXPECT_EQ(found[i].tolerated, expected[i].tolerated);
    EXPECT_FALSE(found[i].example.empty());
  }
}

TEST(Schema, GoodRowsBreakNothing) { expect_broken(good(), {}); }

TEST(Schema, EachRuleCountsItsRows) {
  std::vector<Column> columns;
  columns.push_back(Column::of_ints("date", {0, 978'307'200'001, 978'307'200'001, 2'000'000'000'000}, Kind::Time));
  columns.push_back(Column::of_ints("delay", {3, 2000, -7, 5}));
  columns.push_back(Column::of_floats("distance", {606, 606, 975, 0}));
  columns.push_back(Column::of_texts("origin", {"ATL", "ATL", "ATL", "LAX"}));
  columns.push_back(Column::of_texts("destination", {"ORD", "ORD", "ORD", "DEN"}));
  const auto rows = *Table::create(columns);
  expect_broken(rows, {{"date", "min", 1, false},
                       {"date", "max", 1, false},
                       {"delay", "max", 1, true},
                       {"distance", "min", 1, false},
                       {"distance", "constant_per", 1, false},
                       {"origin", "categories", 1, false}});
  const auto found = parse(kYaml)->check(rows);
  EXPECT_EQ(found[0].example, "row 0: date = 1970-01-01T00:00:00.000Z, the least is 2001-01-01T00:00:00.000Z");
  EXPECT_EQ(found[4].example, "row 2: distance = 975, origin = ATL, destination = ORD");
  EXPECT_EQ(found[2].share, 0.25);
}

TEST(Schema, MissingColumnsKindsAndValues) {
  auto delay = Column::of_texts("delay", {"a", "b"});
  auto distance = Column::of_floats("distance", {1, std::nan("")});
  auto destination = Column::of_texts("destination", {"ORD", "ORD"});
  destination.codes[0] = -1;
  destination.valid = {0, 1};
  const auto rows = *Table::create({delay, distance, destination, Column::of_texts("origin", {"ATL", "ATL"})});
  expect_broken(rows,
                {{"date", "required", 2, false}, {"delay", "kind", 2, false}, {"distance", "nullable", 1, false}});
}

TEST(Schema, RareTextsBeyondTheNumberAreCounted) {
  auto rows = good();
  const auto three = *Table::create({Column::of_ints("date", std::vector<std::int64_t>(5, 978'307'200'000), Kind::Time),
                                     Column::of_ints("distance", std::vector<std::int64_t>(5, 9)),
                                     Column::of_texts("origin", std::vector<std::string>(5, "ATL")),
                                     Column::of_texts("destination", {"ORD", "ORD", "DEN", "DEN", "LAX"})});
  expect_broken(three, {{"destination", "max_categories", 1, false}});
}

// The usual value of a key is what most rows have, wherever the odd ones stand.
TEST(Schema, ConstantPerCountsTheOddRows) {
  Rng rng(4);
  std::vector<std::int64_t> distances;
  std::vector<std::string> origins, destinations;
  std::uint64_t odd = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto from = rng.below(40), to = rng.below(40);
    origins.push_back("A" + std::to_string(from));
    destinations.push_back("B" + std::to_string(to));
    const bool wrong = rng.uniform() < 0.02;
    odd += wrong ? 1 : 0;
    distances.push_back(static_cast<std::int64_t>(100 + from * 40 + to) * (wrong ? 3 : 1));
  }
  const auto schema = parse("columns: {distance: {kind: int, constant_per: [origin, destination]}}");
  const auto found =
      schema->check(*Table::create({Column::of_ints("distance", distances), Column::of_texts("origin", origins),
                                    Column::of_texts("destination", destinations)}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].rows, odd);
}

TEST(Schema, AnEmptyTableBreaksOnlyWhatIsMissing) {
  expect_broken(*Table::create({Column::of_ints("date", {}, Kind::Time), Column::of_floats("distance", {}),
                                Column::of_texts("origin", {})}),
                {{"distance", "constant_per", 0, false}, {"destination", "required", 0, false}});
}

}  // namespace
}  // namespace fettle::dataset
