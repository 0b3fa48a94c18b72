#include "model/tree/ubjson.h"

#include <bit>
#include <cstring>

#include "base/text.h"

namespace fettle::model::tree {
namespace {

constexpr int kMaxDepth = 64;

class Reader {
 public:
  explicit Reader(std::string_view bytes) noexcept : bytes_(bytes) {}

  Result<json::Value> document() {
    FETTLE_TRY(const char marker, next());
    FETTLE_TRY(auto value, read(marker, 0));
    if (at_ != bytes_.size()) return wrong("bytes after the end");
    return value;
  }

 private:
  [[nodiscard]] std::unexpected<Error> wrong(std::string_view what) const {
    return fail(Code::DataLoss, text::format("not a whole UBJSON document: {} at byte {}", what, at_));
  }
  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - at_; }

  Result<char> next() {
    if (left() == 0) return wrong("it ends early");
    return bytes_[at_++];
  }

  template <typename T>
  Result<T> number() {  // big-endian
    if (left() < sizeof(T)) return wrong("it ends early");
    T value{};
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return std::byteswap(value);
  }

  Result<std::int64_t> integer(char marker) {
    const auto widen = [](auto value) { return static_cast<std::int64_t>(value); };
    switch (marker) {
      case 'i':
        return number<std::int8_t>().transform(widen);
      case 'U':
        return number<std::uint8_t>().transform(widen);
      case 'I':
        return number<std::int16_t>().transform(widen);
      case 'l':
        return number<std::int32_t>().transform(widen);
      case 'L':
        return number<std::int64_t>();
      default:
        return wrong("a length that is no integer");
    }
  }

  Result<std::size_t> length() {
    FETTLE_TRY(const char marker, next());
    FETTLE_TRY(const auto value, integer(marker));
    // Every element takes at least one byte, so that no length can ask for more memory than the input has bytes.
    if (value < 0 || static_cast<std::uint64_t>(value) > left()) return wrong("a length beyond the end");
    return static_cast<std::size_t>(value);
  }

  Result<std::string> text() {
    FETTLE_TRY(const auto size, length());
    std::string out(bytes_.substr(at_, size));
    at_ += size;
    return out;
  }

  Result<json::Value> read(char marker, int depth) {
    const auto to_value = [](auto value) { return json::Value(value); };
    switch (marker) {
      case 'Z':
        return json::Value();
      case 'T':
        return json::Value(true);
      case 'F':
        return json::Value(false);
      case 'i':
      case 'U':
      case 'I':
      case 'l':
      case 'L':
        return integer(marker).transform(to_value);
      case 'd':
        return number<std::uint32_t>().transform(
            [](auto bits) { return json::Value(static_cast<double>(std::bit_cast<float>(bits))); });
      case 'D':
        return number<std::uint64_t>().transform([](auto bits) { return json::Value(std::bit_cast<double>(bits)); });
      case 'S':
        return text().transform([](std::string value) { return json::Value(std::move(value)); });
      case 'C':
        return next().transform([](char c) { return json::Value(std::string(1, c)); });
      case '[':
        return depth < kMaxDepth ? array(depth + 1) : wrong("nesting too deep");
      case '{':
        return depth < kMaxDepth ? object(depth + 1) : wrong("nesting too deep");
      default:
        return wrong("an unknown marker");
    }
  }

  Result<json::Value> array(int depth) {
    json::Array out;
    FETTLE_TRY(char marker, next());
    if (marker == '$') {
      FETTLE_TRY(const char type, next());
      FETTLE_TRY(const char hash, next());
      if (hash != '#' || std::string_view("iUIlLdD").find(type) == std::string_view::npos)
        return wrong("a typed array of an unknown form");
      FETTLE_TRY(const auto count, length());
      out.reserve(count);
      for (std::size_t i = 0; i < count; ++i) {
        FETTLE_TRY(auto value, read(type, depth));
        out.push_back(std::move(value));
      }
      return json::Value(std::move(out));
    }
    if (marker == '#') {
      FETTLE_TRY(const auto count, length());
      for (std::size_t i = 0; i < count; ++i) {
        FETTLE_TRY(const char type, next());
        FETTLE_TRY(auto value, read(type, depth));
        out.push_back(std::move(value));
      }
      return json::Value(std::move(out));
    }
    while (marker != ']') {
      FETTLE_TRY(auto value, read(marker, depth));
      out.push_back(std::move(value));
      FETTLE_TRY(marker, next());
    }
    return json::Value(std::move(out));
  }

  Result<json::Value> object(int depth) {
    json::Object out;
    for (;;) {
      if (left() == 0) return wrong("it ends early");
      if (bytes_[at_] == '}') break;
      FETTLE_TRY(auto key, text());
      FETTLE_TRY(const char marker, next());
      FETTLE_TRY(auto value, read(marker, depth));
      out.emplace_back(std::move(key), std::move(value));
    }
    ++at_;
    return json::Value(std::move(out));
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

Result<json::Value> parse_ubjson(std::string_view bytes) { return Reader(bytes).document(); }

}  // namespace fettle::model::tree
