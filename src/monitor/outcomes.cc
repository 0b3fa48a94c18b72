#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "monitor/kinds.h"
#include "stats/inference.h"
#include "stats/metrics.h"

namespace fettle::monitor {
namespace {

constexpr double kTenths = 10;
constexpr double kLargestLoss = 20;  // above -ln(kMinProbability): bounds stay finite

// Over tenths of the joined rows by score; a bin's score is its centre.
double calibration_error(const Profile& profile) {
  const auto& negatives = profile.negatives();
  const auto& positives = profile.positives();
  const auto n = static_cast<double>(profile.outcomes()), bins = static_cast<double>(negatives.size());
  double error = 0, gap = 0, seen = 0, tenth = 1;
  for (std::size_t bin = 0; bin < negatives.size(); ++bin) {
    const auto hits = static_cast<double>(positives[bin]), rows = hits + static_cast<double>(negatives[bin]);
    gap += rows * (static_cast<double>(bin) + 0.5) / bins - hits;
    seen += rows;
    if (seen * kTenths < tenth * n) continue;
    error += std::abs(gap);
    gap = 0;
    tenth = std::floor(seen * kTenths / n) + 1;
  }
  return n > 0 ? (error + std::abs(gap)) / n : 0;
}

stats::Interval gap_interval(const Profile& profile, const Config& config) {
  std::vector<stats::Moments> days;
  for (const auto& day : profile.days())
    if (day.gap.n > 0) days.push_back(day.gap);
  const auto found = days.size() > 1 ? stats::clustered_mean_interval(days, config.alpha)
                                     : stats::mean_interval(days.empty() ? stats::Moments{} : days[0], config.alpha);
  return {found.estimate, std::max(found.lower, -1.0), std::min(found.upper, 1.0)};
}

// Log loss less that of the window's own constant, paired by row: within a class the constant's loss is one number, so
// the differences are two shifted samples.
stats::Interval excess_loss(const Profile& profile, double rate, double alpha) {
  auto difference = profile.loss_of_positives();
  difference.mean += std::log(std::max(rate, stats::kMinProbability));
  auto negatives = profile.loss_of_negatives();
  negatives.mean += std::log1p(-std::min(rate, 1 - stats::kMinProbability));
  difference.merge(negatives);
  return stats::mean_interval(difference, alpha);
}

std::string why_worse(const Performance& found, double excess_lower, const Config& config, const HeldOut& held_out) {
  if (found.log_loss_constant <= 0) return "";
  const double ratio = found.log_loss / found.log_loss_constant;
  const double surely = 1 + excess_lower / found.log_loss_constant;
  if (surely > 1)
    return text::format("log loss {:.3f} is worse than the {:.3f} that this window's own average would reach",
                        found.log_loss, found.log_loss_constant);
  const double before = held_out.log_loss_constant > 0 ? held_out.log_loss / held_out.log_loss_constant : 0;
  if (before > 0 && surely > before * config.max_log_loss_ratio)
    return text::format("log loss is {:.0f} % of what the window's own average would reach, {:.0f} % when held out",
                        100 * ratio, 100 * before);
  if (held_out.auc > 0 && found.auc_upper < held_out.auc - config.min_auc_drop)
    return text::format("AUC {:.3f} is below the {:.3f} held out", found.auc, held_out.auc);
  return "";
}

void fill_ranking(Performance& out, const Profile& profile, double alpha) {
  const auto ranking = stats::auc_binned(profile.negatives(), profile.positives());
  const auto interval = stats::auc_interval(ranking, alpha);
  const bool known = !std::isnan(ranking.auc);  // else one class only
  out.auc = known ? interval.estimate : 0;
  out.auc_lower = interval.lower;
  out.auc_upper = interval.upper;
}

}  // namespace

ConceptDrift find_concept_drift(const Profile& profile, const Config& config, bool judged) {
  ConceptDrift out{.n = profile.outcomes()};
  out.days =
      static_cast<std::uint64_t>(std::ranges::count_if(profile.days(), [](const auto& day) { return day.gap.n > 0; }));
  out.predicted_mean = profile.predicted().mean;
  out.observed_mean = profile.observed().mean;
  const auto gap = gap_interval(profile, config);
  out.gap = gap.estimate;
  out.lower = gap.lower;
  out.upper = gap.upper;
  out.ece = calibration_error(profile);
  out.alarm = judged && std::abs(gap.estimate) >= config.min_calibration_gap && (gap.lower > 0 || gap.upper < 0);
  return out;
}

Performance find_performance(const Profile& profile, const Config& config, bool judged) {
  const auto& held_out = profile.reference().held_out();
  const auto loss = stats::mean_interval(profile.loss(), config.alpha);
  Performance out{.n = profile.outcomes(), .log_loss = loss.estimate};
  out.log_loss_lower = std::max(loss.lower, 0.0);
  out.log_loss_upper = std::min(loss.upper, kLargestLoss);
  out.log_loss_constant = stats::constant_log_loss(profile.observed().mean);
  fill_ranking(out, profile, config.alpha);
  out.brier = profile.brier().mean;
  out.reference_log_loss = held_out.log_loss;
  out.reference_log_loss_constant = held_out.log_loss_constant;
  out.reference_auc = held_out.auc;
  if (!judged) return out;
  out.reason = why_worse(out, excess_loss(profile, profile.observed().mean, config.alpha).lower, config, held_out);
  out.alarm = !out.reason.empty();
  return out;
}

}  // namespace fettle::monitor
