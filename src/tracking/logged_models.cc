#include "tracking/logged_models.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/rng.h"
#include "base/text.h"
#include "json/value.h"
#include "tracking/by_row.h"
#include "tracking/import.h"
#include "tracking/names.h"
#include "tracking/query.h"
#include "tracking/rows.h"

namespace fettle::tracking {
namespace {

using sql::Row;
using sql::Session;

constexpr std::string_view kVersionsTag = "mlflow.modelVersions";

constexpr std::array<Prefix, 4> kLoggedModelPrefixes{
    {{"attributes", Kind::Attribute}, {"metrics", Kind::Metric}, {"params", Kind::Param}, {"tags", Kind::Tag}}};
constexpr std::array<Attribute, 10> kLoggedModelAttributes{{
    {.key = "name", .column = "l.name", .lists = true},
    {.key = "model_id", .column = "l.model_id", .lists = true},
    {.key = "model_type", .column = "l.type", .lists = true},
    {.key = "source_run_id", .column = "l.source_run", .lists = true},
    {.key = "status", .column = "l.status", .numeric = true},
    {.key = "creation_timestamp", .column = "l.created_ms", .numeric = true},
    {.key = "creation_time", .column = "l.created_ms", .numeric = true},
    {.key = "last_updated_timestamp", .column = "l.updated_ms", .numeric = true},
    {.key = "last_updated_time", .column = "l.updated_ms", .numeric = true},
    {.key = "creation_timestamp_ms", .column = "l.created_ms", .numeric = true},
}};
constexpr Grammar kLoggedModelGrammar{kLoggedModelPrefixes, kLoggedModelAttributes, {}, false};
constexpr Tables kLoggedModelTables{
    .owner = "l.id", .column = "model", .tags = "model_tags", .params = "model_params", .metrics = "model_metrics"};

struct Found {
  std::int64_t row = 0;
  LoggedModel model;
};

LoggedModel model_of(const Row& row) {
  LoggedModel model;
  model.id = row.text(1);
  model.experiment = ExperimentId(std::to_string(row.integer(2)));
  model.name = row.text(3);
  model.artifact_uri = row.text(4);
  model.type = row.text(5);
  model.source_run = row.text(6);
  model.status = static_cast<ModelStatus>(row.integer(7));
  model.status_message = row.text(8);
  model.stage = static_cast<Stage>(row.integer(9));
  model.created_ms = row.integer(10);
  model.updated_ms = row.integer(11);
  return model;
}

Metric metric_of(const Row& row) {
  const double value = row.integer(3) != 0 ? std::numeric_limits<double>::quiet_NaN() : row.real(2);
  return {std::string(row.text(1)),
          value,
          row.integer(4),
          row.integer(5),
          "",
          std::string(row.text(7)),
          std::string(row.text(8)),
          std::string(row.text(6))};
}

Result<void> load_pairs_of(Session& session, std::string_view select, ByRow<LoggedModel>& models,
                           std::vector<KeyValue> LoggedModel::* pairs) {
  return query_any_of(session, select, models.rows(), " ORDER BY model, key", [&](const Row& row) {
    (models.at(row.integer(0)).*pairs).push_back({std::string(row.text(1)), std::string(row.text(2))});
  });
}

Result<void> load_parts(Session& session, ByRow<LoggedModel>& models) {
  FETTLE_TRY_(query_any_of(session,
                           "SELECT id, model_id, experiment, name, artifact_uri, type, source_run, status, "
                           "status_message, stage, created_ms, updated_ms FROM logged_models WHERE id IN ",
                           models.rows(), "", [&](const Row& row) { models.at(row.integer(0)) = model_of(row); }));
  FETTLE_TRY_(load_pairs_of(session, "SELECT model, key, value FROM model_params WHERE model IN ", models,
                            &LoggedModel::params));
  FETTLE_TRY_(
      load_pairs_of(session, "SELECT model, key, value FROM model_tags WHERE model IN ", models, &LoggedModel::tags));
  return query_any_of(
      session,
      "SELECT m.model, k.key, m.value, m.is_nan, m.time_ms, m.step, m.run_id, m.dataset_name, m.dataset_digest FROM "
      "model_metrics m JOIN metric_keys k ON k.id = m.key WHERE m.model IN ",
      models.rows(), " ORDER BY m.model, m.key, m.time_ms, m.step, m.run_id", [&](const Row& row) {
        auto& model = models.at(row.integer(0));
        model.metrics.push_back(metric_of(row));
        model.metrics.back().model_id = model.id;
      });
}

// With all that belongs to them, in the order of `rows`.
Result<std::vector<LoggedModel>> load_logged_models(Session& session, std::span<const std::int64_t> rows) {
  return load_in_order<LoggedModel>(rows, [&](ByRow<LoggedModel>& models) { return load_parts(session, models); });
}

Result<std::optional<Found>> find(Session& session, std::string_view id) {
  Found out;
  FETTLE_TRY_(
      session.query("SELECT id FROM logged_models WHERE stage <> 2 AND model_id = ?", {id}, [&](const Row& row) {
        out.row = row.integer(0);
        return false;
      }));
  if (out.row == 0) return std::nullopt;
  FETTLE_TRY(auto models, load_logged_models(session, std::span(&out.row, 1)));
  out.model = std::move(models.front());
  return out;
}

Result<Found> need(Session& session, const std::string& id, bool allow_deleted = false) {
  FETTLE_TRY(auto found, find(session, id));
  if (!found || (found->model.stage == Stage::Deleted && !allow_deleted))
    return fail(Code::NotFound, text::format("Logged model with ID '{}' not found.", id));
  return *std::move(found);
}

Result<void> touch(Session& session, std::int64_t row, std::int64_t now) {
  FETTLE_TRY_(session.execute("UPDATE logged_models SET updated_ms = ? WHERE id = ?", {now, row}));
  return {};
}

Result<std::vector<KeyValue>> checked_pairs(const std::vector<KeyValue>& pairs, std::size_t most) {
  std::vector<KeyValue> out;
  for (const auto& pair : pairs) {
    FETTLE_TRY_(check_key("key", pair.key));
    out.push_back({pair.key, cut(pair.value, most)});
  }
  return out;
}

std::string artifact_uri(std::string location, const std::string& id) {
  while (location.ends_with('/')) location.pop_back();
  return text::format("{}/models/{}/artifacts", location, id);
}

// Rows of a metric that count, as a further condition: those of one of the datasets, if any are named.
std::string dataset_rule(std::string_view alias, std::size_t datasets) {
  if (datasets == 0) return "";
  std::string out = " AND (";
  for (std::size_t i = 0; i < datasets; ++i)
    out += text::format("{}({}.dataset_name = ? AND (? = '' OR {}.dataset_digest = ?))", i == 0 ? "" : " OR ", alias,
                        alias);
  return out + ")";
}

std::vector<Bound> dataset_values(const std::vector<std::pair<std::string, std::string>>& datasets) {
  std::vector<Bound> out;
  for (const auto& [name, digest] : datasets) {
    out.emplace_back(name);
    out.emplace_back(digest);
    out.emplace_back(digest);
  }
  return out;
}

Sql metric_condition(const Comparison& comparison, const ModelSearch& search) {
  Sql out{
      " AND EXISTS (SELECT 1 FROM model_metrics m WHERE m.model = l.id AND m.key = (SELECT id FROM metric_keys WHERE "
      "key = ?)",
      {comparison.key}};
  out.add(dataset_rule("m", search.datasets.size()), dataset_values(search.datasets));
  return out.add(" AND ").add(compare_metric("m", comparison)).add(")");
}

Result<Sql> conditions_of(const ModelSearch& search) {
  Sql out{"l.stage = 0 AND l.experiment IN ", {}};
  FETTLE_TRY(const auto experiments, any_experiment(search.experiments));
  out.add(experiments);
  FETTLE_TRY(const auto comparisons, parse_filter(search.filter, kLoggedModelGrammar));
  for (const auto& comparison : comparisons)
    out.add(comparison.kind == Kind::Metric ? metric_condition(comparison, search)
                                            : where({comparison}, kLoggedModelTables));
  return out;
}

// A model's newest point of the metric, by time and step; models without one come last.
void order_by_metric(Ordering& out, const OrderKey& key, const ModelOrder& order) {
  const auto alias = text::format("o{}", out.terms.size());
  std::vector<std::pair<std::string, std::string>> datasets;
  if (!order.dataset_name.empty()) datasets.emplace_back(order.dataset_name, order.dataset_digest);
  out.joins.add(
      text::format(
          " LEFT JOIN model_metrics {0} ON {0}.model = l.id AND ({0}.key, {0}.time_ms, {0}.step, {0}.run_id) = "
          "(SELECT x.key, x.time_ms, x.step, x.run_id FROM model_metrics x WHERE x.model = l.id AND x.key = "
          "(SELECT id FROM metric_keys WHERE key = ?){1} ORDER BY x.time_ms DESC, x.step DESC LIMIT 1)",
          alias, dataset_rule("x", datasets.size())),
      {key.key});
  out.joins.add("", dataset_values(datasets));
  out.add(text::format("CASE WHEN {0}.value IS NULL THEN 2 ELSE {0}.is_nan END", alias), true);
  out.add(text::format("coalesce({}.value, 0.0)", alias), key.ascending, Ordering::Type::Real);
}

Result<Ordering> ordering_of(const ModelSearch& search) {
  Ordering out;
  for (const auto& order : search.order_by) {
    FETTLE_TRY(auto keys, parse_order({order.field}, kLoggedModelGrammar));
    keys[0].ascending = order.ascending;
    if (keys[0].kind == Kind::Metric)
      order_by_metric(out, keys[0], order);
    else
      out.add(keys[0], kLoggedModelTables);
  }
  if (!out.has("l.created_ms")) out.add("l.created_ms", false);
  out.add("l.id", false);
  return out;
}

std::string query_text(const ModelSearch& search) {
  std::string out = text::join(search.experiments, ",") + "|" + search.filter;
  for (const auto& [name, digest] : search.datasets) out += text::format("|{}:{}", name, digest);
  for (const auto& order : search.order_by)
    out += text::format("|{} {} {} {}", order.field, order.ascending, order.dataset_name, order.dataset_digest);
  return out;
}

}  // namespace

Result<std::optional<LoggedModel>> stored_model(Session& session, const std::string& id) {
  FETTLE_TRY(auto found, find(session, id));
  if (!found) return std::nullopt;
  return std::move(found->model);
}

Result<LoggedModel> LoggedModels::create(const NewModel& model) {
  if (!model.name.empty()) FETTLE_TRY_(check_logged_model_name(model.name));
  FETTLE_TRY(const auto params, checked_pairs(model.params, kMaxParamValue));
  FETTLE_TRY(const auto tags, checked_pairs(model.tags, kMaxTagValue));
  const auto name = model.name.empty() ? made_up_name(Rng::from_entropy().next()) : model.name;
  const auto id = "m-" + random_id();
  return write_value<LoggedModel>(database_, [&](Session& session) -> Result<LoggedModel> {
    FETTLE_TRY(const auto experiment, need_active_experiment(session, model.experiment));
    FETTLE_TRY(const auto number, experiment_number(experiment.id));
    const auto now = clock_.now_ms();
    FETTLE_TRY(const auto row,
               session.insert("INSERT INTO logged_models(model_id, experiment, name, artifact_uri, type, source_run, "
                              "status, status_message, "
                              "stage, created_ms, updated_ms) VALUES(?, ?, ?, ?, ?, ?, 1, '', 0, ?, ?) RETURNING id",
                              {std::string_view(id), number, std::string_view(name),
                               std::string_view(artifact_uri(experiment.artifact_location, id)),
                               std::string_view(model.type), std::string_view(model.source_run), now, now}));
    FETTLE_TRY_(put_pairs(session, kModelParams, row, params));
    FETTLE_TRY_(put_pairs(session, kModelTags, row, tags));
    FETTLE_TRY(auto made, need(session, id));
    return std::move(made.model);
  });
}

Result<LoggedModel> LoggedModels::get(const std::string& id, bool allow_deleted) const {
  return read_value<LoggedModel>(database_, [&](Session& session) -> Result<LoggedModel> {
    FETTLE_TRY(auto found, need(session, id, allow_deleted));
    return std::move(found.model);
  });
}

Result<LoggedModel> LoggedModels::finish(const std::string& id, ModelStatus status) {
  return write_value<LoggedModel>(database_, [&](Session& session) -> Result<LoggedModel> {
    FETTLE_TRY(auto found, need(session, id));
    FETTLE_TRY_(session.execute("UPDATE logged_models SET status = ? WHERE id = ?",
                                {static_cast<std::int64_t>(status), found.row}));
    FETTLE_TRY_(touch(session, found.row, clock_.now_ms()));
    FETTLE_TRY(auto changed, need(session, id));
    return std::move(changed.model);
  });
}

Result<void> LoggedModels::remove(const std::string& id) {
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto found, need(session, id, true));
    if (found.model.stage == Stage::Deleted) return {};
    FETTLE_TRY_(session.execute("UPDATE logged_models SET stage = 1 WHERE id = ?", {found.row}));
    return touch(session, found.row, clock_.now_ms());
  });
}

