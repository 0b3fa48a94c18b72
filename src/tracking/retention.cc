#include "tracking/retention.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/rng.h"
#include "base/text.h"
#include "tracking/query.h"
#include "tracking/transaction.h"

namespace fettle::tracking {
namespace {

using sql::Session;
using Numbers = std::vector<std::int64_t>;

constexpr std::size_t kAtOnce = 32;        // entities in one transaction
constexpr std::int64_t kMostRows = 1'000;  // paths and blocks of points in one transaction
constexpr std::string_view kOurs = "mlflow-artifacts:/";

// What is taken in the same way: runs, and logged models, which a deleted experiment takes with it.
struct Source {
  std::string_view kind, id, table, condition;
  int times;  // that the condition has the time of deletion
};
constexpr Source kDeletedRuns{"run", "run_id", "runs", "stage = 1 AND deleted_ms < ?", 1};
constexpr Source kModels{"logged_model", "model_id", "logged_models",
                         "((stage = 1 AND updated_ms < ?) OR (stage = 0 AND experiment IN (SELECT id FROM experiments "
                         "WHERE stage = 1 AND id > 0 AND updated_ms < ?)))",
                         2};

struct Deleted {
  std::int64_t row = 0, experiment = 0;
  std::string id, uri;  // of an experiment: its location
};

std::string made_free() { return "~" + random_id(); }  // in the place of an id or name that must be free

Result<void> execute(Session& session, std::string_view before, const Numbers& rows, std::string_view after = "") {
  Sql sql{std::string(before), {}};
  sql.add(any_of({rows.begin(), rows.end()})).add(after);
  FETTLE_TRY_(session.execute(sql.text, sql.parameters()));
  return {};
}

Result<std::int64_t> count_of(Session& session, const Sql& sql) {
  std::int64_t out = 0;
  FETTLE_TRY_(session.query(sql.text, sql.parameters(), [&](const sql::Row& row) {
    out = row.integer(0);
    return false;
  }));
  return out;
}

// Rows of a remnant, at most so many.
Result<std::int64_t> remove_blocks(Session& session, std::int64_t run, std::int64_t limit) {
  FETTLE_TRY(const auto blocks, session.execute("DELETE FROM metric_blocks WHERE id IN (SELECT id FROM metric_blocks "
                                                "WHERE run = ? ORDER BY id LIMIT ?)",
                                                {run, limit}));
  if (blocks == limit) return blocks;
  FETTLE_TRY(const auto series, session.execute("DELETE FROM metric_series WHERE run = ? AND key IN (SELECT key FROM "
                                                "metric_series WHERE run = ? ORDER BY key LIMIT ?)",
                                                {run, run, limit - blocks}));
  return blocks + series;
}

Result<std::int64_t> remove_model_points(Session& session, std::int64_t model, std::int64_t limit) {
  return session.execute(
      "DELETE FROM model_metrics WHERE model = ? AND (key, time_ms, step, run_id) IN (SELECT key, time_ms, step, "
      "run_id "
      "FROM model_metrics WHERE model = ? ORDER BY key, time_ms, step, run_id LIMIT ?)",
      {model, model, limit});
}

Result<void> take_runs(Session& session, const Numbers& rows) {
  Numbers datasets;
  FETTLE_TRY_(query_any_of(session, "SELECT DISTINCT dataset FROM run_inputs WHERE run IN ", rows, "",
                           [&](const sql::Row& row) { datasets.push_back(row.integer(0)); }));
  FETTLE_TRY_(
      execute(session, "DELETE FROM input_tags WHERE input IN (SELECT id FROM run_inputs WHERE run IN ", rows, ")"));
  for (const auto* table :
       {"run_tags", "run_params", "latest_metrics", "run_inputs", "run_model_inputs", "run_outputs"})
    FETTLE_TRY_(execute(session, text::format("DELETE FROM {} WHERE run IN ", table), rows));
  return execute(session, "DELETE FROM datasets WHERE id IN ", datasets,
                 " AND NOT EXISTS (SELECT 1 FROM run_inputs WHERE dataset = datasets.id)");
}

Result<void> take_models(Session& session, const Numbers& rows) {
  for (const auto* table : {"run_outputs", "run_model_inputs"})
    FETTLE_TRY_(execute(
        session, text::format("DELETE FROM {} WHERE model IN (SELECT model_id FROM logged_models WHERE id IN ", table),
        rows, ")"));
  for (const auto* table : {"model_tags", "model_params"})
    FETTLE_TRY_(execute(session, text::format("DELETE FROM {} WHERE model IN ", table), rows));
  return {};
}

}  // namespace

void Removed::keep(std::string kind, std::string id, std::string why) {
  ++kept;
  if (shown.size() < kMostShown) shown.push_back({std::move(kind), std::move(id), std::move(why)});
}

class Retention::Pass {
 public:
  Pass(Retention& owner, std::int64_t before_ms, bool dry_run, Removed& removed,
       const std::function<Result<void>()>& step)
      : owner_(owner), before_ms_(before_ms), dry_run_(dry_run), removed_(removed), step_(step) {}

