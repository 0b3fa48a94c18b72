// SQL from checked searches: text with bound parameters, and pages that continue after a key instead of an offset.
// Pure.
//
// The text of a statement depends on a search's shape only, never on its values, so that statements are cached and no
// value can become SQL.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "sql/database.h"
#include "tracking/search.h"

namespace fettle::tracking {

using Bound = std::variant<std::int64_t, double, std::string>;

struct Sql {  // A piece of a statement and the values of its '?', in order.
  std::string text;
  std::vector<Bound> bound;

  Sql& add(std::string_view more, std::vector<Bound> values = {});
  Sql& add(const Sql& more);
  // Borrows from `bound`.
  [[nodiscard]] std::vector<sql::Parameter> parameters() const;
};

struct Tables {                       // Where the keys and values of one entity are.
  std::string_view owner;             // "r.id"
  std::string_view column;            // the owner's column in the tables below: "run"
  std::string_view tags;              // key, value
  std::string_view params = {};       // key, value
  std::string_view metrics = {};      // key (of metric_keys), value, is_nan
  std::string_view datasets = {};     // FROM ... WHERE joining datasets d to the owner
  std::string_view metric_rule = {};  // further condition on a metric's row, empty for none
};

// " AND ..." for every comparison.
[[nodiscard]] Sql where(const std::vector<Comparison>& comparisons, const Tables& tables);
// `column op ?` for a text or number.
[[nodiscard]] Sql compare(std::string_view column, const Comparison& comparison);

// The same for the value of a metric's row. NaN differs from every number and is neither less nor more.
[[nodiscard]] Sql compare_metric(std::string_view alias, const Comparison& comparison);

// "(?, ?, ...)" for IN, filled up with the last value to a power of two, so that lists have few shapes; none match
// empty.
[[nodiscard]] Sql any_of(std::vector<Bound> values);
[[nodiscard]] Result<Sql> any_experiment(const std::vector<std::string>& ids);  // the same of experiments' numbers

// Rows of "<before>(?, ?, ...)<after>" for these numbers; none are no rows. Give at most some hundred at a time.
[[nodiscard]] Result<void> query_any_of(sql::Session& session, std::string_view before,
                                        std::span<const std::int64_t> numbers, std::string_view after,
                                        const std::function<void(const sql::Row&)>& row);

struct Ordering {  // Terms compare without nulls, so that a page can continue after the last row of the one before.
  enum class Type : std::uint8_t { Integer, Real, Text };
  struct Term {
    std::string expression;
    bool ascending = true;
    Type type = Type::Integer;
  };
  Sql joins;
  std::vector<Term> terms;

  // Missing values last in both directions, NaN just before them.
  void add(const OrderKey& key, const Tables& tables);
  void add(std::string_view column, bool ascending, Type type = Type::Integer) {
    terms.push_back({std::string(column), ascending, type});
  }
  [[nodiscard]] bool has(std::string_view column) const;
  [[nodiscard]] std::string columns() const;                      // ", term, term"
  [[nodiscard]] std::string order_by() const;                     // " ORDER BY term, term DESC"
  [[nodiscard]] Sql after(const std::vector<Bound>& last) const;  // " AND (...)"
  // Whether a row with the terms `a` comes before one with `b`.
  [[nodiscard]] bool precedes(const std::vector<Bound>& a, const std::vector<Bound>& b) const;
};

// A page token carries the last row's terms and a digest of the query that it belongs to.
[[nodiscard]] std::string make_token(std::string_view query, const std::vector<Bound>& last);
[[nodiscard]] Result<std::vector<Bound>> read_token(std::string_view token, std::string_view query, std::size_t terms);
[[nodiscard]] std::vector<Bound> read_terms(const sql::Row& row, int first, const std::vector<Ordering::Term>& terms);

struct KeyRow {
  std::int64_t key = 0;
  std::vector<Bound> terms;
};
// The first `limit` rows of `SELECT <key><ordering.columns()> <from> <ordering.joins> WHERE <conditions>`.
[[nodiscard]] Result<std::vector<KeyRow>> select_keys(sql::Session& session, std::string_view key, const Sql& from,
                                                      const Sql& conditions, const Ordering& ordering,
                                                      std::int64_t limit);

// One page of keys and the next page's token.
struct KeyPage {
  std::vector<std::int64_t> keys;
  std::string next_token;
};
// `rows` are one more than the page has, if there is a next page.
[[nodiscard]] KeyPage page_of(std::vector<KeyRow> rows, std::string_view query, std::int64_t limit);
[[nodiscard]] Result<KeyPage> select_page(sql::Session& session, std::string_view key, const Sql& from, Sql conditions,
                                          const Ordering& ordering, std::string_view query, const std::string& token,
                                          std::int64_t limit);

}  // namespace fettle::tracking
