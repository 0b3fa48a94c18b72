#include "pipeline/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "pipeline/params.h"

namespace fettle::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const BuiltIns kBuiltIns = {{"prepare", {.version = 3, .sections = {}, .remote = false}},
                            {"gate", {.version = 1, .sections = {"gates"}, .remote = true}}};

Result<Pipeline> create(std::string_view text, const std::vector<std::string>& overrides = {}) {
  auto document = config::parse_yaml(text, "fettle.yaml");
  if (!document) return fail(document.error());
  return Pipeline::create(*document, kBuiltIns, overrides);
}

std::string why(std::string_view text, const std::vector<std::string>& overrides = {}) {
  const auto made = create(text, overrides);
  return made ? "" : made.error().message;
}

std::vector<std::string> names(const Pipeline& pipeline) {
  std::vector<std::string> out;
  for (const auto& step : pipeline.steps()) out.push_back(step.name);
  return out;
}

TEST(Graph, StepsStandAfterWhatTheyReadElseInTheFilesOrder) {
  const auto pipeline = create(R"(
pipeline:
  last: {command: c, deps: [b/model, a.txt], outs: [z]}
  free: {command: c, outs: [f]}
  b: {command: c, deps: [a.txt], outs: [b]}
  a: {command: c, outs: [a.txt]}
)");
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  EXPECT_THAT(names(*pipeline), ElementsAre("free", "a", "b", "last"));
  EXPECT_THAT(pipeline->steps()[3].after, ElementsAre(1, 2));
  EXPECT_THAT(*pipeline->select({"b"}), ElementsAre(1, 2));
  EXPECT_EQ(pipeline->select({}).value().size(), 4U);
  EXPECT_EQ(pipeline->select({"lost"}).error().message, "the pipeline has no step 'lost'; did you mean 'last'?");
}

