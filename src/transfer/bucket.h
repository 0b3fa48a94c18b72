// Artifacts in S3 that an import copies: read there, with the credentials of whoever imports, not through the source.
#pragma once

#include <memory>
#include <string>

#include "transfer/source.h"

namespace fettle::transfer {

// What lies at s3: is read from there, everything else by `others`. `endpoint` is an S3 other than AWS's, as
// MLFLOW_S3_ENDPOINT_URL names it ("http://host:9000"); empty for AWS. `folder`: for files on their way.
[[nodiscard]] std::unique_ptr<Files> with_buckets(std::unique_ptr<Files> others, std::string endpoint,
                                                  std::string folder);

}  // namespace fettle::transfer
