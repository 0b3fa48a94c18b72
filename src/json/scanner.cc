#include "json/scanner.h"

#include <array>
#include <charconv>
#include <system_error>

namespace fettle::json {
namespace {

constexpr std::size_t kMaxDigits = 18;  // always within int64

// What may stand in a plain text as it is.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> out{};
  for (std::size_t c = 0x20; c < 0x80; ++c) out[c] = c != '"' && c != '\\';
  return out;
}();

bool is_plain(char c) noexcept { return kPlain[static_cast<unsigned char>(c)]; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

template <typename T>
std::optional<T> parsed(std::string_view digits) noexcept {
  T out{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return out;
}

}  // namespace

void Scanner::skip_spaces() noexcept {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
}

bool Scanner::skip_digits() noexcept {
  const auto* const from = at_;
  while (at_ != end_ && is_digit(*at_)) ++at_;
  return at_ != from;
}

bool Scanner::take(char sign) noexcept {
  skip_spaces();
  if (at_ == end_ || *at_ != sign) return false;
  ++at_;
  return true;
}

bool Scanner::at_end() noexcept {
  skip_spaces();
  return at_ == end_;
}

std::optional<std::string_view> Scanner::text() noexcept {
  if (!take('"')) return std::nullopt;
  const auto* const from = at_;
  while (at_ != end_ && is_plain(*at_)) ++at_;
  if (at_ == end_ || *at_ != '"') return std::nullopt;
  return std::string_view(from, at_++);
}

std::optional<Scanner::Literal> Scanner::literal() noexcept {
  skip_spaces();
  const auto* const from = at_;
  Literal out;
  if (at_ != end_ && *at_ == '-') ++at_;
  const auto* const first = at_;
  if (!skip_digits() || (*first == '0' && at_ - first > 1)) return std::nullopt;
  if (at_ != end_ && *at_ == '.') {
    out.is_whole = false;
    ++at_;
    if (!skip_digits()) return std::nullopt;
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    out.is_whole = false;
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!skip_digits()) return std::nullopt;
  }
  out.digits = {from, at_};
  if (out.is_whole && out.digits.size() > kMaxDigits) return std::nullopt;
  return out;
}

std::optional<std::int64_t> Scanner::integer() noexcept {
  const auto found = literal();
  return found && found->is_whole ? parsed<std::int64_t>(found->digits) : std::nullopt;
}

std::optional<double> Scanner::number() noexcept {
  const auto found = literal();
  if (!found) return std::nullopt;
  if (!found->is_whole) return parsed<double>(found->digits);
  const auto whole = parsed<std::int64_t>(found->digits);
  return whole ? std::optional(static_cast<double>(*whole)) : std::nullopt;
}

}  // namespace fettle::json
