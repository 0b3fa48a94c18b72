#include "tracking/search.h"

#include <gtest/gtest.h>

#include <array>

#include "tracking/query.h"

namespace fettle::tracking {
namespace {

constexpr std::array<Prefix, 5> kPrefixes{{{"metrics", Kind::Metric},
                                           {"params", Kind::Param},
                                           {"tags", Kind::Tag},
                                           {"attributes", Kind::Attribute},
                                           {"datasets", Kind::Dataset}}};
constexpr std::array<Attribute, 3> kAttributes{
    {{.key = "name", .column = "r.name", .lists = true},
     {.key = "start_time", .column = "r.start", .numeric = true},
     {.key = "end_time", .column = "r.end", .numeric = true, .nullable = true}}};
constexpr std::array<Attribute, 1> kDatasetAttributes{{{.key = "digest", .column = "d.digest", .lists = true}}};
constexpr Grammar kGrammar{kPrefixes, kAttributes, kDatasetAttributes};
constexpr Tables kTables{.owner = "r.id",
                         .column = "run",
                         .tags = "run_tags",
                         .params = "run_params",
                         .metrics = "latest",
                         .datasets = "FROM d WHERE d.run = r.id"};

// "metric loss < 0.5; tag a = 'x'": what was understood, for comparing.
std::string told(std::string_view filter) {
  const auto parsed = parse_filter(filter, kGrammar);
  if (!parsed) return "error: " + parsed.error().message;
  static constexpr std::array<std::string_view, 5> kKinds{"attribute", "metric", "param", "tag", "dataset"};
  std::string out;
  for (const auto& one : *parsed) {
    out += out.empty() ? "" : "; ";
    out +=
        std::string(kKinds.at(static_cast<std::size_t>(one.kind))) + " " + one.key + " " + std::string(symbol(one.op));
    if (const auto* text = std::get_if<std::string>(&one.value)) out += " '" + *text + "'";
    if (const auto* whole = std::get_if<std::int64_t>(&one.value)) out += " " + std::to_string(*whole);
    if (const auto* real = std::get_if<double>(&one.value)) out += " " + std::to_string(*real);
    if (const auto* list = std::get_if<std::vector<std::string>>(&one.value))
      for (const auto& element : *list) out += " '" + element + "'";
  }
  return out;
}

struct Case {
  std::string_view filter, expected;
};

TEST(ParseFilter, UnderstandsWhatTheGrammarAllows) {
  for (const auto& [filter, expected] : std::initializer_list<Case>{
           {"", ""},
           {"metrics.loss < 0.5", "metric loss < 0.500000"},
           {"  metrics.loss<.5  ", "metric loss < 0.500000"},
           {"metrics.`val loss` >= -1e-1", "metric val loss >= -0.100000"},
           {"metrics.\"a.b c\" != 3", "metric a.b c != 3.000000"},
           {"metrics.a.b.c = 1", "metric a.b.c = 1.000000"},
           {"params.depth = '6'", "param depth = '6'"},
           {"params.depth = \"it's\"", "param depth = 'it's'"},
           {"tags.note LIKE '%x_'", "tag note LIKE '%x_'"},
           {"tags.note ilike 'A'", "tag note ILIKE 'A'"},
           {"tags.a = 'x' AND tags.b = 'y'", "tag a = 'x'; tag b = 'y'"},
           {"tags.a = 'x' and tags.b = 'y' tags.c='z'", "tag a = 'x'; tag b = 'y'; tag c = 'z'"},
           {"tags.a IS NULL", "tag a IS NULL"},
           {"params.a is not null", "param a IS NOT NULL"},
           {"name IN ('a', 'b',)", "attribute name IN 'a' 'b'"},
           {"attributes.name NOT IN (\"a\")", "attribute name NOT IN 'a'"},
           {"start_time > 5", "attribute start_time > 5"},
           {"start_time > 5.5", "attribute start_time > 5.500000"},
           {"`name` = 'x'", "attribute name = 'x'"},
           {"datasets.digest IN ('q')", "dataset digest IN 'q'"},
           {"tags.and = 'and'", "tag and = 'and'"},
           {"tags.schlüssel = 'größe'", "tag schlüssel = 'größe'"},
           {"tags.a = ''", "tag a = ''"},
       })
    EXPECT_EQ(told(filter), expected) << filter;
}

TEST(ParseFilter, RefusesTheRestAndSaysWhy) {
  for (const auto& [filter, words] : std::initializer_list<Case>{
           {" ", "Invalid clause(s) in filter string"},
           {"metrics.a > 1 OR metrics.b > 1", "Invalid clause(s) in filter string"},
           {"(metrics.a > 1)", "Invalid clause(s) in filter string"},
           {"NOT metrics.a > 1", "Invalid clause(s) in filter string"},
           {"metrics.a BETWEEN 1 AND 2", "Invalid clause(s) in filter string"},
           {"metrics.a > 1; DROP TABLE runs", "Invalid clause(s) in filter string"},
           {"metrics.a > 1 AND", "Invalid clause(s) in filter string"},
           {"AND metrics.a > 1", "Invalid clause(s) in filter string"},
           {"metrics.a > 1 -- x", "Invalid clause(s) in filter string"},
           {"metrics.a", "Invalid clause(s) in filter string"},
           {"metrics. > 1", "Invalid clause(s) in filter string"},
           {"5 > metrics.a", "Invalid clause(s) in filter string"},
           {"metrics.a IS 5", "Invalid clause(s) in filter string"},
           {"metrics.a > 'x'", "Expected numeric value type for metric. Found 'x'"},
           {"metrics.a > nan", "Expected numeric value type for metric. Found nan"},
           {"metrics.a > 1x", "Expected numeric value type for metric"},
           {"metrics.a > 1.2.3", "Expected numeric value type for metric"},
           {"metrics.a >", "Expected numeric value type for metric"},
           {"start_time > '5'", "Expected numeric value type for numeric attribute: start_time. Found '5'"},
           {"params.a = 5", "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 5"},
           {"tags.a = `x`", "Expected a quoted string value for tag"},
           {"tags.a = 'x", "Expected a quoted string value for tag"},
           {"params.a > '5'", "Invalid comparator '>' for parameter 'a'"},
           {"metrics.a LIKE 'x'", "Invalid comparator 'LIKE' for metric 'a'"},
           {"tags.a IN ('x')", "Invalid comparator 'IN' for tag 'a'"},
           {"name IS NULL", "Invalid comparator 'IS NULL' for attribute 'name'"},
           {"name IN ()", "Invalid list"},
           {"name IN ('a' 'b')", "Invalid list"},
           {"name IN ('a'", "Invalid list"},
           {"name IN 'a'", "Expected a list"},
           {"other.a = 'x'", "Invalid entity type 'other'"},
           {"colour = 'x'", "Invalid attribute key 'colour' specified. Valid keys are ['name', 'start_time'"},
           {"datasets.colour = 'x'", "Invalid dataset key 'colour'"},
       })
    EXPECT_TRUE(told(filter).starts_with("error: ") && told(filter).contains(words))
        << filter << " -> " << told(filter);
}

TEST(ParseOrder, TakesKeysWithDirections) {
  const auto order =
      parse_order({"metrics.`a b` DESC", "name", "tags.x asc", "attributes.start_time  desc "}, kGrammar);
  ASSERT_TRUE(order) << order.error().message;
  ASSERT_EQ(order->size(), 4U);
  EXPECT_EQ((*order)[0].key, "a b");
  EXPECT_FALSE((*order)[0].ascending);
  EXPECT_TRUE((*order)[1].ascending);
  EXPECT_EQ((*order)[2].kind, Kind::Tag);
  EXPECT_FALSE((*order)[3].ascending);
}

TEST(ParseOrder, RefusesTheRest) {
  for (const auto& order : std::vector<std::vector<std::string>>{{""},
                                                                 {"name UP"},
                                                                 {"name DESC DESC"},
                                                                 {"name, start_time"},
                                                                 {"colour"},
                                                                 {"datasets.digest"},
                                                                 {"name", "attributes.name DESC"}})
    EXPECT_EQ(parse_order(order, kGrammar).error().code, Code::InvalidArgument) << order[0];
}

TEST(Where, BindsEveryValueAndKey) {
  const auto parsed =
      parse_filter("metrics.m > 1 AND tags.t LIKE 'a*[%_' AND name = 'n' AND params.p IS NULL", kGrammar);
  const auto sql = where(*parsed, kTables);
  EXPECT_EQ(sql.text,
            " AND EXISTS (SELECT 1 FROM latest m WHERE m.run = r.id AND m.key = (SELECT id FROM metric_keys WHERE key "
            "= ?) AND m.is_nan = 0 AND m.value > ?)"
            " AND EXISTS (SELECT 1 FROM run_tags kv WHERE kv.run = r.id AND kv.key = ? AND kv.value LIKE ? ESCAPE '\\')"
            " AND r.name = ?"
            " AND NOT EXISTS (SELECT 1 FROM run_params kv WHERE kv.run = r.id AND kv.key = ?)");
  EXPECT_EQ(sql.bound, (std::vector<Bound>{"m", 1.0, "t", "a*[%_", "n", "p"}));
}

TEST(OrderingAfter, ContinuesBehindTheLastRowInEachDirection) {
  Ordering ordering;
  ordering.add({Kind::Attribute, "end_time", &kAttributes[2], false}, kTables);
  ordering.add("r.id", true);
  EXPECT_EQ(ordering.order_by(), " ORDER BY CASE WHEN r.end IS NULL THEN 1 ELSE 0 END, coalesce(r.end, 0) DESC, r.id");
  const auto sql = ordering.after({std::int64_t{0}, std::int64_t{7}, std::int64_t{3}});
  EXPECT_EQ(sql.text,
            " AND CASE WHEN r.end IS NULL THEN 1 ELSE 0 END >= ? AND (CASE WHEN r.end IS NULL THEN 1 ELSE 0 END > ? OR "
            "(CASE WHEN r.end IS NULL THEN 1 ELSE 0 END = ? AND (coalesce(r.end, 0) < ? OR (coalesce(r.end, 0) = ? AND "
            "(r.id > ?)))))");
  EXPECT_EQ(sql.bound.size(), 6U);
}

TEST(PageToken, BelongsToItsQueryOnly) {
  const std::vector<Bound> last{std::int64_t{5}, 0.25, std::string("x'\"\n")};
  const auto token = make_token("query", last);
  EXPECT_EQ(*read_token(token, "query", 3), last);
  for (const auto& [bad, query, terms] :
       std::initializer_list<std::tuple<std::string, std::string_view, std::size_t>>{{token, "another", 3},
                                                                                     {token, "query", 2},
                                                                                     {token + "x", "query", 3},
                                                                                     {"W10=", "query", 3},
                                                                                     {"bnVsbA==", "query", 3},
                                                                                     {"!", "query", 3}})
    EXPECT_EQ(read_token(bad, query, terms).error().code, Code::InvalidArgument) << bad;
}

}  // namespace
}  // namespace fettle::tracking
