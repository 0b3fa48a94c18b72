// The champion of an endpoint, fetched from a server to be compared with.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "model/predictor.h"

namespace fettle::cli {

struct Champion {
  std::string bundle;  // digest
  model::LoadedModel model;
};

// Nothing if the server knows no such endpoint, or it has no champion yet. Every downloaded file is verified.
[[nodiscard]] Result<std::optional<Champion>> fetch_champion(const std::string& server, const std::string& endpoint);

}  // namespace fettle::cli
