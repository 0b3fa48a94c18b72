#include "api/mlflow/content.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "http/content.h"

namespace fettle::api::mlflow {
namespace {

constexpr std::array<std::string_view, 26> kTextEndings{
    "txt", "log",  "err", "cfg", "conf", "cnf", "cf",  "ini", "properties", "prop",  "hocon",   "toml",      "yaml",
    "yml", "json", "js",  "py",  "py3",  "csv", "tsv", "md",  "rst",        "ipynb", "MLmodel", "MLproject", "xml"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kTypes{{{"html", "text/html"},
                                                                               {"png", "image/png"},
                                                                               {"jpg", "image/jpeg"},
                                                                               {"jpeg", "image/jpeg"},
                                                                               {"svg", "image/svg+xml"},
                                                                               {"gif", "image/gif"},
                                                                               {"pdf", "application/pdf"},
                                                                               {"zip", "application/zip"}}};

std::string_view type_of(const std::string& name) {
  const auto ending = std::string_view(name).substr(name.rfind('.') + 1);
  if (std::ranges::contains(kTextEndings, ending)) return "text/plain";
  for (const auto& [known, type] : kTypes)
    if (known == ending) return type;
  return "application/octet-stream";
}

// A name inside quotes in a header: what could end the quotes is replaced; other bytes are written again, encoded.
std::string disposition(const std::string& name) {
  std::string plain;
  for (const char c : name) plain += c < 0x20 || c == '"' || c == '\\' || c == 0x7f ? '_' : c;
  return text::format("attachment; filename=\"{}\"", plain);
}

}  // namespace

Result<http::Response> content_answer(const http::Request& request, const tracking::ArtifactContent& content,
                                      const std::string& name) {
  http::Content bytes{content.size, text::format("\"{}\"", content.tag), {}};
  bytes.open = [&content](std::uint64_t offset,
                          std::uint64_t length) -> Result<decltype(http::Response::Stream::next)> {
    FETTLE_TRY(auto reader, content.open(offset, length));
    return [reader = std::move(reader)](std::size_t limit) { return reader->next(limit); };
  };
  http::Response out;
  out.content_type = type_of(name);
  if (!name.empty()) out.headers.emplace_back("Content-Disposition", disposition(name));
  return http::answer_with(request, bytes, std::move(out));
}

namespace {

// As the audit trail names it: the run's folder, not each of its files.
std::string artifact_of(const http::Request& request) {
  auto path = request.capture("path");
  if (path.empty()) path = request.capture("folder");
  const auto run = path.find('/');
  const auto end = run == std::string_view::npos ? run : path.find('/', run + 1);
  return text::format("artifacts {}", path.substr(0, end));
}

}  // namespace

void add_raw(http::Router& router, const Service& service, http::Method method, const std::string& path,
             RawHandler handler, http::RouteOptions options) {
  if (options.access == http::Access::Undeclared) options.access = http::Access::SignedIn;
  const Need need{Need::On::Anyone, method == http::Method::Get ? Role::Reader : Role::Writer,
                  method != http::Method::Delete};
  router.add(
      method, path,
      [service, handler, need](const http::Request& request) {
        auto result = handler(service, request);
        if (!result && result.error().code == Code::ResourceExhausted)
          result.error().code = Code::Unavailable;  // the disk is full: not the client's fault
        auto out = result ? *std::move(result) : error_answer(result.error());
        if (service.access.on()) service.access.record(request, need, artifact_of(request), out);
        return out;
      },
      options);
}

}  // namespace fettle::api::mlflow
