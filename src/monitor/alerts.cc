#include "monitor/alerts.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace fettle::monitor {
namespace {

constexpr std::size_t kSlicesNamed = 3;  // more than these, and the input itself is the subject

std::string subject_of(const std::string& feature, const std::string& slice) {
  return slice.empty() ? feature : feature + " where " + slice;
}

std::string rule_in_words(const QualityFinding& finding) {
  if (finding.rule == "missing") return "is missing";
  if (finding.rule == "unseen_category")
    return finding.example.empty() ? "is a category never seen"
                                   : "is a category never seen, like '" + finding.example + "'";
  if (finding.rule == "non_finite") return "is not finite";
  if (finding.rule == "out_of_range") return "is out of its range";
  return "contradicts the value known for its keys";
}

std::string percent(double share) {
  return share > 0 && share < 0.001 ? text::format("{:.3f} %", 100 * share) : text::format("{:.1f} %", 100 * share);
}

Finding finding_of(const QualityFinding& quality) {
  std::string message =
      text::format("{} {} in {} rows, {} of all ({} in the reference)", quality.feature, rule_in_words(quality),
                   text::human_count(quality.rows), percent(quality.share), percent(quality.reference_share));
  if (!quality.slice.empty())
    message += text::format("; where {}: {} of its rows, {} of all such rows", quality.slice,
                            percent(quality.slice_share), percent(quality.slice_of_all));
  return {"data_quality", subject_of(quality.feature, quality.slice), "critical", message};
}

std::string evidence(double q) { return q < 1e-12 ? "q < 1e-12" : text::format("q = {:.2g}", q); }

std::string shift_in_words(const DriftFinding& drift) {
  return text::format("mean {:.4g} instead of {:.4g}, {:+.2f} standard deviations, in {} rows ({})", drift.mean,
                      drift.reference_mean, drift.effect, text::human_count(drift.rows), evidence(drift.q));
}

Finding finding_of(const DriftFinding& drift) {
  const std::string subject = subject_of(drift.feature, drift.slice);
  if (!drift.slice.empty()) return {"drift", subject, "warning", subject + ": " + shift_in_words(drift)};
  return {"drift", subject, "warning",
          text::format("{} is distributed unlike the reference: Jensen-Shannon distance {:.3f}, PSI {:.3f}, in {} rows "
                       "({})",
                       subject, drift.effect, drift.psi, text::human_count(drift.rows), evidence(drift.q))};
}

// One input's alarms: the input itself, telling where it moved most, if it alarms as a whole or in many slices; else
// the few slices. `alarms` begins with the whole if that alarms; slices come largest first.
void add_drift(std::vector<Finding>& out, const std::vector<DriftFinding>& alarms) {
  const bool whole = alarms.front().slice.empty();
  const std::size_t slices = alarms.size() - (whole ? 1 : 0);
  if (!whole && slices <= kSlicesNamed) {
    for (const auto& alarm : alarms) out.push_back(finding_of(alarm));
    return;
  }
  Finding finding = whole ? finding_of(alarms.front()) : Finding{"drift", alarms.front().feature, "warning", ""};
  if (!whole) finding.message = text::format("{} moved within {} slices", finding.subject, slices);
  if (slices > 0) {
    const auto& most = alarms[whole ? 1 : 0];
    finding.message += text::format("; most where {}: {}", most.slice, shift_in_words(most));
  }
  out.push_back(std::move(finding));
}

void add_drifts(std::vector<Finding>& out, const std::vector<DriftFinding>& drift) {
  std::vector<std::string> done;
  for (const auto& finding : drift) {
    if (!finding.alarm || std::ranges::contains(done, finding.feature)) continue;
    done.push_back(finding.feature);
    std::vector<DriftFinding> alarms;
    for (const auto& other : drift)
      if (other.alarm && other.feature == finding.feature) alarms.push_back(other);
    add_drift(out, alarms);
  }
}

std::string concept_in_words(const ConceptDrift& drift, const std::string& outcome) {
  return text::format(
      "{}: predicted {} on average, observed {}: {} by {:.3f} (between {:.3f} and {:.3f}) over {} outcomes of {} days, "
      "so what the inputs mean has changed",
      outcome, percent(drift.predicted_mean), percent(drift.observed_mean), drift.gap > 0 ? "too high" : "too low",
      std::abs(drift.gap), std::min(std::abs(drift.lower), std::abs(drift.upper)),
      std::max(std::abs(drift.lower), std::abs(drift.upper)), text::human_count(drift.n), drift.days);
}

bool judged(const WindowReport& report, const std::string& kind) {
  if (kind == "data_quality") return report.quality_judged;
  return kind == "drift" ? report.drift_judged : report.outcomes_judged;
}

bool breaks_a_rule(const WindowReport& report, const std::string& subject) {
  return std::ranges::any_of(report.data_quality, [&](const auto& finding) {
    return finding.alarm && (subject == finding.feature || subject.starts_with(finding.feature + " where "));
  });
}

int windows_to_open(const Finding& finding, const WindowReport& report, const Config& config) {
  if (finding.kind == "data_quality") return 1;
  if (finding.kind == "drift" && breaks_a_rule(report, finding.subject)) return 1;
  return std::max(config.consecutive, 1);
}

bool same(const AlertState& state, const Finding& finding) {
  return state.kind == finding.kind && state.subject == finding.subject;
}

void found_again(AlertDecision& out, AlertState state, const Finding& finding, const WindowReport& report,
                 const Config& config) {
  ++state.found;
  state.quiet = 0;
  if (state.open) {
    out.kept.push_back(finding);
  } else if (state.found >= windows_to_open(finding, report, config)) {
    state.open = true;
    out.opened.push_back(finding);
  }
  out.states.push_back(std::move(state));
}

void not_found(AlertDecision& out, AlertState state, const WindowReport& report, const Config& config) {
  if (judged(report, state.kind)) {
    state.found = 0;
    ++state.quiet;
  }
  const bool closes = state.open && state.quiet >= std::max(config.clear, 1);
  if (closes) {
    state.open = false;
    out.closed.push_back(state);
  }
  if (state.open || state.found > 0) out.states.push_back(std::move(state));  // the rest is forgotten
}

}  // namespace

