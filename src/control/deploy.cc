#include "control/deploy.h"

#include "base/log.h"
#include "base/text.h"
#include "bundle/bundle.h"
#include "json/value.h"
#include "os/file.h"

namespace fettle::control {
namespace {

Result<std::string> unpacked(const blob::Store& blobs, const Digest& digest, const std::string& cache) {
  const auto folder = cache + "/" + digest.hex();
  if (os::is_folder(folder)) {
    const auto found = bundle::folder_digest(folder);
    const auto whole = bundle::verify_folder(folder);
    if (whole && found && *found == digest) return folder;
    log::warn(text::format("the unpacked bundle '{}' is damaged and is unpacked again", folder));
    FETTLE_TRY_(os::remove_all(folder));
  }
  FETTLE_TRY_(os::make_folders(cache));
  FETTLE_TRY_(bundle::unpack(blobs, digest, folder));
  return folder;
}

Result<std::shared_ptr<const monitor::Reference>> load_reference(const std::string& folder) {
  const auto path = folder + "/profile.json";
  if (!os::exists(path)) return std::shared_ptr<const monitor::Reference>();
  FETTLE_TRY(const auto bytes, os::read_file(path));
  FETTLE_TRY(const auto value, json::parse(bytes, path));
  FETTLE_TRY(auto reference, monitor::Reference::from_json(value));
  return std::make_shared<const monitor::Reference>(std::move(reference));
}

Result<LoadedBundle> read_unpacked(const std::string& folder) {
  FETTLE_TRY(auto model, model::load_folder(folder));
  FETTLE_TRY(auto reference, load_reference(folder));
  return LoadedBundle{std::make_shared<const model::LoadedModel>(std::move(model)), std::move(reference)};
}

Result<LoadedBundle> load(const blob::Store& blobs, const std::string& cache, const std::string& hex) {
  const auto digest = Digest::parse(hex);
  if (!digest) return fail(Code::InvalidArgument, text::format("'{}' is no bundle digest: 64 hex digits", hex));
  FETTLE_TRY(const auto folder, unpacked(blobs, *digest, cache));
  auto loaded = read_unpacked(folder);
  if (loaded) return loaded;
  // Its bytes are those that were sent: what cannot be read is the sender's doing, not damage in the store.
  FETTLE_TRY_(os::remove_all(folder));
  return fail(Code::FailedPrecondition, text::format("cannot be served: {}", loaded.error().message));
}

}  // namespace

Loader bundle_loader(const blob::Store& blobs, std::string cache) {
  auto loaded = std::make_shared<std::map<std::string, LoadedBundle>>();
  return [&blobs, cache = std::move(cache), loaded](const std::string& digest) -> Result<LoadedBundle> {
    if (const auto known = loaded->find(digest); known != loaded->end()) return known->second;
    auto bundle = load(blobs, cache, digest);
    if (!bundle) return fail(bundle.error().within(text::format("bundle {}", digest.substr(0, 12))));
    return loaded->emplace(digest, *std::move(bundle)).first->second;
  };
}

Result<serving::EndpointSpec> to_spec(const Endpoint& endpoint, const Loader& load) {
  serving::EndpointSpec spec;
  spec.name = endpoint.name;
  for (const auto& deployed : endpoint.variants) {
    FETTLE_TRY(const auto bundle, load(deployed.bundle));
    spec.variants.push_back({deployed.variant, deployed.bundle, deployed.version, bundle.model});
  }
  if (!endpoint.slots.empty()) {
    FETTLE_TRY(spec.slots, rollout::SlotTable::parse(endpoint.slots));
  }
  FETTLE_TRY_(serving::check(spec));
  return spec;
}

Endpoint with_champion(Endpoint endpoint, Deployed champion) {
  champion.variant = kChampion;
  endpoint.variants = {std::move(champion)};
  endpoint.slots.clear();
  return endpoint;
}

Result<Endpoint> with_challenger(Endpoint endpoint, const Deployed& champion, const Deployed& challenger,
                                 double percent, const std::string& salt) {
  const auto before = rollout::SlotTable::parse(endpoint.slots);
  const bool keep = before && before->salt() == salt;
  FETTLE_TRY(const auto slots, rollout::SlotTable::create({{kChampion, 100 - percent}, {kChallenger, percent}}, salt,
                                                          keep ? &*before : nullptr));
  endpoint.variants = {{kChampion, champion.bundle, champion.version},
                       {kChallenger, challenger.bundle, challenger.version}};
  endpoint.slots = slots.encode();
  return endpoint;
}

}  // namespace fettle::control
