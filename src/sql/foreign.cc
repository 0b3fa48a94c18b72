#include "sql/foreign.h"

#include <sys/stat.h>

#include "base/text.h"
#include "sql/connection.h"
#include "sql/postgres.h"

namespace fettle::sql {
namespace {

constexpr std::string_view kSqlAlchemy = "postgresql+psycopg2://";

std::string file_of(const std::string& url) {
  constexpr std::string_view kScheme = "sqlite:///";
  return url.starts_with(kScheme) ? url.substr(kScheme.size()) : url;
}

bool file_exists(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

// A URI for SQLite: '?', '#' and '%' of the path are escaped.
std::string uri_of(const std::string& path) {
  std::string out = "file:";
  for (const char c : path)
    out += c == '?' || c == '#' || c == '%' ? text::format("%{:02x}", int{c}) : std::string(1, c);
  return out + "?immutable=1";
}

Result<std::unique_ptr<Session>> begin_snapshot(std::unique_ptr<Connection> connection) {
  FETTLE_TRY_(connection->begin());
  return std::unique_ptr<Session>(std::move(connection));
}

Result<std::unique_ptr<Session>> begin_file(std::unique_ptr<Connection> connection) {
  FETTLE_TRY(auto session, begin_snapshot(std::move(connection)));
  FETTLE_TRY_(session->query("SELECT count(*) FROM sqlite_master", {}, [](const Row&) { return false; }));
  return session;
}

Result<std::unique_ptr<Session>> open_file(const std::string& path) {
  if (!file_exists(path)) return fail(Code::NotFound, text::format("there is no database file '{}'", path));
  if (auto connection = open_connection(path, Access::Read)) {
    auto session = begin_file(*std::move(connection));
    // A WAL database in a folder that may not be written can only be read as one that nobody changes.
    if (session || session.error().code == Code::DataLoss || file_exists(path + "-wal")) return session;
  }
  FETTLE_TRY(auto connection, open_connection(uri_of(path), Access::Read));
  return begin_file(std::move(connection));
}

}  // namespace

bool is_postgres_url(const std::string& url) noexcept { return is_postgres(url) || url.starts_with(kSqlAlchemy); }

Result<std::unique_ptr<Session>> open_foreign(const std::string& url) {
  if (!is_postgres_url(url)) return open_file(file_of(url));
  const auto ours = url.starts_with(kSqlAlchemy) ? "postgresql://" + url.substr(kSqlAlchemy.size()) : url;
  FETTLE_TRY(auto connection, open_connection(ours, Access::Read));
  return begin_snapshot(std::move(connection));
}

Result<Tables> tables_of(Session& session, bool postgres) {
  Tables out;
  FETTLE_TRY_(session.query(
      postgres ? "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
               : "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'",
      {}, [&](const Row& row) {
        out[std::string(row.text(0))].emplace_back(row.text(1));
        return true;
      }));
  return out;
}

}  // namespace fettle::sql
