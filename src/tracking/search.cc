#include "tracking/search.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace fettle::tracking {
namespace {

constexpr std::array<std::string_view, 12> kSymbols{
    "=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"};
constexpr std::size_t kMaxFilter = 100'000;
constexpr std::size_t kMaxPattern = 10'000;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-' ||
         c == '/' || c == ':' || static_cast<unsigned char>(c) >= 0x80;
}

std::unexpected<Error> bad(std::string message) { return fail(Code::InvalidArgument, std::move(message)); }
std::unexpected<Error> bad_clause(std::string_view rest) {
  return bad(text::format("Invalid clause(s) in filter string: '{}'", rest));
}

struct Identifier {
  std::string_view prefix;  // empty: none was written
  std::string key;
  std::string_view written;
};

// Reads the pieces of the grammar from the left.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) { skip_space(); }

  [[nodiscard]] bool done() const { return text_.empty(); }
  [[nodiscard]] std::string_view rest() const { return text_; }

  // The word if it comes next, whatever its case, and ends there.
  bool take_keyword(std::string_view word) {
    if (text_.size() < word.size() || text::lower(text_.substr(0, word.size())) != text::lower(word)) return false;
    if (text_.size() > word.size() && is_word(text_[word.size()])) return false;
    advance(word.size());
    return true;
  }
  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    advance(1);
    return true;
  }

  std::optional<Identifier> identifier() {
    const auto all = text_;
    Identifier out;
    if (const auto whole = quoted("`\"'")) {
      out.key = *whole;
    } else {
      const auto plain = word();
      const auto dot = plain.find('.');
      if (plain.empty() || is_digit(plain.front())) return std::nullopt;
      out.prefix = dot == std::string_view::npos ? std::string_view() : plain.substr(0, dot);
      out.key = dot == std::string_view::npos ? plain : plain.substr(dot + 1);
      if (dot != std::string_view::npos && out.key.empty()) {
        const auto key = quoted("`\"'");
        if (!key) return std::nullopt;
        out.key = *key;
      }
    }
    out.written = text::trim(all.substr(0, all.size() - text_.size()));
    skip_space();
    return out;
  }

  std::optional<Op> comparator() {
    static constexpr std::array<std::pair<std::string_view, Op>, 6> kSigns{{{"<=", Op::LessEqual},
                                                                            {">=", Op::GreaterEqual},
                                                                            {"!=", Op::NotEqual},
                                                                            {"=", Op::Equal},
                                                                            {"<", Op::Less},
                                                                            {">", Op::Greater}}};
    for (const auto& [sign, op] : kSigns)
      if (text_.starts_with(sign)) {
        advance(sign.size());
        return op;
      }
    if (take_keyword("LIKE")) return Op::Like;
    if (take_keyword("ILIKE")) return Op::Ilike;
    if (take_keyword("IN")) return Op::In;
    const auto before = text_;
    if (take_keyword("NOT") && take_keyword("IN")) return Op::NotIn;
    text_ = before;
    if (take_keyword("IS")) {
      const bool is_not = take_keyword("NOT");
      if (take_keyword("NULL")) return is_not ? Op::IsNotNull : Op::IsNull;
    }
    text_ = before;
    return std::nullopt;
  }

  // Text between two equal marks, one of `marks`; there is no escape.
  std::optional<std::string_view> quoted(std::string_view marks) {
    if (text_.empty() || marks.find(text_.front()) == std::string_view::npos) return std::nullopt;
    const auto end = text_.find(text_.front(), 1);
    if (end == std::string_view::npos) return std::nullopt;
    const auto inside = text_.substr(1, end - 1);
    advance(end + 1);
    return inside;
  }

  std::optional<std::string_view> number() {
    std::size_t end = text_.starts_with('-') || text_.starts_with('+') ? 1 : 0;
    const auto from = end;
    while (end < text_.size() && (is_digit(text_[end]) || text_[end] == '.')) ++end;
    if (end == from) return std::nullopt;
    if (end < text_.size() && (text_[end] | 0x20) == 'e') {
      ++end;
      if (end < text_.size() && (text_[end] == '-' || text_[end] == '+')) ++end;
      while (end < text_.size() && is_digit(text_[end])) ++end;
    }
    if (end < text_.size() && is_word(text_[end])) return std::nullopt;
    const auto out = text_.substr(text_.starts_with('+') ? 1 : 0, end - (text_.starts_with('+') ? 1 : 0));
    advance(end);
    return out;
  }

  // What stands next, for messages.
  [[nodiscard]] std::string_view next_piece() const {
    std::size_t end = 0;
    while (end < text_.size() && !is_space(text_[end])) ++end;
    return text_.substr(0, end);
  }

 private:
  std::string_view word() {
    std::size_t end = 0;
    while (end < text_.size() && is_word(text_[end])) ++end;
    const auto out = text_.substr(0, end);
    text_.remove_prefix(end);
    return out;
  }
  void skip_space() {
    while (!text_.empty() && is_space(text_.front())) text_.remove_prefix(1);
  }
  void advance(std::size_t count) {
    text_.remove_prefix(count);
    skip_space();
  }

  std::string_view text_;
};

