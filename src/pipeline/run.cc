#include "pipeline/run.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "pipeline/paths.h"

namespace fettle::pipeline {
namespace {

bool makes(const Step& step, std::string_view dep) {
  return std::ranges::any_of(step.outs, [&](const std::string& out) { return overlap(out, dep); });
}

std::string what_runs(const Step& step) {
  if (!step.uses.empty()) return text::format("{} {}", step.uses, step.version);
  const auto& words = step.command;
  if (words.size() == 3 && words[0] == "sh" && words[1] == "-c") return "$ " + words[2];
  return json::dump(json::to_value(words));
}

// What is known of the files while the steps go by: digests of outs that were made, or would be restored.
class Observation {
 public:
  Observation(const Parts& parts, const Options& options) : parts_(parts), options_(options) {}

  Result<void> check_dependencies(const std::vector<std::size_t>& selected) const {
    for (const auto s : selected) {
      const auto& step = parts_.pipeline.steps()[s];
      for (const auto& dep : step.deps) {
        if (made_by_a_step(step, dep) || is_there(dep)) continue;
        return missing(step, dep);
      }
    }
    return {};
  }

  Result<Seen> see(const Step& step, bool forced) const {
    Seen seen{.outs = step.outs, .forced = forced, .always = step.always};
    FETTLE_TRY(seen.inputs, inputs_of(step));
    seen.key = key_of(seen.inputs, step.outs);
    if (const auto found = parts_.lock.steps.find(step.name); found != parts_.lock.steps.end())
      seen.before = found->second;
    seen.outs_now = {};
    for (const auto& out : step.outs) {
      FETTLE_TRY(auto digest, parts_.workspace.digest(out));
      if (digest) seen.outs_now.emplace(out, *std::move(digest));
    }
    seen.cached = needs_cache(seen) ? parts_.workspace.cached(seen.key) : std::nullopt;
    return seen;
  }

  void made(const Digests& outs) {
    for (const auto& [path, digest] : outs) made_.insert_or_assign(path, digest);
  }

 private:
  // Reading the cache costs a file a step: not when the lock says all.
  static bool needs_cache(const Seen& seen) {
    return !(seen.before && seen.before->key == seen.key && seen.before->outs == seen.outs_now);
  }

  [[nodiscard]] bool made_by_a_step(const Step& step, const std::string& dep) const {
    return std::ranges::any_of(step.after, [&](std::size_t s) { return makes(parts_.pipeline.steps()[s], dep); });
  }

  [[nodiscard]] bool is_there(const std::string& dep) const {
    const auto digest = parts_.workspace.digest(dep);
    return !digest || digest->has_value();  // what cannot be read is there: dependency() says what is wrong with it
  }

  [[nodiscard]] std::unexpected<Error> missing(const Step& step, const std::string& dep) const {
    std::vector<std::string> outs;
    for (const auto& other : parts_.pipeline.steps()) outs.insert(outs.end(), other.outs.begin(), other.outs.end());
    const auto near = text::closest(dep, outs);
    return fail(Code::NotFound, text::format("pipeline.{}.deps: '{}' is not in the project, and no step writes it{}",
                                             step.name, dep, near ? text::format("; did you mean '{}'?", *near) : ""));
  }

  [[nodiscard]] Result<Inputs> inputs_of(const Step& step) const {
    Inputs inputs{.run = what_runs(step), .with = step.with, .server = step.remote ? options_.server : ""};
    for (const auto& [name, value] : step.settings.as_object())
      inputs.settings.emplace(name, Digest::of(canonical(value)).hex());
    for (const auto& name : step.data) inputs.data.emplace(name, options_.snapshots.at(name).digest);
    for (const auto& dep : step.deps) {
      FETTLE_TRY(auto digest, dependency(step, dep));
      inputs.deps.emplace(dep, std::move(digest));
    }
    return inputs;
  }

  [[nodiscard]] Result<std::string> dependency(const Step& step, const std::string& dep) const {
    if (const auto found = made_.find(dep); found != made_.end()) return found->second;
    FETTLE_TRY(auto digest, parts_.workspace.digest(dep));
    if (!digest) return missing(step, dep);
    return *std::move(digest);
  }

