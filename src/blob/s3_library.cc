// Loads libfettle-s3.so on first use: a program that keeps nothing in S3 carries neither Arrow nor AWS's library.
#include <dlfcn.h>

#include "base/text.h"
#include "blob/tree.h"
#include "os/process.h"

namespace fettle::blob {
namespace {

using Open = Tree* (*)(const std::string& uri, Error& error);

Result<Open> load() {
  const auto self = os::executable_path();
  const auto path = self.substr(0, self.rfind('/')) + "/libfettle-s3.so";
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // stays until the process ends
  void* found = library == nullptr ? nullptr : ::dlsym(library, "fettle_open_s3");
  if (found == nullptr)
    return fail(
        Code::FailedPrecondition,
        text::format("S3 needs the library '{}' beside this program, which cannot be loaded: {}", path, ::dlerror()));
  return reinterpret_cast<Open>(found);
}

}  // namespace

Result<std::unique_ptr<Tree>> open_s3(const std::string& uri) {
  static const auto open = load();
  if (!open) return fail(open.error());
  Error error;
  std::unique_ptr<Tree> tree((*open)(uri, error));
  if (!tree) return fail(std::move(error));
  return tree;
}

}  // namespace fettle::blob