  Result<void> run() {
    if (!dry_run_) FETTLE_TRY_(sweep_all());  // what an earlier run has left
    FETTLE_TRY_(take_all(kDeletedRuns, removed_.runs, take_runs));
    FETTLE_TRY_(take_all(kModels, removed_.logged_models, take_models));
    FETTLE_TRY_(take_experiments());
    return dry_run_ ? Result<void>() : sweep_all();
  }

 private:
  using Take = Result<void> (*)(Session&, const Numbers&);
  using Sweep = Result<std::int64_t> (*)(Session&, std::int64_t row, std::int64_t limit);

  Result<std::vector<Deleted>> select(Session& session, const Source& source, std::string_view more,
                                      std::vector<Bound> values) const {
    Sql sql{text::format("SELECT id, experiment, {}, artifact_uri FROM {} WHERE {}", source.id, source.table,
                         source.condition),
            std::vector<Bound>(static_cast<std::size_t>(source.times), before_ms_)};
    sql.add(more, std::move(values));
    return rows_of(session, sql);
  }
  static Result<std::vector<Deleted>> rows_of(Session& session, const Sql& sql) {
    std::vector<Deleted> out;
    FETTLE_TRY_(session.query(sql.text, sql.parameters(), [&](const sql::Row& row) {
      out.push_back({row.integer(0), row.integer(1), std::string(row.text(2)), std::string(row.text(3))});
      return true;
    }));
    return out;
  }
  Result<std::vector<Deleted>> page(const Source& source, std::int64_t after) const {
    return read_value<std::vector<Deleted>>(owner_.database_, [&](Session& session) {
      return select(session, source, " AND id > ? ORDER BY id LIMIT ?", {after, std::int64_t{kAtOnce}});
    });
  }

  Result<void> take_all(const Source& source, std::int64_t& count, Take take);
  [[nodiscard]] std::vector<Deleted> without_kept(const Source& source, const std::vector<Deleted>& all,
                                                  Removed& removed) const;
  Result<void> make_remnants(Session& session, const Source& source, const std::vector<Deleted>& all, Take take,
                             Removed& removed) const;
  [[nodiscard]] std::string place_of(const Deleted& deleted, Removed& removed) const;
  Result<void> note_links(Session& session, const std::string& uri);

  Result<void> take_experiments();
  Result<bool> take_experiment(Session& session, const Deleted& experiment, Removed& removed);

  Result<void> sweep_all();
  Result<void> sweep(std::string_view table, Sweep rest);
  Result<void> sweep_page(std::string_view table, std::vector<Deleted> page, Sweep rest);
  Result<void> sweep_experiments();
  Result<bool> is_alone(const Deleted& experiment) const;
  [[nodiscard]] bool remove_elsewhere(const Deleted& remnant);

