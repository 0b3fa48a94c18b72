// A function's result out of a read's snapshot or a write's transaction.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "base/result.h"
#include "sql/database.h"

namespace fettle::tracking {

template <typename T>
[[nodiscard]] Result<T> read_value(const sql::Database& database, const std::function<Result<T>(sql::Session&)>& work) {
  std::optional<T> out;
  FETTLE_TRY_(database.read([&](sql::Session& session) -> Result<void> {
    FETTLE_TRY(out, work(session));
    return {};
  }));
  return *std::move(out);
}

template <typename T>
[[nodiscard]] Result<T> write_value(sql::Database& database, const std::function<Result<T>(sql::Session&)>& work) {
  std::optional<T> out;
  FETTLE_TRY_(database.write([&](sql::Session& session) -> Result<void> {
    FETTLE_TRY(out, work(session));
    return {};
  }));
  return *std::move(out);
}

}  // namespace fettle::tracking
