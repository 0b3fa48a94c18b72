// Any bytes as JSON: refused, or a value that is written and read again as the same text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "json/value.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value = fettle::json::parse({reinterpret_cast<const char*>(data), size});
  if (!value) return 0;
  const auto text = fettle::json::dump(*value);
  const auto again = fettle::json::parse(text);
  if (!again || fettle::json::dump(*again) != text) std::abort();
  return 0;
}
