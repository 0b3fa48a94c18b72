#include <algorithm>
#include <cmath>

#include "monitor/kinds.h"
#include "stats/divergence.h"
#include "stats/inference.h"
#include "stats/two_sample.h"

namespace fettle::monitor {
namespace {

constexpr double kMinExpected = 5;            // Cochran's rule for chi-square
constexpr double kSmallestSpread = 0.25;      // of the input's own: a slice with hardly any spread is not a microscope
constexpr std::size_t kShownQuietSlices = 5;  // closest to an alarm
constexpr std::size_t kShownSlices = 25;

DriftFinding compare(const FeatureReference& reference, const FeatureCounts& counts) {
  DriftFinding out{.feature = reference.name};
  for (const std::uint64_t count : counts.counts) out.rows += count;
  out.effect = stats::js_distance_debiased(counts.counts, reference.counts);
  out.psi = stats::psi(counts.counts, reference.counts);
  out.p = stats::chi_square(counts.counts, reference.counts, kMinExpected).p;
  if (reference.category) return out;
  out.ks = stats::ks_distance_binned(counts.counts, reference.counts);
  out.mean = counts.sums.moments(reference.moments.mean).mean;
  out.reference_mean = reference.moments.mean;
  return out;
}

bool drifted(const DriftFinding& finding, double min_effect, const Config& config) {
  return finding.q < config.alpha && std::abs(finding.effect) >= min_effect;
}

// One input's mean within one slice, or nothing if either side has too few rows.
std::optional<DriftFinding> compare_slice(const Profile& profile, const Config& config, std::size_t slice,
                                          std::size_t group, std::size_t input) {
  const auto& reference = profile.reference();
  const auto& feature = reference.features()[input];
  const std::size_t at = group * reference.features().size() + input;
  const auto& before = reference.slices()[slice].moments[at];
  const auto now = profile.slices()[slice].sums[at].moments(feature.moments.mean);
  if (now.n < config.min_slice_rows || before.n < config.min_slice_rows) return std::nullopt;
  const double spread = std::max(std::sqrt(before.variance()), kSmallestSpread * std::sqrt(feature.moments.variance()));
  DriftFinding out{.feature = feature.name, .slice = slice_name(reference, slice, group), .rows = now.n};
  out.mean = now.mean;
  out.reference_mean = before.mean;
  out.effect = spread > 0 ? (now.mean - before.mean) / spread : 0;
  out.p = stats::welch_t(now, before).p;
  return out;
}

std::vector<DriftFinding> compare_slices(const Profile& profile, const Config& config) {
  const auto& reference = profile.reference();
  std::vector<DriftFinding> out;
  for (const std::size_t s : chosen_slices(reference, config)) {
    const std::size_t categories = profile.slices()[s].rows.size() - 1;
    for (std::size_t group = 0; group < categories; ++group)
      for (std::size_t input = 0; input < reference.features().size(); ++input)
        if (!reference.features()[input].category)
          if (auto finding = compare_slice(profile, config, s, group, input)) out.push_back(*std::move(finding));
  }
  return out;
}

void correct(std::vector<DriftFinding>& findings) {
  std::vector<double> p;
  for (const auto& finding : findings) p.push_back(finding.p);
  const auto q = stats::benjamini_hochberg(p);
  for (std::size_t i = 0; i < findings.size(); ++i) findings[i].q = q[i];
}

// Alarms by size, then the few that come closest.
void keep_telling(std::vector<DriftFinding>& slices) {
  std::ranges::stable_sort(slices, [](const auto& a, const auto& b) {
    if (a.alarm != b.alarm) return a.alarm;
    return a.alarm ? std::abs(a.effect) > std::abs(b.effect) : a.q < b.q;
  });
  const auto alarms = static_cast<std::size_t>(std::ranges::count_if(slices, [](const auto& s) { return s.alarm; }));
  slices.resize(std::min({slices.size(), alarms + kShownQuietSlices, kShownSlices}));
}

}  // namespace

std::vector<DriftFinding> find_drift(const Profile& profile, const Config& config, bool judged) {
  const auto& reference = profile.reference();
  std::vector<DriftFinding> out;
  for (std::size_t i = 0; i < reference.features().size(); ++i)
    out.push_back(compare(reference.features()[i], profile.features()[i]));
  correct(out);
  for (auto& finding : out) finding.alarm = judged && drifted(finding, config.min_drift, config);
  auto slices = compare_slices(profile, config);
  correct(slices);
  const double least = config.min_slice_share * static_cast<double>(profile.rows());
  for (auto& finding : slices)
    finding.alarm =
        judged && static_cast<double>(finding.rows) >= least && drifted(finding, config.min_slice_shift, config);
  keep_telling(slices);
  out.insert(out.end(), slices.begin(), slices.end());
  return out;
}

DriftFinding find_output_drift(const Profile& profile, const Config& config, bool judged) {
  auto out = compare(profile.reference().output(), profile.output());
  out.q = out.p;
  out.alarm = judged && drifted(out, config.min_drift, config);
  return out;
}

}  // namespace fettle::monitor
