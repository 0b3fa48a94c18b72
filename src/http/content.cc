#include "http/content.h"

#include <algorithm>

#include "base/text.h"

namespace fettle::http {

std::optional<Bounds> parse_range(std::string_view text, std::uint64_t size) {
  if (!text.starts_with("bytes=") || text.find(',') != std::string_view::npos) return std::nullopt;
  text.remove_prefix(6);
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = text::parse_int(text.substr(0, dash));
  const auto last = text::parse_int(text.substr(dash + 1));
  if (dash == 0) {
    if (!last || *last < 0) return std::nullopt;
    const auto count = std::min(static_cast<std::uint64_t>(*last), size);
    return count == 0 ? Bounds{1, 0} : Bounds{size - count, size - 1};
  }
  if (!first || *first < 0 || (!last && dash + 1 != text.size()) || (last && *last < *first)) return std::nullopt;
  const auto begin = static_cast<std::uint64_t>(*first);
  if (begin >= size) return Bounds{1, 0};
  return Bounds{begin, last ? std::min(static_cast<std::uint64_t>(*last), size - 1) : size - 1};
}

bool names_etag(std::string_view header, std::string_view etag) {
  if (text::trim(header) == "*") return true;
  const auto tags = text::split(header, ',');
  return std::ranges::any_of(tags, [&](std::string_view tag) {
    tag = text::trim(tag);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    return tag == etag;
  });
}

Result<Response> answer_with(const Request& request, const Content& content, Response response) {
  response.headers.emplace_back("ETag", content.etag);
  response.headers.emplace_back("Accept-Ranges", "bytes");
  if (names_etag(request.header("If-None-Match"), content.etag)) {
    response.status = 304;
    return response;
  }
  auto range = request.header("Range");
  const auto only_if = request.header("If-Range");
  if (!only_if.empty() && only_if != content.etag) range = {};  // other bytes by now: send them all
  const auto bounds = parse_range(range, content.size);
  if (bounds && bounds->first > bounds->last) {
    response.status = 416;
    response.headers.emplace_back("Content-Range", text::format("bytes */{}", content.size));
    response.body = "{\"error\": \"the range lies outside the file\"}";
    return response;
  }
  const auto first = bounds ? bounds->first : 0;
  const auto length = bounds ? bounds->last - bounds->first + 1 : content.size;
  if (bounds) {
    response.status = 206;
    response.headers.emplace_back("Content-Range",
                                  text::format("bytes {}-{}/{}", bounds->first, bounds->last, content.size));
  }
  response.stream = Response::Stream{length, {}};
  if (request.method == Method::Head || length == 0) return response;
  FETTLE_TRY(response.stream->next, content.open(first, length));
  return response;
}

}  // namespace fettle::http
