#include "champion.h"

#include "base/text.h"
#include "bundle/bundle.h"
#include "client.h"
#include "http/client.h"
#include "json/describe.h"
#include "os/file.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kApi = "/api/fettle/v1";

// Digest of the champion's bundle in an endpoint as the server shows it; empty if it has none.
std::string champion_of(const json::Value& endpoint) {
  const auto* variants = endpoint.find("variants");
  if (variants == nullptr || !variants->is_array()) return "";
  for (const auto& variant : variants->as_array())
    if (variant.text_or("variant") == "champion") return variant.text_or("bundle");
  return "";
}

bool is_model_file(const std::string& path) {
  return path == "model.ubj" || path == "model.json" || path == "signature.json";
}

Result<void> download(const std::string& server, const bundle::File& file, const std::string& folder) {
  const auto path = text::format("{}/{}", folder, file.path);
  FETTLE_TRY_(client::download(server, text::format("{}/blobs/{}", kApi, file.digest), path));
  FETTLE_TRY(const auto digest, os::digest_file(path));
  if (digest.hex() == file.digest) return {};
  return fail(Code::DataLoss, text::format("'{}' from {} has digest {}, its bundle says {}", file.path, server,
                                           digest.brief(), file.digest.substr(0, 12)));
}

Result<Champion> fetch(const std::string& server, const std::string& digest) {
  FETTLE_TRY(auto shown, client::get(server, text::format("{}/bundles/{}", kApi, digest)));
  bundle::Manifest manifest;
  if (const auto* files = shown.find("files")) {
    FETTLE_TRY(manifest.files, json::from_value<std::vector<bundle::File>>(*files, "bundle: files"));
  }
  FETTLE_TRY(const auto folder, os::TempFolder::create("fettle-champion"));
  for (const auto& file : manifest.files)
    if (is_model_file(file.path)) FETTLE_TRY_(download(server, file, folder.path()));
  FETTLE_TRY(auto model, model::load_folder(folder.path()));
  return Champion{digest, std::move(model)};
}

}  // namespace

Result<std::optional<Champion>> fetch_champion(const std::string& server, const std::string& endpoint) {
  const auto shown = client::get(server, text::format("{}/endpoints/{}", kApi, http::percent_encode(endpoint)));
  if (!shown && shown.error().code == Code::NotFound) return std::nullopt;
  if (!shown) return fail(shown.error());
  const auto digest = champion_of(*shown);
  if (digest.empty()) return std::nullopt;
  auto champion = fetch(server, digest);
  if (!champion) return fail(champion.error().within(text::format("champion of endpoint '{}'", endpoint)));
  return *std::move(champion);
}

}  // namespace fettle::cli
