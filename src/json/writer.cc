#include "json/writer.h"

#include <array>
#include <charconv>
#include <cmath>

namespace fettle::json {
namespace {

// What follows the backslash; 'u' for the control characters that have no short form, 0 for what needs no escape.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> out{};
  for (std::size_t c = 0; c < 0x20; ++c) out[c] = 'u';
  out['\n'] = 'n';
  out['\r'] = 'r';
  out['\t'] = 't';
  out['"'] = '"';
  out['\\'] = '\\';
  return out;
}();

char escape_of(char c) { return kEscapes[static_cast<unsigned char>(c)]; }

void append_escaped(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto code = static_cast<unsigned char>(c);
  out += '\\';
  out += escape_of(c);
  if (escape_of(c) == 'u') out.append("00").append(1, kHex[code >> 4U]).append(1, kHex[code & 0xfU]);
}

}  // namespace

void append_text(std::string& out, std::string_view text) {
  out += '"';
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (escape_of(text[i]) == 0) continue;
    out.append(text, done, i - done);
    append_escaped(out, text[i]);
    done = i + 1;
  }
  out.append(text, done);
  out += '"';
}

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "Infinity" : "-Infinity";
  } else {
    std::array<char, 32> buffer;
    const auto* end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    const std::string_view digits(buffer.data(), end);
    out += digits;
    if (digits.find_first_not_of("-0123456789") == std::string_view::npos) out += ".0";
  }
}

void append_number(std::string& out, std::int64_t value) {
  std::array<char, 24> buffer;
  out.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr);
}

void Writer::separate() {
  if (follows_) out_ += ", ";
  follows_ = true;
}

Writer& Writer::open(char bracket) {
  separate();
  out_ += bracket;
  follows_ = false;
  return *this;
}

Writer& Writer::close(char bracket) {
  out_ += bracket;
  follows_ = true;
  return *this;
}

Writer& Writer::key(std::string_view name) {
  separate();
  append_text(out_, name);
  out_ += ": ";
  follows_ = false;  // the value stands right behind its key
  return *this;
}

Writer& Writer::value(std::string_view text) {
  separate();
  append_text(out_, text);
  return *this;
}

Writer& Writer::value(bool truth) {
  separate();
  out_ += truth ? "true" : "false";
  return *this;
}

Writer& Writer::value(double number) {
  separate();
  append_number(out_, number);
  return *this;
}

Writer& Writer::integer(std::int64_t number) {
  separate();
  append_number(out_, number);
  return *this;
}

Writer& Writer::null() {
  separate();
  out_ += "null";
  return *this;
}

Writer& Writer::quoted_unless_finite(double number) {
  if (std::isfinite(number)) return value(number);
  separate();
  out_ += '"';
  append_number(out_, number);
  out_ += '"';
  return *this;
}

}  // namespace fettle::json
