#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "json/describe.h"

namespace fettle::json {
namespace {

enum class Shade : std::uint8_t { Light, VeryDark };
BOOST_DESCRIBE_ENUM(Shade, Light, VeryDark)

struct Step {
  std::string name;
  std::vector<std::string> deps;
  std::optional<int> retries;
  std::map<std::string, double> limits;
  Shade shade = Shade::Light;
  std::uint8_t small = 7;
  bool operator==(const Step&) const = default;
};
BOOST_DESCRIBE_STRUCT(Step, (), (name, deps, retries, limits, shade, small))

struct Outer {
  std::vector<Step> steps;
  Value anything;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (steps, anything))

std::string message_of(std::string_view text) {
  const auto value = parse(text);
  if (!value) return value.error().message;
  const auto read = from_value<Outer>(*value, "pipe.yaml: ");
  return read ? "" : read.error().message;
}

TEST(Json, ParsesEveryKindAndKeepsOrderAndIntegers) {
  const auto value = parse(R"({"b": [1, -2.5, "x\u00e9\n", true, null], "a": {"deep": 9007199254740993}})");
  ASSERT_TRUE(value);
  EXPECT_EQ(dump(*value), "{\"b\": [1, -2.5, \"x\xC3\xA9\\n\", true, null], \"a\": {\"deep\": 9007199254740993}}");
  EXPECT_EQ(parse(dump_pretty(*value)), *value);
}

TEST(Json, TakesPythonsNonFiniteLiterals) {
  const auto value = parse("[NaN, Infinity, -Infinity]");
  ASSERT_TRUE(value);
  EXPECT_TRUE(std::isnan(value->as_array()[0].as_double()));
  EXPECT_EQ(dump(*value), "[NaN, Infinity, -Infinity]");
}

TEST(Json, DoublesStayDoubles) { EXPECT_EQ(dump(Value(2.0)), "2.0"); }

TEST(Json, EveryDoubleIsReadBackExactly) {
  for (const auto* text : {"2.777777777777778e32", "0.1", "1.7976931348623157e308", "5e-324", "123456.789012345678"}) {
    const auto once = *parse(text);
    EXPECT_EQ(parse(dump(once))->as_double(), once.as_double()) << text;
  }
  EXPECT_EQ(parse("277777777777777777777277777777778")->as_double(), 277777777777777777777277777777778.0);
}

TEST(Json, SaysWhereTheTextIsWrong) {
  EXPECT_THAT(parse("{\n  \"a\": ]}", "request body").error().message,
              testing::HasSubstr("request body is not valid JSON: line 2"));
  EXPECT_FALSE(parse("{} x"));
  EXPECT_FALSE(parse(""));
  EXPECT_FALSE(parse("\"cut"));
  EXPECT_FALSE(parse("\"\xFF\""));
  EXPECT_FALSE(parse(std::string(1000, '[')));
}

TEST(Json, StructsRoundTrip) {
  const Step step{"train", {"a", "b"}, 3, {{"cpu", 1.5}}, Shade::VeryDark, 255};
  const auto value = to_value(step);
  EXPECT_EQ(value.text_or("shade"), "very_dark");
  EXPECT_EQ(from_value<Step>(value), step);
  EXPECT_EQ(to_value(Step{}).find("retries"), nullptr);
  EXPECT_EQ(from_value<Step>(*parse("{}"))->small, 7);
}

TEST(Json, ErrorsNameThePathAndHelp) {
  EXPECT_EQ(message_of(R"({"steps": [{"deps": ["a", 3]}]})"),
            "pipe.yaml: steps[0].deps[1]: expected text, got a whole number");
  EXPECT_EQ(message_of(R"({"steps": [{"nam": "x"}]})"), "pipe.yaml: steps[0]: unknown key 'nam'; did you mean 'name'?");
  EXPECT_EQ(message_of(R"({"steps": [{"shade": "pink"}]})"),
            "pipe.yaml: steps[0].shade: unknown value 'pink'; known are: light, very_dark");
  EXPECT_EQ(message_of(R"({"steps": [{"small": 256}]})"), "pipe.yaml: steps[0].small: the number is out of range");
  EXPECT_EQ(message_of(R"({"anything": {"goes": [1]}})"), "");
}

}  // namespace
}  // namespace fettle::json
