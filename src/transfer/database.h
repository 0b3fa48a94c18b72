// MLflow's database: SQLite or PostgreSQL, of any version since 1.0, read in one snapshot and never changed.
//
// Columns are probed, not assumed: what an older schema lacks reads as missing. A schema that is no MLflow's, or one
// newer than this program knows, is refused unless told otherwise.
#pragma once

#include <memory>
#include <string>

#include "transfer/source.h"

namespace fettle::transfer {

// FailedPrecondition for an unknown schema, unless `any_schema`.
[[nodiscard]] Result<std::unique_ptr<Source>> open_database(const std::string& url, bool any_schema);

}  // namespace fettle::transfer