std::vector<Finding> findings(const WindowReport& report, const Config& config, const std::string& output_name) {
  std::vector<Finding> out;
  for (const auto& quality : report.data_quality) {
    if (!quality.alarm) continue;
    auto finding = finding_of(quality);
    const auto before = std::ranges::find(out, finding.subject, &Finding::subject);
    if (before == out.end())
      out.push_back(std::move(finding));
    else
      before->message += "; " + finding.message;
  }
  if (report.concept_drift.alarm) {
    const auto& outcome = config.label_name.empty() ? output_name : config.label_name;
    out.push_back({"concept_drift", output_name, "critical", concept_in_words(report.concept_drift, outcome)});
  }
  if (report.performance.alarm)
    out.push_back({"performance", output_name, "critical", output_name + ": " + report.performance.reason});
  add_drifts(out, report.drift);
  if (report.output_drift.alarm) {
    auto finding = finding_of(report.output_drift);
    finding.subject = output_name;
    out.push_back(std::move(finding));
  }
  return out;
}

AlertDecision decide_alerts(const std::vector<AlertState>& previous, const WindowReport& report, const Config& config,
                            const std::string& output_name) {
  AlertDecision out;
  const auto now = findings(report, config, output_name);
  for (const auto& finding : now) {
    const auto state = std::ranges::find_if(previous, [&](const auto& one) { return same(one, finding); });
    found_again(out, state == previous.end() ? AlertState{finding.kind, finding.subject} : *state, finding, report,
                config);
  }
  for (const auto& state : previous)
    if (std::ranges::none_of(now, [&](const auto& finding) { return same(state, finding); }))
      not_found(out, state, report, config);
  return out;
}

}  // namespace fettle::monitor
