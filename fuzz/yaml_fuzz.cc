// Any bytes as a YAML file: refused, or a value that is written and read again as the same value.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "config/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = fettle::config::parse_yaml({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
  if (!document || !document->root.is_object()) return 0;
  const auto again = fettle::config::parse_yaml(fettle::config::dump_yaml(document->root), "again.yaml");
  if (!again || fettle::json::dump(again->root) != fettle::json::dump(document->root)) std::abort();
  return 0;
}
