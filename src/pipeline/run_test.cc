#include "pipeline/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "base/text.h"
#include "os/file.h"
#include "pipeline/testing/fake_executor.h"

namespace fettle::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kYaml = R"(
params: {n: 1}
data: {raw: {path: raw}}
pipeline:
  prepare: {command: p, data: [raw], deps: [source.txt], outs: [work/a, work/b]}
  train: {command: "t ${n}", deps: [work/a], outs: [work/model]}
  score: {command: s, deps: [work/model/weights, work/b], metrics: [work/score.json]}
)";

class Notes final : public Recorder, public Observer {
 public:
  std::vector<std::string> decisions;
  std::string run_id = "r1";
  int started_count = 0, finished_count = 0;

  Result<std::string> started() override {
    ++started_count;
    return run_id;
  }
  void finished(const Summary&) override { ++finished_count; }
  void decided(const Step& step, const Decision& decision) override {
    decisions.push_back(text::format("{} {}", step.name, describe(decision)));
  }
  void finished(const StepResult&) override {}
};

class Run : public ::testing::Test {
 protected:
  void SetUp() override {
    write("source.txt", "1");
    options.snapshots["raw"] = {"d1", {"/raw/1"}};
    executor.set("prepare", [this](const Job&) {
      const auto source = read("source.txt");
      write("work/a", "a" + source);
      write("work/b", "b");
      return Result<void>();
    });
    executor.set("train", [this](const Job& job) {
      write("work/model/weights", read("work/a") + job.step.command.back());
      write("work/model/signature", "s");
      return Result<void>();
    });
    executor.set("score", [this](const Job&) {
      write("work/score.json", read("work/model/weights"));
      return Result<void>();
    });
  }

  void write(const std::string& path, const std::string& text) const {
    const auto absolute = folder.path() + "/" + path;
    ASSERT_TRUE(os::make_folders(absolute.substr(0, absolute.rfind('/'))));
    ASSERT_TRUE(os::write_file(absolute, text));
  }
  [[nodiscard]] std::string read(const std::string& path) const {
    return os::read_file(folder.path() + "/" + path).value_or("(none)");
  }

  // A new process each time: everything is read from disk.
  Result<Summary> go(const std::vector<std::string>& overrides = {}) {
    executor.forget();
    notes.decisions.clear();
    auto pipeline = load(overrides);
    auto workspace = *Workspace::open(folder.path());
    LockFile file(folder.path());
    auto lock = *file.load();
    auto summary = run({pipeline, workspace, lock, clock}, options, executor, notes, notes);
    EXPECT_TRUE(file.save(lock, pipeline));
    EXPECT_TRUE(workspace.save());
    return summary;
  }

  std::vector<std::string> foresee(const std::vector<std::string>& overrides = {}) {
    const auto pipeline = load(overrides);
    auto workspace = *Workspace::open(folder.path());
    auto lock = *LockFile(folder.path()).load();
    std::vector<std::string> out;
    const auto results = explain({pipeline, workspace, lock, clock}, options);
    EXPECT_TRUE(results) << results.error().message;
    for (const auto& result : *results) out.push_back(result.step->name + " " + describe(result.decision));
    return out;
  }

  [[nodiscard]] Pipeline load(const std::vector<std::string>& overrides) const {
    auto made = Pipeline::create(*config::parse_yaml(yaml, "fettle.yaml"), {}, overrides);
    EXPECT_TRUE(made) << made.error().message;
    return *std::move(made);
  }

  os::TempFolder folder = *os::TempFolder::create();
  std::string yaml{kYaml};
  ManualClock clock{1'000'000};
  Options options;
  testing::FakeExecutor executor;
  Notes notes;
};

TEST_F(Run, RunsAllOnceThenNothing) {
  const auto first = go();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_THAT(executor.ran(), ElementsAre("prepare", "train", "score"));
  EXPECT_EQ(first->run_id, "r1");
  const auto second = go();
  EXPECT_THAT(executor.ran(), IsEmpty());
  EXPECT_EQ(second->count(Action::Skip), 3U);
  EXPECT_EQ(second->run_id, "");
  EXPECT_EQ(notes.started_count, 1) << "a run in which nothing ran is not recorded";
  EXPECT_EQ(notes.finished_count, 1);
  EXPECT_THAT(foresee(), ElementsAre("prepare skipped: nothing changed", "train skipped: nothing changed",
                                     "score skipped: nothing changed"));
}