  void add(const Removed& more) {
    removed_.artifacts += more.artifacts;
    for (const auto& kept : more.shown) removed_.keep(kept.kind, kept.id, kept.why);
  }

  Retention& owner_;
  std::int64_t before_ms_;
  bool dry_run_;
  Removed& removed_;
  const std::function<Result<void>()>& step_;
  std::map<std::int64_t, std::int64_t> leaving_;  // of a dry run: how many of an experiment would go
};

std::vector<Deleted> Retention::Pass::without_kept(const Source& source, const std::vector<Deleted>& all,
                                                   Removed& removed) const {
  std::vector<Deleted> out;
  for (const auto& each : all) {
    auto why = owner_.referrers_.why(each.id);
    if (why.empty())
      out.push_back(each);
    else
      removed.keep(std::string(source.kind), each.id, std::move(why));
  }
  return out;
}

Result<void> Retention::Pass::take_all(const Source& source, std::int64_t& count, Take take) {
  for (std::int64_t after = 0;;) {
    FETTLE_TRY(const auto candidates, page(source, after));
    if (candidates.empty()) return {};
    after = candidates.back().row;
    Removed removed;
    std::vector<Deleted> going;
    const auto work = [&](Session& session) -> Result<void> {
      FETTLE_TRY_(owner_.referrers_.refresh(session));
      if (dry_run_) {
        going = without_kept(source, candidates, removed);
        for (const auto& each : going) FETTLE_TRY_(note_links(session, place_of(each, removed)));
        return {};
      }
      std::vector<Bound> rows;
      for (const auto& each : candidates) rows.emplace_back(each.row);
      Sql still{" AND id IN ", {}};
      still.add(any_of(std::move(rows)));
      FETTLE_TRY(const auto all, select(session, source, still.text, still.bound));  // some may have been restored
      going = without_kept(source, all, removed);
      return make_remnants(session, source, going, take, removed);
    };
    FETTLE_TRY_(dry_run_ ? owner_.database_.read(work) : owner_.database_.write(work));
    if (dry_run_)
      for (const auto& each : going) ++leaving_[each.experiment];
    count += std::ssize(going);
    add(removed);
    FETTLE_TRY_(step_());
  }
}

Result<void> Retention::Pass::make_remnants(Session& session, const Source& source, const std::vector<Deleted>& all,
                                            Take take, Removed& removed) const {
  if (all.empty()) return {};
  Numbers rows;
  for (const auto& each : all) rows.push_back(each.row);
  FETTLE_TRY_(take(session, rows));
  const auto statement =
      text::format("UPDATE {} SET {} = ?, experiment = -1, stage = 2, name = '', artifact_uri = ? WHERE id = ?",
                   source.table, source.id);
  for (const auto& each : all) {
    const auto id = made_free();
    const auto place = place_of(each, removed);
    FETTLE_TRY_(session.execute(statement, {std::string_view(id), std::string_view(place), each.row}));
  }
  return {};
}

// Where its artifacts are to be removed; empty, and told, where that is not ours to do.
std::string Retention::Pass::place_of(const Deleted& deleted, Removed& removed) const {
  const bool ours = artifact_path_of(deleted.uri).has_value();
  if (!ours && !owner_.roots_.reads(deleted.uri))
    removed.keep("artifacts", deleted.uri, "they lie where this server does not write; remove them there");
  else if (!std::ranges::contains(text::split(deleted.uri, '/'), deleted.id))
    removed.keep("artifacts", deleted.uri, text::format("the place is not only that of {}", deleted.id));
  else
    return deleted.uri;
  return {};
}

Result<void> Retention::Pass::note_links(Session& session, const std::string& uri) {
  const auto path = artifact_path_of(uri);
  if (!path || path->empty()) return {};
  FETTLE_TRY(const auto links, Artifacts::links_below(session, *path));
  for (const auto& link : links) ++removed_.unlinked[link];
  removed_.artifacts += std::ssize(links);
  return {};
}

Result<void> Retention::Pass::take_experiments() {
  FETTLE_TRY(const auto all, read_value<std::vector<Deleted>>(owner_.database_, [&](Session& session) {
               return rows_of(
                   session,
                   {"SELECT id, id, name, artifact_location FROM experiments WHERE stage = 1 AND updated_ms < ? "
                    "ORDER BY id",
                    {before_ms_}});
             }));
  for (const auto& experiment : all) {
    Removed removed;
    bool taken = false;
    const auto work = [&](Session& session) -> Result<void> {
      FETTLE_TRY(taken, take_experiment(session, experiment, removed));
      return {};
    };
    FETTLE_TRY_(dry_run_ ? owner_.database_.read(work) : owner_.database_.write(work));
    removed_.experiments += taken ? 1 : 0;
    add(removed);
    FETTLE_TRY_(step_());
  }
  return {};
}

Result<bool> Retention::Pass::take_experiment(Session& session, const Deleted& experiment, Removed& removed) {
  const auto id = std::to_string(experiment.row);
  const auto keep = [&](std::string why) {
    removed.keep("experiment", id, std::move(why));
    return false;
  };
  if (experiment.row == 0) return keep("the default experiment always exists; its deleted runs are removed");
  FETTLE_TRY(const auto still, count_of(session, {"SELECT count(*) FROM experiments WHERE id = ? AND stage = 1 AND "
                                                  "updated_ms < ?",
                                                  {experiment.row, before_ms_}}));
  if (still == 0) return false;
  FETTLE_TRY(const auto runs, count_of(session, {"SELECT count(*) FROM runs WHERE experiment = ?", {experiment.row}}));
  FETTLE_TRY(const auto models,
             count_of(session, {"SELECT count(*) FROM logged_models WHERE experiment = ?", {experiment.row}}));
  const auto left = runs + models - (dry_run_ ? leaving_[experiment.row] : 0);
  if (left > 0)
    return keep(text::format("{} of its runs and logged models stay: kept, deleted later, or restored", left));
  FETTLE_TRY_(owner_.referrers_.refresh(session));
  if (auto why = owner_.referrers_.why_folder(id); !why.empty()) return keep(std::move(why));
  if (dry_run_) return true;
  FETTLE_TRY_(session.execute("DELETE FROM experiment_tags WHERE experiment = ?", {experiment.row}));
  FETTLE_TRY_(session.execute("DELETE FROM datasets WHERE experiment = ?", {experiment.row}));
  const auto name = made_free();
  FETTLE_TRY_(session.execute("UPDATE experiments SET name = ?, stage = 2 WHERE id = ?",
                              {std::string_view(name), experiment.row}));
  return true;
}

Result<void> Retention::Pass::sweep_all() {
  FETTLE_TRY_(sweep(kDeletedRuns.table, remove_blocks));
  FETTLE_TRY_(sweep(kModels.table, remove_model_points));
  return sweep_experiments();
}

Result<void> Retention::Pass::sweep(std::string_view table, Sweep rest) {
  for (std::int64_t after = 0;;) {
    FETTLE_TRY(const auto page, read_value<std::vector<Deleted>>(owner_.database_, [&](Session& session) {
                 return rows_of(
                     session, {text::format("SELECT id, experiment, '', artifact_uri FROM {} WHERE experiment = -1 AND "
                                            "id > ? ORDER BY id LIMIT ?",
                                            table),
                               {after, std::int64_t{kAtOnce}}});
               }));
    if (page.empty()) return {};
    after = page.back().row;
    FETTLE_TRY_(sweep_page(table, page, rest));
  }
}

// False if that store cannot do it now: the next run tries again.
bool Retention::Pass::remove_elsewhere(const Deleted& remnant) {
  if (remnant.uri.empty() || artifact_path_of(remnant.uri)) return true;
  const auto done = owner_.roots_.remove(remnant.uri);
  if (!done) removed_.keep("artifacts", remnant.uri, done.error().message);
  return done.has_value();
}

Result<void> Retention::Pass::sweep_page(std::string_view table, std::vector<Deleted> page, Sweep rest) {
  std::erase_if(page, [&](const Deleted& remnant) { return !remove_elsewhere(remnant); });
  const auto forget = text::format("DELETE FROM {} WHERE id = ?", table);
  while (!page.empty()) {
    std::size_t done = 0;
    std::int64_t links = 0;
    FETTLE_TRY_(owner_.database_.write([&](Session& session) -> Result<void> {
      done = 0;
      links = 0;
      for (std::int64_t budget = kMostRows; done < page.size() && budget > 0; ++done) {
        if (const auto path = artifact_path_of(page[done].uri); path && !path->empty()) {
          FETTLE_TRY(const auto gone, Artifacts::unlink(session, *path, budget));
          links += gone;
          budget -= gone;
          if (budget == 0) break;
        }
        FETTLE_TRY(const auto gone, rest(session, page[done].row, budget));
        budget -= gone;
        if (budget == 0) break;
        FETTLE_TRY_(session.execute(forget, {page[done].row}));
      }
      return {};
    }));
    page.erase(page.begin(), page.begin() + static_cast<std::ptrdiff_t>(done));
    removed_.artifacts += links;
    FETTLE_TRY_(step_());
  }
  return {};
}

// Whether all below an experiment's place was its own.
Result<bool> Retention::Pass::is_alone(const Deleted& experiment) const {
  const auto place = text::format("{}{}", kOurs, experiment.row);
  if (experiment.uri != place) return false;
  const std::vector<Bound> bounds{place + "/", place + "0"};  // '0' follows '/'
  return read_value<bool>(owner_.database_, [&](Session& session) -> Result<bool> {
    for (const auto* from : {"experiments WHERE artifact_location >= ? AND artifact_location < ?",
                             "runs WHERE artifact_uri >= ? AND artifact_uri < ?",
                             "logged_models WHERE artifact_uri >= ? AND artifact_uri < ?"}) {
      FETTLE_TRY(const auto others, count_of(session, {text::format("SELECT count(*) FROM {}", from), bounds}));
      if (others > 0) return false;
    }
    return true;
  });
}

Result<void> Retention::Pass::sweep_experiments() {
  FETTLE_TRY(const auto all, read_value<std::vector<Deleted>>(owner_.database_, [&](Session& session) {
               return rows_of(
                   session, {"SELECT id, id, '', artifact_location FROM experiments WHERE stage = 2 ORDER BY id", {}});
             }));
  for (const auto& experiment : all) {
    FETTLE_TRY(bool more, is_alone(experiment));
    while (more) {
      std::int64_t links = 0;
      FETTLE_TRY_(owner_.database_.write([&](Session& session) -> Result<void> {
        FETTLE_TRY(links, Artifacts::unlink(session, std::to_string(experiment.row), kMostRows));
        return {};
      }));
      removed_.artifacts += links;
      more = links == kMostRows;
      FETTLE_TRY_(step_());
    }
    FETTLE_TRY_(owner_.database_.write([&](Session& session) -> Result<void> {
      FETTLE_TRY_(session.execute("UPDATE experiment_numbers SET largest = ? WHERE largest < ?",
                                  {experiment.row, experiment.row}));
      FETTLE_TRY_(session.execute("DELETE FROM experiments WHERE id = ?", {experiment.row}));
      return {};
    }));
  }
  return {};
}

Result<void> Retention::remove(std::int64_t deleted_before_ms, bool dry_run, Removed& removed,
                               const std::function<Result<void>()>& step) {
  return Pass(*this, deleted_before_ms, dry_run, removed, step).run();
}

}  // namespace fettle::tracking
