// One SQLite connection with its statement cache. Private to the module. Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "sql/connection.h"

struct sqlite3;
struct sqlite3_stmt;

namespace fettle::sql {

class SqliteConnection final : public Connection {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const std::string& path, Access access);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  using Session::execute;
  using Session::post;
  using Session::query;
  [[nodiscard]] Result<std::int64_t> execute(std::string_view statement,
                                             std::span<const Parameter> parameters) override;
  [[nodiscard]] Result<void> post(std::string_view statement, std::span<const Parameter> parameters) override {
    return execute(statement, parameters).transform([](auto) {});
  }
  [[nodiscard]] Result<void> query(std::string_view statement, std::span<const Parameter> parameters,
                                   const std::function<bool(const Row&)>& row) override;
  [[nodiscard]] const std::string& name() const override { return path_; }
  [[nodiscard]] Result<void> begin() override;
  [[nodiscard]] Result<void> commit() override;
  void rollback() override;
  [[nodiscard]] State state() const override;
  [[nodiscard]] Result<void> begin_job() override;
  [[nodiscard]] Result<void> end_job(bool keep) override;
  [[nodiscard]] Result<void> flush() override { return {}; }
  [[nodiscard]] Result<void> script(const std::string& statements) override;

 private:
  SqliteConnection(sqlite3* handle, std::string path, Access access)
      : handle_(handle), path_(std::move(path)), access_(access) {}
  void checkpoint_between_batches();
  [[nodiscard]] Result<void> run(std::string_view statement);
  [[nodiscard]] Result<sqlite3_stmt*> prepare(std::string_view statement);
  [[nodiscard]] Result<sqlite3_stmt*> bind(std::string_view statement, std::span<const Parameter> parameters);
  [[nodiscard]] std::unexpected<Error> error(int code) const;
  void forget_statements();  // all that are not running

  sqlite3* handle_;
  std::string path_;
  Access access_;
  int log_pages_ = 0;                          // in the write-ahead log after the writer's last commit
  struct Hash : std::hash<std::string_view> {  // looks up without making a string
    using is_transparent = void;
  };
  std::unordered_map<std::string, sqlite3_stmt*, Hash, std::equal_to<>> statements_;
};

}  // namespace fettle::sql
