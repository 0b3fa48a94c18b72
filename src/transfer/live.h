// A live MLflow server, over its REST API: what it shows of itself is what an import takes.
//
// The API does not tell when a run was deleted, which logged models are deleted, nor that a version was: numbers keep
// their gaps, but the tombstones behind the last version are unknown.
#pragma once

#include <memory>
#include <string>

#include "transfer/source.h"

namespace fettle::transfer {

struct LiveOptions {
  std::string url;
  std::string authorization;  // header value; empty for none
  std::string ca_file;
  std::string folder;  // for artifacts on their way
};
// Unavailable if there is no server; FailedPrecondition if what answers is no MLflow server.
[[nodiscard]] Result<std::unique_ptr<Source>> open_live(const LiveOptions& options);
[[nodiscard]] Result<std::unique_ptr<Files>> live_files(const LiveOptions& options);

}  // namespace fettle::transfer
