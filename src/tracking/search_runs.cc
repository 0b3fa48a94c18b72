#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "base/text.h"
#include "tracking/query.h"
#include "tracking/rows.h"
#include "tracking/run_search.h"
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
}  // namespace

const Tables kRunTables{
    .owner = "r.id",
    .column = "run",
    .tags = "run_tags",
    .params = "run_params",
    .metrics = "latest_metrics",
    .datasets =
        "FROM run_inputs di JOIN datasets d ON d.id = di.dataset LEFT JOIN input_tags dt ON dt.input = di.id "
        "AND dt.key = 'mlflow.data.context' WHERE di.run = r.id"};

namespace {

constexpr Grammar kRunGrammar{kRunPrefixes, kRunAttributes, kDatasetAttributes};

Result<RunQuery> query_of(const Search& search) {
  RunQuery out;
  FETTLE_TRY(out.comparisons, parse_filter(search.filter, kRunGrammar));
  FETTLE_TRY(out.order, parse_order(search.order_by, kRunGrammar));
  for (const auto& key : out.order) out.ordering.add(key, kRunTables);
  if (!out.ordering.has("r.start_ms")) out.ordering.add("r.start_ms", false);
  if (!out.ordering.has("r.run_id")) out.ordering.add("r.run_id", true, Ordering::Type::Text);
  return out;
}

Result<std::vector<Partition>> partitions_of(const Search& search) {
  std::set<std::int64_t> experiments;
  for (const auto& id : search.experiments) {
    FETTLE_TRY(const auto number, experiment_number(ExperimentId(id)));
    experiments.insert(number);
  }
  std::vector<Partition> out;
  for (const auto experiment : experiments) {
    if (search.view != View::Deleted) out.push_back({experiment, Stage::Active});
    if (search.view != View::Active) out.push_back({experiment, Stage::Deleted});
  }
  return out;
}

}  // namespace

Result<KeyPage> find_runs(sql::Session& session, const Search& search, const Effort& effort) {
  FETTLE_TRY(const auto query, query_of(search));
  FETTLE_TRY(const auto partitions, partitions_of(search));
  const auto text = text::format("{}|{}|{}|{}", text::join(search.experiments, ","), search.filter,
                                 text::join(search.order_by, ","), static_cast<int>(search.view));
  std::vector<Bound> after;
  if (!search.page_token.empty()) {
    FETTLE_TRY(after, read_token(search.page_token, text, query.ordering.terms.size()));
  }
  const auto limit = search.max_results + 1;
  std::vector<KeyRow> rows;
  for (const auto& partition : partitions) {
    FETTLE_TRY(auto more, select_runs(session, query, partition, after, limit, effort));
    const auto before = std::ssize(rows);
    std::ranges::move(more, std::back_inserter(rows));
    std::ranges::inplace_merge(rows, rows.begin() + before, [&](const KeyRow& a, const KeyRow& b) {
      return query.ordering.precedes(a.terms, b.terms);
    });
    if (std::ssize(rows) > limit) rows.resize(static_cast<std::size_t>(limit));
  }
  return page_of(std::move(rows), text, search.max_results);
}

Result<Page<Run>> Store::search_runs(const Search& search) const {
  return read_value<Page<Run>>(database_, [&](sql::Session& session) -> Result<Page<Run>> {
    FETTLE_TRY(auto keys, find_runs(session, search));
    Page<Run> page{{}, std::move(keys.next_token)};
    FETTLE_TRY(page.items, load_runs(session, keys.keys));
    return page;
  });
}

}  // namespace fettle::tracking
