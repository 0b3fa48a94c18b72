// Reads plain JSON in one pass, without building its values: for bodies that come by the thousand.
//
// Plain means: texts of ASCII without escapes, whole numbers of at most 18 digits. What is read is what parse() gives;
// at anything else - also at what is no JSON - a function answers "no", and the reader starts again with parse(), which
// takes or refuses it properly. Never allocates. Not thread-safe; borrows the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fettle::json {

class Scanner {
 public:
  explicit Scanner(std::string_view text) noexcept : at_(text.data()), end_(text.data() + text.size()) {}

  [[nodiscard]] bool take(char sign) noexcept;  // one of { } [ ] , : with spaces before it; else nothing is read
  [[nodiscard]] std::optional<std::string_view> text() noexcept;
  [[nodiscard]] std::optional<std::int64_t> integer() noexcept;  // written without point and exponent
  [[nodiscard]] std::optional<double> number() noexcept;
  [[nodiscard]] bool at_end() noexcept;  // but for spaces

 private:
  struct Literal {
    std::string_view digits;
    bool is_whole = true;
  };
  [[nodiscard]] std::optional<Literal> literal() noexcept;
  void skip_spaces() noexcept;
  bool skip_digits() noexcept;

  const char* at_;
  const char* end_;
};

}  // namespace fettle::json