std::string_view kind_name(Kind kind) {
  static constexpr std::array<std::string_view, 5> kNames{"attribute", "metric", "parameter", "tag", "dataset"};
  return kNames[static_cast<std::size_t>(kind)];
}

Result<Kind> kind_of(const Identifier& identifier, const Grammar& grammar) {
  if (identifier.prefix.empty()) return Kind::Attribute;
  std::vector<std::string> known;
  for (const auto& [word, kind] : grammar.prefixes) {
    if (word == identifier.prefix) return kind;
    known.push_back(text::format("'{}'", word));
  }
  return bad(
      text::format("Invalid entity type '{}'. Valid values are [{}]", identifier.prefix, text::join(known, ", ")));
}

Result<const Attribute*> attribute_of(Kind kind, const std::string& key, const Grammar& grammar, bool ordering) {
  std::vector<std::string> known;
  for (const auto& attribute : kind == Kind::Dataset ? grammar.dataset_attributes : grammar.attributes) {
    if (!(ordering ? attribute.ordering : attribute.filtering)) continue;
    if (attribute.key == key) return &attribute;
    known.push_back(text::format("'{}'", attribute.key));
  }
  return bad(text::format("Invalid {} key '{}' specified. Valid keys are [{}]", kind_name(kind), key,
                          text::join(known, ", ")));
}

bool is_numeric(const Comparison& comparison) {
  return comparison.kind == Kind::Metric || (comparison.attribute != nullptr && comparison.attribute->numeric);
}

bool allowed(const Comparison& comparison, const Grammar& grammar) {
  const bool list = comparison.op == Op::In || comparison.op == Op::NotIn;
  const bool null_test = comparison.op == Op::IsNull || comparison.op == Op::IsNotNull;
  if (is_numeric(comparison)) return comparison.op <= Op::GreaterEqual;
  if (null_test) return grammar.null_tests && (comparison.kind == Kind::Tag || comparison.kind == Kind::Param);
  if (list) return comparison.attribute != nullptr && comparison.attribute->lists;
  return comparison.op == Op::Equal || comparison.op == Op::NotEqual || comparison.op == Op::Like ||
         comparison.op == Op::Ilike;
}

Result<void> check_operator(const Comparison& comparison, const Grammar& grammar) {
  if (allowed(comparison, grammar)) return {};
  std::vector<std::string> possible;
  for (std::size_t i = 0; i < kSymbols.size(); ++i) {
    Comparison other = comparison;
    other.op = static_cast<Op>(i);
    if (allowed(other, grammar)) possible.push_back(text::format("'{}'", kSymbols[i]));
  }
  return bad(text::format("Invalid comparator '{}' for {} '{}': not one of [{}]", symbol(comparison.op),
                          kind_name(comparison.kind), comparison.key, text::join(possible, ", ")));
}

Result<std::vector<std::string>> read_list(Scanner& scanner) {
  const auto all = scanner.rest();
  std::vector<std::string> out;
  if (!scanner.take('(')) return bad("Expected a list of quoted strings in parentheses after IN, as in ('a', 'b')");
  while (!scanner.take(')')) {
    const auto element = scanner.quoted("'\"");
    if (!element) return bad(text::format("Invalid list '{}': write quoted strings, as in ('a', 'b')", all));
    out.emplace_back(*element);
    if (!scanner.take(',') && !scanner.rest().starts_with(')'))
      return bad(text::format("Invalid list '{}': a comma or ')' is missing", all));
  }
  if (out.empty()) return bad("Invalid list '()': IN needs at least one quoted string");
  return out;
}

