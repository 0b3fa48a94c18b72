#include "sql/foreign.h"

#include <sys/stat.h>

#include "base/text.h"
#include "sql/connection.h"

namespace fettle::sql {
namespace {

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

Result<std::unique_ptr<Session>> begin(std::unique_ptr<Connection> connection) {
  FETTLE_TRY_(connection->execute("BEGIN", {}));
  FETTLE_TRY_(connection->query("SELECT count(*) FROM sqlite_master", {}, [](const Row&) { return false; }));
  return std::unique_ptr<Session>(std::move(connection));
}

Result<std::unique_ptr<Session>> open_file(const std::string& path) {
  if (!file_exists(path)) return fail(Code::NotFound, text::format("there is no database file '{}'", path));
  if (auto connection = Connection::open(path, true)) {
    auto session = begin(*std::move(connection));
    // A WAL database in a folder that may not be written can only be read as one that nobody changes.
    if (session || session.error().code == Code::DataLoss || file_exists(path + "-wal")) return session;
  }
  FETTLE_TRY(auto connection, Connection::open(uri_of(path), true));
  return begin(std::move(connection));
}

}  // namespace

bool is_postgres_url(const std::string& url) noexcept {
  return url.starts_with("postgresql://") || url.starts_with("postgres://") ||
         url.starts_with("postgresql+psycopg2://");
}

Result<std::unique_ptr<Session>> open_foreign(const std::string& url) {
  if (!is_postgres_url(url)) return open_file(file_of(url));
  return fail(Code::Unimplemented, "PostgreSQL databases cannot be read yet; import from the MLflow server's address");
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
