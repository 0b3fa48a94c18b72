#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "monitor/kinds.h"
#include "stats/distributions.h"
#include "stats/inference.h"

namespace fettle::monitor {
namespace {

constexpr std::array<std::string_view, kRules> kRuleNames{"missing", "unseen_category", "non_finite", "out_of_range",
                                                          "constant_per"};

struct Baseline {  // how often the reference itself broke a rule
  std::uint64_t rows = 0, of = 0;
};

bool constant_applies(const Reference& reference, std::size_t input) {
  return std::ranges::any_of(reference.constants(), [&](const auto& constant) { return constant.input == input; });
}

bool applies(const Reference& reference, std::size_t input, Rule rule) {
  const auto& feature = reference.features()[input];
  switch (rule) {
    case Rule::Missing:
      return true;
    case Rule::UnseenCategory:
      return feature.category;
    case Rule::NonFinite:
      return !feature.category;
    case Rule::OutOfRange:
      return feature.has_range;
    case Rule::ConstantPer:
      return constant_applies(reference, input);
  }
  return false;
}

// Categories that training did not keep are missing to the model, so both rules share one baseline.
std::uint64_t broken_in_reference(const Reference& reference, std::size_t input, Rule rule) {
  const auto& feature = reference.features()[input];
  switch (rule) {
    case Rule::Missing:
    case Rule::UnseenCategory:
      return feature.missing;
    case Rule::NonFinite:
      return feature.non_finite;
    case Rule::OutOfRange:
      return feature.out_of_range;
    case Rule::ConstantPer:
      break;
  }
  std::uint64_t rows = 0;
  for (const auto& constant : reference.constants())
    if (constant.input == input) rows += constant.violations;
  return rows;
}

double share(std::uint64_t rows, std::uint64_t of) {
  return of == 0 ? 0 : static_cast<double>(rows) / static_cast<double>(of);
}

double term(double hits, double n) { return hits > 0 ? hits * std::log(hits / n) : 0; }

// Log likelihood ratio of "this group breaks the rule at a rate of its own" (Kulldorff's scan statistic, 1997), for
// groups with a higher rate than the rest.
double scan(double hits, double n, double all_hits, double all) {
  const double other_hits = all_hits - hits, other = all - n;
  if (n <= 0 || (other > 0 && hits / n <= other_hits / other)) return 0;
  const auto fit = [](double h, double size) { return term(h, size) + term(size - h, size); };
  return fit(hits, n) + (other > 0 ? fit(other_hits, other) : 0) - fit(all_hits, all);
}

// Names the group of any slice that the violations concentrate in: most of them lie there, at a multiple of the rate.
void locate(QualityFinding& finding, const Violations& violations, const Profile& profile, const Config& config) {
  const auto all_hits = static_cast<double>(violations.rows), all = static_cast<double>(profile.rows());
  double best = 0;
  for (const std::size_t s : chosen_slices(profile.reference(), config)) {
    for (std::size_t group = 0; group < profile.slices()[s].rows.size(); ++group) {
      const std::uint64_t hits = violations.by_slice[s][group], rows = profile.slices()[s].rows[group];
      const bool concentrated = 2 * hits >= violations.rows && share(hits, rows) >= 2 * finding.share;
      const double score = concentrated ? scan(static_cast<double>(hits), static_cast<double>(rows), all_hits, all) : 0;
      if (score <= best) continue;
      best = score;
      finding.slice = slice_name(profile.reference(), s, group);
      finding.slice_share = share(hits, rows);
      finding.slice_of_all = share(hits, violations.rows);
    }
  }
}

std::string most_frequent_unseen(const Profile& profile, const std::string& feature) {
  std::string text;
  std::uint64_t most = 0;
  for (const auto& [name, rows] : profile.unseen()) {
    if (!name.starts_with(feature + "=") || rows <= most) continue;
    most = rows;
    text = name.substr(feature.size() + 1);
  }
  return text;
}

QualityFinding finding_of(const Profile& profile, const Config& config, std::size_t input, Rule rule) {
  const auto& reference = profile.reference();
  const auto& violations = profile.features()[input].violations[static_cast<std::size_t>(rule)];
  const Baseline base{broken_in_reference(reference, input, rule), reference.rows()};
  QualityFinding out{.feature = reference.features()[input].name,
                     .rule = std::string(kRuleNames[static_cast<std::size_t>(rule)]),
                     .rows = violations.rows,
                     .share = share(violations.rows, profile.rows()),
                     .reference_share = share(base.rows, base.of)};
  const double highest = stats::clopper_pearson(base.rows, base.of, config.alpha).upper;
  out.p = stats::binomial_sf(violations.rows, profile.rows(), highest);
  if (rule == Rule::UnseenCategory) out.example = most_frequent_unseen(profile, out.feature);
  if (violations.rows > 0) locate(out, violations, profile, config);
  return out;
}

}  // namespace

std::vector<QualityFinding> find_quality(const Profile& profile, const Config& config, bool judged) {
  std::vector<QualityFinding> all;
  std::vector<double> p;
  for (std::size_t input = 0; input < profile.features().size(); ++input)
    for (std::size_t rule = 0; rule < kRules; ++rule)
      if (applies(profile.reference(), input, static_cast<Rule>(rule)))
        p.push_back(all.emplace_back(finding_of(profile, config, input, static_cast<Rule>(rule))).p);
  const auto q = stats::benjamini_hochberg(p);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].q = q[i];
    all[i].alarm = judged && q[i] < config.alpha && all[i].share >= config.min_violation_share;
  }
  std::erase_if(all, [](const auto& finding) { return finding.rows == 0; });
  return all;
}

}  // namespace fettle::monitor
