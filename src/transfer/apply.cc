#include "transfer/apply.h"

#include <array>

#include "base/text.h"
#include "json/describe.h"
#include "tracking/import.h"
#include "tracking/transaction.h"
#include "transfer/stored.h"

namespace fettle::transfer {
namespace {

using sql::Session;
using tracking::read_value;

constexpr std::string_view kDefaultExperiment = "0";
constexpr std::array<std::string_view, 5> kWords{"created", "updated", "unchanged", "kept", "conflict"};

Result<std::string> mark_of(Session& session, std::string_view kind, std::string_view id) {
  std::string out;
  FETTLE_TRY_(session.query("SELECT mark FROM imports WHERE kind = ? AND id = ?", {kind, id}, [&](const sql::Row& row) {
    out = row.text(0);
    return false;
  }));
  return out;
}

struct Written {  // what became of one record
  Outcome outcome = Outcome::Created;
  std::string why, mapped;
};

template <typename Record>
std::string hex_of(const std::optional<Record>& record) {
  return record ? digest_of(*record).hex() : std::string();
}

// One transaction's work.
class Batch {
 public:
  Batch(Session& session, std::int64_t now, const std::string& suffix)
      : session_(session), now_(now), suffix_(suffix) {}

  Result<void> line(const json::Value& line) {
    const auto kind = line.text_or("kind");
    const auto* record = line.find("record");
    if (kind == "points") return points(line);
    if (kind == "mark") return put_mark(line.text_or("of"), line.text_or("id"), line.text_or("mark"));
    if (record == nullptr) return fail(Code::InvalidArgument, text::format("a line of kind '{}' has no record", kind));
    if (kind == "experiment") return write<ExperimentRecord>(kind, *record);
    if (kind == "logged_model") return write<ModelRecord>(kind, *record);
    if (kind == "run") return write<RunRecord>(kind, *record);
    if (kind == "registered_model") return write<RegisteredRecord>(kind, *record);
    return fail(Code::InvalidArgument, text::format("unknown kind '{}'", kind));
  }
  std::vector<Applied>& applied() { return applied_; }

 private:
  template <typename Record>
  Result<void> write(const std::string& kind, const json::Value& value) {
    FETTLE_TRY(auto record, json::from_value<Record>(value, "record"));
    normalise(record);
    const auto id = id_of(record);
    FETTLE_TRY(auto written, put(record));
    applied_.push_back({kind, id, std::string(kWords[static_cast<std::size_t>(written.outcome)]),
                        std::move(written.why), std::move(written.mapped)});
    return {};
  }

  static std::string id_of(const RegisteredRecord& record) { return record.name; }
  template <typename Record>
  static std::string id_of(const Record& record) {
    return record.id;
  }

  Result<void> put_mark(std::string_view kind, std::string_view id, std::string_view mark) {
    return session_.post(
        "INSERT INTO imports(kind, id, mark, time_ms) VALUES(?, ?, ?, ?) ON CONFLICT(kind, id) DO UPDATE SET mark = "
        "excluded.mark, time_ms = excluded.time_ms",
        {kind, id, mark, now_});
  }

  // Decides; writes by `import` what is new, and remembers what the source had.
  template <typename Record, typename Import>
  Result<Written> settle(std::string_view kind, const std::string& id, const Record& record,
                         const std::optional<Record>& stored, bool same_origin, Import import) {
    const auto source = digest_of(record).hex();
    FETTLE_TRY(auto marked, mark_of(session_, kind, id));
    const bool was_imported = same_origin && !marked.empty();
    const auto outcome = decide({hex_of(stored), std::move(marked), same_origin}, source);
    if (outcome == Outcome::Conflict)
      return Written{
          outcome, was_imported ? "changed here and in the source" : "this server has another of this id", {}};
    if (outcome == Outcome::Created)  // what was imported once and is gone since comes back with all it has
      FETTLE_TRY_(session_.execute("DELETE FROM imports WHERE id = ? AND kind IN ('points', 'artifacts')",
                                   {std::string_view(id)}));
    if (outcome == Outcome::Created || outcome == Outcome::Updated) FETTLE_TRY_(import());
    if (outcome != Outcome::Kept) FETTLE_TRY_(put_mark(kind, id, source));
    return Written{outcome, {}, {}};
  }

  Result<Written> put(ExperimentRecord record);
  Result<Written> put_default(ExperimentRecord record, const ExperimentRecord& here);
  Result<Written> put_renamed(ExperimentRecord record, const std::string& origin);
  Result<Written> put(const ModelRecord& record);
  Result<Written> put(const RunRecord& record);
  Result<Written> put(RegisteredRecord record);
  Result<void> points(const json::Value& line);

