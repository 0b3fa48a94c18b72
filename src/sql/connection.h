// One SQLite connection with its statement cache. Private to the module. Not thread-safe.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <unordered_map>

#include "sql/database.h"

namespace fettle::sql {

class Connection final : public Session {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const std::string& path, bool read_only);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  using Session::execute;
  using Session::query;
  [[nodiscard]] Result<std::int64_t> execute(std::string_view statement,
                                             std::span<const Parameter> parameters) override;
  [[nodiscard]] Result<void> query(std::string_view statement, std::span<const Parameter> parameters,
                                   const std::function<bool(const Row&)>& row) override;
  [[nodiscard]] Result<void> script(const std::string& statements);  // several statements, no parameters

 private:
  explicit Connection(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  [[nodiscard]] Result<sqlite3_stmt*> prepare(std::string_view statement);
  [[nodiscard]] Result<sqlite3_stmt*> bind(std::string_view statement, std::span<const Parameter> parameters);
  [[nodiscard]] std::unexpected<Error> error(int code) const;
  void forget_statements();  // all that are not running

  sqlite3* handle_;
  std::string path_;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

}  // namespace fettle::sql
