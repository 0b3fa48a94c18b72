// A buffer that keeps its memory and the slack that simdjson reads beyond the end. Private to the module.
#pragma once

#include <simdjson.h>

#include <cstring>
#include <memory>
#include <string_view>

namespace fettle::serving {

class Padded {
 public:
  // A copy of `text`, valid until the next.
  [[nodiscard]] simdjson::padded_string_view copy(std::string_view text) {
    if (text.size() + simdjson::SIMDJSON_PADDING > capacity_) {
      capacity_ = 2 * text.size() + simdjson::SIMDJSON_PADDING;
      bytes_ = std::make_unique<char[]>(capacity_);
    }
    std::memcpy(bytes_.get(), text.data(), text.size());
    std::memset(bytes_.get() + text.size(), 0, simdjson::SIMDJSON_PADDING);
    return simdjson::padded_string_view(bytes_.get(), text.size(), capacity_);
  }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
};

}  // namespace fettle::serving
