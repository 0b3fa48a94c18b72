// The common form of SQL, and what PostgreSQL needs changed in it. SQLite takes it as it is. Pure.
//
// Statements: the subset that both stores read alike; values are '?'. CAST to BIGINT or DOUBLE PRECISION, never to
// INTEGER or REAL, which are narrow in PostgreSQL. LIKE minds case and names its escape: x LIKE ? ESCAPE '\'.
// Schemas: INTEGER, REAL, TEXT, BLOB (in capitals) are 64-bit, double, text that sorts by its bytes, bytes.
// "id INTEGER PRIMARY KEY" is one more than the largest id there is, unless given. WITHOUT ROWID is for SQLite.
#pragma once

#include <string>
#include <string_view>

namespace fettle::sql {

// '?' outside of quotes becomes $1, $2, ...
[[nodiscard]] std::string postgres_statement(std::string_view statement);
// The same tables, columns and defaults in PostgreSQL's words.
[[nodiscard]] std::string postgres_schema(std::string_view script);

}  // namespace fettle::sql
