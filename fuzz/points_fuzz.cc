// Any bytes as a block of a metric's points: refused, or points that are the same after another round trip.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tracking/points.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto points = fettle::tracking::decode(bytes);
  const auto steps = fettle::tracking::decode_steps(bytes);
  if (!points) return 0;
  const auto again = fettle::tracking::decode(fettle::tracking::encode(*points));
  if (!again || *again != *points || !steps || steps->size() != points->size()) std::abort();
  return 0;
}
