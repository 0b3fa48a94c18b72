#include <array>

#include "base/text.h"
#include "tracking/artifact_roots.h"
#include "tracking/import.h"
#include "tracking/names.h"
#include "tracking/query.h"
#include "tracking/rows.h"
#include "tracking/scope.h"
#include "tracking/store.h"

namespace fettle::tracking {
namespace {

using sql::Session;

constexpr std::array<Prefix, 6> kExperimentPrefixes{{{"attribute", Kind::Attribute},
                                                     {"attributes", Kind::Attribute},
                                                     {"attr", Kind::Attribute},
                                                     {"experiment", Kind::Attribute},
                                                     {"tag", Kind::Tag},
                                                     {"tags", Kind::Tag}}};
constexpr std::array<Attribute, 5> kExperimentAttributes{
    {{.key = "name", .column = "e.name", .lists = true},
     {.key = "creation_time", .column = "e.created_ms", .numeric = true},
     {.key = "last_update_time", .column = "e.updated_ms", .numeric = true},
     {.key = "experiment_id", .column = "e.id", .numeric = true, .filtering = false},
     {.key = "experiment_id", .column = "CAST(e.id AS TEXT)", .lists = true, .ordering = false}}};
constexpr Grammar kExperimentGrammar{kExperimentPrefixes, kExperimentAttributes};
constexpr Tables kExperimentTables{.owner = "e.id", .column = "experiment", .tags = "experiment_tags"};

Result<void> check_name_free(Session& session, const std::string& name) {
  FETTLE_TRY(const auto taken, find_experiment(session, "name", std::string_view(name)));
  if (!taken) return {};
  if (taken->stage == Stage::Deleted)
    return fail(Code::AlreadyExists,
                text::format("Experiment '{}' already exists in deleted state. You can restore the experiment, or "
                             "permanently delete it to create a new one.",
                             name));
  return fail(Code::AlreadyExists, text::format("Experiment(name={}) already exists.", name));
}

Result<void> check_tags(const std::vector<KeyValue>& tags) {
  for (const auto& tag : tags) {
    FETTLE_TRY_(check_key("key", tag.key));
    FETTLE_TRY_(check_length("value", tag.value, kMaxExperimentTagValue));
  }
  return {};
}

// An experiment and its runs change their stage together.
Result<void> set_stage(Session& session, const ExperimentId& id, Stage from, Stage to, std::int64_t now) {
  FETTLE_TRY(const auto experiment, need_experiment(session, id));
  FETTLE_TRY(const auto number, experiment_number(id));
  if (experiment.stage != from)
    return fail(Code::NotFound, text::format("No Experiment with id={} exists in the {} state", id.str(),
                                             from == Stage::Active ? "active" : "deleted"));
  const auto stage = static_cast<std::int64_t>(to);
  FETTLE_TRY_(session.execute("UPDATE experiments SET stage = ?, updated_ms = ? WHERE id = ?", {stage, now, number}));
  if (to == Stage::Active) {
    FETTLE_TRY_(session.execute("UPDATE runs SET stage = 0, deleted_ms = NULL WHERE experiment = ?", {number}));
    return {};
  }
  FETTLE_TRY_(
      session.execute("UPDATE runs SET stage = 1, deleted_ms = ? WHERE experiment = ? AND stage = 0", {now, number}));
  return {};
}

Result<Ordering> ordering_of(const Search& search) {
  Ordering out;
  FETTLE_TRY(const auto keys, parse_order(search.order_by, kExperimentGrammar));
  for (const auto& key : keys) out.add(key, kExperimentTables);
  if (keys.empty()) {
    out.add("e.created_ms", false);
    out.add("e.id", true);
  } else if (!out.has("e.id")) {
    out.add("e.id", false);
  }
  return out;
}

}  // namespace

Result<ExperimentId> Store::create_experiment(const std::string& name, const std::string& location,
                                              const std::vector<KeyValue>& tags) {
  FETTLE_TRY_(check_experiment_name(name));
  if (!location.empty()) FETTLE_TRY_(clean_location(location));
  FETTLE_TRY_(check_tags(tags));
  return write_value<ExperimentId>(database_, [&](Session& session) -> Result<ExperimentId> {
    FETTLE_TRY_(check_name_free(session, name));
    const auto now = clock_.now_ms();
    FETTLE_TRY(const auto id, free_experiment_number(session));
    const auto where = location.empty() ? text::format("{}/{}", artifact_root_, id) : location;
    FETTLE_TRY_(session.execute(
        "INSERT INTO experiments(id, name, artifact_location, stage, created_ms, updated_ms) VALUES(?, ?, ?, 0, ?, ?)",
        {id, std::string_view(name), std::string_view(where), now, now}));
    FETTLE_TRY_(put_pairs(session, kExperimentTags, id, tags));
    return ExperimentId(std::to_string(id));
  });
}

Result<void> Store::adopt_artifact_root() {
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY_(session.execute(
        "UPDATE experiments SET artifact_location = ? WHERE id = 0 AND NOT EXISTS (SELECT 1 FROM runs WHERE experiment "
        "= 0) AND NOT EXISTS (SELECT 1 FROM logged_models WHERE experiment = 0)",
        {std::string_view(artifact_root_ + "/0")}));
    return {};
  });
}