TEST_F(Run, GoingBackToOldInputsRestoresOldOuts) {
  ASSERT_TRUE(go());
  ASSERT_TRUE(go({"n=2"}));
  EXPECT_THAT(executor.ran(), ElementsAre("train", "score"));
  EXPECT_EQ(read("work/score.json"), "a1t 2");
  const auto foreseen = foresee();
  EXPECT_THAT(foreseen[1], HasSubstr("train restored from the cache: what it runs changed"));
  EXPECT_THAT(foreseen[2], HasSubstr("it reads a part of what step train is yet to restore"));
  const auto back = go();
  EXPECT_THAT(executor.ran(), IsEmpty());
  EXPECT_EQ(back->count(Action::Restore), 2U);
  EXPECT_EQ(read("work/model/weights"), "a1t 1");
  EXPECT_EQ(read("work/model/signature"), "s");
  EXPECT_EQ(read("work/score.json"), "a1t 1");
}

TEST_F(Run, AChangeThatMakesTheSameOutsStopsThere) {
  ASSERT_TRUE(go());
  options.snapshots["raw"].digest = "d2";
  EXPECT_THAT(foresee()[1], HasSubstr("train waits: it reads what prepare is yet to make"));
  ASSERT_TRUE(go());
  EXPECT_THAT(executor.ran(), ElementsAre("prepare"));
  EXPECT_THAT(notes.decisions[0], HasSubstr("data raw changed (d1 -> d2)"));
  EXPECT_EQ(notes.decisions[1], "train skipped: nothing changed");
}

TEST_F(Run, EditedAndLostOutsComeBack) {
  ASSERT_TRUE(go());
  write("work/model/weights", "by hand");
  ASSERT_TRUE(os::remove_all(folder.path() + "/work/b"));
  const auto mended = go();
  EXPECT_THAT(executor.ran(), IsEmpty());
  EXPECT_EQ(mended->count(Action::Restore), 2U);
  EXPECT_EQ(read("work/model/weights"), "a1t 1");
  EXPECT_EQ(read("work/b"), "b");
}

TEST_F(Run, AFailingStepStopsTheRunAndLeavesNoTraceOfItself) {
  executor.set("train", [this](const Job&) {
    write("work/model/weights", "half");
    return Result<void>(fail(Code::FailedPrecondition, "no memory"));
  });
  const auto failed = go();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->error->message, "step 'train': no memory");
  EXPECT_THAT(executor.ran(), ElementsAre("prepare", "train"));
  EXPECT_EQ(notes.finished_count, 1);
  SetUp();
  ASSERT_TRUE(go());
  EXPECT_THAT(executor.ran(), ElementsAre("train", "score")) << "what succeeded before stands";
  EXPECT_EQ(read("work/score.json"), "a1t 1");
}

TEST_F(Run, AnOutThatIsNotWrittenFailsTheStep) {
  executor.set("prepare", [this](const Job&) {
    write("work/a", "a");
    return Result<void>();
  });
  EXPECT_THAT(go()->error->message, HasSubstr("step 'prepare': the step succeeded but did not write its out 'work/b'"));
}

TEST_F(Run, OldOutsAreGoneBeforeAStepRuns) {
  ASSERT_TRUE(go());
  write("source.txt", "2");
  executor.set("prepare", [this](const Job&) {
    EXPECT_EQ(read("work/a"), "(none)");
    return Result<void>(fail(Code::Internal, "x"));
  });
  ASSERT_TRUE(go());
}

TEST_F(Run, AMissingDependencyIsFoundBeforeAnythingRuns) {
  yaml = "pipeline:\n  a: {command: c, outs: [x]}\n  b: {command: c, deps: [work/modle], outs: [work/model]}\n";
  const auto failed = go();
  EXPECT_EQ(failed.error().message,
            "pipeline.b.deps: 'work/modle' is not in the project, and no step writes it; did you mean 'work/model'?");
  EXPECT_THAT(executor.ran(), IsEmpty());
}

TEST_F(Run, TargetsAndForce) {
  options.targets = {"train"};
  ASSERT_TRUE(go());
  EXPECT_THAT(executor.ran(), ElementsAre("prepare", "train"));
  options.force = true;
  EXPECT_THAT(foresee(), ElementsAre("prepare skipped: nothing changed", "train runs: --force asks for it"));
  ASSERT_TRUE(go());
  EXPECT_THAT(executor.ran(), ElementsAre("train"));
}

