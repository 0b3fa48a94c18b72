// A file in the making, for what is too long for write_file(): it has no name until publish(), so that a process that
// dies, however it does, leaves nothing behind. (A file system without nameless files gets a temporary name, which
// only a killed process leaves.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fettle::os {

enum class Replace : std::uint8_t { No, Yes };

class OutputFile {
 public:
  // AlreadyExists if there is a file at `path` and it may not be replaced.
  [[nodiscard]] static Result<OutputFile> create(const std::string& path, Replace replace);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();
  [[nodiscard]] Result<void> write(std::string_view bytes);
  [[nodiscard]] Result<void> publish();  // durable, under its name; AlreadyExists as create()

 private:
  OutputFile(int fd, std::string path, Replace replace) : fd_(fd), path_(std::move(path)), replace_(replace) {}
  int fd_;
  std::string path_;
  Replace replace_;
  std::string temporary_;  // its name until then, where it needs one
};

}  // namespace fettle::os
