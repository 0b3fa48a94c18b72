#include "monitor/report.h"

#include <algorithm>

#include "base/text.h"
#include "monitor/kinds.h"

namespace fettle::monitor {
namespace {

std::uint64_t outcome_days(const Profile& profile) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(profile.days(), [](const auto& day) { return day.gap.n > 0; }));
}

// What a window still lacks, most basic first.
std::string missing_to_judge(const WindowReport& report, const Profile& profile, const Config& config) {
  if (!report.quality_judged) return text::format("{} rows to judge anything; it has {}", config.min_rows, report.rows);
  if (!report.drift_judged) return text::format("{} days to judge drift; it has {}", config.min_days, report.days);
  if (report.outcomes < config.min_rows)
    return text::format("{} outcomes to judge the model; it has {}", config.min_rows, report.outcomes);
  if (report.outcome_share < config.min_outcome_share)
    return text::format("outcomes for {:.0f} % of the predictions; it has {:.0f} %", 100 * config.min_outcome_share,
                        100 * report.outcome_share);
  if (!report.outcomes_judged)
    return text::format("outcomes of {} days to judge the model; it has {}", config.min_outcome_days,
                        outcome_days(profile));
  return "";
}

}  // namespace

std::vector<std::size_t> chosen_slices(const Reference& reference, const Config& config) {
  std::vector<std::size_t> out;
  for (std::size_t s = 0; s < reference.slices().size(); ++s) {
    const auto& name = reference.features()[reference.slices()[s].input].name;
    if (config.slices.empty() || std::ranges::contains(config.slices, name)) out.push_back(s);
  }
  return out;
}

std::string slice_name(const Reference& reference, std::size_t slice, std::size_t group) {
  const auto& input = reference.signature().inputs()[reference.slices()[slice].input];
  return input.name + " = " + (group < input.categories.size() ? input.categories[group] : "(unknown)");
}

WindowReport report(const Profile& profile, const Config& config) {
  WindowReport out{.rows = profile.rows(), .malformed = profile.malformed(), .outcomes = profile.outcomes()};
  if (out.rows > 0) out.outcome_share = static_cast<double>(out.outcomes) / static_cast<double>(out.rows);
  out.days =
      static_cast<std::uint64_t>(std::ranges::count_if(profile.days(), [](const auto& day) { return day.rows > 0; }));
  out.quality_judged = out.rows >= config.min_rows;
  out.drift_judged = out.quality_judged && static_cast<std::int64_t>(out.days) >= config.min_days;
  out.outcomes_judged = out.outcomes >= config.min_rows && out.outcome_share >= config.min_outcome_share &&
                        static_cast<std::int64_t>(outcome_days(profile)) >= config.min_outcome_days;
  out.waiting_for = missing_to_judge(out, profile, config);
  out.data_quality = find_quality(profile, config, out.quality_judged);
  out.drift = find_drift(profile, config, out.drift_judged);
  out.output_drift = find_output_drift(profile, config, out.drift_judged);
  out.concept_drift = find_concept_drift(profile, config, out.outcomes_judged);
  out.performance = find_performance(profile, config, out.outcomes_judged);
  return out;
}

}  // namespace fettle::monitor
