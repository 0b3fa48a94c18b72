#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/rng.h"
#include "json/describe.h"
#include "json/scanner.h"
#include "json/writer.h"

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

// A tree of every kind, as deep as `depth`.
Value random_value(Rng& rng, int depth) {
  const auto kind = rng.below(depth > 0 ? 8 : 6);
  if (kind == 0) return {};
  if (kind == 1) return rng.below(2) == 0;
  if (kind == 2) return static_cast<std::int64_t>(rng.next());
  if (kind == 3) return std::bit_cast<double>(rng.next());  // NaN, infinities and subnormals too
  if (kind == 4) return static_cast<double>(rng.below(1000)) / 8;
  if (kind == 5) {
    std::string text;
    for (auto left = rng.below(12); left > 0; --left) text += static_cast<char>(rng.below(256));
    return text;
  }
  Value out = kind == 6 ? Value::array() : Value::object();
  for (auto left = rng.below(5); left > 0; --left) {
    if (kind == 6)
      out.push(random_value(rng, depth - 1));
    else
      out.set("\"k\n" + std::to_string(left), random_value(rng, depth - 1));
  }
  return out;
}

void write(Writer& writer, const Value& value) {
  if (value.is_null()) {
    writer.null();
  } else if (value.is_bool()) {
    writer.value(value.as_bool());
  } else if (value.is_int()) {
    writer.value(value.as_int());
  } else if (value.is_number()) {
    writer.value(value.as_double());
  } else if (value.is_string()) {
    writer.value(value.as_string());
  } else if (value.is_array()) {
    writer.begin_array();
    for (const auto& element : value.as_array()) write(writer, element);
    writer.end_array();
  } else {
    writer.begin_object();
    for (const auto& [key, member] : value.as_object()) write(writer.key(key), member);
    writer.end_object();
  }
}

TEST(Writer, WritesWhatDumpWritesOfTheSameValue) {
  Rng rng(7);
  for (int i = 0; i < 5000; ++i) {
    const auto value = random_value(rng, 4);
    std::string out;
    Writer writer(out);
    write(writer, value);
    ASSERT_EQ(out, dump(value));
  }
}

TEST(Writer, EscapesAndNumbersAreJson) {
  std::string out;
  Writer(out)
      .begin_array()
      .value("a\"\\/\b\f\n\r\t\x01\x1f\x7f\xC3\xA9")
      .value(std::string_view("\0", 1))
      .value(std::numeric_limits<std::int64_t>::min())
      .value(1.0)
      .value(-0.0)
      .value(1e22)
      .value(0.1)
      .value(true)
      .value(7U)
      .end_array();
  EXPECT_EQ(out,
            "[\"a\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0001\\u001f\x7f\xC3\xA9\", \"\\u0000\", "
            "-9223372036854775808, 1.0, -0.0, 1e+22, 0.1, true, 7]");
}

TEST(Writer, QuotesWhatIsNotFiniteWhereAsked) {
  std::string out;
  Writer writer(out);
  writer.begin_object();
  for (const auto number : {std::nan(""), HUGE_VAL, -HUGE_VAL, 2.5}) writer.key("v").quoted_unless_finite(number);
  writer.member("bare", std::nan("")).end_object();
  EXPECT_EQ(out, R"({"v": "NaN", "v": "Infinity", "v": "-Infinity", "v": 2.5, "bare": NaN})");
}

TEST(Scanner, NumbersAreThoseOfTheParser) {
  Rng rng(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string digits;
    append_number(digits, round % 2 == 0 ? std::bit_cast<double>(rng.next()) : rng.normal());
    if (round % 5 == 0) digits += "1234567";  // more digits than a double has
    if (round % 7 == 0) digits.insert(rng.below(digits.size()), 1, "0123456789.eE+-"[rng.below(15)]);
    Scanner scanner(digits);
    const auto number = scanner.number();
    const auto value = parse(digits);
    if (!number || !scanner.at_end()) continue;
    ASSERT_TRUE(value) << digits;
    ASSERT_EQ(*number, value->as_double()) << digits;
    if (const auto whole = Scanner(digits).integer()) {
      ASSERT_EQ(*whole, value->as_int()) << digits;
    }
  }
  EXPECT_EQ(Scanner(" 12 ").integer(), 12);
  EXPECT_EQ(Scanner("0.5e1").number(), 5);
  EXPECT_FALSE(Scanner("12.0").integer());
}

TEST(Scanner, TextsArePlainOrNotRead) {
  EXPECT_EQ(Scanner(R"( "a/b c" )").text(), "a/b c");
  for (const auto* text : {"\"a", "\"a\\n\"", "\"\xc3\xa9\"", "\"a\tb\"", "a", ""})
    EXPECT_FALSE(Scanner(text).text()) << text;
  Scanner scanner(" { } x");
  EXPECT_TRUE(scanner.take('{') && !scanner.take(',') && scanner.take('}') && !scanner.at_end());
}

}  // namespace
}  // namespace fettle::json
