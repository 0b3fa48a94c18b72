#include "tracking/query.h"

#include <bit>

#include "base/digest.h"
#include "base/text.h"
#include "json/value.h"
#include "tracking/rows.h"

namespace fettle::tracking {
namespace {

// MLflow's patterns have no escape; ours escape the backslash itself, since the stores differ in what they do by
// default.
std::string pattern_of(std::string_view like) {
  std::string out;
  for (const char c : like) out.append(c == '\\' ? 2 : 1, c);
  return out;
}

std::string_view table_of(Kind kind, const Tables& tables) { return kind == Kind::Tag ? tables.tags : tables.params; }

Sql key_value(const Comparison& comparison, const Tables& tables) {
  const bool missing = comparison.op == Op::IsNull;
  Sql out;
  out.add(text::format(" AND {}EXISTS (SELECT 1 FROM {} kv WHERE kv.{} = {} AND kv.key = ?", missing ? "NOT " : "",
                       table_of(comparison.kind, tables), tables.column, tables.owner),
          {comparison.key});
  if (comparison.op != Op::IsNull && comparison.op != Op::IsNotNull)
    out.add(" AND ").add(compare("kv.value", comparison));
  return out.add(")");
}

Sql metric(const Comparison& comparison, const Tables& tables) {
  Sql out;
  out.add(text::format(" AND EXISTS (SELECT 1 FROM {} m WHERE m.{} = {} AND m.key = (SELECT id FROM metric_keys WHERE "
                       "key = ?){} AND ",
                       tables.metrics, tables.column, tables.owner, tables.metric_rule),
          {comparison.key});
  return out.add(compare_metric("m", comparison)).add(")");
}

Sql dataset(const Comparison& comparison, const Tables& tables) {
  Sql out;
  out.add(text::format(" AND EXISTS (SELECT 1 {} AND ", tables.datasets));
  return out.add(compare(comparison.attribute->column, comparison)).add(")");
}

Sql condition(const Comparison& comparison, const Tables& tables) {
  switch (comparison.kind) {
    case Kind::Attribute:
      return Sql{" AND ", {}}.add(compare(comparison.attribute->column, comparison));
    case Kind::Metric:
      return metric(comparison, tables);
    case Kind::Dataset:
      return dataset(comparison, tables);
    default:
      return key_value(comparison, tables);
  }
}

json::Value to_json(const Bound& bound) {
  return std::visit([](const auto& value) { return json::Value(value); }, bound);
}

std::unexpected<Error> bad_token(std::string_view why) {
  return fail(Code::InvalidArgument, text::format("Invalid page token: {}", why));
}

}  // namespace

Sql& Sql::add(std::string_view more, std::vector<Bound> values) {
  text += more;
  for (auto& value : values) bound.push_back(std::move(value));
  return *this;
}
Sql& Sql::add(const Sql& more) { return add(more.text, more.bound); }

std::vector<sql::Parameter> Sql::parameters() const {
  std::vector<sql::Parameter> out;
  for (const auto& value : bound) {
    if (const auto* words = std::get_if<std::string>(&value))
      out.emplace_back(std::string_view(*words));
    else if (const auto* whole = std::get_if<std::int64_t>(&value))
      out.emplace_back(*whole);
    else
      out.emplace_back(std::get<double>(value));
  }
  return out;
}

Sql compare(std::string_view column, const Comparison& comparison) {
  const auto& value = comparison.value;
  if (const auto* list = std::get_if<std::vector<std::string>>(&value))
    return Sql{text::format("{} {} ", column, symbol(comparison.op)), {}}.add(any_of({list->begin(), list->end()}));
  if (const auto* whole = std::get_if<std::int64_t>(&value))
    return {text::format("{} {} ?", column, symbol(comparison.op)), {*whole}};
  if (const auto* real = std::get_if<double>(&value))
    return {text::format("{} {} ?", column, symbol(comparison.op)), {*real}};
  const auto& text = std::get<std::string>(value);
  if (comparison.op == Op::Like) return {text::format("{} LIKE ? ESCAPE '\\'", column), {pattern_of(text)}};
  if (comparison.op == Op::Ilike)
    return {text::format("lower({}) LIKE ? ESCAPE '\\'", column), {text::lower(pattern_of(text))}};
  return {text::format("{} {} ?", column, symbol(comparison.op)), {text}};
}

Sql compare_metric(std::string_view alias, const Comparison& comparison) {
  const auto value = text::format("{}.value", alias);
  if (comparison.op == Op::NotEqual)
    return Sql{text::format("({}.is_nan = 1 OR ", alias), {}}.add(compare(value, comparison)).add(")");
  return Sql{text::format("{}.is_nan = 0 AND ", alias), {}}.add(compare(value, comparison));
}

Sql any_of(std::vector<Bound> values) {
  if (values.empty()) return {"(NULL)", {}};
  values.resize(std::bit_ceil(values.size()), values.back());
  Sql out{"(?", {}};
  for (std::size_t i = 1; i < values.size(); ++i) out.text += ", ?";
  return out.add(")", std::move(values));
}

Result<void> query_any_of(sql::Session& session, std::string_view before, std::span<const std::int64_t> numbers,
                          std::string_view after, const std::function<void(const sql::Row&)>& row) {
  if (numbers.empty()) return {};
  Sql sql{std::string(before), {}};
  sql.add(any_of({numbers.begin(), numbers.end()})).add(after);
  return session.query(sql.text, sql.parameters(), [&](const sql::Row& current) {
    row(current);
    return true;
  });
}

Result<Sql> any_experiment(const std::vector<std::string>& ids) {
  std::vector<Bound> numbers;
  for (const auto& id : ids) {
    FETTLE_TRY(const auto number, experiment_number(ExperimentId(id)));
    if (number >= 0) numbers.emplace_back(number);  // below is what is being removed
  }
  return any_of(std::move(numbers));
}

Sql where(const std::vector<Comparison>& comparisons, const Tables& tables) {
  Sql out;
  for (const auto& comparison : comparisons) out.add(condition(comparison, tables));
  return out;
}

void Ordering::add(const OrderKey& key, const Tables& tables) {
  if (key.kind == Kind::Attribute) {
    const auto column = key.attribute->column;
    const bool numeric = key.attribute->numeric;
    if (!key.attribute->nullable) return add(column, key.ascending, numeric ? Type::Integer : Type::Text);
    add(text::format("CASE WHEN {} IS NULL THEN 1 ELSE 0 END", column), true);
    return add(text::format("coalesce({}, {})", column, numeric ? "0" : "''"), key.ascending,
               numeric ? Type::Integer : Type::Text);
  }
  const auto alias = text::format("o{}", terms.size());
  const bool is_metric = key.kind == Kind::Metric;
  joins.add(text::format(" LEFT JOIN {0} {1} ON {1}.{2} = {3} AND {1}.key = {4}",
                         is_metric ? tables.metrics : table_of(key.kind, tables), alias, tables.column, tables.owner,
                         is_metric ? "(SELECT id FROM metric_keys WHERE key = ?)" : "?"),
            {key.key});
  add(is_metric ? text::format("CASE WHEN {0}.value IS NULL THEN 2 ELSE {0}.is_nan END", alias)
                : text::format("CASE WHEN {}.value IS NULL THEN 1 ELSE 0 END", alias),
      true);
  add(text::format("coalesce({}.value, {})", alias, is_metric ? "0.0" : "''"), key.ascending,
      is_metric ? Type::Real : Type::Text);
}

bool Ordering::has(std::string_view column) const {
  for (const auto& term : terms)
    if (term.expression.find(column) != std::string::npos) return true;
  return false;
}

std::string Ordering::columns() const {
  std::string out;
  for (const auto& term : terms) out += ", " + term.expression;
  return out;
}

std::string Ordering::order_by() const {
  std::string out;
  for (const auto& term : terms) {
    out += (out.empty() ? " ORDER BY " : ", ") + term.expression;
    if (!term.ascending) out += " DESC";
  }
  return out;
}

// (a > 1) OR (a = 1 AND (b < 2 OR (b = 2 AND ...))), and before it the bound a >= 1, which an index can seek to.
Sql Ordering::after(const std::vector<Bound>& last) const {
  Sql out;
  const auto sign = [&](std::size_t i) { return terms[i].ascending ? '>' : '<'; };
  out.add(text::format(" AND {} {}= ? AND ", terms[0].expression, sign(0)), {last[0]});
  for (std::size_t i = 0; i < terms.size(); ++i) {
    out.add(text::format("({} {} ?", terms[i].expression, sign(i)), {last[i]});
    if (i + 1 < terms.size()) out.add(text::format(" OR ({} = ? AND ", terms[i].expression), {last[i]});
  }
  return out.add(std::string(terms.size() * 2 - 1, ')'));
}

bool Ordering::precedes(const std::vector<Bound>& a, const std::vector<Bound>& b) const {
  for (std::size_t i = 0; i < terms.size(); ++i)
    if (a[i] != b[i]) return (a[i] < b[i]) == terms[i].ascending;
  return false;
}

std::string make_token(std::string_view query, const std::vector<Bound>& last) {
  json::Value token = json::Value::array();
  token.push(Digest::of(query).brief());
  for (const auto& value : last) token.push(to_json(value));
  return text::base64(json::dump(token));
}

Result<std::vector<Bound>> read_token(std::string_view token, std::string_view query, std::size_t terms) {
  const auto bytes = text::from_base64(token);
  const auto value = bytes ? json::parse(*bytes, "token") : Result<json::Value>(json::Value());
  if (!value || !value->is_array() || value->as_array().size() != terms + 1)
    return bad_token("give the token of the page before, unchanged");
  const auto& parts = value->as_array();
  if (!parts[0].is_string() || parts[0].as_string() != Digest::of(query).brief())
    return bad_token("it belongs to another search; repeat the search that gave it");
  std::vector<Bound> out;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].is_string())
      out.emplace_back(parts[i].as_string());
    else if (parts[i].is_int())
      out.emplace_back(parts[i].as_int());
    else if (parts[i].is_number())
      out.emplace_back(parts[i].as_double());
    else
      return bad_token("give the token of the page before, unchanged");
  }
  return out;
}

