// Frames of a segment: bytes <-> events. Pure; private to the module. The grammar is docs/formats/events.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "event/log.h"

namespace fettle::event {

inline constexpr std::string_view kSegmentHeader = "FTLEVT1\n";
inline constexpr std::uint32_t kMaxFrame = 16U << 20U;

// Writes events; names that repeat (endpoint, variant, bundle) are defined once a segment.
class Encoder {
 public:
  void append(std::string& out, const Event& event);

 private:
  std::uint32_t name(std::string& out, const std::string& text);
  std::unordered_map<std::string, std::uint32_t> names_;
};

struct Frame {
  std::uint8_t type = 0;
  std::string_view payload;
  std::size_t size = 0;  // of the whole frame
};
// The frame at the start of `bytes`; nullopt if it is cut or its checksum is wrong.
[[nodiscard]] std::optional<Frame> read_frame(std::string_view bytes);
// Whether it is a prediction or an outcome with this id; much cheaper than decode().
[[nodiscard]] bool has_id(const Frame& frame, std::string_view id) noexcept;
// A definition is added to names by decode(), so it must see every one.
[[nodiscard]] bool is_definition(const Frame& frame) noexcept;
// The event of a frame, or nullopt for a definition, which is added to `names`, or a payload that does not parse.
[[nodiscard]] std::optional<Event> decode(const Frame& frame, std::vector<std::string>& names);

}  // namespace fettle::event