TEST_F(Run, DamagedCacheMeansRunningAgain) {
  ASSERT_TRUE(go());
  const auto objects = *os::list_files(folder.path() + "/.fettle/cache/objects");
  for (const auto& file : objects)
    ASSERT_TRUE(os::write_file(folder.path() + "/.fettle/cache/objects/" + file.path, "rot"));
  ASSERT_TRUE(os::remove_all(folder.path() + "/work"));
  const auto summary = go();
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->error, std::nullopt) << summary->error.value_or(Error{}).message;
  EXPECT_THAT(executor.ran(), ElementsAre("prepare", "train")) << "score's out is the weights, whole again";
  EXPECT_EQ(read("work/score.json"), "a1t 1");
  ASSERT_TRUE(os::remove_all(folder.path() + "/work"));
  EXPECT_EQ(go()->count(Action::Restore), 3U) << "what was run again is stored again";
}

TEST_F(Run, JobsCarryTheirLineage) {
  options.snapshots["raw"] = {"d1", {"/raw/1", "/raw/2"}};
  std::vector<std::string> steps;
  executor.set("train", [&](const Job& job) {
    for (const auto& [name, key] : job.steps) steps.push_back(name + (key.size() == 64 ? "" : " without key"));
    EXPECT_THAT(job.snapshots, ElementsAre(std::pair<std::string, std::string>("raw", "d1")));
    EXPECT_THAT(job.data_files, IsEmpty()) << "train reads no data itself";
    EXPECT_EQ(job.run_id, "r1");
    write("work/model/weights", "w");
    return Result<void>();
  });
  ASSERT_TRUE(go());
  EXPECT_THAT(steps, ElementsAre("prepare", "train"));
}

TEST_F(Run, ARemoteStepWithoutItsServerRunsAgainWhenThereIsOne) {
  yaml = "pipeline:\n  register: {uses: register, deps: [source.txt], outs: [bundle.json]}\n";
  const BuiltIns built_ins = {{"register", {.version = 1, .sections = {}, .remote = true}}};
  executor.set("register", [this](const Job&) {
    write("bundle.json", "{}");
    return Result<void>();
  });
  options.server = "http://a";
  const auto once = [&] {
    executor.forget();
    const auto pipeline = *Pipeline::create(*config::parse_yaml(yaml, "fettle.yaml"), built_ins);
    auto workspace = *Workspace::open(folder.path());
    LockFile file(folder.path());
    auto lock = *file.load();
    EXPECT_TRUE(run({pipeline, workspace, lock, clock}, options, executor, notes, notes));
    EXPECT_TRUE(file.save(lock, pipeline));
    return executor.ran().size();
  };
  notes.run_id = "";
  EXPECT_EQ(once(), 1U);
  EXPECT_EQ(once(), 1U);
  notes.run_id = "r2";
  EXPECT_EQ(once(), 1U);
  EXPECT_EQ(once(), 0U);
  options.server = "http://b";
  EXPECT_EQ(once(), 1U);
}

// Random edits against an oracle: after every run the outs are what a run from nothing gives, and a step runs only for
// inputs that it never had.
TEST_F(Run, RandomEditsGiveNeitherWrongHitsNorNeedlessRuns) {
  Rng rng(7);
  std::map<std::string, int> times;  // what a step computed from -> how often
  const auto counted = [&](const std::string& name, const std::string& from) { ++times[name + ":" + from]; };
  executor.set("prepare", [&](const Job& job) {
    counted("prepare", read("source.txt") + job.snapshots.front().second);
    write("work/a", read("source.txt"));
    write("work/b", job.snapshots.front().second);
    return Result<void>();
  });
  executor.set("train", [&](const Job& job) {
    counted("train", read("work/a") + job.step.command.back());
    write("work/model/weights", read("work/a") + job.step.command.back());
    return Result<void>();
  });
  executor.set("score", [&](const Job&) {
    counted("score", read("work/model/weights") + read("work/b"));
    write("work/score.json", read("work/model/weights") + "|" + read("work/b"));
    return Result<void>();
  });
  int n = 1;
  for (int round = 0; round < 60; ++round) {
    const auto value = std::to_string(rng.below(3));
    switch (rng.below(6)) {
      case 0:
        write("source.txt", value);
        break;
      case 1:
        options.snapshots["raw"].digest = "d" + value;
        break;
      case 2:
        n = static_cast<int>(rng.below(3));
        break;
      case 3:
        ASSERT_TRUE(os::remove_all(folder.path() + "/work/model"));
        break;
      case 4:
        write("work/score.json", value);
        break;
      default:
        write("work/a", "x");
        break;
    }
    const auto summary = go({text::format("n={}", n)});
    ASSERT_TRUE(summary && !summary->error);
    EXPECT_EQ(read("work/score.json"),
              text::format("{}t {}|{}", read("source.txt"), n, options.snapshots["raw"].digest));
  }
  for (const auto& [what, count] : times) EXPECT_EQ(count, 1) << what;
}

}  // namespace
}  // namespace fettle::pipeline