std::vector<Bound> read_terms(const sql::Row& row, int first, const std::vector<Ordering::Term>& terms) {
  std::vector<Bound> out;
  for (int column = first; const auto& term : terms) {
    if (term.type == Ordering::Type::Integer)
      out.emplace_back(row.integer(column));
    else if (term.type == Ordering::Type::Real)
      out.emplace_back(row.real(column));
    else
      out.emplace_back(std::string(row.text(column)));
    ++column;
  }
  return out;
}

Result<std::vector<KeyRow>> select_keys(sql::Session& session, std::string_view key, const Sql& from,
                                        const Sql& conditions, const Ordering& ordering, std::int64_t limit) {
  Sql statement;
  statement.add(text::format("SELECT {}{} ", key, ordering.columns())).add(from).add(ordering.joins);
  statement.add(" WHERE ").add(conditions).add(ordering.order_by() + " LIMIT ?", {limit});
  std::vector<KeyRow> out;
  FETTLE_TRY_(session.query(statement.text, statement.parameters(), [&](const sql::Row& row) {
    out.push_back({row.integer(0), read_terms(row, 1, ordering.terms)});
    return true;
  }));
  return out;
}

KeyPage page_of(std::vector<KeyRow> rows, std::string_view query, std::int64_t limit) {
  KeyPage page;
  if (std::ssize(rows) > limit) {
    rows.resize(static_cast<std::size_t>(limit));
    page.next_token = make_token(query, rows.back().terms);
  }
  for (const auto& row : rows) page.keys.push_back(row.key);
  return page;
}

Result<KeyPage> select_page(sql::Session& session, std::string_view key, const Sql& from, Sql conditions,
                            const Ordering& ordering, std::string_view query, const std::string& token,
                            std::int64_t limit) {
  if (!token.empty()) {
    FETTLE_TRY(const auto last, read_token(token, query, ordering.terms.size()));
    conditions.add(ordering.after(last));
  }
  FETTLE_TRY(auto rows, select_keys(session, key, from, conditions, ordering, limit + 1));
  return page_of(std::move(rows), query, limit);
}

}  // namespace fettle::tracking
