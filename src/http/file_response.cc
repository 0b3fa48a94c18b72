#include "http/file_response.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"

namespace fettle::http {
namespace {

struct Bounds {
  std::uint64_t first = 0, last = 0;
};

// One range of "bytes=a-b", "bytes=a-", "bytes=-n"; nullopt = ignore the header, first > last = not satisfiable.
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

void answer_without_file(Response& response, int status, std::string body) {
  response.status = status;
  response.body = std::move(body);
  response.file.reset();
}

}  // namespace

std::string FileRange::next(std::size_t limit) {
  std::string piece(std::min<std::uint64_t>(limit, length), '\0');
  if (piece.empty()) return piece;
  piece.resize(std::fread(piece.data(), 1, piece.size(), file.get()));
  length -= piece.size();
  return piece;
}

void prepare_file_response(const Request& request, Response& response, FileRange& range) {
  range.file.reset(std::fopen(response.file->c_str(), "rb"));
  struct stat info{};
  if (!range.file || ::fstat(::fileno(range.file.get()), &info) != 0 || !S_ISREG(info.st_mode)) {
    const auto headers = std::move(response.headers);
    response = Response::error({Code::NotFound, "the file does not exist"});
    return;
  }
  const auto size = static_cast<std::uint64_t>(info.st_size);
  const auto etag = text::format("\"{:x}-{:x}-{:x}\"", size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  response.headers.emplace_back("ETag", etag);
  response.headers.emplace_back("Accept-Ranges", "bytes");
  if (request.header("If-None-Match") == etag) return answer_without_file(response, 304, "");
  range.length = size;
  const auto bounds = parse_range(request.header("Range"), size);
  if (!bounds) return;
  if (bounds->first > bounds->last) {
    response.headers.emplace_back("Content-Range", text::format("bytes */{}", size));
    return answer_without_file(response, 416, "{\"error\": \"the range lies outside the file\"}");
  }
  ::fseeko(range.file.get(), static_cast<off_t>(bounds->first), SEEK_SET);
  range.length = bounds->last - bounds->first + 1;
  response.status = 206;
  response.headers.emplace_back("Content-Range", text::format("bytes {}-{}/{}", bounds->first, bounds->last, size));
}

}  // namespace fettle::http
