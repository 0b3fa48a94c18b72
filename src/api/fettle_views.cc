#include "api/fettle_views.h"

#include <algorithm>
#include <optional>

#include "bundle/bundle.h"
#include "control/health.h"
#include "json/describe.h"
#include "rollout/assignment.h"

namespace fettle::api {
namespace {

constexpr std::size_t kShown = 50;  // records of a kind on the status

// The records that every endpoint's view looks into, read once.
struct Records {
  std::vector<control::AlertRecord> alerts;
  std::vector<control::Rollout> rollouts;
  std::vector<control::Retrain> retrains;
  std::vector<control::LiveEndpoint> live;
};

Result<Records> read(const FettleParts& parts) {
  Records records;
  records.live = parts.loop.live();
  FETTLE_TRY(records.alerts, parts.store.alerts());
  FETTLE_TRY(records.rollouts, parts.store.rollouts());
  FETTLE_TRY(records.retrains, parts.store.retrains());
  return records;
}

json::Value view_variants(const control::Endpoint& endpoint) {
  const auto slots = rollout::SlotTable::parse(endpoint.slots);
  const auto share = [&](const std::string& variant) {
    if (!slots || slots->variants().empty()) return endpoint.variants.front().variant == variant ? 100.0 : 0.0;
    for (const auto& weight : slots->weights())
      if (weight.variant == variant) return 100.0 * weight.slots / rollout::SlotTable::kSlots;
    return 0.0;
  };
  auto out = json::Value::array();
  for (const auto& variant : endpoint.variants) {
    auto shown = json::to_value(variant);
    out.push(shown.set("percent", share(variant.variant)));
  }
  return out;
}

// The latest week of the champion whose outcomes were judged.
const control::WindowRecord* last_judged(const std::vector<control::WindowRecord>& weeks, const std::string& bundle) {
  const control::WindowRecord* last = nullptr;
  for (const auto& week : weeks) {
    const auto* judged = week.report.find("outcomes_judged");
    if (week.bundle == bundle && judged != nullptr && judged->is_bool() && judged->as_bool()) last = &week;
  }
  return last;
}

json::Value view_quality(const control::WindowRecord& week) {
  auto out = json::Value::object();
  if (const auto* performance = week.report.find("performance"))
    for (const auto* key : {"log_loss", "log_loss_lower", "log_loss_upper", "log_loss_constant", "auc", "auc_lower",
                            "auc_upper", "reference_log_loss", "reference_auc"})
      out.set(key, performance->number_or(key, 0));
  return out.set("window_start_ms", week.start_ms).set("window_end_ms", week.end_ms);
}

control::HealthFacts facts_of(const std::string& name, const Records& records) {
  control::HealthFacts facts;
  facts.live.name = name;
  for (const auto& live : records.live)
    if (live.name == name) facts.live = live;
  for (const auto& alert : records.alerts)
    if (alert.endpoint == name && alert.state != "closed") facts.alerts.push_back(alert);
  for (const auto& rollout : records.rollouts) {
    const bool running =
        rollout.state == control::RolloutState::Running || rollout.state == control::RolloutState::Held;
    if (rollout.endpoint == name && running) facts.rollout = rollout;
  }
  for (const auto& retrain : records.retrains)
    if (retrain.endpoint == name && !facts.retrain) facts.retrain = retrain;
  return facts;
}

Result<json::Value> view(const FettleParts& parts, const control::Endpoint& endpoint, const Records& records) {
  auto facts = facts_of(endpoint.name, records);
  FETTLE_TRY(const auto weeks, parts.store.windows(endpoint.name, "week"));
  const auto* judged = last_judged(weeks, endpoint.variants.front().bundle);
  if (judged != nullptr) facts.last_judged_ms = judged->end_ms;
  const auto health = control::health(facts);
  json::Value out;
  out.set("name", endpoint.name).set("model", endpoint.model);
  const auto words = json::to_value(health);
  for (const auto& [key, value] : words.as_object()) out.set(key, value);
  out.set("variants", view_variants(endpoint))
      .set("rollout", facts.rollout ? json::Value(facts.rollout->id) : json::Value())
      .set("quality", judged != nullptr ? view_quality(*judged) : json::Value())
      .set("predictions", facts.live.predictions)
      .set("outcomes", facts.live.outcomes)
      .set("late", facts.live.late)
      .set("unmatched", facts.live.unmatched)
      .set("corrected", facts.live.corrected)
      .set("watermark_ms", facts.live.watermark_ms)
      .set("updated_ms", endpoint.updated_ms);
  if (facts.live.rollout) out.set("live", json::to_value(*facts.live.rollout));
  return out;
}

template <typename Record>
json::Value first_of(std::vector<Record> records) {
  records.resize(std::min(records.size(), kShown));
  return json::to_value(records);
}

json::Value view_run(const tracking::Run& run) {
  auto params = json::Value::object(), metrics = json::Value::object(), tags = json::Value::object();
  for (const auto& param : run.params) params.set(param.key, param.value);
  for (const auto& metric : run.metrics) metrics.set(metric.key, metric.value);
  for (const auto& tag : run.tags) tags.set(tag.key, tag.value);
  json::Value out;
  return out.set("run_id", run.info.id.str())
      .set("experiment_id", run.info.experiment.str())
      .set("name", run.info.name)
      .set("start_ms", run.info.start_ms)
      .set("params", std::move(params))
      .set("metrics", std::move(metrics))
      .set("tags", std::move(tags));
}

json::Value view_event(const event::Prediction& prediction) {
  json::Value inputs = json::Value::array(), unknown = json::Value::array();
  for (const auto input : prediction.inputs) inputs.push(static_cast<double>(input));
  for (const auto& text : prediction.texts) unknown.push(text);
  json::Value out;
  return out.set("id", prediction.id)
      .set("time_ms", prediction.time_ms)
      .set("endpoint", prediction.endpoint)
      .set("variant", prediction.variant)
      .set("bundle", prediction.bundle)
      .set("unit", prediction.unit)
      .set("inputs", std::move(inputs))
      .set("unknown_categories", std::move(unknown))
      .set("output", static_cast<double>(prediction.output))
      .set("latency_us", static_cast<double>(prediction.latency_us));
}

// Inputs by name, categories as texts, by the bundle's own signature.
json::Value named_inputs(const event::Prediction& prediction, const model::Signature& signature) {
  auto out = json::Value::object();
  for (std::size_t i = 0; i < std::min(prediction.inputs.size(), signature.inputs().size()); ++i) {
    const auto& column = signature.inputs()[i];
    const float value = prediction.inputs[i];
    const bool known = value >= 0 && static_cast<std::size_t>(value) < column.categories.size();
    if (column.kind != model::ColumnKind::Category)
      out.set(column.name, value == value ? json::Value(static_cast<double>(value)) : json::Value());
    else
      out.set(column.name, known ? json::Value(column.categories[static_cast<std::size_t>(value)]) : json::Value());
  }
  return out;
}

Result<model::Signature> signature_of(const blob::Store& blobs, const bundle::Manifest& manifest) {
  for (const auto& file : manifest.files) {
    const auto digest = Digest::parse(file.digest);
    if (file.path != "signature.json" || !digest) continue;
    FETTLE_TRY(const auto bytes, blobs.get(*digest));
    FETTLE_TRY(const auto value, json::parse(bytes, "signature.json"));
    return model::Signature::from_json(value);
  }
  return fail(Code::NotFound, "the bundle has no signature.json");
}

}  // namespace

Result<json::Value> view_endpoints(const FettleParts& parts) {
  FETTLE_TRY(const auto records, read(parts));
  FETTLE_TRY(const auto endpoints, parts.store.endpoints());
  auto out = json::Value::array();
  for (const auto& endpoint : endpoints) {
    FETTLE_TRY(auto shown, view(parts, endpoint, records));
    out.push(std::move(shown));
  }
  return out;
}

Result<json::Value> view_endpoint(const FettleParts& parts, const std::string& name) {
  FETTLE_TRY(const auto endpoint, parts.store.endpoint(name));
  FETTLE_TRY(const auto records, read(parts));
  return view(parts, endpoint, records);
}

Result<json::Value> view_status(const FettleParts& parts) {
  FETTLE_TRY(auto endpoints, view_endpoints(parts));
  FETTLE_TRY(auto records, read(parts));
  FETTLE_TRY(const auto changes, parts.store.changes(kShown));
  std::ranges::stable_partition(records.alerts, [](const auto& alert) { return alert.state != "closed"; });
  json::Value server;
  server.set("version", parts.version)
      .set("uptime_s", static_cast<double>(parts.clock.now_ms() - parts.started_ms) / 1000)
      .set("events_dropped", parts.log.dropped());
  json::Value out;
  return out.set("server", std::move(server))
      .set("endpoints", std::move(endpoints))
      .set("alerts", first_of(std::move(records.alerts)))
      .set("rollouts", first_of(std::move(records.rollouts)))
      .set("retrains", first_of(std::move(records.retrains)))
      .set("changes", json::to_value(changes));
}

Result<json::Value> view_rollout(const FettleParts& parts, const std::string& id) {
  FETTLE_TRY(const auto rollout, parts.store.rollout(id));
  FETTLE_TRY(const auto decisions, parts.store.decisions(id));
  json::Value live;
  for (const auto& endpoint : parts.loop.live())
    if (endpoint.rollout && endpoint.rollout->rollout == id) live = json::to_value(*endpoint.rollout);
  json::Value out;
  return out.set("rollout", json::to_value(rollout))
      .set("decisions", json::to_value(decisions))
      .set("live", std::move(live));
}

Result<json::Value> view_prediction(const FettleParts& parts, const std::string& id) {
  FETTLE_TRY(const auto found, event::find(parts.events_folder, id));
  auto prediction = view_event(found.prediction);
  json::Value out, outcomes = json::Value::array();
  for (const auto& outcome : found.outcomes)
    outcomes.push(json::Value::object().set("label", outcome.label).set("time_ms", outcome.time_ms));
  const auto digest = Digest::parse(found.prediction.bundle);
  json::Value manifest, run, version;
  if (const auto read =
          digest ? bundle::read(parts.blobs, *digest) : Result<bundle::Manifest>(fail(Code::NotFound, ""))) {
    manifest = json::to_value(*read);
    manifest.set("digest", found.prediction.bundle);
    if (const auto signature = signature_of(parts.blobs, *read))
      prediction.set("named_inputs", named_inputs(found.prediction, *signature))
          .set("output_name", signature->output());
    if (const auto known = parts.tracking.run(RunId(read->provenance.run_id))) run = view_run(*known);
  }
  if (const auto known = parts.store.bundle(found.prediction.bundle))
    version = json::Value::object().set("model", known->model).set("version", known->version);
  return out.set("prediction", std::move(prediction))
      .set("outcomes", std::move(outcomes))
      .set("version", std::move(version))
      .set("bundle", std::move(manifest))
      .set("run", std::move(run));
}

}  // namespace fettle::api
