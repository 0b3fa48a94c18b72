// A connection to either store, as the writer and the readers use it. Private to the module. Not thread-safe.
#pragma once

#include <memory>
#include <string>

#include "sql/database.h"

namespace fettle::sql {

enum class Access : std::uint8_t {
  Write,
  Read,
  Foreign  // Read of a database that is not ours, for as long as it takes
};

class Connection : public Session {
 public:
  enum class State : std::uint8_t {
    Open,    // what was done since begin() can be committed
    Failed,  // not before the job is undone: a statement failed (PostgreSQL only)
    None     // there is no transaction: not begun, undone by the store itself, or lost with the connection
  };
  [[nodiscard]] virtual const std::string& name() const = 0;  // for messages
  // Begins a transaction, a snapshot with Access::Read. A connection that was lost before is made again first.
  [[nodiscard]] virtual Result<void> begin() = 0;
  // Durable when it succeeds. On failure nothing was kept, unless the message says that this is unknown.
  [[nodiscard]] virtual Result<void> commit() = 0;
  virtual void rollback() = 0;
  [[nodiscard]] virtual State state() const = 0;
  // A part of a transaction that can be undone alone.
  [[nodiscard]] virtual Result<void> begin_job() = 0;
  [[nodiscard]] virtual Result<void> end_job(bool keep) = 0;
  // The failure of what was posted, if it is not known yet.
  [[nodiscard]] virtual Result<void> flush() = 0;
  // Several statements of a schema, in the common form (dialect.h).
  [[nodiscard]] virtual Result<void> script(const std::string& statements) = 0;
};

[[nodiscard]] Result<std::unique_ptr<Connection>> open_connection(const std::string& url, Access access);

// What both stores demand of a statement's values: InvalidArgument for text with a NUL byte, or for too many values.
[[nodiscard]] Result<void> check_parameters(std::span<const Parameter> parameters);

}  // namespace fettle::sql
