#include "pipeline/graph.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <queue>
#include <set>

#include "base/text.h"
#include "json/describe.h"
#include "pipeline/params.h"
#include "pipeline/paths.h"

namespace fettle::pipeline {
namespace {

struct StepText {  // a step as the file has it
  std::string description, uses;
  json::Value command, with;
  std::vector<std::string> data, deps, outs, metrics;
  bool always = false;
};
BOOST_DESCRIBE_STRUCT(StepText, (), (description, uses, command, with, data, deps, outs, metrics, always))

using Makers = std::map<std::string, std::size_t, std::less<>>;

constexpr std::array<std::string_view, 4> kReserved = {".fettle", ".git", "fettle.yaml", "fettle.lock"};

std::unexpected<Error> wrong(const std::string& where, std::string_view rule) {
  return fail(Code::InvalidArgument, text::format("{}: {}", where, rule));
}

std::string hint(const std::string& word, const std::vector<std::string>& known) {
  const auto near = text::closest(word, known);
  if (near) return text::format("; did you mean '{}'?", *near);
  return known.empty() ? "; there are none" : text::format("; there are: {}", text::join(known, ", "));
}

template <typename Map>
std::vector<std::string> names_of(const Map& map) {
  std::vector<std::string> out;
  for (const auto& entry : map) out.push_back(entry.first);
  return out;
}

const json::Value& section(const config::Document& document, std::string_view name) {
  static const auto empty = json::Value::object();
  const auto* found = document.root.find(name);
  return found == nullptr || found->is_null() ? empty : *found;
}

Result<std::vector<std::string>> read_command(const json::Value& command, const std::string& where) {
  if (command.is_null()) return std::vector<std::string>();
  if (command.is_string()) return std::vector<std::string>{"sh", "-c", command.as_string()};
  FETTLE_TRY(auto words, json::from_value<std::vector<std::string>>(command, where + ".command"));
  if (words.empty()) return wrong(where + ".command", "a command needs at least the program's name");
  return words;
}

Result<std::vector<std::string>> read_paths(const std::vector<std::string>& paths, const std::string& where) {
  std::vector<std::string> out;
  for (const auto& path : paths) {
    auto normal = normal_path(path);
    if (!normal) return fail(normal.error().within(text::format("{}[{}]", where, out.size())));
    out.push_back(*std::move(normal));
  }
  return out;
}

class Reader {
 public:
  Reader(const config::Document& document, const BuiltIns& built_ins, const json::Value& params)
      : document_(document), built_ins_(built_ins), params_(params) {}

  Result<Step> read(const std::string& name, const json::Value& value) {
    const auto where = "pipeline." + name;
    if (const auto odd = name.find_first_not_of(kNameLetters); odd != std::string::npos)
      return wrong(where, "a step's name has letters, digits, '_', '-' and '.' only");
    FETTLE_TRY(const auto replaced, substitute(value, params_, where));
    FETTLE_TRY(auto text, json::from_value<StepText>(replaced, where));
    Step step{.name = name, .uses = text.uses, .always = text.always};
    FETTLE_TRY(step.command, read_command(text.command, where));
    FETTLE_TRY_(check_kind(step, where));
    step.with = text.with.is_null() ? json::Value::object() : std::move(text.with);
    if (!step.with.is_object()) return wrong(where + ".with", "expected a mapping");
    step.data = std::move(text.data);
    FETTLE_TRY(step.deps, read_paths(text.deps, where + ".deps"));
    FETTLE_TRY(step.outs, read_paths(text.outs, where + ".outs"));
    FETTLE_TRY(step.metrics, read_paths(text.metrics, where + ".metrics"));
    step.outs.insert(step.outs.end(), step.metrics.begin(), step.metrics.end());
    FETTLE_TRY_(add_built_in(step, where));
    FETTLE_TRY_(check_data(step, where));
    return step;
  }

 private:
  static constexpr std::string_view kNameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

  static Result<void> check_kind(const Step& step, const std::string& where) {
    if (step.uses.empty() && step.command.empty()) return wrong(where, "a step has either 'uses' or 'command'");
    if (!step.uses.empty() && !step.command.empty()) return wrong(where, "a step has 'uses' or 'command', not both");
    return {};
  }

