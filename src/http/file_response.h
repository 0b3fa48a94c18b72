// Files as answers: ETag, If-None-Match and one byte range. Private to the module.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "http/message.h"

namespace fettle::http {

struct FileRange {
  struct Close {
    void operator()(FILE* file) const noexcept { std::fclose(file); }
  };
  std::unique_ptr<FILE, Close> file;
  std::uint64_t length = 0;  // bytes left to send

  [[nodiscard]] std::string next(std::size_t limit);  // empty at the end or if the file has become shorter
};

// Opens response.file and sets status and headers (200, 206, 304, 404, 416); without a file to send, response.file is
// reset and body is the answer.
void prepare_file_response(const Request& request, Response& response, FileRange& range);

}  // namespace fettle::http