  Session& session_;
  std::int64_t now_;
  const std::string& suffix_;
  std::vector<Applied> applied_;
};

// Every server has an experiment 0, made when it was: the source's takes its place while it is untouched, else its tags
// join and the rest stays.
Result<Written> Batch::put_default(ExperimentRecord record, const ExperimentRecord& here) {
  FETTLE_TRY(const auto used, tracking::has_runs(session_, here.id));
  if (!used && here.tags.empty() && !here.deleted) return Written{Outcome::Created, {}, {}};
  auto joined = here;
  joined.tags.insert(joined.tags.begin(), record.tags.begin(), record.tags.end());  // ours win
  normalise(joined);
  if (digest_of(joined) != digest_of(here)) FETTLE_TRY_(tracking::import_experiment(session_, to_stored(joined)));
  return Written{Outcome::Kept, {}, {}};
}

Result<Written> Batch::put(ExperimentRecord record) {
  const auto origin = text::format("{}@{}", record.id, record.created_ms);
  FETTLE_TRY(const auto mapped, mark_of(session_, "experiment-as", origin));
  if (!mapped.empty()) {  // an earlier import gave it another id
    FETTLE_TRY(const auto there, find_experiment_record(session_, mapped));
    if (there) return Written{Outcome::Unchanged, {}, mapped};
  }
  FETTLE_TRY(const auto here, find_experiment_record(session_, record.id));
  bool same_origin = !here || here->created_ms == record.created_ms;
  if (here && record.id == kDefaultExperiment && !same_origin) {
    FETTLE_TRY(auto written, put_default(record, *here));
    if (written.outcome == Outcome::Kept) return written;
    FETTLE_TRY_(tracking::import_experiment(session_, to_stored(record)));
    FETTLE_TRY_(put_mark("experiment", record.id, digest_of(record).hex()));
    return written;
  }
  std::string taken;
  auto written = settle("experiment", record.id, record, here, same_origin, [&]() -> Result<void> {
    const auto done = tracking::import_experiment(session_, to_stored(record));
    if (!done && done.error().code == Code::AlreadyExists) taken = done.error().message;
    return done;
  });
  if (!written && taken.empty()) return fail(written.error());
  if (written && written->outcome != Outcome::Conflict) return written;
  if (suffix_.empty())
    return Written{
        Outcome::Conflict, taken.empty() ? text::format("experiment '{}' has this id here", here->name) : taken, {}};
  return put_renamed(std::move(record), origin);
}

// Under a name with the suffix; with its own id if that is free, else with a new one.
Result<Written> Batch::put_renamed(ExperimentRecord record, const std::string& origin) {
  FETTLE_TRY(const auto here, find_experiment_record(session_, record.id));
  const auto old_id = record.id;
  if (here) {
    FETTLE_TRY(const auto number, tracking::free_experiment_number(session_));
    record.id = std::to_string(number);
    if (record.artifact_location == "mlflow-artifacts:/" + old_id)
      record.artifact_location = "mlflow-artifacts:/" + record.id;
  }
  record.name += suffix_;
  const auto done = tracking::import_experiment(session_, to_stored(record));
  if (!done && done.error().code == Code::AlreadyExists) return Written{Outcome::Conflict, done.error().message, {}};
  if (!done) return fail(done.error());
  FETTLE_TRY_(put_mark("experiment-as", origin, record.id));
  return Written{Outcome::Created, {}, record.id};
}

Result<Written> Batch::put(const ModelRecord& record) {
  FETTLE_TRY(const auto here, find_model_record(session_, record.id));
  return settle("logged_model", record.id, record, here, !here || here->created_ms == record.created_ms,
                [&] { return tracking::import_model(session_, to_stored(record)); });
}

Result<Written> Batch::put(const RunRecord& record) {
  FETTLE_TRY(const auto here, find_run_record(session_, record.id));
  return settle("run", record.id, record, here, !here || here->experiment == record.experiment,
                [&] { return tracking::import_run(session_, to_stored(record), record.deleted_ms.value_or(now_)); });
}

Result<Written> Batch::put(RegisteredRecord record) {
  const auto origin = text::format("{}@{}", record.name, record.created_ms);
  FETTLE_TRY(const auto mapped, mark_of(session_, "registered_model-as", origin));
  if (!mapped.empty()) record.name = mapped;
  const auto try_it = [&]() -> Result<Written> {
    FETTLE_TRY(const auto here, find_registered_record(session_, record.name));
    return settle("registered_model", record.name, record, here, !here || here->created_ms == record.created_ms,
                  [&] { return registry::import_model(session_, to_stored(record)); });
  };
  FETTLE_TRY(auto written, try_it());
  if (written.outcome == Outcome::Conflict && !suffix_.empty() && mapped.empty()) {
    record.name += suffix_;
    FETTLE_TRY(written, try_it());
    if (written.outcome != Outcome::Conflict) FETTLE_TRY_(put_mark("registered_model-as", origin, record.name));
    written.mapped = record.name;
  } else {
    written.mapped = mapped;
  }
  return written;
}

Result<void> Batch::points(const json::Value& line) {
  const auto run = line.text_or("run");
  const auto* list = line.find("points");
  if (list == nullptr || !list->is_array()) return fail(Code::InvalidArgument, "a line of points has no 'points'");
  FETTLE_TRY(const auto mark, mark_of(session_, "run", run));
  if (mark.empty())
    return fail(Code::FailedPrecondition, text::format("points of run '{}', which was not imported", run));
  std::vector<tracking::Metric> points;
  for (const auto& each : list->as_array()) {
    if (!each.is_array() || each.as_array().size() != 3 || !each.as_array()[2].is_number())
      return fail(Code::InvalidArgument, "a point is [time, step, value]");
    const auto& parts = each.as_array();
    tracking::Metric point;
    point.key = line.text_or("key");
    point.time_ms = parts[0].as_int();
    point.step = parts[1].as_int();
    point.value = parts[2].as_double();
    points.push_back(std::move(point));
  }
  return tracking::import_points(session_, run, points);
}

}  // namespace

Outcome decide(const Known& known, const std::string& source) {
  if (known.stored.empty()) return Outcome::Created;
  if (known.stored == source) return Outcome::Unchanged;
  if (!known.same_origin || known.marked.empty()) return Outcome::Conflict;
  if (known.marked == source) return Outcome::Kept;
  return known.marked == known.stored ? Outcome::Updated : Outcome::Conflict;
}

sql::Migrations Importer::migrations() {
  return {"transfer", {R"(
    CREATE TABLE imports(kind TEXT, id TEXT, mark TEXT NOT NULL, time_ms INTEGER NOT NULL, PRIMARY KEY(kind, id))
      WITHOUT ROWID;
  )"}};
}

Result<std::vector<Applied>> Importer::apply(std::string_view batch, const std::string& suffix) {
  std::vector<json::Value> lines;
  for (std::size_t from = 0; from < batch.size();) {
    const auto end = std::min(batch.find('\n', from), batch.size());
    if (end > from) {
      FETTLE_TRY(auto line, json::parse(batch.substr(from, end - from), text::format("line {}", lines.size() + 1)));
      lines.push_back(std::move(line));
    }
    from = end + 1;
  }
  std::vector<Applied> out;
  FETTLE_TRY_(database_.write([&](Session& session) -> Result<void> {
    Batch work(session, clock_.now_ms(), suffix);
    for (std::size_t i = 0; i < lines.size(); ++i)
      if (const auto done = work.line(lines[i]); !done)
        return fail(done.error().within(text::format("line {}", i + 1)));
    out = std::move(work.applied());
    return {};
  }));
  return out;
}

Result<std::map<std::string, std::string>> Importer::marks(const std::string& kind,
                                                           const std::vector<std::string>& ids) const {
  using Marks = std::map<std::string, std::string>;
  return read_value<Marks>(database_, [&](Session& session) -> Result<Marks> {
    Marks out;
    for (const auto& id : ids) {
      FETTLE_TRY(auto mark, mark_of(session, kind, id));
      if (!mark.empty()) out.emplace(id, std::move(mark));
    }
    return out;
  });
}

Result<std::string> Importer::stored_digest(const std::string& kind, const std::string& id) const {
  const auto hex = [](const auto& found) -> Result<std::string> {
    if (!found) return fail(found.error());
    return hex_of(*found);
  };
  return read_value<std::string>(database_, [&](Session& session) -> Result<std::string> {
    if (kind == "experiment") return hex(find_experiment_record(session, id));
    if (kind == "logged_model") return hex(find_model_record(session, id));
    if (kind == "run") return hex(find_run_record(session, id));
    if (kind == "registered_model") return hex(find_registered_record(session, id));
    return fail(Code::InvalidArgument, text::format("unknown kind '{}'", kind));
  });
}

}  // namespace fettle::transfer
