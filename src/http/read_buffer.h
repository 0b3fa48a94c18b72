// Room for a body in the buffer that Beast reads a connection into. Private to the module.
#pragma once

#include <algorithm>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/optional.hpp>
#include <cstdint>

namespace fettle::http {

// Beast reads as much as the buffer has room for, else 512 bytes at a time, each with its timers. No length: a body of
// unknown size.
inline void make_room(boost::beast::flat_buffer& buffer, const boost::optional<std::uint64_t>& length) {
  constexpr std::uint64_t kPiece = 64U << 10U;
  buffer.reserve(static_cast<std::size_t>(std::min(length.value_or(kPiece), kPiece)));
}

}  // namespace fettle::http