Result<void> LoggedModels::restore(const std::string& id) {
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto found, need(session, id, true));
    if (found.model.stage == Stage::Active) return {};
    FETTLE_TRY_(session.execute("UPDATE logged_models SET stage = 0 WHERE id = ?", {found.row}));
    return touch(session, found.row, clock_.now_ms());
  });
}

Result<LoggedModel> LoggedModels::set_tags(const std::string& id, const std::vector<KeyValue>& tags) {
  FETTLE_TRY(const auto checked, checked_pairs(tags, kMaxTagValue));
  return write_value<LoggedModel>(database_, [&](Session& session) -> Result<LoggedModel> {
    FETTLE_TRY(const auto found, need(session, id));
    FETTLE_TRY_(put_pairs(session, kModelTags, found.row, checked));
    FETTLE_TRY(auto changed, need(session, id));
    return std::move(changed.model);
  });
}

Result<void> LoggedModels::delete_tag(const std::string& id, const std::string& key) {
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto found, need(session, id));
    FETTLE_TRY(const auto gone, session.execute("DELETE FROM model_tags WHERE model = ? AND key = ?",
                                                {found.row, std::string_view(key)}));
    if (gone == 0)
      return fail(Code::NotFound, text::format("No tag with key '{}' found for model with ID '{}'.", key, id));
    return {};
  });
}

