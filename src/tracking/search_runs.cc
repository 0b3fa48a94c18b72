#include <array>

#include "base/text.h"
#include "tracking/query.h"
#include "tracking/rows.h"
#include "tracking/store.h"

namespace fettle::tracking {
namespace {

constexpr std::array<Prefix, 14> kRunPrefixes{{{"metric", Kind::Metric},
                                               {"parameter", Kind::Param},
                                               {"tag", Kind::Tag},
                                               {"attribute", Kind::Attribute},
                                               {"dataset", Kind::Dataset},
                                               {"metrics", Kind::Metric},
                                               {"parameters", Kind::Param},
                                               {"param", Kind::Param},
                                               {"params", Kind::Param},
                                               {"tags", Kind::Tag},
                                               {"attr", Kind::Attribute},
                                               {"attributes", Kind::Attribute},
                                               {"run", Kind::Attribute},
                                               {"datasets", Kind::Dataset}}};

// status is kept as a number; a filter compares its name.
constexpr std::string_view kStatus =
    "CASE r.status WHEN 1 THEN 'RUNNING' WHEN 2 THEN 'SCHEDULED' WHEN 3 THEN 'FINISHED' WHEN 4 THEN 'FAILED' "
    "WHEN 5 THEN 'KILLED' END";
constexpr std::array<Attribute, 13> kRunAttributes{{
    {.key = "start_time", .column = "r.start_ms", .numeric = true},
    {.key = "end_time", .column = "r.end_ms", .numeric = true, .nullable = true},
    {.key = "run_id", .column = "r.run_id", .lists = true},
    {.key = "run_name", .column = "r.name", .lists = true},
    {.key = "status", .column = kStatus, .lists = true},
    {.key = "artifact_uri", .column = "r.artifact_uri", .lists = true},
    {.key = "user_id", .column = "r.user_id", .lists = true},
    {.key = "created", .column = "r.start_ms", .numeric = true},
    {.key = "Created", .column = "r.start_ms", .numeric = true},
    {.key = "run name", .column = "r.name", .lists = true},
    {.key = "Run name", .column = "r.name", .lists = true},
    {.key = "Run Name", .column = "r.name", .lists = true},
    {.key = "experiment_id", .column = "r.experiment", .numeric = true, .filtering = false},
}};
constexpr std::array<Attribute, 3> kDatasetAttributes{{{.key = "name", .column = "d.name", .lists = true},
                                                       {.key = "digest", .column = "d.digest", .lists = true},
                                                       {.key = "context", .column = "dt.value", .lists = true}}};
constexpr Tables kRunTables{
    .owner = "r.id",
    .column = "run",
    .tags = "run_tags",
    .params = "run_params",
    .metrics = "latest_metrics",
    .datasets =
        "FROM run_inputs di JOIN datasets d ON d.id = di.dataset LEFT JOIN input_tags dt ON dt.input = di.id "
        "AND dt.key = 'mlflow.data.context' WHERE di.run = r.id"};

constexpr Grammar kRunGrammar{kRunPrefixes, kRunAttributes, kDatasetAttributes};

Result<Ordering> ordering_of(const Search& search) {
  Ordering out;
  FETTLE_TRY(const auto keys, parse_order(search.order_by, kRunGrammar));
  for (const auto& key : keys) out.add(key, kRunTables);
  if (!out.has("r.start_ms")) out.add("r.start_ms", false);
  if (!out.has("r.run_id")) out.add("r.run_id", true, Ordering::Type::Text);
  return out;
}

Result<Sql> conditions_of(const Search& search) {
  Sql out;
  if (search.experiments.size() == 1) {  // lets the index give the order
    FETTLE_TRY(const auto number, experiment_number(ExperimentId(search.experiments[0])));
    out.add("r.experiment = ?", {number});
  } else {
    FETTLE_TRY(const auto experiments, any_experiment(search.experiments));
    out.add("r.experiment IN ").add(experiments);
  }
  if (search.view != View::All) out.add(" AND r.stage = ?", {std::int64_t{search.view == View::Deleted}});
  FETTLE_TRY(const auto comparisons, parse_filter(search.filter, kRunGrammar));
  out.add(where(comparisons, kRunTables));
  return out;
}

}  // namespace

Result<Page<Run>> Store::search_runs(const Search& search) const {
  FETTLE_TRY(const auto conditions, conditions_of(search));
  FETTLE_TRY(const auto ordering, ordering_of(search));
  if (search.experiments.empty()) return Page<Run>{};
  const auto query = text::format("{}|{}|{}|{}", text::join(search.experiments, ","), search.filter,
                                  text::join(search.order_by, ","), static_cast<int>(search.view));
  return read_value<Page<Run>>(database_, [&](sql::Session& session) -> Result<Page<Run>> {
    FETTLE_TRY(auto keys, select_page(session, "r.id", Sql{"FROM runs r", {}}, conditions, ordering, query,
                                      search.page_token, search.max_results));
    Page<Run> page{{}, std::move(keys.next_token)};
    for (const auto key : keys.keys) {
      FETTLE_TRY(auto run, load_run(session, key));
      page.items.push_back(std::move(run));
    }
    return page;
  });
}

}  // namespace fettle::tracking