Result<void> read_number(Scanner& scanner, Comparison& out) {
  const auto piece = scanner.next_piece();
  const auto digits = scanner.number();
  const auto real = digits ? text::parse_double(*digits) : std::nullopt;
  if (!real)
    return bad(out.kind == Kind::Metric
                   ? text::format("Expected numeric value type for metric. Found {}", piece)
                   : text::format("Expected numeric value type for numeric attribute: {}. Found {}", out.key, piece));
  if (const auto whole = text::parse_int(*digits); whole && out.kind != Kind::Metric)
    out.value = *whole;
  else
    out.value = *real;
  return {};
}

Result<void> read_text(Scanner& scanner, Comparison& out) {
  const auto piece = scanner.next_piece();
  const auto value = scanner.quoted("'\"");
  if (!value)
    return bad(text::format("Expected a quoted string value for {} (e.g. 'my-value'). Got value {}",
                            kind_name(out.kind), piece));
  if ((out.op == Op::Like || out.op == Op::Ilike) && value->size() > kMaxPattern)
    return bad(text::format("The pattern for '{}' is longer than {} bytes", out.key, kMaxPattern));
  out.value = std::string(*value);
  return {};
}

Result<void> read_value(Scanner& scanner, Comparison& out) {
  if (out.op == Op::IsNull || out.op == Op::IsNotNull) return {};
  if (out.op == Op::In || out.op == Op::NotIn) {
    FETTLE_TRY(out.value, read_list(scanner));
    return {};
  }
  return is_numeric(out) ? read_number(scanner, out) : read_text(scanner, out);
}

Result<Comparison> read_comparison(Scanner& scanner, const Grammar& grammar) {
  const auto all = scanner.rest();
  const auto identifier = scanner.identifier();
  if (!identifier) return bad_clause(all);
  const auto op = scanner.comparator();
  if (!op) return bad_clause(all);
  Comparison out;
  out.key = identifier->key;
  out.op = *op;
  FETTLE_TRY(out.kind, kind_of(*identifier, grammar));
  if (out.kind == Kind::Attribute || out.kind == Kind::Dataset) {
    FETTLE_TRY(out.attribute, attribute_of(out.kind, out.key, grammar, false));
  }
  FETTLE_TRY_(check_operator(out, grammar));
  FETTLE_TRY_(read_value(scanner, out));
  return out;
}

Result<OrderKey> read_order(std::string_view text, const Grammar& grammar) {
  Scanner scanner(text);
  const auto identifier = scanner.identifier();
  OrderKey out;
  if (identifier) {
    if (scanner.take_keyword("DESC"))
      out.ascending = false;
    else
      scanner.take_keyword("ASC");
  }
  if (!identifier || !scanner.done())
    return bad(text::format("Invalid order_by clause '{}': write a key, then ASC or DESC or nothing", text));
  out.key = identifier->key;
  FETTLE_TRY(out.kind, kind_of(*identifier, grammar));
  if (out.kind == Kind::Dataset) return bad(text::format("Invalid order_by clause '{}': datasets have no order", text));
  if (out.kind == Kind::Attribute) {
    FETTLE_TRY(out.attribute, attribute_of(out.kind, out.key, grammar, true));
  }
  return out;
}

bool same_column(const OrderKey& a, const OrderKey& b) {
  if (a.kind != b.kind) return false;
  return a.attribute != nullptr ? a.attribute->column == b.attribute->column : a.key == b.key;
}

}  // namespace

std::string_view symbol(Op op) noexcept { return kSymbols[static_cast<std::size_t>(op)]; }

Result<std::vector<Comparison>> parse_filter(std::string_view filter, const Grammar& grammar) {
  std::vector<Comparison> out;
  if (filter.empty()) return out;
  if (filter.size() > kMaxFilter) return bad(text::format("The filter is longer than {} bytes", kMaxFilter));
  Scanner scanner(filter);
  do {
    if (!out.empty()) scanner.take_keyword("AND");
    FETTLE_TRY(auto comparison, read_comparison(scanner, grammar));
    out.push_back(std::move(comparison));
  } while (!scanner.done());
  return out;
}

Result<std::vector<OrderKey>> parse_order(const std::vector<std::string>& order, const Grammar& grammar) {
  std::vector<OrderKey> out;
  for (const auto& text : order) {
    FETTLE_TRY(auto key, read_order(text, grammar));
    if (std::ranges::any_of(out, [&](const OrderKey& other) { return same_column(key, other); }))
      return bad(text::format("`order_by` contains duplicate fields: {}", text::join(order, ", ")));
    out.push_back(std::move(key));
  }
  return out;
}

}  // namespace fettle::tracking
