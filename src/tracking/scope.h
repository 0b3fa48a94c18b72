// What a search may show, as a condition inside its query, so that a page is full and its token exact. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "tracking/query.h"
#include "tracking/records.h"

namespace fettle::tracking {

enum class ExactBy : std::uint8_t { Number, Text };
// " AND CASE ... END = 1". `exact` is the column that exact rules are about, `name` the one of the others.
[[nodiscard]] Sql where(const Scope& scope, std::string_view exact, ExactBy by, std::string_view name);

}  // namespace fettle::tracking
