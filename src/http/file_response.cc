#include "http/file_response.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "http/content.h"

namespace fettle::http {
namespace {

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
  if (names_etag(request.header("If-None-Match"), etag)) return answer_without_file(response, 304, "");
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
