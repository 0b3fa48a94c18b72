#include "sql/database.h"

#include <future>
#include <mutex>

#include "base/text.h"
#include "sql/connection.h"
#include "sql/foreign.h"
#include "sql/postgres.h"
#include "sql/writer.h"

namespace fettle::sql {
namespace {

constexpr std::size_t kMaxIdleReaders = 8;  // as many as an HTTP server has workers

Result<std::int64_t> schema_version(Connection& connection, const std::string& module) {
  std::int64_t version = 0;
  FETTLE_TRY_(connection.query("SELECT version FROM fettle_schema WHERE module = ?", {std::string_view(module)},
                               [&](const Row& row) {
                                 version = row.integer(0);
                                 return false;
                               }));
  return version;
}

Result<void> migrate_module(Connection& connection, const Migrations& migrations) {
  FETTLE_TRY(const auto version, schema_version(connection, migrations.module));
  const auto known = static_cast<std::int64_t>(migrations.steps.size());
  if (version > known)
    return fail(
        Code::FailedPrecondition,
        text::format("database '{}' was written by a newer version ({} is at schema {}, this program knows {}); "
                     "use that version, or restore a backup",
                     connection.name(), migrations.module, version, known));
  for (auto step = version; step < known; ++step)
    FETTLE_TRY_(connection.script(migrations.steps[static_cast<std::size_t>(step)]));
  FETTLE_TRY_(
      connection.execute("INSERT INTO fettle_schema(module, version) VALUES(?, ?) "
                         "ON CONFLICT(module) DO UPDATE SET version = excluded.version",
                         {std::string_view(migrations.module), known}));
  return {};
}

constexpr auto kSchemaTable = "fettle_schema";

// What the database must hold.
enum class Contents : std::uint8_t { Anything, Ours, Nothing };

Result<void> check_contents(Connection& connection, const std::string& url, Contents expected) {
  if (expected == Contents::Anything) return {};
  FETTLE_TRY(const auto tables, tables_of(connection, is_postgres(url)));
  if (expected == Contents::Ours && !tables.contains(kSchemaTable))
    return fail(Code::NotFound,
                text::format("database '{}' holds no records of a Fettle server; give the one that the server uses",
                             connection.name()));
  if (expected == Contents::Nothing && !tables.empty())
    return fail(Code::FailedPrecondition,
                text::format("database '{}' is not empty: it has a table '{}'; nothing was written, give an empty one",
                             connection.name(), tables.begin()->first));
  return {};
}

Result<void> migrate(Connection& connection, const std::string& url, const std::vector<Migrations>& all,
                     Contents expected, const Database::Work& fill = {}) {
  FETTLE_TRY_(connection.begin());
  const auto run = [&]() -> Result<void> {
    FETTLE_TRY_(check_contents(connection, url, expected));
    FETTLE_TRY_(connection.script(text::format(
        "CREATE TABLE IF NOT EXISTS {}(module TEXT PRIMARY KEY, version INTEGER NOT NULL)", kSchemaTable)));
    if (is_postgres(url)) FETTLE_TRY_(migrate_module(connection, PostgresConnection::migrations()));
    for (const auto& migrations : all) FETTLE_TRY_(migrate_module(connection, migrations));
    if (fill) FETTLE_TRY_(fill(connection));
    return connection.commit();
  };
  auto done = run();
  if (!done) connection.rollback();
  return done;
}

}  // namespace

struct Database::Impl {
  std::string url;
  std::unique_ptr<Writer> writer;
  std::mutex mutex;
  std::vector<std::unique_ptr<Connection>> idle_readers;

  Result<std::unique_ptr<Connection>> borrow_reader() {
    {
      const std::lock_guard lock(mutex);
      if (!idle_readers.empty()) {
        auto reader = std::move(idle_readers.back());
        idle_readers.pop_back();
        return reader;
      }
    }
    auto opened = open_connection(url, Access::Read);
    if (!opened && opened.error().code != Code::DataLoss) return fail(Code::Unavailable, opened.error().message);
    return opened;
  }
  void give_back(std::unique_ptr<Connection> reader) {
    const std::lock_guard lock(mutex);
    if (idle_readers.size() < kMaxIdleReaders) idle_readers.push_back(std::move(reader));
  }
};

Result<std::int64_t> Session::insert(std::string_view statement, std::initializer_list<Parameter> parameters) {
  std::int64_t id = 0;
  FETTLE_TRY_(query(statement, parameters, [&](const Row& row) {
    id = row.integer(0);
    return true;
  }));
  return id;
}

std::unique_ptr<Database> Database::start(const std::string& url, std::unique_ptr<Connection> connection) {
  auto impl = std::make_unique<Impl>();
  impl->url = url;
  impl->writer = std::make_unique<Writer>(std::move(connection));
  return std::unique_ptr<Database>(new Database(std::move(impl)));
}

Result<std::unique_ptr<Database>> Database::open(const std::string& url, const std::vector<Migrations>& migrations) {
  FETTLE_TRY(auto connection, open_connection(url, Access::Write));
  FETTLE_TRY_(migrate(*connection, url, migrations, Contents::Anything));
  return start(url, std::move(connection));
}

Result<std::unique_ptr<Database>> Database::open_existing(const std::string& url,
                                                          const std::vector<Migrations>& migrations) {
  FETTLE_TRY(auto connection, open_connection(url, Access::Write));
  FETTLE_TRY_(migrate(*connection, url, migrations, Contents::Ours));
  return start(url, std::move(connection));
}

Result<void> Database::create(const std::string& url, const std::vector<Migrations>& migrations, const Work& fill) {
  FETTLE_TRY(auto connection, open_connection(url, Access::Write));
  return migrate(*connection, url, migrations, Contents::Nothing, fill);
}

Result<void> Database::check_empty(const std::string& url) {
  FETTLE_TRY(const auto connection, open_connection(url, Access::Read));
  FETTLE_TRY_(connection->begin());
  return check_contents(*connection, url, Contents::Nothing);
}

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;

Result<void> Database::write(const Work& work) {
  std::promise<Result<void>> promise;
  auto answer = promise.get_future();
  write_async(work, [&promise](Result<void> result) { promise.set_value(std::move(result)); });
  return answer.get();
}

void Database::write_async(Work work, std::function<void(Result<void>)> done) {
  impl_->writer->submit({std::move(work), std::move(done)});
}

Result<void> Database::read(const Work& work) const {
  FETTLE_TRY(auto reader, impl_->borrow_reader());
  FETTLE_TRY_(reader->begin());
  auto result = work(*reader);
  if (reader->commit()) impl_->give_back(std::move(reader));  // else the connection is dropped
  return result;
}

}  // namespace fettle::sql
