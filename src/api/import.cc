#include "api/import.h"

#include <map>
#include <string>

#include "auth/identity.h"
#include "base/text.h"
#include "json/describe.h"
#include "transfer/import.h"

namespace fettle::api {
namespace {

using http::Method;
using http::Request;
using http::Response;

constexpr std::uint64_t kMostBatch = 256U << 20U;
constexpr std::int64_t kHistoryPage = 100'000;

struct Wanted {
  std::string kind;
  std::vector<std::string> ids;
};
BOOST_DESCRIBE_STRUCT(Wanted, (), (kind, ids))

Response import_answer(const Result<json::Value>& result) {
  if (result) return Response::json(json::dump(*result));
  json::Value error;
  error.set("code", info(result.error().code).name).set("message", result.error().message);
  return Response::json(json::dump(json::Value::object().set("error", std::move(error))),
                        info(result.error().code).http_status);
}

Result<json::Value> import_batch(const ImportParts& parts, const Request& request) {
  FETTLE_TRY(const auto applied,
             parts.importer.apply(request.body, std::string(request.parameter("suffix").value_or(""))));
  return json::Value::object().set("applied", json::to_value(applied));
}

Result<Wanted> wanted_of(const Request& request) {
  FETTLE_TRY(const auto body, json::parse(request.body, "request body"));
  return json::from_value<Wanted>(body, "request body");
}

Result<json::Value> import_marks(const ImportParts& parts, const Request& request) {
  FETTLE_TRY(const auto wanted, wanted_of(request));
  FETTLE_TRY(const auto marks, parts.importer.marks(wanted.kind, wanted.ids));
  return json::Value::object().set("marks", json::to_value(marks));
}

// All points of a run, through the same reads as a client's.
Result<std::string> points_digest(const ImportParts& parts, const std::string& id) {
  const auto run = parts.tracking.run(RunId(id));
  if (!run) return fail(run.error());
  transfer::Series series;
  for (const auto& latest : run->metrics) {
    auto& points = series[latest.key];
    for (std::string token;;) {
      FETTLE_TRY(auto page, parts.tracking.metric_history(RunId(id), latest.key, kHistoryPage, token));
      for (const auto& point : page.items) points.push_back({point.time_ms, point.step, point.value()});
      token = std::move(page.next_token);
      if (token.empty()) break;
    }
  }
  transfer::normalise(series);
  return text::format("{} points {}", transfer::points_of(series), transfer::digest_of(series).hex());
}

Result<void> add_files(const ImportParts& parts, const std::string& root, const std::string& below,
                       std::map<std::string, std::string>& out) {
  const auto folder = below.empty() ? root : root + "/" + below;
  FETTLE_TRY(const auto entries, parts.artifacts.list(folder));
  for (const auto& entry : entries) {
    const auto path = below.empty() ? entry.path : below + "/" + entry.path;
    if (entry.is_folder) {
      FETTLE_TRY_(add_files(parts, root, path, out));
    } else {
      FETTLE_TRY(const auto file, parts.artifacts.find(root + "/" + path));
      if (file) out.emplace(path, file->digest.hex());
    }
  }
  return {};
}

Result<std::string> stored_digest(const ImportParts& parts, const std::string& kind, const std::string& id) {
  if (kind == "points") return points_digest(parts, id);
  if (kind != "artifacts") return parts.importer.stored_digest(kind, id);
  std::map<std::string, std::string> files;
  FETTLE_TRY_(add_files(parts, id, "", files));
  return transfer::tree_digest(files);
}

Result<json::Value> import_digests(const ImportParts& parts, const Request& request) {
  FETTLE_TRY(const auto wanted, wanted_of(request));
  std::map<std::string, std::string> out;
  for (const auto& id : wanted.ids) {
    FETTLE_TRY(auto digest, stored_digest(parts, wanted.kind, id));
    if (!digest.empty()) out.emplace(id, std::move(digest));
  }
  return json::Value::object().set("digests", json::to_value(out));
}

}  // namespace

void add_import_routes(http::Router& router, const ImportParts& parts) {
  using Work = Result<json::Value> (*)(const ImportParts&, const Request&);
  const auto add = [&](std::string_view path, Work work) {
    router.add(Method::Post, path,
               [parts, work](const Request& request) {  // it writes anywhere, under any name and date
                 const auto allowed = auth::caller(request).need_admin();
                 auto out = import_answer(allowed ? work(parts, request) : fail(allowed.error()));
                 parts.access.record(request, server_admin(), "import", out);
                 return out;
               },
               {.max_body = kMostBatch, .access = http::Access::SignedIn});
  };
  add("/api/fettle/v1/import", import_batch);
  add("/api/fettle/v1/import/marks", import_marks);
  add("/api/fettle/v1/import/digests", import_digests);
}

}  // namespace fettle::api
