// What is moved between servers: plain records of experiments, runs, logged models and registered models, as JSON.
//
// A record says everything of one entity that a client can see, with its id and its times; a run's metric points travel
// apart from it, since there may be millions. normalise() gives equal records for equal entities, whatever the order in
// which a source lists their parts, so that a digest of a record compares two servers. Pure.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"

namespace fettle::transfer {

struct Pair {
  std::string key, value;
  auto operator<=>(const Pair&) const = default;
};

struct ExperimentRecord {
  std::string id, name, artifact_location;
  bool deleted = false;
  std::int64_t created_ms = 0, updated_ms = 0;
  std::vector<Pair> tags;
};

struct DatasetRecord {
  std::string name, digest, source_type, source;
  std::optional<std::string> schema, profile;
  std::vector<Pair> tags;  // of the run's use of it
};
struct OutputRecord {
  std::string model_id;
  std::int64_t step = 0;
};
struct RunRecord {
  std::string id, experiment, name, user, artifact_uri;
  std::int64_t status = 1;  // 1 running, 2 scheduled, 3 finished, 4 failed, 5 killed
  std::int64_t start_ms = 0;
  std::optional<std::int64_t> end_ms;
  bool deleted = false;
  std::optional<std::int64_t> deleted_ms;  // unknown to some sources; no part of the digest
  std::vector<Pair> params, tags;
  std::vector<DatasetRecord> datasets;
  std::vector<std::string> model_inputs;
  std::vector<OutputRecord> outputs;
};

struct Point {  // of a run's metric
  std::int64_t time_ms = 0, step = 0;
  double value = 0;
};
using Series = std::map<std::string, std::vector<Point>>;  // by metric

struct ModelPoint {
  std::string key;
  double value = 0;
  std::int64_t time_ms = 0, step = 0;
  std::string run_id, dataset_name, dataset_digest;
};
struct ModelRecord {  // a logged model
  std::string id, experiment, name, artifact_uri, type, source_run, status_message;
  std::int64_t status = 1;  // 1 pending, 2 ready, 3 upload failed
  bool deleted = false;
  std::int64_t created_ms = 0, updated_ms = 0;
  std::vector<Pair> params, tags;
  std::vector<ModelPoint> metrics;
};

struct VersionRecord {
  std::int64_t version = 0;
  bool deleted = false;  // only the number and the times are left of it
  std::string source, storage_location, run_id, run_link, model_id, user, description;
  std::string stage = "None";
  std::int64_t created_ms = 0, updated_ms = 0;
  std::vector<Pair> tags;
};
struct AliasRecord {
  std::string alias;
  std::int64_t version = 0;
};
struct RegisteredRecord {
  std::string name, description;
  std::int64_t created_ms = 0, updated_ms = 0;
  std::vector<Pair> tags;
  std::vector<AliasRecord> aliases;
  std::vector<VersionRecord> versions;
};

BOOST_DESCRIBE_STRUCT(Pair, (), (key, value))
BOOST_DESCRIBE_STRUCT(ExperimentRecord, (), (id, name, artifact_location, deleted, created_ms, updated_ms, tags))
BOOST_DESCRIBE_STRUCT(DatasetRecord, (), (name, digest, source_type, source, schema, profile, tags))
BOOST_DESCRIBE_STRUCT(OutputRecord, (), (model_id, step))
BOOST_DESCRIBE_STRUCT(RunRecord, (),
                      (id, experiment, name, user, artifact_uri, status, start_ms, end_ms, deleted, deleted_ms, params,
                       tags, datasets, model_inputs, outputs))
BOOST_DESCRIBE_STRUCT(ModelPoint, (), (key, value, time_ms, step, run_id, dataset_name, dataset_digest))
BOOST_DESCRIBE_STRUCT(ModelRecord, (),
                      (id, experiment, name, artifact_uri, type, source_run, status_message, status, deleted,
                       created_ms, updated_ms, params, tags, metrics))
BOOST_DESCRIBE_STRUCT(VersionRecord, (),
                      (version, deleted, source, storage_location, run_id, run_link, model_id, user, description, stage,
                       created_ms, updated_ms, tags))
BOOST_DESCRIBE_STRUCT(AliasRecord, (), (alias, version))
BOOST_DESCRIBE_STRUCT(RegisteredRecord, (), (name, description, created_ms, updated_ms, tags, aliases, versions))

// Parts in one order, repeats out, numbers as they are stored (infinities are +-1.797e308), text valid UTF-8.
void normalise(ExperimentRecord& record);
void normalise(RunRecord& record);
void normalise(ModelRecord& record);
void normalise(RegisteredRecord& record);
void normalise(Series& series);  // a point logged twice is one point

// Of normalised records.
[[nodiscard]] Digest digest_of(const ExperimentRecord& record);
[[nodiscard]] Digest digest_of(RunRecord record);
[[nodiscard]] Digest digest_of(const ModelRecord& record);
[[nodiscard]] Digest digest_of(const RegisteredRecord& record);
[[nodiscard]] Digest digest_of(const Series& series);
[[nodiscard]] std::size_t points_of(const Series& series);

// Text with every byte that is no UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view text);

}  // namespace fettle::transfer
