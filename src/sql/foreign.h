// A database that another program owns and may be using: opened to read, one snapshot, never changed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "sql/database.h"

namespace fettle::sql {

// `url` is a file's path, sqlite:///path (four slashes for an absolute one) or postgresql://. NotFound if there is no
// such file; DataLoss if it is no database; Unavailable if the server does not answer.
[[nodiscard]] Result<std::unique_ptr<Session>> open_foreign(const std::string& url);
[[nodiscard]] bool is_postgres_url(const std::string& url) noexcept;

// Column names by table.
using Tables = std::map<std::string, std::vector<std::string>>;
[[nodiscard]] Result<Tables> tables_of(Session& session, bool postgres);

}  // namespace fettle::sql
