// Bytes that lie anywhere, as an answer: ETag, If-None-Match, HEAD and one byte range, as for files.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "http/message.h"

namespace fettle::http {

struct Content {
  std::uint64_t size = 0;
  std::string etag;  // with its quotes: the same bytes, the same tag
  // Gives the bytes from `offset` on to the Stream's `next`; `length` says how many will be asked for.
  std::function<Result<decltype(Response::Stream::next)>(std::uint64_t offset, std::uint64_t length)> open;
};

// Completes `response` (its headers and content type are kept): 200, 206, 304 or 416. May block, as `open` does; the
// error is that of `open`.
[[nodiscard]] Result<Response> answer_with(const Request& request, const Content& content, Response response);

struct Bounds {
  std::uint64_t first = 0, last = 0;
};
// One range of "bytes=a-b", "bytes=a-", "bytes=-n"; nullopt = ignore the header, first > last = not satisfiable.
[[nodiscard]] std::optional<Bounds> parse_range(std::string_view text, std::uint64_t size);
// Whether an If-None-Match header names this tag.
[[nodiscard]] bool names_etag(std::string_view header, std::string_view etag);

}  // namespace fettle::http