  const Parts& parts_;
  const Options& options_;
  Digests made_;
};

std::set<std::size_t> forced_steps(const Parts& parts, const Options& options) {
  std::set<std::size_t> out;
  const auto& steps = parts.pipeline.steps();
  for (std::size_t s = 0; options.force && s < steps.size(); ++s)
    if (options.targets.empty() || std::ranges::contains(options.targets, steps[s].name)) out.insert(s);
  return out;
}

class Runner {
 public:
  Runner(const Parts& parts, const Options& options, Executor& executor, Recorder& recorder, Observer& observer)
      : parts_(parts),
        options_(options),
        executor_(executor),
        recorder_(recorder),
        observer_(observer),
        observation_(parts, options),
        keys_(parts.pipeline.steps().size()) {}

  Result<Summary> run() {
    FETTLE_TRY(const auto selected, parts_.pipeline.select(options_.targets));
    FETTLE_TRY_(observation_.check_dependencies(selected));
    const auto forced = forced_steps(parts_, options_);
    for (const auto s : selected) {
      auto result = one(s, forced.contains(s));
      observer_.finished(result);
      summary_.error = result.error;
      summary_.steps.push_back(std::move(result));
      if (summary_.error) break;
    }
    if (!summary_.run_id.empty()) recorder_.finished(summary_);
    return std::move(summary_);
  }

 private:
  StepResult one(std::size_t s, bool forced) {
    StepResult result{.step = &parts_.pipeline.steps()[s]};
    const auto began_ns = parts_.clock.monotonic_ns();
    if (const auto done = treat(s, forced, result); !done)
      result.error = done.error().within(text::format("step '{}'", result.step->name));
    result.duration_ms = (parts_.clock.monotonic_ns() - began_ns) / 1'000'000;
    return result;
  }

  Result<void> treat(std::size_t s, bool forced, StepResult& result) {
    const auto& step = *result.step;
    FETTLE_TRY(const auto seen, observation_.see(step, forced));
    keys_[s] = result.key = seen.key;
    result.decision = decide(seen);
    observer_.decided(step, result.decision);
    if (result.decision.action == Action::Restore && !restore(*seen.cached)) {
      result.decision = {Action::Run, {"what the cache holds for it is damaged"}};
      observer_.decided(step, result.decision);
    }
    if (result.decision.action == Action::Run) {
      FETTLE_TRY(result.outs, execute(s, seen));
    } else {
      result.outs = seen.before && seen.before->key == seen.key ? seen.before->outs : *seen.cached;
    }
    observation_.made(result.outs);
    if (lasts(step)) parts_.lock.steps.insert_or_assign(step.name, Record{seen.key, seen.inputs, result.outs});
    return {};
  }

  bool restore(const Digests& outs) {
    return std::ranges::all_of(
        outs, [&](const auto& out) { return parts_.workspace.restore(out.first, out.second).has_value(); });
  }

  // A remote step that had no server did only half of its work: it runs again when there is one.
  [[nodiscard]] bool lasts(const Step& step) const {
    return !step.remote || options_.server.empty() || !recording_ || !summary_.run_id.empty();
  }

  Result<void> start_recording() {
    if (recording_) return {};
    recording_ = true;
    FETTLE_TRY(summary_.run_id, recorder_.started());
    return {};
  }

  Result<Digests> execute(std::size_t s, const Seen& seen) {
    const auto& step = parts_.pipeline.steps()[s];
    FETTLE_TRY_(start_recording());
    for (const auto& out : step.outs) FETTLE_TRY_(parts_.workspace.clear(out));
    FETTLE_TRY_(executor_.execute(job_of(s)));
    if (!lasts(step)) return digests_only(step);
    return parts_.workspace.keep(seen.key, step.outs);
  }

  Result<Digests> digests_only(const Step& step) {
    Digests out;
    for (const auto& path : step.outs) {
      FETTLE_TRY(auto digest, parts_.workspace.digest(path));
      if (digest) out.emplace(path, *std::move(digest));
    }
    return out;
  }

