// A durable relational store: many readers, one writer with group commit, on SQLite or on PostgreSQL.
//
// Writes are functions run on the writer thread inside one transaction each batch: many requests, one flush to disk;
// of several requests each is a savepoint, so that one failing request does not undo another. A write's result is given
// to its caller only after the commit. Reads use a pool of read-only connections and see a consistent snapshot.
// Statements are in the form that both stores read alike (dialect.h). Thread-safe.
//
// Errors: Unavailable when the store cannot answer now (disk full, PostgreSQL gone): repeat later, no restart is
// needed. After a statement has failed, a job or a read only returns: PostgreSQL refuses all further statements of it.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace fettle::sql {

struct Blob {  // bytes of any kind, for columns of type BLOB
  std::string_view bytes;
};
using Parameter = std::variant<std::nullptr_t, std::int64_t, double, std::string_view, Blob>;

class Row {  // The current row of a query; valid inside the row function only.
 public:
  virtual ~Row() = default;
  [[nodiscard]] virtual bool is_null(int column) const = 0;
  [[nodiscard]] virtual std::int64_t integer(int column) const = 0;
  [[nodiscard]] virtual double real(int column) const = 0;
  [[nodiscard]] virtual std::string_view text(int column) const = 0;  // or a blob's bytes; valid until the next row
};

class Session {  // One connection inside one transaction or snapshot. Not thread-safe; statements are cached by their
                 // text.
 public:
  virtual ~Session() = default;
  // Runs a statement with ? parameters; returns the number of rows changed.
  [[nodiscard]] virtual Result<std::int64_t> execute(std::string_view statement,
                                                     std::span<const Parameter> parameters) = 0;
  // The same for when nobody needs that number: PostgreSQL is sent it along with the next statement, and a failure may
  // come from that one, or from the write as a whole.
  [[nodiscard]] virtual Result<void> post(std::string_view statement, std::span<const Parameter> parameters) = 0;
  // Calls `row` for every row; return false from it to stop. PostgreSQL sends all rows before the first call: give
  // what may be large a LIMIT.
  [[nodiscard]] virtual Result<void> query(std::string_view statement, std::span<const Parameter> parameters,
                                           const std::function<bool(const Row&)>& row) = 0;
  // Runs an INSERT of one row that ends in RETURNING id; returns that id.
  [[nodiscard]] Result<std::int64_t> insert(std::string_view statement, std::initializer_list<Parameter> parameters);

  [[nodiscard]] Result<std::int64_t> execute(std::string_view statement,
                                             std::initializer_list<Parameter> parameters = {}) {
    return execute(statement, std::span(parameters.begin(), parameters.size()));
  }
  [[nodiscard]] Result<void> post(std::string_view statement, std::initializer_list<Parameter> parameters = {}) {
    return post(statement, std::span(parameters.begin(), parameters.size()));
  }
  [[nodiscard]] Result<void> query(std::string_view statement, std::initializer_list<Parameter> parameters,
                                   const std::function<bool(const Row&)>& row) {
    return query(statement, std::span(parameters.begin(), parameters.size()), row);
  }
};

// The tables of one module, in the common form: `steps[i]` brings its schema from version i to i + 1, all new ones in
// one transaction. Never edit a released step.
struct Migrations {
  std::string module;
  std::vector<std::string> steps;  // each may hold several statements
};

[[nodiscard]] bool is_postgres(std::string_view url);  // postgres://... or postgresql://...

class Connection;

class Database {
 public:
  using Work = std::function<Result<void>(Session&)>;
  // `url`: postgres://... or postgresql://... (all of libpq's), else the path of an SQLite file, made if missing.
  // DataLoss if the file is no database or damaged; FailedPrecondition if it was written by a newer version of the
  // program (migrations beyond ours), never touched then, or if another server has the PostgreSQL database;
  // NotFound, PermissionDenied or Unavailable if PostgreSQL does not let us in. No message holds a password.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::string& url,
                                                              const std::vector<Migrations>& migrations);
  // The same for a database that a server has used before; else NotFound, and it stays as it is.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open_existing(const std::string& url,
                                                                       const std::vector<Migrations>& migrations);
  // Makes tables and what `fill` writes in one transaction, so that nothing is left if that fails or is killed.
  // FailedPrecondition if the database holds any table.
  [[nodiscard]] static Result<void> create(const std::string& url, const std::vector<Migrations>& migrations,
                                           const Work& fill);
  // What create() will say of a database that is not empty.
  [[nodiscard]] static Result<void> check_empty(const std::string& url);
  ~Database();  // finishes queued writes

  // Blocks the caller until `work` is committed (or failed and rolled back). Never call from a data loop.
  [[nodiscard]] Result<void> write(const Work& work);
  // The same without blocking: `done` is called on the writer thread after the commit. It must not block.
  void write_async(Work work, std::function<void(Result<void>)> done);
  [[nodiscard]] Result<void> read(const Work& work) const;

 private:
  struct Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  [[nodiscard]] static std::unique_ptr<Database> start(const std::string& url, std::unique_ptr<Connection> connection);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fettle::sql
