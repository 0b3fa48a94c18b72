#include "pipeline/plan.h"

#include <algorithm>
#include <array>
#include <functional>

#include "base/text.h"

namespace fettle::pipeline {
namespace {

constexpr std::size_t kBriefDigest = 8;

std::string brief(const std::string& digest) { return digest.substr(0, kBriefDigest); }

using Tell = std::function<void(const std::string& name, const std::string* before, const std::string* now)>;

// Calls `tell` for each name whose digest differs, or that is in one of the two only.
void compare(const Digests& before, const Digests& now, const Tell& tell) {
  for (const auto& [name, digest] : now) {
    const auto was = before.find(name);
    if (was == before.end())
      tell(name, nullptr, &digest);
    else if (was->second != digest)
      tell(name, &was->second, &digest);
  }
  for (const auto& [name, digest] : before)
    if (!now.contains(name)) tell(name, &digest, nullptr);
}

void compare_named(std::string_view what, const Digests& before, const Digests& now, std::vector<std::string>& out) {
  compare(before, now, [&](const std::string& name, const std::string* was, const std::string* is) {
    if (was == nullptr)
      out.push_back(text::format("{} {} is new", what, name));
    else if (is == nullptr)
      out.push_back(text::format("{} {} is no longer read", what, name));
    else
      out.push_back(text::format("{} {} changed ({} -> {})", what, name, brief(*was), brief(*is)));
  });
}

std::string shown(const json::Value* value) {
  constexpr std::size_t kLongest = 40;
  if (value == nullptr) return "nothing";
  auto text = json::dump(*value);
  return text.size() > kLongest ? text.substr(0, kLongest) + ".." : text;
}

void compare_values(const std::string& path, const json::Value* before, const json::Value* now,
                    std::vector<std::string>& out) {
  if (before != nullptr && now != nullptr && canonical(*before) == canonical(*now)) return;
  if (before == nullptr || now == nullptr || !before->is_object() || !now->is_object()) {
    out.push_back(text::format("{}: {} -> {}", path, shown(before), shown(now)));
    return;
  }
  for (const auto& [key, value] : now->as_object()) compare_values(path + "." + key, before->find(key), &value, out);
  for (const auto& [key, value] : before->as_object())
    if (now->find(key) == nullptr) compare_values(path + "." + key, &value, nullptr, out);
}

Decision skip(std::string reason) { return {Action::Skip, {std::move(reason)}}; }

std::vector<std::string> out_problems(const Digests& expected, const Digests& now) {
  std::vector<std::string> out;
  for (const auto& [path, digest] : expected) {
    const auto found = now.find(path);
    if (found == now.end())
      out.push_back(text::format("out {} is missing", path));
    else if (found->second != digest)
      out.push_back(
          text::format("out {} is not what the step wrote ({} -> {})", path, brief(digest), brief(found->second)));
  }
  return out;
}

Decision decide_same(const Seen& seen) {
  const auto problems = out_problems(seen.before->outs, seen.outs_now);
  if (problems.empty()) return skip("nothing changed");
  return {seen.cached ? Action::Restore : Action::Run, problems};
}

Decision decide_changed(const Seen& seen) {
  auto reasons =
      seen.before ? differences(seen.before->inputs, seen.inputs) : std::vector<std::string>{"it is not in the lock"};
  if (reasons.empty()) reasons.emplace_back("its list of outs changed");
  if (!seen.cached) {
    if (!seen.before) reasons = {"it never ran with these inputs"};
    return {Action::Run, std::move(reasons)};
  }
  if (out_problems(*seen.cached, seen.outs_now).empty()) {
    reasons.emplace_back("its outs are already what these inputs give");
    return {Action::Skip, std::move(reasons)};
  }
  reasons.emplace_back("these inputs gave a result before");
  return {Action::Restore, std::move(reasons)};
}

}  // namespace

std::vector<std::string> differences(const Inputs& before, const Inputs& now) {
  std::vector<std::string> out;
  if (before.run != now.run) out.push_back(text::format("what it runs changed ({} -> {})", before.run, now.run));
  compare_values("with", &before.with, &now.with, out);
  compare_named("section", before.settings, now.settings, out);
  compare_named("data", before.data, now.data, out);
  compare_named("dependency", before.deps, now.deps, out);
  if (before.server != now.server)
    out.push_back(text::format("server changed ({} -> {})", before.server.empty() ? "none" : before.server,
                               now.server.empty() ? "none" : now.server));
  return out;
}

Decision decide(const Seen& seen) {
  if (seen.forced) return {Action::Run, {"--force asks for it"}};
  if (seen.always) return {Action::Run, {"it runs every time (always: true)"}};
  if (seen.before && seen.before->key == seen.key) return decide_same(seen);
  return decide_changed(seen);
}

std::string describe(const Decision& decision) {
  constexpr std::array<std::string_view, 4> kWords = {"skipped", "restored from the cache", "runs", "waits"};
  return text::format("{}: {}", kWords[static_cast<std::size_t>(decision.action)], text::join(decision.reasons, "; "));
}

std::string_view name(Action action) noexcept {
  constexpr std::array<std::string_view, 4> kNames = {"skip", "restore", "run", "wait"};
  return kNames[static_cast<std::size_t>(action)];
}

}  // namespace fettle::pipeline