  [[nodiscard]] Job job_of(std::size_t s) const {
    const auto& steps = parts_.pipeline.steps();
    std::vector<bool> before(s + 1, false);
    before[s] = true;
    for (std::size_t i = s + 1; i-- > 0;)
      for (const auto maker : steps[i].after) before[maker] = before[maker] || before[i];
    Job job{.step = steps[s], .run_id = summary_.run_id, .steps = {}, .snapshots = {}, .data_files = {}};
    std::set<std::string> data;
    for (std::size_t i = 0; i <= s; ++i) {
      if (!before[i]) continue;
      job.steps.emplace_back(steps[i].name, keys_[i]);
      data.insert(steps[i].data.begin(), steps[i].data.end());
    }
    for (const auto& name : data) job.snapshots.emplace_back(name, options_.snapshots.at(name).digest);
    for (const auto& name : steps[s].data) {
      const auto& files = options_.snapshots.at(name).files;
      job.data_files.insert(job.data_files.end(), files.begin(), files.end());
    }
    return job;
  }

  const Parts& parts_;
  const Options& options_;
  Executor& executor_;
  Recorder& recorder_;
  Observer& observer_;
  Observation observation_;
  std::vector<std::string> keys_;
  Summary summary_;
  bool recording_ = false;
};

struct Pending {
  std::set<std::size_t> running;    // or waiting: nobody knows what they will make
  std::set<std::size_t> restoring;  // only their outs as a whole are known
};

std::vector<std::string> waiting_for(const Pipeline& pipeline, const Step& step, const Pending& pending) {
  std::vector<std::string> out;
  const auto part_of = [&](const Step& maker) {
    return std::ranges::any_of(step.deps, [&](const std::string& dep) {
      return makes(maker, dep) && !std::ranges::contains(maker.outs, dep);
    });
  };
  std::vector<std::string> makers;
  for (const auto s : step.after) {
    const auto& maker = pipeline.steps()[s];
    if (pending.running.contains(s))
      makers.push_back(maker.name);
    else if (pending.restoring.contains(s) && part_of(maker))
      out.push_back(text::format("it reads a part of what step {} is yet to restore", maker.name));
  }
  if (!makers.empty())
    out.push_back(text::format("it reads what {} {} yet to make; runs if that changes", text::join(makers, ", "),
                               makers.size() == 1 ? "is" : "are"));
  return out;
}

Result<StepResult> foresee(const Parts& parts, Observation& observation, std::size_t s, bool forced,
                           const Pending& pending) {
  StepResult result{.step = &parts.pipeline.steps()[s]};
  const auto waiting = waiting_for(parts.pipeline, *result.step, pending);
  if (!waiting.empty()) {
    result.decision = forced ? Decision{Action::Run, {"--force asks for it"}} : Decision{Action::Wait, waiting};
    return result;
  }
  FETTLE_TRY(const auto seen, observation.see(*result.step, forced));
  result.key = seen.key;
  result.decision = decide(seen);
  if (seen.cached) observation.made(*seen.cached);
  return result;
}

}  // namespace

std::size_t Summary::count(Action action) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(steps, [action](const StepResult& step) { return step.decision.action == action; }));
}

Result<Summary> run(const Parts& parts, const Options& options, Executor& executor, Recorder& recorder,
                    Observer& observer) {
  return Runner(parts, options, executor, recorder, observer).run();
}

Result<std::vector<StepResult>> explain(const Parts& parts, const Options& options) {
  FETTLE_TRY(const auto selected, parts.pipeline.select(options.targets));
  Observation observation(parts, options);
  FETTLE_TRY_(observation.check_dependencies(selected));
  const auto forced = forced_steps(parts, options);
  std::vector<StepResult> out;
  Pending pending;
  for (const auto s : selected) {
    FETTLE_TRY(auto result, foresee(parts, observation, s, forced.contains(s), pending));
    const auto action = result.decision.action;
    if (action == Action::Run || action == Action::Wait) pending.running.insert(s);
    if (action == Action::Restore) pending.restoring.insert(s);
    out.push_back(std::move(result));
  }
  return out;
}

}  // namespace fettle::pipeline