Result<Experiment> Store::experiment(const ExperimentId& id) const {
  return read_value<Experiment>(database_, [&](Session& session) { return need_experiment(session, id); });
}

Result<Experiment> Store::experiment_by_name(const std::string& name) const {
  return read_value<Experiment>(database_, [&](Session& session) -> Result<Experiment> {
    FETTLE_TRY(auto found, find_experiment(session, "name", std::string_view(name)));
    if (!found) return fail(Code::NotFound, text::format("Could not find experiment with name '{}'", name));
    return *std::move(found);
  });
}

Result<Page<Experiment>> Store::search_experiments(const Search& search) const {
  FETTLE_TRY(const auto comparisons, parse_filter(search.filter, kExperimentGrammar));
  FETTLE_TRY(const auto ordering, ordering_of(search));
  Sql conditions;
  if (search.view == View::All)
    conditions.add("e.stage <> 2");
  else
    conditions.add("e.stage = ?", {std::int64_t{search.view == View::Deleted}});
  conditions.add(where(comparisons, kExperimentTables));
  if (search.scope) conditions.add(where(*search.scope, "e.id", ExactBy::Number, "e.name"));
  const auto query = text::format("{}|{}|{}", search.filter, text::join(search.order_by, ","), int(search.view));
  return read_value<Page<Experiment>>(database_, [&](Session& session) -> Result<Page<Experiment>> {
    FETTLE_TRY(auto keys, select_page(session, "e.id", Sql{"FROM experiments e", {}}, conditions, ordering, query,
                                      search.page_token, search.max_results));
    Page<Experiment> page{{}, std::move(keys.next_token)};
    FETTLE_TRY(page.items, load_experiments(session, keys.keys));
    return page;
  });
}

Result<void> Store::delete_experiment(const ExperimentId& id) {
  return database_.write(
      [&](Session& session) { return set_stage(session, id, Stage::Active, Stage::Deleted, clock_.now_ms()); });
}

Result<void> Store::restore_experiment(const ExperimentId& id) {
  return database_.write(
      [&](Session& session) { return set_stage(session, id, Stage::Deleted, Stage::Active, clock_.now_ms()); });
}

Result<void> Store::rename_experiment(const ExperimentId& id, const std::string& name) {
  FETTLE_TRY_(check_experiment_name(name));
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto experiment, need_experiment(session, id));
    FETTLE_TRY(const auto number, experiment_number(id));
    if (experiment.stage != Stage::Active)
      return fail(Code::FailedPrecondition, "Cannot rename a non-active experiment.");
    if (experiment.name != name) FETTLE_TRY_(check_name_free(session, name));
    FETTLE_TRY_(session.execute("UPDATE experiments SET name = ?, updated_ms = ? WHERE id = ?",
                                {std::string_view(name), clock_.now_ms(), number}));
    return {};
  });
}

Result<void> Store::set_experiment_tag(const ExperimentId& id, const KeyValue& tag) {
  FETTLE_TRY_(check_tags({tag}));
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY_(need_active_experiment(session, id));
    FETTLE_TRY(const auto number, experiment_number(id));
    return put_pair(session, kExperimentTags, number, tag);
  });
}

Result<void> Store::delete_experiment_tag(const ExperimentId& id, const std::string& key) {
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY_(need_active_experiment(session, id));
    FETTLE_TRY(const auto number, experiment_number(id));
    FETTLE_TRY(const auto gone, session.execute("DELETE FROM experiment_tags WHERE experiment = ? AND key = ?",
                                                {number, std::string_view(key)}));
    if (gone == 0)
      return fail(Code::NotFound,
                  text::format("No tag with name: {} in experiment with experiment_id {}", key, id.str()));
    return {};
  });
}

Result<std::vector<DatasetSummary>> Store::datasets(const std::vector<std::string>& experiments) const {
  Sql statement{
      "SELECT DISTINCT d.experiment, d.name, d.digest, coalesce(t.value, '') FROM datasets d JOIN run_inputs i ON "
      "i.dataset = d.id LEFT JOIN input_tags t ON t.input = i.id AND t.key = 'mlflow.data.context' WHERE d.experiment "
      "IN ",
      {}};
  FETTLE_TRY(const auto any, any_experiment(experiments));
  statement.add(any).add(" ORDER BY 1, 2, 3, 4 LIMIT 1000");
  return read_value<std::vector<DatasetSummary>>(
      database_, [&](Session& session) -> Result<std::vector<DatasetSummary>> {
        std::vector<DatasetSummary> out;
        FETTLE_TRY_(session.query(statement.text, statement.parameters(), [&](const sql::Row& row) {
          out.push_back({ExperimentId(std::to_string(row.integer(0))), std::string(row.text(1)),
                         std::string(row.text(2)), std::string(row.text(3))});
          return true;
        }));
        return out;
      });
}

}  // namespace fettle::tracking
