#include "control/retrain.h"

#include <algorithm>

#include "base/clock.h"
#include "base/text.h"
#include "control/windows.h"

namespace fettle::control {
namespace {

const AlertRecord* first_asking(const RetrainPolicy& policy, const std::vector<AlertRecord>& alerts) {
  const AlertRecord* first = nullptr;
  for (const auto& alert : alerts) {
    const bool asks = alert.state != "closed" && std::ranges::find(policy.on, alert.kind) != policy.on.end();
    if (asks && (first == nullptr || alert.opened_event_ms < first->opened_event_ms)) first = &alert;
  }
  return first;
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string how(const Retrain& retrain) {
  if (retrain.state != RetrainState::Failed) return "retrained";
  return text::format("a retraining failed (exit code {})", retrain.exit_code);
}

std::int64_t quiet_ms(const RetrainPolicy& policy, const Retrain& last) {
  const bool failed = last.state == RetrainState::Failed;
  const double days = failed ? std::min(policy.retry_days, policy.cooldown_days) : policy.cooldown_days;
  return static_cast<std::int64_t>(days * kDayMs);
}

std::string date(std::int64_t ms) { return text::rfc3339(ms).substr(0, 10); }

}  // namespace

RetrainDecision decide_retrain(const RetrainPolicy& policy, const RetrainFacts& facts) {
  const auto* alert = policy.command.empty() ? nullptr : first_asking(policy, facts.alerts);
  if (alert == nullptr) return {};
  const auto waits = [](std::string why) { return RetrainDecision{std::nullopt, std::move(why)}; };
  for (const auto& retrain : facts.retrains)
    if (retrain.state == RetrainState::Running) return waits("retraining now");
  if (facts.rollout_running) return waits("waiting for the running rollout before retraining");
  for (const auto& retrain : facts.retrains) {
    if (retrain.exit_code == kInterrupted) continue;
    const auto until = retrain.event_ms + quiet_ms(policy, retrain);
    if (facts.watermark_ms < until)
      return waits(text::format("{} on {}; not again before {}", how(retrain), date(retrain.event_ms), date(until)));
    break;
  }
  return {*alert, ""};
}

std::vector<std::string> fill_command(const RetrainPolicy& policy, const AlertRecord& alert,
                                      std::int64_t watermark_ms) {
  std::vector<std::string> out;
  for (auto word : policy.command) {
    word = replace_all(std::move(word), "{as_of}", date(watermark_ms));
    word = replace_all(std::move(word), "{endpoint}", alert.endpoint);
    out.push_back(replace_all(std::move(word), "{alert}", alert.id));
  }
  return out;
}

std::string mark_of(const Retrain& retrain) { return text::format("{}.{}", retrain.id, retrain.started_ms); }

}  // namespace fettle::control
