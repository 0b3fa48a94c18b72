#include "control/store.h"

#include "base/text.h"
#include "json/describe.h"

namespace fettle::control {
namespace {

using sql::Session;

template <typename Record>
Result<std::vector<Record>> select(const sql::Database& database, std::string_view statement,
                                   std::initializer_list<sql::Parameter> parameters = {}) {
  std::vector<Record> records;
  FETTLE_TRY_(database.read([&](Session& session) -> Result<void> {
    std::optional<Error> error;
    FETTLE_TRY_(session.query(statement, parameters, [&](const sql::Row& row) {
      auto value = json::parse(row.text(0), "stored record");
      auto record = value ? json::from_value<Record>(*value) : Result<Record>(fail(value.error()));
      if (!record) error = Error{Code::DataLoss, record.error().message};
      if (record) records.push_back(*std::move(record));
      return !error;
    }));
    if (error) return fail(*error);
    return {};
  }));
  return records;
}

template <typename Record>
Result<Record> select_one(const sql::Database& database, std::string_view statement, const std::string& key,
                          std::string_view what) {
  FETTLE_TRY(auto records, select<Record>(database, statement, {std::string_view(key)}));
  if (records.empty()) return fail(Code::NotFound, text::format("there is no {} '{}'", what, key));
  return std::move(records.front());
}

// Puts records: `statement` takes the key columns, then the record as JSON.
template <typename Record, typename Keys>
Result<void> put_all(Session& session, std::string_view statement, const std::vector<Record>& records, Keys keys) {
  for (const auto& record : records) {
    const std::string body = json::dump(json::to_value(record));
    std::vector<sql::Parameter> parameters = keys(record);
    parameters.emplace_back(std::string_view(body));
    FETTLE_TRY_(session.execute(statement, std::span<const sql::Parameter>(parameters)));
  }
  return {};
}

Result<void> put_checkpoint(Session& session, const Checkpoint& at) {
  const auto watermarks = json::dump(json::to_value(at.watermarks_ms));
  FETTLE_TRY_(
      session.execute("INSERT INTO checkpoint VALUES(1, ?, ?, ?) ON CONFLICT(one) DO UPDATE SET segment = "
                      "excluded.segment, position = excluded.position, watermarks = excluded.watermarks",
                      {static_cast<std::int64_t>(at.cursor.segment), static_cast<std::int64_t>(at.cursor.offset),
                       std::string_view(watermarks)}));
  return {};
}

using Parameters = std::vector<sql::Parameter>;
std::string_view view(const std::string& text) { return text; }

}  // namespace

bool Changes::empty() const noexcept {
  return endpoints.empty() && rollouts.empty() && decisions.empty() && windows.empty() && alerts.empty() &&
         watches.empty() && retrains.empty() && projects.empty() && bundles.empty() && forgotten_bundles.empty() &&
         verdicts.empty() && changes.empty() && !checkpoint;
}

sql::Migrations Store::migrations() {
  return {"control", {R"(
    CREATE TABLE endpoints(name TEXT PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE rollouts(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
                          created_ms INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE TABLE decisions(id INTEGER PRIMARY KEY, rollout TEXT NOT NULL, body TEXT NOT NULL);
    CREATE INDEX decisions_by_rollout ON decisions(rollout, id);
    CREATE TABLE windows(endpoint TEXT, kind TEXT, start_ms INTEGER, bundle TEXT, body TEXT NOT NULL,
                         PRIMARY KEY(endpoint, kind, start_ms, bundle)) WITHOUT ROWID;
    CREATE TABLE alerts(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
                          opened_event_ms INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE TABLE retrains(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
                          started_ms INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE TABLE projects(name TEXT PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE bundles(digest TEXT PRIMARY KEY, model TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE INDEX bundles_by_version ON bundles(model, version);
    CREATE TABLE verdicts(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, run_id TEXT NOT NULL,
                          created_ms INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE INDEX verdicts_by_run ON verdicts(run_id, created_ms);
    CREATE TABLE changes(id INTEGER PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE watches(endpoint TEXT, bundle TEXT, kind TEXT, body TEXT NOT NULL,
                         PRIMARY KEY(endpoint, bundle, kind)) WITHOUT ROWID;
    CREATE TABLE checkpoint(one INTEGER PRIMARY KEY CHECK (one = 1), segment INTEGER, position INTEGER,
                            watermarks TEXT NOT NULL);
  )"}};
}

Result<void> Store::put(const Changes& changes) {
  if (changes.empty()) return {};
  return database_.write([&changes](Session& session) -> Result<void> {
    FETTLE_TRY_(put_all(session,
                        "INSERT INTO endpoints VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET body = excluded.body",
                        changes.endpoints, [](const Endpoint& e) { return Parameters{view(e.name)}; }));
    FETTLE_TRY_(put_all(session,
                        "INSERT INTO rollouts(id, created_ms, body) VALUES(?, ?, ?) ON CONFLICT(id) DO UPDATE SET "
                        "created_ms = excluded.created_ms, body = excluded.body",
                        changes.rollouts, [](const Rollout& r) { return Parameters{view(r.id), r.created_ms}; }));
    FETTLE_TRY_(put_all(session, "INSERT INTO decisions(rollout, body) VALUES(?, ?)", changes.decisions,
                        [](const DecisionRecord& d) { return Parameters{view(d.rollout)}; }));
    FETTLE_TRY_(put_all(session,
                        "INSERT INTO windows VALUES(?, ?, ?, ?, ?) ON CONFLICT(endpoint, kind, start_ms, bundle) DO "
                        "UPDATE SET body = excluded.body",
                        changes.windows, [](const WindowRecord& w) {
                          return Parameters{view(w.endpoint), view(w.kind), w.start_ms, view(w.bundle)};
                        }));
    FETTLE_TRY_(put_all(session,
                        "INSERT INTO alerts(id, opened_event_ms, body) VALUES(?, ?, ?) ON CONFLICT(id) DO UPDATE SET "
                        "opened_event_ms = excluded.opened_event_ms, body = excluded.body",
                        changes.alerts,
                        [](const AlertRecord& a) { return Parameters{view(a.id), a.opened_event_ms}; }));
    FETTLE_TRY_(put_all(
        session,
        "INSERT INTO watches VALUES(?, ?, ?, ?) ON CONFLICT(endpoint, bundle, kind) DO UPDATE SET body = excluded.body",
        changes.watches,
        [](const WatchRecord& w) { return Parameters{view(w.endpoint), view(w.bundle), view(w.kind)}; }));
    FETTLE_TRY_(put_all(session,
                        "INSERT INTO retrains(id, started_ms, body) VALUES(?, ?, ?) ON CONFLICT(id) DO UPDATE SET "
                        "started_ms = excluded.started_ms, body = excluded.body",
                        changes.retrains, [](const Retrain& r) { return Parameters{view(r.id), r.started_ms}; }));
    FETTLE_TRY_(put_all(session,
                        "INSERT INTO projects VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET body = excluded.body",
                        changes.projects, [](const Project& p) { return Parameters{view(p.name)}; }));
    FETTLE_TRY_(put_all(session,
                        "INSERT INTO bundles VALUES(?, ?, ?, ?) ON CONFLICT(digest) DO UPDATE SET model = "
                        "excluded.model, version = excluded.version, body = excluded.body",
                        changes.bundles,
                        [](const BundleRecord& b) { return Parameters{view(b.digest), view(b.model), b.version}; }));
    for (const auto& digest : changes.forgotten_bundles)
      FETTLE_TRY_(session.execute("DELETE FROM bundles WHERE digest = ?", {view(digest)}));
    FETTLE_TRY_(put_all(session,
                        "INSERT INTO verdicts(id, run_id, created_ms, body) VALUES(?, ?, ?, ?) ON CONFLICT(id) DO "
                        "UPDATE SET run_id = excluded.run_id, created_ms = excluded.created_ms, body = excluded.body",
                        changes.verdicts,
                        [](const VerdictRecord& v) { return Parameters{view(v.id), view(v.run_id), v.created_ms}; }));
    FETTLE_TRY_(put_all(session, "INSERT INTO changes(body) VALUES(?)", changes.changes,
                        [](const Change&) { return Parameters{}; }));
    return changes.checkpoint ? put_checkpoint(session, *changes.checkpoint) : Result<void>();
  });
}

Result<std::vector<Endpoint>> Store::endpoints() const {
  return select<Endpoint>(database_, "SELECT body FROM endpoints ORDER BY name");
}
Result<Endpoint> Store::endpoint(const std::string& name) const {
  return select_one<Endpoint>(database_, "SELECT body FROM endpoints WHERE name = ?", name, "endpoint");
}
Result<std::vector<Rollout>> Store::rollouts() const {
  return select<Rollout>(database_, "SELECT body FROM rollouts ORDER BY created_ms DESC, number DESC");
}
Result<Rollout> Store::rollout(const std::string& id) const {
  return select_one<Rollout>(database_, "SELECT body FROM rollouts WHERE id = ?", id, "rollout");
}
Result<std::vector<DecisionRecord>> Store::decisions(const std::string& rollout) const {
  return select<DecisionRecord>(database_, "SELECT body FROM decisions WHERE rollout = ? ORDER BY id", {view(rollout)});
}
Result<std::vector<WindowRecord>> Store::windows(const std::string& endpoint, const std::string& kind) const {
  return select<WindowRecord>(
      database_, "SELECT body FROM windows WHERE endpoint = ? AND (? = '' OR kind = ?) ORDER BY start_ms, kind, bundle",
      {view(endpoint), view(kind), view(kind)});
}
Result<std::vector<AlertRecord>> Store::alerts() const {
  return select<AlertRecord>(database_, "SELECT body FROM alerts ORDER BY opened_event_ms DESC, number DESC");
}
Result<AlertRecord> Store::alert(const std::string& id) const {
  return select_one<AlertRecord>(database_, "SELECT body FROM alerts WHERE id = ?", id, "alert");
}
Result<std::vector<WatchRecord>> Store::watches() const {
  return select<WatchRecord>(database_, "SELECT body FROM watches");
}
Result<std::vector<Retrain>> Store::retrains() const {
  return select<Retrain>(database_, "SELECT body FROM retrains ORDER BY started_ms DESC, number DESC");
}
Result<std::vector<Project>> Store::projects() const {
  return select<Project>(database_, "SELECT body FROM projects ORDER BY name");
}
Result<std::vector<BundleRecord>> Store::bundles() const {
  return select<BundleRecord>(database_, "SELECT body FROM bundles ORDER BY model, version");
}
Result<BundleRecord> Store::bundle(const std::string& digest) const {
  return select_one<BundleRecord>(database_, "SELECT body FROM bundles WHERE digest = ?", digest, "bundle");
}
Result<std::optional<BundleRecord>> Store::bundle_of(const std::string& model, std::int64_t version) const {
  FETTLE_TRY(auto found, select<BundleRecord>(database_, "SELECT body FROM bundles WHERE model = ? AND version = ?",
                                              {view(model), version}));
  if (found.empty()) return std::optional<BundleRecord>();
  return std::optional(std::move(found.front()));
}
Result<std::vector<VerdictRecord>> Store::verdicts(const std::string& run_id) const {
  return select<VerdictRecord>(
      database_, "SELECT body FROM verdicts WHERE ? = '' OR run_id = ? ORDER BY created_ms DESC, number DESC",
      {view(run_id), view(run_id)});
}
Result<std::vector<Change>> Store::changes(std::size_t limit) const {
  return select<Change>(database_, "SELECT body FROM changes ORDER BY id DESC LIMIT ?",
                        {static_cast<std::int64_t>(limit)});
}

Result<std::optional<Checkpoint>> Store::checkpoint() const {
  std::optional<Checkpoint> found;
  std::string watermarks;
  FETTLE_TRY_(database_.read([&](Session& session) {
    return session.query("SELECT segment, position, watermarks FROM checkpoint", {}, [&](const sql::Row& row) {
      found = Checkpoint{{static_cast<std::uint64_t>(row.integer(0)), static_cast<std::uint64_t>(row.integer(1))}, {}};
      watermarks = row.text(2);
      return false;
    });
  }));
  if (!found) return found;
  FETTLE_TRY(const auto value, json::parse(watermarks, "checkpoint"));
  FETTLE_TRY(found->watermarks_ms, (json::from_value<std::map<std::string, std::int64_t>>(value, "checkpoint")));
  return found;
}

}  // namespace fettle::control
