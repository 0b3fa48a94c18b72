#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "config/yaml.h"

namespace fettle::config {
namespace {

using testing::HasSubstr;

std::string why(std::string_view text) {
  const auto parsed = parse_yaml(text, "fettle.yaml");
  return parsed ? "" : parsed.error().message;
}

TEST(Yaml, ScalarsKeepTheirForm) {
  const auto document =
      parse_yaml("a: 1\nb: -2.5\nc: true\nd: no\ne: '5'\nf: ~\ng: 2001-04-03\nh: nan\ni: [x, 1e3]\nj: {}\n", "x");
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(json::dump(document->root),
            R"({"a": 1, "b": -2.5, "c": true, "d": "no", "e": "5", "f": null, "g": "2001-04-03", "h": "nan", )"
            R"("i": ["x", 1000.0], "j": {}})");
}

TEST(Yaml, LinesOfKeysAreKnown) {
  const auto document = *parse_yaml("steps:\n  train:\n    deps:\n      - a\n      - b\n", "fettle.yaml");
  EXPECT_EQ(document.lines.at("steps.train"), 2);
  EXPECT_EQ(document.lines.at("steps.train.deps[1]"), 5);
  EXPECT_EQ(with_line(document, "steps.train.comand", {Code::InvalidArgument, "unknown"}).message,
            "fettle.yaml:2: unknown");
  EXPECT_EQ(with_line(document, "other", {Code::InvalidArgument, "unknown"}).message, "fettle.yaml: unknown");
}

TEST(Yaml, ErrorsThatBeginWithAPathGetItsLine) {
  const auto document = *parse_yaml("steps:\n  train:\n    dep: a\n    deps: []\nstep: 1\n", "fettle.yaml");
  const auto told = [&](std::string message) { return located(document, {Code::InvalidArgument, message}).message; };
  EXPECT_EQ(told("steps.train.deps[0]: odd"), "fettle.yaml:4: steps.train.deps[0]: odd");
  EXPECT_EQ(told("steps.train: unknown key 'dep'; did you mean 'deps'?"),
            "fettle.yaml:3: steps.train: unknown key 'dep'; did you mean 'deps'?");
  EXPECT_EQ(told("unknown key 'step'; did you mean 'steps'?"),
            "fettle.yaml:5: unknown key 'step'; did you mean 'steps'?");
  EXPECT_EQ(told("something else"), "fettle.yaml: something else");
}

TEST(Yaml, BrokenFilesSayWhere) {
  EXPECT_THAT(why("a: [1, 2\nb: 3\n"), HasSubstr("fettle.yaml:"));
  EXPECT_THAT(why("a: 1\na: 2\n"), HasSubstr("fettle.yaml:2:1: key 'a' is there twice"));
  EXPECT_THAT(why("a:\n\t- b\n"), HasSubstr("fettle.yaml:2"));
  EXPECT_THAT(why("? [a]\n: 1\n"), HasSubstr("a key must be text"));
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i)
    bomb += text::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
  EXPECT_THAT(why(bomb), HasSubstr("too large"));
}

TEST(Yaml, WhatIsWrittenReadsBack) {
  const auto value =
      *json::parse(R"({"name": "a b", "odd": "x: y", "digits": "12", "yes": "true", "empty": "", "n": 3, )"
                   R"("list": ["a", {"k": [1, 2]}], "none": [], "line": "a\nb"})");
  const auto text = dump_yaml(value);
  const auto again = parse_yaml(text, "again");
  ASSERT_TRUE(again) << again.error().message << "\n" << text;
  EXPECT_EQ(again->root, value) << text;
}

}  // namespace
}  // namespace fettle::config