  Result<void> add_built_in(Step& step, const std::string& where) {
    step.settings = json::Value::object();
    if (step.uses.empty()) return {};
    const auto found = built_ins_.find(step.uses);
    if (found == built_ins_.end())
      return wrong(where + ".uses",
                   text::format("there is no built-in step '{}'{}", step.uses, hint(step.uses, names_of(built_ins_))));
    step.version = found->second.version;
    step.remote = found->second.remote;
    for (const auto& name : found->second.sections) {
      FETTLE_TRY(auto settings, substitute(section(document_, name), params_, name));
      step.settings.set(name, std::move(settings));
    }
    return {};
  }

  [[nodiscard]] Result<void> check_data(const Step& step, const std::string& where) const {
    const auto& data = section(document_, "data");
    for (std::size_t i = 0; i < step.data.size(); ++i) {
      if (data.find(step.data[i]) != nullptr) continue;
      return wrong(
          text::format("{}.data[{}]", where, i),
          text::format("there is no data named '{}'{}", step.data[i],
                       hint(step.data[i], data.is_object() ? names_of(data.as_object()) : std::vector<std::string>())));
    }
    return {};
  }

  const config::Document& document_;
  const BuiltIns& built_ins_;
  const json::Value& params_;
};

// The entry whose path is `path` or holds it.
Makers::const_iterator holder_of(const Makers& makers, std::string_view path) {
  for (auto here = path;; here = here.substr(0, here.rfind('/'))) {
    if (const auto found = makers.find(here); found != makers.end()) return found;
    if (here.find('/') == std::string_view::npos) return makers.end();
  }
}

Result<void> check_place(const std::string& out, const std::string& where, const std::vector<std::string>& data) {
  for (const auto reserved : kReserved)
    if (overlap(out, reserved))
      return wrong(where, text::format("'{}' is not a place for outs: Fettle keeps '{}' there", out, reserved));
  for (const auto& path : data)
    if (overlap(out, path))
      return wrong(where, text::format("'{}' would overwrite the data in '{}'; write elsewhere", out, path));
  return {};
}

Result<Makers> find_makers(const std::vector<Step>& steps, const std::vector<std::string>& data) {
  Makers makers;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const auto where = text::format("pipeline.{}.outs", steps[s].name);
    for (const auto& out : steps[s].outs) {
      FETTLE_TRY_(check_place(out, where, data));
      if (!makers.emplace(out, s).second)
        return wrong(where, text::format("'{}' is already an out of step '{}'; each out belongs to one step", out,
                                         steps[makers.find(out)->second].name));
    }
  }
  for (const auto& [out, s] : makers) {
    const auto parent = out.find('/') == std::string::npos ? std::string() : out.substr(0, out.rfind('/'));
    const auto holder = parent.empty() ? makers.end() : holder_of(makers, parent);
    if (holder != makers.end())
      return wrong(text::format("pipeline.{}.outs", steps[s].name),
                   text::format("'{}' lies inside '{}', an out of step '{}'; outs may not hold each other", out,
                                holder->first, steps[holder->second].name));
  }
  return makers;
}

void connect(std::vector<Step>& steps, const Makers& makers) {
  for (auto& step : steps) {
    std::set<std::size_t> after;
    for (const auto& dep : step.deps) {
      if (const auto holder = holder_of(makers, dep); holder != makers.end()) after.insert(holder->second);
      const auto inside = dep + "/";
      for (auto i = makers.lower_bound(inside); i != makers.end() && i->first.starts_with(inside); ++i)
        after.insert(i->second);
    }
    step.after.assign(after.begin(), after.end());
  }
}

// `waiting`: steps that are left once all that can be ordered are: each waits for another of them.
std::unexpected<Error> cycle_error(const std::vector<Step>& steps, const std::vector<bool>& waiting) {
  std::size_t here = static_cast<std::size_t>(std::ranges::find(waiting, true) - waiting.begin());
  std::vector<std::size_t> path;
  while (std::ranges::find(path, here) == path.end()) {
    path.push_back(here);
    here = *std::ranges::find_if(steps[here].after, [&](std::size_t s) { return waiting[s]; });
  }
  path.erase(path.begin(), std::ranges::find(path, here));
  std::ranges::reverse(path);  // from maker to reader
  std::rotate(path.begin(), std::ranges::min_element(path), path.end());
  std::string told;
  for (const auto s : path) told += steps[s].name + " -> ";
  const auto& first = steps[path.front()];
  if (path.size() == 1) return wrong("pipeline." + first.name, "the step depends on its own out");
  return wrong("pipeline." + first.name, text::format("the steps wait for each other: {}{}", told, first.name));
}

// Kahn's algorithm; of the ready steps, the first in the file goes first.
Result<std::vector<std::size_t>> order_of(const std::vector<Step>& steps) {
  std::vector<std::size_t> missing(steps.size());
  std::vector<std::vector<std::size_t>> readers(steps.size());
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    missing[s] = steps[s].after.size();
    for (const auto maker : steps[s].after) readers[maker].push_back(s);
    if (missing[s] == 0) ready.push(s);
  }
  std::vector<std::size_t> order;
  std::vector<bool> waiting(steps.size(), true);
  while (!ready.empty()) {
    const auto s = ready.top();
    ready.pop();
    order.push_back(s);
    waiting[s] = false;
    for (const auto reader : readers[s])
      if (--missing[reader] == 0) ready.push(reader);
  }
  if (order.size() < steps.size()) return cycle_error(steps, waiting);
  return order;
}

