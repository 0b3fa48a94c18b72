#include "show.h"

#include "base/clock.h"
#include "base/text.h"

namespace fettle::cli {
namespace {

const json::Value& member(const json::Value& value, std::string_view key) {
  static const json::Value kNull;
  const auto* found = value.find(key);
  return found == nullptr ? kNull : *found;
}

const json::Array& list(const json::Value& value) {
  static const json::Array kEmpty;
  return value.is_array() ? value.as_array() : kEmpty;
}

std::string colour_of(std::string_view state) {
  if (state == "healthy" || state == "promoted" || state == "closed") return "good";
  if (state == "broken" || state == "rolled_back") return "bad";
  return state == "watch" || state == "open" ? "watch" : "dim";
}

std::string figure(const json::Value& value, std::string_view key) {
  return text::format("{:.4f}", value.number_or(key, 0));
}

std::string week_line(const json::Value& performance, std::string_view low, std::string_view high) {
  return figure(performance, low) + " to " + figure(performance, high);
}

}  // namespace

std::string date_in_words(std::int64_t ms) { return ms == 0 ? "-" : text::rfc3339(ms).substr(0, 10); }

std::string variants_in_words(const json::Value& endpoint) {
  std::vector<std::string> parts;
  for (const auto& variant : list(member(endpoint, "variants")))
    parts.push_back(text::format("{} v{} {:.0f} %", variant.text_or("variant"), variant.int_or("version", 0),
                                 variant.number_or("percent", 0)));
  return text::join(parts, ", ");
}

void print_endpoint(Output& output, const json::Value& endpoint) {
  const auto state = endpoint.text_or("state");
  output.line(text::format("{}  {}  {}", endpoint.text_or("name"), output.colour(state, colour_of(state)),
                           endpoint.text_or("why")));
  if (const auto since = endpoint.int_or("since_event_ms", 0); since != 0)
    output.line("  since     " + date_in_words(since));
  if (const auto doing = endpoint.text_or("doing"); !doing.empty()) output.line("  doing     " + doing);
  output.line("  serves    " + variants_in_words(endpoint));
  output.line(text::format("  traffic   {} predictions, {} outcomes, up to {}",
                           text::human_count(static_cast<std::uint64_t>(endpoint.int_or("predictions", 0))),
                           text::human_count(static_cast<std::uint64_t>(endpoint.int_or("outcomes", 0))),
                           date_in_words(endpoint.int_or("watermark_ms", 0))));
  const auto& quality = member(endpoint, "quality");
  if (!quality.is_object()) return;
  output.line(text::format("  quality   log loss {} ({}; {} when it was made), AUC {} ({}), week of {}",
                           figure(quality, "log_loss"), week_line(quality, "log_loss_lower", "log_loss_upper"),
                           figure(quality, "reference_log_loss"), figure(quality, "auc"),
                           week_line(quality, "auc_lower", "auc_upper"),
                           date_in_words(quality.int_or("window_start_ms", 0))));
}

void print_weeks(Output& output, const json::Value& windows) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& window : list(windows)) {
    const auto& report = member(window, "report");
    const auto& performance = member(report, "performance");
    const auto& drift = member(report, "concept_drift");
    const bool judged = member(report, "outcomes_judged") == json::Value(true);
    const auto shown = [&](const json::Value& of, std::string_view key) { return judged ? figure(of, key) : "-"; };
    rows.push_back({date_in_words(window.int_or("start_ms", 0)), text::format("v{}", window.int_or("version", 0)),
                    window.text_or("variant"), std::to_string(report.int_or("rows", 0)), shown(performance, "log_loss"),
                    shown(performance, "log_loss_constant"), shown(performance, "auc"), shown(drift, "predicted_mean"),
                    shown(drift, "observed_mean"), report.text_or("waiting_for")});
  }
  if (rows.empty()) return;
  output.line("");
  output.table({"week of", "version", "as", "rows", "log loss", "constant", "AUC", "predicted", "observed", ""}, rows);
}

void print_alerts(Output& output, const json::Value& alerts) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& alert : list(alerts))
    rows.push_back({alert.text_or("id"), alert.text_or("endpoint"), alert.text_or("state"), alert.text_or("kind"),
                    date_in_words(alert.int_or("opened_event_ms", 0)), alert.text_or("message"),
                    alert.text_or("doing")});
  if (rows.empty()) return output.line("no alerts");
  output.table({"id", "endpoint", "state", "kind", "opened", "what", "doing"}, rows);
}

void print_rollout(Output& output, const json::Value& detail) {
  const auto& rollout = member(detail, "rollout");
  const auto& champion = member(rollout, "champion");
  const auto& challenger = member(rollout, "challenger");
  const auto state = rollout.text_or("state");
  output.line(text::format("rollout {} on {}: version {} beside version {}: {}", rollout.text_or("id"),
                           rollout.text_or("endpoint"), challenger.int_or("version", 0), champion.int_or("version", 0),
                           output.colour(state, colour_of(state))));
  const auto& live = member(detail, "live");
  if (live.is_object()) {
    output.line("  now       " + live.text_or("waiting"));
    for (const auto& arm : list(member(live, "arms")))
      output.line(text::format("  {:<10}{} requests, {} outcomes, mean loss {}", arm.text_or("variant"),
                               arm.int_or("requests", 0), arm.int_or("outcomes", 0), figure(arm, "mean_loss")));
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& decision : list(member(detail, "decisions"))) {
    const bool measured = member(decision, "evidence").find("challenger") != nullptr;
    rows.push_back({date_in_words(decision.int_or("event_ms", 0)), std::to_string(decision.int_or("step", 0)),
                    decision.text_or("action"), decision.text_or("actor"),
                    measured ? text::format("{:+.4f} ({:+.4f} to {:+.4f})", decision.number_or("difference", 0),
                                            decision.number_or("lower", 0), decision.number_or("upper", 0))
                             : "-",
                    decision.text_or("reason")});
  }
  output.line("");
  output.table({"traffic of", "step", "action", "by", "loss difference", "why"}, rows);
}

}  // namespace fettle::cli
