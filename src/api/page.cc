#include "api/page.h"

#include <algorithm>
#include <array>
#include <string>

#include "api/mlflow.h"
#include "api/page_assets.h"
#include "base/text.h"

namespace fettle::api {
namespace {

using http::Method;
using http::Request;
using http::Response;

// Nothing but the page's own files runs or is shown; components set style attributes, hence 'unsafe-inline' there only.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// What programs ask for: an unknown address there is an error, not a screen.
constexpr std::array<std::string_view, 9> kInterfaces{"/api",       "/ajax-api", "/v2",     "/invocations", "/ping",
                                                      "/endpoints", "/metrics",  "/health", "/version"};

constexpr std::string_view kNotBuilt =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Fettle</title><body>"
    "<h1>This program was built without its page</h1>"
    "<p>Build the page, then the program again: <code>cd web &amp;&amp; npm ci &amp;&amp; npm run build</code>, "
    "<code>./run build</code>. Until then <code>fettle status</code> says what the page would.</p></body></html>";

const PageAsset* find(std::string_view path) {
  const auto all = page_assets();
  const auto found = std::ranges::lower_bound(all, path, {}, &PageAsset::path);
  return found != all.end() && found->path == path ? &*found : nullptr;
}

bool is_below(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

bool is_interface(const Request& request) {
  // "/endpoints/flights" is a screen, "/endpoints/flights/invocations" is not.
  if (is_below(request.path, "/endpoints")) return request.path.ends_with("/invocations");
  return std::ranges::any_of(kInterfaces, [&](std::string_view folder) { return is_below(request.path, folder); });
}

bool refuses_gzip(const Request& request) {
  const auto accepted = request.header("Accept-Encoding");
  return accepted.contains("gzip;q=0") && !accepted.contains("gzip;q=0.");
}

void protect(Response& response) {
  response.headers.emplace_back("Content-Security-Policy", std::string(kPolicy));
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
}

Response serve(const Request& request, const PageAsset& asset) {
  if (asset.gzip && refuses_gzip(request))
    return Response::error({Code::InvalidArgument, text::format("'{}' is stored gzip-compressed only", asset.path)});
  const auto tag = text::format("\"{}\"", asset.digest.substr(0, 20));
  const bool hashed = asset.path.starts_with("/assets/");
  Response response;
  response.content_type = std::string(asset.type);
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache");
  if (asset.gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  protect(response);
  if (request.header("If-None-Match").contains(tag))
    response.status = 304;
  else
    response.body = std::string(asset.bytes);
  return response;
}

Response index(const Request& request) {
  if (const auto* asset = find("/index.html")) return serve(request, *asset);
  auto response = Response::text(std::string(kNotBuilt));
  response.content_type = "text/html; charset=utf-8";
  protect(response);
  return response;
}

Response not_found(const Request& request) {
  for (const auto* prefix : {"/api/2.0", "/api/3.0", "/ajax-api"})
    if (is_below(request.path, prefix)) return no_mlflow_endpoint();
  return Response::error({Code::NotFound, text::format("there is nothing at '{}'", request.path)});
}

// Addresses of screens are the page's to route.
Response answer(const Request& request) {
  if (request.method != Method::Get && request.method != Method::Head) return not_found(request);
  if (is_interface(request)) return not_found(request);
  if (const auto* asset = find(request.path)) return serve(request, *asset);
  return request.path.starts_with("/assets/") ? not_found(request) : index(request);
}

}  // namespace

void add_page_routes(http::Router& router) {
  // The page's files hold nothing of anyone's; what it then asks for is checked.
  constexpr http::RouteOptions kOpen{.run = http::Run::Loop, .access = http::Access::Public};
  router.add(Method::Get, "/", index, kOpen);
  router.add(Method::Get, "/assets/{file*}", answer, kOpen);
  router.set_fallback(answer);
}

}  // namespace fettle::api
