#include "transfer/dump.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <variant>

#include "base/text.h"
#include "json/value.h"

namespace fettle::transfer {
namespace {

using sql::Session;

constexpr std::int64_t kDumpFormat = 1;
constexpr std::int64_t kPage = 500;  // rows of one query

std::string word_of(std::string_view& text) {  // the next word, taken off
  text = text::trim(text);
  std::size_t end = 0;
  while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) ++end;
  std::string out(text.substr(0, end));
  text.remove_prefix(end);
  return out;
}

// The text inside the parentheses that `text` begins with.
std::string_view inside(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (depth == 0) return text.substr(1, i - 1);
  }
  return text.substr(1);
}

std::vector<std::string> parts_of(std::string_view list) {  // by the commas outside of parentheses
  std::vector<std::string> out(1);
  int depth = 0;
  for (const char c : list) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && depth == 0)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

std::optional<ColumnType> type_named(const std::string& name) {
  if (name == "INTEGER" || name == "BIGINT") return ColumnType::Integer;
  if (name == "REAL") return ColumnType::Real;
  if (name == "TEXT") return ColumnType::Text;
  if (name == "BLOB") return ColumnType::Bytes;
  return std::nullopt;
}

Result<TableShape> read_shape(std::string_view rest) {  // after CREATE TABLE
  TableShape out;
  out.name = word_of(rest);
  if (out.name == "IF") {
    word_of(rest);  // NOT
    word_of(rest);  // EXISTS
    out.name = word_of(rest);
  }
  std::vector<std::string> key;
  for (const auto& part : parts_of(inside(text::trim(rest)))) {
    std::string_view words = part;
    const auto first = word_of(words);
    if (first == "PRIMARY") {
      word_of(words);  // KEY
      for (auto& column : parts_of(inside(text::trim(words)))) key.emplace_back(text::trim(column));
      continue;
    }
    if (first == "UNIQUE" || first == "CHECK" || first == "FOREIGN" || first == "CONSTRAINT") continue;
    const auto type_name = word_of(words);
    const auto type = type_named(type_name);
    if (!type)
      return fail(Code::InvalidArgument,
                  text::format("table '{}': column '{}' has type '{}'", out.name, first, type_name));
    if (words.contains("PRIMARY KEY")) key = {first};
    out.columns.push_back({first, *type});
  }
  for (const auto& name : key) {
    const auto column = std::ranges::find(out.columns, name, &TableColumn::name);
    if (column != out.columns.end()) out.key.push_back(static_cast<std::size_t>(column - out.columns.begin()));
  }
  return out;
}

std::string names_of(const TableShape& table) {
  std::vector<std::string> out;
  for (const auto& column : table.columns) out.push_back(column.name);
  return text::join(out, ", ");
}

json::Value value_at(const sql::Row& row, int index, ColumnType type) {
  if (row.is_null(index)) return {};
  switch (type) {
    case ColumnType::Integer:
      return row.integer(index);
    case ColumnType::Real:
      return row.real(index);
    case ColumnType::Text:
      return std::string(row.text(index));
    case ColumnType::Bytes:
      return text::base64(row.text(index));
  }
  return {};
}

// A row's values as parameters; owns the bytes that they borrow.
class Parameters {
 public:
  Result<void> add(const json::Value& value, ColumnType type) {
    if (value.is_null()) {
      parameters_.emplace_back(nullptr);
      return {};
    }
    const bool fits = type == ColumnType::Integer ? value.is_int()
                      : type == ColumnType::Real  ? value.is_number()
                                                  : value.is_string();
    if (!fits) return fail(Code::DataLoss, "a value is not of its column's type");
    if (type == ColumnType::Integer) parameters_.emplace_back(value.as_int());
    if (type == ColumnType::Real) parameters_.emplace_back(value.as_double());
    if (type == ColumnType::Text) parameters_.emplace_back(std::string_view(value.as_string()));
    if (type == ColumnType::Bytes) {
      auto bytes = text::from_base64(value.as_string());
      if (!bytes) return fail(Code::DataLoss, "bytes are no base64");
      bytes_.push_back(std::make_unique<std::string>(*std::move(bytes)));
      parameters_.emplace_back(sql::Blob{*bytes_.back()});
    }
    return {};
  }
  [[nodiscard]] std::vector<sql::Parameter>& all() { return parameters_; }