std::vector<Step> sorted(std::vector<Step> steps, const std::vector<std::size_t>& order) {
  std::vector<std::size_t> place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  std::vector<Step> out;
  for (const auto s : order) {
    for (auto& maker : steps[s].after) maker = place[maker];
    std::ranges::sort(steps[s].after);
    out.push_back(std::move(steps[s]));
  }
  return out;
}

std::vector<std::string> data_paths(const config::Document& document) {
  std::vector<std::string> out;
  const auto& data = section(document, "data");
  if (!data.is_object()) return out;
  for (const auto& entry : data.as_object())
    if (const auto path = normal_path(entry.second.text_or("path"))) out.push_back(*path);
  return out;
}

Result<std::vector<Step>> read_steps(const config::Document& document, const BuiltIns& built_ins,
                                     const json::Value& params) {
  const auto& value = section(document, "pipeline");
  if (!value.is_object()) return wrong("pipeline", "expected a mapping from a step's name to the step");
  Reader reader(document, built_ins, params);
  std::vector<Step> steps;
  for (const auto& [name, text] : value.as_object()) {
    FETTLE_TRY(auto step, reader.read(name, text));
    steps.push_back(std::move(step));
  }
  return steps;
}

struct Built {
  std::vector<Step> steps;
  json::Value params;
};

Result<Built> build(const config::Document& document, const BuiltIns& built_ins,
                    const std::vector<std::string>& overrides) {
  Built built;
  const auto& params = section(document, "params");
  if (!params.is_object()) return wrong("params", "expected a mapping from a param's name to its value");
  FETTLE_TRY(built.params, apply_overrides(params, overrides));
  FETTLE_TRY(auto steps, read_steps(document, built_ins, built.params));
  FETTLE_TRY(const auto makers, find_makers(steps, data_paths(document)));
  connect(steps, makers);
  FETTLE_TRY(const auto order, order_of(steps));
  built.steps = sorted(std::move(steps), order);
  return built;
}

}  // namespace

Result<Pipeline> Pipeline::create(const config::Document& document, const BuiltIns& built_ins,
                                  const std::vector<std::string>& overrides) {
  auto built = build(document, built_ins, overrides);
  if (!built) {
    const bool in_file = !built.error().message.starts_with("--set");
    return fail(in_file ? config::located(document, built.error()) : built.error());
  }
  Pipeline pipeline;
  pipeline.steps_ = std::move(built->steps);
  pipeline.params_ = std::move(built->params);
  return pipeline;
}

Result<std::vector<std::size_t>> Pipeline::select(const std::vector<std::string>& names) const {
  std::vector<bool> wanted(steps_.size(), names.empty());
  for (const auto& name : names) {
    const auto found = std::ranges::find(steps_, name, &Step::name);
    if (found == steps_.end()) {
      std::vector<std::string> known;
      for (const auto& step : steps_) known.push_back(step.name);
      return fail(Code::NotFound, text::format("the pipeline has no step '{}'{}", name, hint(name, known)));
    }
    wanted[static_cast<std::size_t>(found - steps_.begin())] = true;
  }
  for (std::size_t s = steps_.size(); s-- > 0;)  // makers stand before their readers
    for (const auto maker : steps_[s].after) wanted[maker] = wanted[maker] || wanted[s];
  std::vector<std::size_t> out;
  for (std::size_t s = 0; s < steps_.size(); ++s)
    if (wanted[s]) out.push_back(s);
  return out;
}

}  // namespace fettle::pipeline
