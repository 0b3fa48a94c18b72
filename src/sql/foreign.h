// A database that another program owns and may be using: opened to read, one snapshot, never changed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "sql/database.h"

namespace fettle::sql {

// `url` is a file's path, sqlite:///path (four slashes for an absolute one) or postgresql://, with a driver's name as
// SQLAlchemy has it or without. NotFound if there is no such file; DataLoss if it is no database; Unavailable if the
// server does not answer. Rows come as they are read; a row function must not run another statement.
[[nodiscard]] Result<std::unique_ptr<Session>> open_foreign(const std::string& url);
[[nodiscard]] bool is_postgres_url(const std::string& url);

// Column names by table.
using Tables = std::map<std::string, std::vector<std::string>>;
[[nodiscard]] Result<Tables> tables_of(Session& session, bool postgres);

}  // namespace fettle::sql