 private:
  std::vector<sql::Parameter> parameters_;
  std::vector<std::unique_ptr<std::string>> bytes_;
};

// "SELECT ... [WHERE (k1, k2) > (?, ?)] ORDER BY k1, k2 LIMIT n"; a table without key is read at once.
std::string page_statement(const TableShape& table, bool first) {
  auto out = text::format("SELECT {} FROM {}", names_of(table), table.name);
  if (table.key.empty()) return out;
  std::vector<std::string> keys;
  for (const auto at : table.key) keys.push_back(table.columns[at].name);
  if (!first)
    out += text::format(" WHERE ({}) > ({})", text::join(keys, ", "),
                        text::join(std::vector<std::string>(keys.size(), "?"), ", "));
  return out + text::format(" ORDER BY {} LIMIT {}", text::join(keys, ", "), kPage);
}

Result<std::uint64_t> dump_table(Session& session, const TableShape& table,
                                 const std::function<Result<void>(std::string_view)>& line) {
  json::Value columns = json::Value::array();
  for (const auto& column : table.columns) columns.push(column.name);
  FETTLE_TRY_(line(json::dump(json::Value::object().set("table", table.name).set("columns", columns)) + "\n"));
  std::uint64_t rows = 0;
  for (json::Array last;;) {
    Parameters after;
    if (!last.empty())
      for (const auto at : table.key) FETTLE_TRY_(after.add(last[at], table.columns[at].type));
    std::int64_t read = 0;
    Result<void> written;
    FETTLE_TRY_(session.query(page_statement(table, last.empty()), after.all(), [&](const sql::Row& row) {
      json::Array values;
      for (std::size_t i = 0; i < table.columns.size(); ++i)
        values.push_back(value_at(row, static_cast<int>(i), table.columns[i].type));
      ++read;
      written = line(json::dump(json::Value(values)) + "\n");
      last = std::move(values);
      return written.has_value();
    }));
    FETTLE_TRY_(written);
    rows += static_cast<std::uint64_t>(read);
    if (table.key.empty() || read < kPage) break;
  }
  FETTLE_TRY_(line(json::dump(json::Value::object().set("rows", rows)) + "\n"));
  return rows;
}

json::Value versions_of(const std::vector<sql::Migrations>& modules) {
  json::Value out = json::Value::object();
  for (const auto& module : modules) out.set(module.module, static_cast<std::int64_t>(module.steps.size()));
  return out;
}

// Lines of a dump in their order; what they must be.
class Reader {
 public:
  explicit Reader(const std::function<Result<std::string>()>& next) : next_(next) {}
  Result<json::Value> line() {
    FETTLE_TRY(const auto text, next_());
    ++number_;
    auto value = text.empty() ? Result<json::Value>(fail(Code::DataLoss, "it ends too early")) : json::parse(text);
    if (!value) return damaged(value.error().message);
    return value;
  }
  [[nodiscard]] std::unexpected<Error> damaged(std::string_view why) const {
    return fail(Code::DataLoss, text::format("the dump is damaged at line {}: {}", number_, why));
  }
  Result<json::Value> header() {
    FETTLE_TRY(auto header, line());
    if (header.int_or("format", 0) == kDumpFormat) return header;
    return fail(Code::FailedPrecondition,
                text::format("the dump has format {}, this program reads {}", header.int_or("format", 0), kDumpFormat));
  }
  // Calls `begin(table, columns)` and `row(values)` for all of them.
  template <typename Begin, typename TakeRow>
  Result<DumpCount> tables(Begin begin, TakeRow row) {
    DumpCount out;
    for (;;) {
      FETTLE_TRY(const auto head, line());
      if (const auto* end = head.find("end"); end != nullptr) {
        if (!end->is_int() || static_cast<std::uint64_t>(end->as_int()) != out.tables)
          return damaged("tables are missing");
        return out;
      }
      const auto* columns = head.find("columns");
      if (columns == nullptr || !columns->is_array()) return damaged("a table has no columns");
      FETTLE_TRY_(begin(head.text_or("table"), columns->as_array()));
      ++out.tables;
      FETTLE_TRY(const auto rows, table_rows(columns->as_array().size(), row));
      out.rows += rows;
    }
  }

