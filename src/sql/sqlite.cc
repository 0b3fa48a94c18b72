#include "sql/sqlite.h"

#include <sqlite3.h>

#include "base/text.h"

namespace fettle::sql {
namespace {

constexpr int kBusyTimeoutMs = 10'000;
constexpr std::size_t kMaxStatements = 256;  // searches make statements of many shapes
constexpr auto kReaderSettings = "PRAGMA case_sensitive_like=ON; PRAGMA query_only=ON";
constexpr int kMaxLogPages = 4'000;  // of 4 KB
// What savepoints need to undo a job stays in memory.
constexpr auto kWriterSettings =
    "PRAGMA case_sensitive_like=ON; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY";

class StatementRow final : public Row {
 public:
  explicit StatementRow(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  [[nodiscard]] bool is_null(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  [[nodiscard]] std::int64_t integer(int column) const override { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] double real(int column) const override { return sqlite3_column_double(statement_, column); }
  [[nodiscard]] std::string_view text(int column) const override {
    const bool is_blob = sqlite3_column_type(statement_, column) == SQLITE_BLOB;
    const auto* bytes =
        static_cast<const char*>(is_blob ? sqlite3_column_blob(statement_, column)
                                         : static_cast<const void*>(sqlite3_column_text(statement_, column)));
    if (bytes == nullptr) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3_stmt* statement_;
};

// Resets a cached statement when its use ends, so that it holds no lock and no borrowed text.
class Use {
 public:
  explicit Use(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

 private:
  sqlite3_stmt* statement_;
};

struct Binder {
  sqlite3_stmt* statement;
  int index;
  int operator()(std::nullptr_t) const { return sqlite3_bind_null(statement, index); }
  int operator()(std::int64_t value) const { return sqlite3_bind_int64(statement, index, value); }
  int operator()(double value) const { return sqlite3_bind_double(statement, index, value); }
  int operator()(std::string_view value) const {
    return sqlite3_bind_text64(statement, index, value.data() == nullptr ? "" : value.data(), value.size(),
                               SQLITE_STATIC, SQLITE_UTF8);
  }
  int operator()(Blob value) const {
    return sqlite3_bind_blob64(statement, index, value.bytes.data() == nullptr ? "" : value.bytes.data(),
                               value.bytes.size(), SQLITE_STATIC);
  }
};

Code code_of(int sqlite) {
  switch (sqlite & 0xff) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
      return Code::Unavailable;
    case SQLITE_CONSTRAINT:
      return Code::AlreadyExists;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::DataLoss;
    case SQLITE_CANTOPEN:
      return Code::NotFound;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Code::PermissionDenied;
    default:
      return Code::Internal;
  }
}

std::string_view next_step(int sqlite) {
  switch (sqlite & 0xff) {
    case SQLITE_FULL:
      return "; free space on its disk, nothing was written";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "; restore it from a backup";
    default:
      return "";
  }
}

}  // namespace

Result<std::unique_ptr<Connection>> SqliteConnection::open(const std::string& path, Access access) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI |
                    (access == Access::Write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  auto connection = std::unique_ptr<SqliteConnection>(new SqliteConnection(handle, path, access));
  if (code != SQLITE_OK) return connection->error(code);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  FETTLE_TRY_(connection->script(access == Access::Write ? kWriterSettings : kReaderSettings));
  if (access == Access::Write) connection->checkpoint_between_batches();
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (const auto& [text, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

std::unexpected<Error> SqliteConnection::error(int code) const {
  return fail(code_of(code), text::format("database '{}': {}{}", path_, sqlite3_errmsg(handle_), next_step(code)));
}

Result<sqlite3_stmt*> SqliteConnection::prepare(std::string_view statement) {
  if (const auto found = statements_.find(statement); found != statements_.end()) return found->second;
  if (statements_.size() >= kMaxStatements) forget_statements();
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v3(handle_, statement.data(), static_cast<int>(statement.size()),
                                      SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  if (code != SQLITE_OK) return error(code);
  statements_.emplace(statement, prepared);
  return prepared;
}

void SqliteConnection::forget_statements() {
  std::erase_if(statements_, [](const auto& entry) {
    if (sqlite3_stmt_busy(entry.second) != 0) return false;
    sqlite3_finalize(entry.second);
    return true;
  });
}

Result<sqlite3_stmt*> SqliteConnection::bind(std::string_view statement, std::span<const Parameter> parameters) {
  FETTLE_TRY_(check_parameters(parameters));
  FETTLE_TRY(auto* prepared, prepare(statement));
  int index = 0;
  for (const auto& parameter : parameters)
    if (const int code = std::visit(Binder{prepared, ++index}, parameter); code != SQLITE_OK) return error(code);
  return prepared;
}

Result<std::int64_t> SqliteConnection::execute(std::string_view statement, std::span<const Parameter> parameters) {
  FETTLE_TRY(auto* prepared, bind(statement, parameters));
  const Use use(prepared);
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(prepared);
  if (code != SQLITE_DONE) return error(code);
  return sqlite3_changes64(handle_);
}

Result<void> SqliteConnection::query(std::string_view statement, std::span<const Parameter> parameters,
                                     const std::function<bool(const Row&)>& row) {
  FETTLE_TRY(auto* prepared, bind(statement, parameters));
  const Use use(prepared);
  const StatementRow current(prepared);
  for (;;) {
    const int code = sqlite3_step(prepared);
    if (code == SQLITE_DONE) return {};
    if (code != SQLITE_ROW) return error(code);
    if (!row(current)) return {};
  }
}

Result<void> SqliteConnection::run(std::string_view statement) {
  return execute(statement, {}).transform([](auto) {});
}

// SQLite itself would do it inside of a commit, before its answers. Only the writer may: of SQLite before 3.51.3, a
// checkpoint on a second connection beside it can lose commits (sqlite.org/wal.html, the WAL-reset bug).
void SqliteConnection::checkpoint_between_batches() {
  const auto count = [](void* pages_of_log, sqlite3*, const char*, int pages) {
    *static_cast<int*>(pages_of_log) = pages;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(handle_, count, &log_pages_);
}

Result<void> SqliteConnection::begin() {
  if (log_pages_ > kMaxLogPages) {
    log_pages_ = 0;
    // A failure leaves the log as it is, and the next commit's count asks again.
    static_cast<void>(sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr));
  }
  return run(access_ == Access::Write ? "BEGIN IMMEDIATE" : "BEGIN");
}
Result<void> SqliteConnection::commit() { return run("COMMIT"); }
void SqliteConnection::rollback() {
  if (state() != State::None) static_cast<void>(run("ROLLBACK"));
}
Connection::State SqliteConnection::state() const {
  return sqlite3_get_autocommit(handle_) == 0 ? State::Open : State::None;
}
Result<void> SqliteConnection::begin_job() { return run("SAVEPOINT job"); }
Result<void> SqliteConnection::end_job(bool keep) {
  if (!keep) FETTLE_TRY_(run("ROLLBACK TO job"));
  return run("RELEASE job");
}

Result<void> SqliteConnection::script(const std::string& statements) {
  const int code = sqlite3_exec(handle_, statements.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code);
  return {};
}

}  // namespace fettle::sql