Result<void> LoggedModels::note_version(const std::string& id, const std::string& name, std::int64_t version) {
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto found, need(session, id));
    const auto tag = std::ranges::find(found.model.tags, kVersionsTag, &KeyValue::key);
    json::Value list = json::Value::array();
    if (tag != found.model.tags.end())
      if (auto old = json::parse(tag->value); old && old->is_array()) list = *std::move(old);
    list.push(json::Value().set("name", name).set("version", version));
    return put_pair(session, kModelTags, found.row, {std::string(kVersionsTag), json::dump(list)});
  });
}

Result<void> LoggedModels::log_params(const std::string& id, const std::vector<KeyValue>& params) {
  FETTLE_TRY(const auto checked, checked_pairs(params, kMaxParamValue));
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto found, need(session, id));
    return put_pairs(session, kModelParams, found.row, checked);
  });
}

Result<Page<LoggedModel>> LoggedModels::search(const ModelSearch& search) const {
  FETTLE_TRY(const auto conditions, conditions_of(search));
  FETTLE_TRY(const auto ordering, ordering_of(search));
  return read_value<Page<LoggedModel>>(database_, [&](Session& session) -> Result<Page<LoggedModel>> {
    FETTLE_TRY(auto keys, select_page(session, "l.id", Sql{"FROM logged_models l", {}}, conditions, ordering,
                                      query_text(search), search.page_token, search.max_results));
    Page<LoggedModel> page{{}, std::move(keys.next_token)};
    FETTLE_TRY(page.items, load_logged_models(session, keys.keys));
    return page;
  });
}

}  // namespace fettle::tracking
