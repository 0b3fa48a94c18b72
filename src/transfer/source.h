// Where an import reads: one interface over an MLflow server, its database and its folder.
//
// Records come normalised, except for artifact locations, which are the source's own. Not thread-safe; errors name the
// place in the source.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "transfer/records.h"

namespace fettle::transfer {

inline constexpr std::string_view kDeletedStage = "Deleted_Internal";  // MLflow's, of versions that are no more

struct Overview {
  std::string what;  // "SQLite database 'mlflow.db', schema c3d6457b6d8a"
  std::uint64_t experiments = 0, runs = 0, points = 0, models = 0, registered = 0;  // 0 where counting is not cheap
  std::vector<std::string> left_out;  // "12 traces": what an import does not take
};

// Whose artifacts: a run's or a logged model's.
struct Owner {
  std::string run, model;       // one of them
  std::string experiment, uri;  // as the source has them
};
struct SourceFile {
  std::string path;  // below the owner's artifact location
  std::uint64_t size = 0;
};

template <typename Record>
using Take = std::function<Result<void>(Record)>;  // an error ends the reading

class Source {
 public:
  virtual ~Source() = default;
  [[nodiscard]] virtual Result<Overview> overview() = 0;
  [[nodiscard]] virtual Result<void> experiments(const Take<ExperimentRecord>& take) = 0;
  [[nodiscard]] virtual Result<void> models(const Take<ModelRecord>& take) = 0;
  [[nodiscard]] virtual Result<void> runs(const Take<RunRecord>& take) = 0;
  // A word that changes when the points of a run do, cheap to get; `series` gives the points. Two steps, so that an
  // import that goes on reads only what is missing.
  [[nodiscard]] virtual Result<std::string> points_word(const RunRecord& run) = 0;
  [[nodiscard]] virtual Result<Series> series(const RunRecord& run) = 0;
  [[nodiscard]] virtual Result<void> registered(const Take<RegisteredRecord>& take) = 0;
};

// Where artifacts are read; a source has one for every location that it can reach.
class Files {
 public:
  virtual ~Files() = default;
  // Empty if there is nothing. Unimplemented for a location that is left as it is (another scheme).
  [[nodiscard]] virtual Result<std::vector<SourceFile>> list(const Owner& owner) = 0;
  // The file's path on this machine; it may be a temporary one that the next call replaces.
  [[nodiscard]] virtual Result<std::string> fetch(const Owner& owner, const SourceFile& file) = 0;
};

}  // namespace fettle::transfer
