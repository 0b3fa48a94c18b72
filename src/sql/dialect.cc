#include "sql/dialect.h"

#include "base/text.h"

namespace fettle::sql {
namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// The length of the quoted piece or comment that `text` begins with; 0 if it begins with neither.
std::size_t quoted_length(std::string_view text) {
  const auto through = [text](std::string_view end, std::size_t from) {
    const auto at = text.find(end, from);
    return at == std::string_view::npos ? text.size() : at + end.size();
  };
  if (text.starts_with('\'') || text.starts_with('"')) return through(text.substr(0, 1), 1);
  if (text.starts_with("$$")) return through("$$", 2);
  if (text.starts_with("--")) return through("\n", 2);
  return 0;
}

// One pass over a schema's words.
class SchemaWriter {
 public:
  explicit SchemaWriter(std::string_view script) : rest_(script) {}

  std::string write() {
    while (!rest_.empty()) {
      if (const auto length = quoted_length(rest_); length > 0)
        take(length);
      else if (is_word(rest_.front()))
        word();
      else
        take(1);
    }
    return std::move(out_);
  }

 private:
  void take(std::size_t length) {
    out_ += rest_.substr(0, length);
    rest_.remove_prefix(length);
  }

  static std::string_view first_word(std::string_view text) {
    text = text.substr(std::min(text.find_first_not_of(" \n"), text.size()));
    std::size_t length = 0;
    while (length < text.size() && is_word(text[length])) ++length;
    return text.substr(0, length);
  }
  // Takes `words`, with spaces before each, if they are next.
  bool skip(std::initializer_list<std::string_view> words) {
    auto rest = rest_;
    for (const auto word : words) {
      const auto next = first_word(rest);
      if (next != word) return false;
      rest = rest.substr(static_cast<std::size_t>(next.data() + next.size() - rest.data()));
    }
    rest_ = rest;
    return true;
  }

  void word() {
    const auto now = first_word(rest_);
    rest_.remove_prefix(now.size());
    out_ += translate(now);
    before_ = now;
  }

  std::string translate(std::string_view now) {
    if (now == "TABLE") table_ = first_word(rest_);
    if (now == "EXISTS") table_ = first_word(rest_);
    if (now == "REAL") return "DOUBLE PRECISION";
    if (now == "BLOB") return "BYTEA";
    if (now == "TEXT") return before_ == "AS" ? "TEXT" : "TEXT COLLATE \"C\"";
    if (now == "WITHOUT" && skip({"ROWID"})) return "";
    if (now != "INTEGER") return std::string(now);
    if (!skip({"PRIMARY", "KEY"})) return "BIGINT";
    return text::format("BIGINT PRIMARY KEY DEFAULT fettle_next_id('{}', '{}')", table_, before_);
  }

  std::string_view rest_, before_, table_;  // before_: the word before
  std::string out_;
};

}  // namespace

std::string postgres_statement(std::string_view statement) {
  std::string out;
  int count = 0;
  while (!statement.empty()) {
    const auto length = std::max<std::size_t>(quoted_length(statement), 1);
    if (statement.front() == '?')
      out += text::format("${}", ++count);
    else
      out += statement.substr(0, length);
    statement.remove_prefix(length);
  }
  return out;
}

std::string postgres_schema(std::string_view script) { return SchemaWriter(script).write(); }

}  // namespace fettle::sql
