// From a bundle's digest to what answers and what watches it, and from an endpoint's record to what the runtime serves.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "blob/store.h"
#include "control/records.h"
#include "model/predictor.h"
#include "monitor/reference.h"
#include "serving/runtime.h"

namespace fettle::control {

struct LoadedBundle {
  std::shared_ptr<const model::LoadedModel> model;
  std::shared_ptr<const monitor::Reference> reference;  // null if the bundle has no profile.json: it is not watched
};
using Loader = std::function<Result<LoadedBundle>(const std::string& digest)>;

// Unpacks bundles below `cache` once and checks each folder against its manifest before it is read: a damaged copy is
// unpacked again. Keeps what it loaded. For one thread.
[[nodiscard]] Loader bundle_loader(const blob::Store& blobs, std::string cache);

// InvalidArgument if its slots do not parse; the loader's error if a bundle cannot be loaded.
[[nodiscard]] Result<serving::EndpointSpec> to_spec(const Endpoint& endpoint, const Loader& load);

// An endpoint where `champion` answers everything.
[[nodiscard]] Endpoint with_champion(Endpoint endpoint, Deployed champion);
// An endpoint where `percent` of units go to the challenger. The same `salt` keeps a unit where it was as far as can
// be.
[[nodiscard]] Result<Endpoint> with_challenger(Endpoint endpoint, const Deployed& champion, const Deployed& challenger,
                                               double percent, const std::string& salt);

inline constexpr const char* kChampion = "champion";
inline constexpr const char* kChallenger = "challenger";

}  // namespace fettle::control