 private:
  template <typename TakeRow>
  Result<std::uint64_t> table_rows(std::size_t columns, TakeRow row) {
    for (std::uint64_t count = 0;; ++count) {
      FETTLE_TRY(const auto value, line());
      if (!value.is_array()) {
        if (static_cast<std::uint64_t>(value.int_or("rows", -1)) != count) return damaged("rows are missing");
        return count;
      }
      if (value.as_array().size() != columns) return damaged("a row has too few or too many values");
      if (const auto done = row(value.as_array()); !done)
        return fail(done.error().within(text::format("line {}", number_)));
    }
  }
  const std::function<Result<std::string>()>& next_;
  std::uint64_t number_ = 0;
};

Result<void> check_versions(const json::Value& header, const std::vector<sql::Migrations>& modules) {
  const auto* versions = header.find("modules");
  if (versions != nullptr && *versions == versions_of(modules)) return {};
  return fail(
      Code::FailedPrecondition,
      text::format("the dump was made by version {} with other tables than this program's; restore it with that "
                   "version",
                   header.text_or("program", "?")));
}

// One table after the other: its rows go, the dump's come.
class Loader {
 public:
  Loader(Session& session, const std::vector<TableShape>& shapes) : session_(session), shapes_(shapes) {}
  Result<void> begin(const std::string& name, const json::Array& columns) {
    const auto shape = std::ranges::find(shapes_, name, &TableShape::name);
    if (shape == shapes_.end() || shape->columns.size() != columns.size())
      return fail(Code::DataLoss, text::format("the dump has a table '{}' that this program has not", name));
    table_ = &*shape;
    insert_ = text::format("INSERT INTO {}({}) VALUES({})", name, names_of(*table_),
                           text::join(std::vector<std::string>(columns.size(), "?"), ", "));
    return session_.post(text::format("DELETE FROM {}", name));
  }
  Result<void> row(const json::Array& values) {
    Parameters parameters;
    for (std::size_t i = 0; i < values.size(); ++i) FETTLE_TRY_(parameters.add(values[i], table_->columns[i].type));
    return session_.post(insert_, parameters.all());
  }

 private:
  Session& session_;
  const std::vector<TableShape>& shapes_;
  const TableShape* table_ = nullptr;
  std::string insert_;
};

}  // namespace

Result<std::vector<TableShape>> tables_in(const std::vector<sql::Migrations>& modules) {
  constexpr std::string_view kCreate = "CREATE TABLE";
  std::vector<TableShape> out;
  for (const auto& module : modules)
    for (const auto& step : module.steps)
      for (auto at = step.find(kCreate); at != std::string::npos; at = step.find(kCreate, at + 1)) {
        FETTLE_TRY(auto table, read_shape(std::string_view(step).substr(at + kCreate.size())));
        out.push_back(std::move(table));
      }
  return out;
}

Result<DumpCount> dump(const sql::Database& database, const std::vector<sql::Migrations>& modules,
                       const std::string& program, std::int64_t now_ms,
                       const std::function<Result<void>(std::string_view)>& line) {
  FETTLE_TRY(const auto tables, tables_in(modules));
  DumpCount out;
  json::Value header;
  header.set("format", kDumpFormat).set("program", program).set("created_ms", now_ms);
  header.set("modules", versions_of(modules));
  FETTLE_TRY_(line(json::dump(header) + "\n"));
  FETTLE_TRY_(database.read([&](Session& session) -> Result<void> {
    for (const auto& table : tables) {
      FETTLE_TRY(const auto rows, dump_table(session, table, line));
      out.rows += rows;
    }
    return {};
  }));
  out.tables = tables.size();
  FETTLE_TRY_(line(json::dump(json::Value::object().set("end", out.tables)) + "\n"));
  return out;
}

Result<DumpCount> load(Session& session, const std::vector<sql::Migrations>& modules,
                       const std::function<Result<std::string>()>& next) {
  FETTLE_TRY(const auto shapes, tables_in(modules));
  Reader reader(next);
  FETTLE_TRY(const auto header, reader.header());
  FETTLE_TRY_(check_versions(header, modules));
  Loader loader(session, shapes);
  return reader.tables([&](const std::string& name, const json::Array& columns) { return loader.begin(name, columns); },
                       [&](const json::Array& values) { return loader.row(values); });
}

Result<DumpCount> check_dump(const std::function<Result<std::string>()>& next) {
  Reader reader(next);
  FETTLE_TRY_(reader.header());
  return reader.tables([](const std::string&, const json::Array&) { return Result<void>(); },
                       [](const json::Array&) { return Result<void>(); });
}

}  // namespace fettle::transfer
