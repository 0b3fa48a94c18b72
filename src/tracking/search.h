// The search grammar of MLflow: filters and orderings as text, parsed and checked against what an entity has. Pure.
//
//   filter     := comparison { [AND] comparison }
//   comparison := ident op value | ident IS [NOT] NULL | ident [NOT] IN ( 'a' [, 'b' ...] [,] )
//   ident      := [prefix "."] key          key plain (dots allowed), `backticked`, "double" or 'single' quoted
//   op         := = | != | < | <= | > | >= | LIKE | ILIKE       words in any case
//   value      := 'text' | "text" | number
//   order      := ident [ASC | DESC]
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace fettle::tracking {

enum class Kind : std::uint8_t { Attribute, Metric, Param, Tag, Dataset };
enum class Op : std::uint8_t {
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Like,
  Ilike,
  In,
  NotIn,
  IsNull,
  IsNotNull
};

struct Attribute {
  std::string_view key;     // as written in a filter
  std::string_view column;  // SQL expression
  bool numeric = false;
  bool lists = false;     // IN and NOT IN allowed
  bool ordering = true;   // allowed in an ordering
  bool filtering = true;  // allowed in a filter
  bool nullable = false;  // missing values come last in both directions
};
struct Prefix {
  std::string_view word;
  Kind kind;
};

struct Grammar {  // What one entity can be searched by. All views must live as long as the program.
  std::span<const Prefix> prefixes;
  std::span<const Attribute> attributes;
  std::span<const Attribute> dataset_attributes = {};
  bool null_tests = true;  // IS [NOT] NULL on tags and params
};

struct Comparison {
  Kind kind = Kind::Attribute;
  std::string key;
  const Attribute* attribute = nullptr;  // of kinds Attribute and Dataset
  Op op = Op::Equal;
  std::variant<std::monostate, std::int64_t, double, std::string, std::vector<std::string>> value;
};
struct OrderKey {
  Kind kind = Kind::Attribute;
  std::string key;
  const Attribute* attribute = nullptr;
  bool ascending = true;
};

// InvalidArgument, in MLflow's words where clients match them. An empty filter has no comparison.
[[nodiscard]] Result<std::vector<Comparison>> parse_filter(std::string_view filter, const Grammar& grammar);
[[nodiscard]] Result<std::vector<OrderKey>> parse_order(const std::vector<std::string>& order, const Grammar& grammar);
[[nodiscard]] std::string_view symbol(Op op) noexcept;  // "=", "NOT IN"

}  // namespace fettle::tracking