TEST(Graph, AFolderThatHoldsOutsIsReadFromAllWhoWriteThere) {
  const auto pipeline = create(R"(
pipeline:
  read: {command: c, deps: [work]}
  one: {command: c, outs: [work/1]}
  two: {command: c, outs: [./work//2]}
)");
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  EXPECT_THAT(names(*pipeline), ElementsAre("one", "two", "read"));
}

TEST(Graph, BuiltInsBringTheirVersionAndSections) {
  const auto pipeline = create(R"(
params: {label: late}
gates: {default: {label: "${label}"}}
pipeline:
  gate: {uses: gate, outs: [v.json], metrics: [m.json]}
  shell: {command: [echo, a b], outs: [x]}
)");
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  const auto& gate = pipeline->steps()[0];
  EXPECT_EQ(json::dump(gate.settings), R"({"gates": {"default": {"label": "late"}}})");
  EXPECT_TRUE(gate.remote);
  EXPECT_THAT(gate.outs, ElementsAre("v.json", "m.json"));
  EXPECT_THAT(pipeline->steps()[1].command, ElementsAre("echo", "a b"));
}

TEST(Graph, WrongFilesGetOneSentenceWithTheirLine) {
  EXPECT_EQ(why("pipeline:\n  a: {command: c, dep: [x]}\n"),
            "fettle.yaml:2: pipeline.a: unknown key 'dep'; did you mean 'deps'?");
  EXPECT_EQ(why("pipeline:\n  a: {uses: prepar}\n"),
            "fettle.yaml:2: pipeline.a.uses: there is no built-in step 'prepar'; did you mean 'prepare'?");
  EXPECT_EQ(why("pipeline:\n  a: {outs: [x]}\n"), "fettle.yaml:2: pipeline.a: a step has either 'uses' or 'command'");
  EXPECT_EQ(why("pipeline:\n  a: {command: c, uses: gate}\n"),
            "fettle.yaml:2: pipeline.a: a step has 'uses' or 'command', not both");
  EXPECT_EQ(why("data: {flights: {path: d}}\npipeline:\n  a:\n    command: c\n    data: [flihts]\n"),
            "fettle.yaml:5: pipeline.a.data[0]: there is no data named 'flihts'; did you mean 'flights'?");
  EXPECT_THAT(why("pipeline: [a]\n"), HasSubstr("fettle.yaml:1: pipeline: expected a mapping"));
  EXPECT_THAT(why("pipeline:\n  a/b: {command: c}\n"), HasSubstr("a step's name has letters"));
}

TEST(Graph, ACycleIsNamedFromMakerToReader) {
  EXPECT_EQ(why("pipeline:\n  ok: {command: c, outs: [o]}\n  a: {command: c, deps: [z, o], outs: [x]}\n"
                "  b: {command: c, deps: [x], outs: [y]}\n  c: {command: c, deps: [y], outs: [z]}\n"
                "  later: {command: c, deps: [z]}\n"),
            "fettle.yaml:3: pipeline.a: the steps wait for each other: a -> b -> c -> a");
  EXPECT_EQ(why("pipeline:\n  a: {command: c, deps: [x], outs: [x]}\n"),
            "fettle.yaml:2: pipeline.a: the step depends on its own out");
}

TEST(Graph, AnOutBelongsToOneStepAndLiesInTheProject) {
  EXPECT_EQ(why("pipeline:\n  a: {command: c, outs: [x]}\n  b: {command: c, outs: [./x]}\n"),
            "fettle.yaml:3: pipeline.b.outs: 'x' is already an out of step 'a'; each out belongs to one step");
  EXPECT_THAT(why("pipeline:\n  a: {command: c, outs: [w]}\n  b: {command: c, outs: [w/y/z]}\n"),
              HasSubstr("fettle.yaml:3: pipeline.b.outs: 'w/y/z' lies inside 'w', an out of step 'a'"));
  for (const auto* out : {"../x", "/etc/x", "a/../../x"})
    EXPECT_THAT(why(text::format("pipeline:\n  a: {{command: c, outs: [{}]}}\n", out)),
                HasSubstr("fettle.yaml:2: pipeline.a.outs[0]: '" + std::string(out) + "' lies outside of the project"));
  EXPECT_THAT(why("pipeline:\n  a: {command: c, outs: [.]}\n"), HasSubstr("names no file"));
  EXPECT_THAT(why("pipeline:\n  a: {command: c, outs: [.fettle/x]}\n"), HasSubstr("not a place for outs"));
  EXPECT_THAT(why("data: {d: {path: data/d}}\npipeline:\n  a: {command: c, outs: [data]}\n"),
              HasSubstr("would overwrite the data in 'data/d'"));
}

TEST(Params, ReplaceTextsAndKeepTheKindOfWholeOnes) {
  const auto params = *json::parse(R"({"n": 5, "name": "x", "deep": {"on": true}, "list": [1, 2]})");
  const auto value = *json::parse(
      R"({"a": "${n}", "b": "${name}-${n}", "c": ["${deep.on}", "${list}"], "d": "$${HOME} ${name}", "${n}": 1})");
  EXPECT_EQ(json::dump(*substitute(value, params, "w")),
            R"({"a": 5, "b": "x-5", "c": [true, [1, 2]], "d": "${HOME} x", "${n}": 1})");
  const auto error = [&](const char* text) { return substitute(json::Value(text), params, "w").error().message; };
  EXPECT_EQ(error("a ${nam}"), "w: there is no param 'nam'; did you mean 'name'?");
  EXPECT_THAT(error("${HOME}"), HasSubstr("write $${ for the shell's own"));
  EXPECT_EQ(error("a ${n"), "w: '${' without '}' in 'a ${n'");
}

TEST(Params, OverridesKeepTheKindOfWhatTheyReplace) {
  const auto params = *json::parse(R"({"as_of": "2001-04-01", "n": 5, "rate": 0.1, "deep": {"on": true}})");
  EXPECT_EQ(json::dump(*apply_overrides(params, {"as_of=2002", "n=7", "rate=1", "deep.on=false"})),
            R"({"as_of": "2002", "n": 7, "rate": 1, "deep": {"on": false}})");
  const auto error = [&](const char* text) { return apply_overrides(params, {text}).error().message; };
  EXPECT_EQ(error("n=seven"), "--set n: expected a whole number, as in fettle.yaml, got 'seven'");
  EXPECT_EQ(error("as_off=1"), "--set as_off: there is no param 'as_off'; did you mean 'as_of'?");
  EXPECT_EQ(error("n"), "--set 'n': expected key=value");
  EXPECT_EQ(why("params: {n: 1}\npipeline:\n  a: {command: c}\n", {"m=2"}),
            "--set m: there is no param 'm'; did you mean 'n'?");
}

}  // namespace
}  // namespace fettle::pipeline
