#include "sql/foreign.h"

#include <sys/stat.h>

#include "base/text.h"
#include "sql/connection.h"
#include "sql/postgres.h"

namespace fettle::sql {
namespace {

// SQLAlchemy names its driver: postgresql+psycopg2://...
std::string without_driver(const std::string& url) {
  const auto plus = url.find('+');
  const auto end = url.find("://");
  return plus < end && end != std::string::npos ? url.substr(0, plus) + url.substr(end) : url;
}

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
  if (auto connection = open_connection(path, Access::Foreign)) {
    auto session = begin_file(*std::move(connection));
    // A WAL database in a folder that may not be written can only be read as one that nobody changes.
    if (session || session.error().code == Code::DataLoss || file_exists(path + "-wal")) return session;
  }
  FETTLE_TRY(auto connection, open_connection(uri_of(path), Access::Foreign));
  return begin_file(std::move(connection));
}

}  // namespace

bool is_postgres_url(const std::string& url) { return is_postgres(without_driver(url)); }

Result<std::unique_ptr<Session>> open_foreign(const std::string& url) {
  if (!is_postgres_url(url)) return open_file(file_of(url));
  FETTLE_TRY(auto connection, open_connection(without_driver(url), Access::Foreign));
  return begin_snapshot(std::move(connection));
}

Result<Tables> tables_of(Session& session, bool postgres) {
  Tables out;
  FETTLE_TRY_(session.query(
      postgres
          ? "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relkind IN "
            "('r', 'p') AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped"
          : "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'",
      {}, [&](const Row& row) {
        out[std::string(row.text(0))].emplace_back(row.text(1));
        return true;
      }));
  return out;
}

}  // namespace fettle::sql
