// JSON text straight into a string: what dump() would write of the same value, without building the value.
//
//   json::Writer(out).begin_object().member("name", run.name).key("steps").begin_array()...end_array().end_object();
//
// Nothing is allocated but `out`'s own growth. Calls must nest as JSON does (a key before each member's value); nobody
// checks. Not thread-safe.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace fettle::json {

// Text in quotes with its escapes; bytes from 0x80 on are copied as they are.
void append_text(std::string& out, std::string_view text);
// The shortest digits that are read back as the same number; a double stays one (1.0), NaN and infinities are bare.
void append_number(std::string& out, double value);
void append_number(std::string& out, std::int64_t value);

class Writer {
 public:
  explicit Writer(std::string& out) noexcept : out_(out) {}  // borrows

  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }
  Writer& key(std::string_view name);

  Writer& value(std::string_view text);
  Writer& value(const std::string& text) { return value(std::string_view(text)); }
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(bool truth);
  Writer& value(double number);
  template <std::integral T>
  Writer& value(T number) {
    return integer(static_cast<std::int64_t>(number));
  }
  Writer& null();
  // As protobuf's JSON writes a double: NaN and infinities in quotes.
  Writer& quoted_unless_finite(double number);

  template <typename T>
  Writer& member(std::string_view name, const T& of_it) {
    return key(name).value(of_it);
  }

 private:
  Writer& integer(std::int64_t number);
  void separate();  // before a key or an element
  Writer& open(char bracket);
  Writer& close(char bracket);

  std::string& out_;
  bool follows_ = false;  // something stands before the next key or element
};

}  // namespace fettle::json
