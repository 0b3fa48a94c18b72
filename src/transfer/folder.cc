#include "transfer/folder.h"

#include <algorithm>

#include "base/text.h"
#include "config/yaml.h"
#include "os/file.h"

namespace fettle::transfer {
namespace {

constexpr std::string_view kMeta = "meta.yaml";
constexpr std::string_view kRegistry = "models";  // beside the experiments
constexpr std::string_view kTrash = ".trash";

// A meta.yaml: flat, read by name. YAML 1.1 wrote it, so a plain scalar that this reader takes for a number may have
// been text: text() gives what stands in the file.
class Meta {
 public:
  static Result<Meta> read(const std::string& folder) {
    Meta out;
    const auto path = folder + "/" + std::string(kMeta);
    FETTLE_TRY(out.text_, os::read_file(path));
    FETTLE_TRY(auto document, config::parse_yaml(out.text_, path));
    out.root_ = std::move(document.root);
    return out;
  }
  [[nodiscard]] std::string text(std::string_view key) const {
    const auto* value = root_.find(key);
    if (value == nullptr || value->is_null()) return {};
    if (value->is_string()) return value->as_string();
    const auto start = "\n" + std::string(key) + ":";
    const auto whole = "\n" + text_;
    const auto at = whole.find(start);
    if (at == std::string::npos) return {};
    const auto from = at + start.size();
    return std::string(text::trim(std::string_view(whole).substr(from, whole.find('\n', from) - from)));
  }
  [[nodiscard]] std::int64_t integer(std::string_view key) const { return maybe_integer(key).value_or(0); }
  [[nodiscard]] std::optional<std::int64_t> maybe_integer(std::string_view key) const {
    return text::parse_int(text(key));
  }
  [[nodiscard]] const json::Value* find(std::string_view key) const { return root_.find(key); }

 private:
  std::string text_;
  json::Value root_;
};

bool has_meta(const std::string& folder) { return os::exists(folder + "/" + std::string(kMeta)); }

// Names of the folders directly below; none if there is no such folder.
Result<std::vector<std::string>> folders_in(const std::string& folder) {
  if (!os::is_folder(folder)) return std::vector<std::string>();
  FETTLE_TRY(auto names, os::list_names(folder));
  std::erase_if(names, [&](const std::string& name) { return !os::is_folder(folder + "/" + name); });
  return names;
}

// Every file below a folder: its path is a key (which may have '/'), its content a value.
Result<std::vector<Pair>> read_pairs(const std::string& folder) {
  std::vector<Pair> out;
  if (!os::is_folder(folder)) return out;
  FETTLE_TRY(const auto files, os::list_files(folder));
  for (const auto& file : files) {
    FETTLE_TRY(auto value, os::read_file(folder + "/" + file.path));
    out.push_back({file.path, std::move(value)});
  }
  return out;
}

template <typename Line>
Result<void> each_line(const std::string& path, Line line) {
  FETTLE_TRY(const auto content, os::read_file(path));
  std::size_t number = 0;
  for (const auto& text : text::split(content, '\n')) {
    ++number;
    if (text::trim(text).empty()) continue;
    if (const auto done = line(text); !done)
      return fail(Code::InvalidArgument, text::format("{}:{}: {}", path, number, done.error().message));
  }
  return {};
}

Result<ExperimentRecord> read_experiment(const std::string& folder, bool in_trash) {
  FETTLE_TRY(const auto meta, Meta::read(folder));
  ExperimentRecord out;
  out.id = meta.text("experiment_id");
  out.name = meta.text("name");
  out.artifact_location = meta.text("artifact_location");
  out.deleted = in_trash || meta.text("lifecycle_stage") == "deleted";
  out.created_ms = meta.integer("creation_time");
  out.updated_ms = meta.integer("last_update_time");
  FETTLE_TRY(out.tags, read_pairs(folder + "/tags"));
  if (out.id.empty()) return fail(Code::InvalidArgument, text::format("'{}/{}' has no experiment_id", folder, kMeta));
  normalise(out);
  return out;
}

Result<void> read_inputs(const std::string& experiment, const std::string& run, RunRecord& out) {
  FETTLE_TRY(const auto inputs, folders_in(run + "/inputs"));
  for (const auto& name : inputs) {
    FETTLE_TRY(const auto edge, Meta::read(run + "/inputs/" + name));
    const auto id = edge.text("source_id");
    if (edge.text("source_type") != "DATASET") {
      out.model_inputs.push_back(id);
      continue;
    }
    FETTLE_TRY(const auto meta, Meta::read(experiment + "/datasets/" + id));
    DatasetRecord set{
        meta.text("name"), meta.text("digest"), meta.text("source_type"), meta.text("source"), {}, {}, {}};
    if (const auto* schema = meta.find("schema"); schema != nullptr && !schema->is_null())
      set.schema = meta.text("schema");
    if (const auto* about = meta.find("profile"); about != nullptr && !about->is_null())
      set.profile = meta.text("profile");
    if (const auto* tags = edge.find("tags"); tags != nullptr && tags->is_object())
      for (const auto& [key, value] : tags->as_object())
        set.tags.push_back({key, value.is_string() ? value.as_string() : json::dump(value)});
    out.datasets.push_back(std::move(set));
  }
  FETTLE_TRY(const auto outputs, folders_in(run + "/outputs"));
  for (const auto& name : outputs) {
    FETTLE_TRY(const auto edge, Meta::read(run + "/outputs/" + name));
    out.outputs.push_back({name, edge.integer("step")});
  }
  return {};
}

Result<RunRecord> read_run(const std::string& experiment, const std::string& name) {
  const auto folder = experiment + "/" + name;
  FETTLE_TRY(const auto meta, Meta::read(folder));
  RunRecord out;
  out.id = meta.text("run_id").empty() ? meta.text("run_uuid") : meta.text("run_id");
  out.experiment = meta.text("experiment_id");
  out.name = meta.text("run_name").empty() ? meta.text("name") : meta.text("run_name");
  out.user = meta.text("user_id");
  out.artifact_uri = meta.text("artifact_uri");
  out.status = meta.maybe_integer("status").value_or(1);
  out.start_ms = meta.integer("start_time");
  out.end_ms = meta.maybe_integer("end_time");
  out.deleted = meta.text("lifecycle_stage") == "deleted";
  out.deleted_ms = meta.maybe_integer("deleted_time");
  if (out.id.empty() || out.experiment.empty())
    return fail(Code::InvalidArgument, text::format("'{}/{}' has no run_id or experiment_id", folder, kMeta));
  FETTLE_TRY(out.params, read_pairs(folder + "/params"));
  FETTLE_TRY(out.tags, read_pairs(folder + "/tags"));
  FETTLE_TRY_(read_inputs(experiment, folder, out));
  normalise(out);
  return out;
}

Result<ModelRecord> read_model(const std::string& folder, const std::string& experiment) {
  FETTLE_TRY(const auto meta, Meta::read(folder));
  ModelRecord out;
  out.id = meta.text("model_id");
  out.experiment = meta.text("experiment_id").empty() ? experiment : meta.text("experiment_id");
  out.name = meta.text("name");
  out.artifact_uri = meta.text("artifact_location");
  out.type = meta.text("model_type");
  out.source_run = meta.text("source_run_id");
  out.status_message = meta.text("status_message");
  out.status = meta.maybe_integer("status").value_or(1);
  out.deleted = meta.text("lifecycle_stage") == "deleted";
  out.created_ms = meta.integer("creation_timestamp");
  out.updated_ms = meta.integer("last_updated_timestamp");
  FETTLE_TRY(out.params, read_pairs(folder + "/params"));
  FETTLE_TRY(out.tags, read_pairs(folder + "/tags"));
  if (os::is_folder(folder + "/metrics")) {
    FETTLE_TRY(const auto files, os::list_files(folder + "/metrics"));
    for (const auto& file : files)
      FETTLE_TRY_(each_line(folder + "/metrics/" + file.path, [&](const std::string& line) -> Result<void> {
        FETTLE_TRY(const auto parsed, parse_metric_line(line));
        const auto& [point, words] = parsed;
        if (words.size() != 1 && words.size() != 3)
          return fail(Code::InvalidArgument, "a model's metric has time, value, step, run and maybe a dataset");
        out.metrics.push_back({file.path, point.value, point.time_ms, point.step, words[0],
                               words.size() == 3 ? words[1] : "", words.size() == 3 ? words[2] : ""});
        return {};
      }));
  }
  normalise(out);
  return out;
}

Result<VersionRecord> read_version(const std::string& folder) {
  FETTLE_TRY(const auto meta, Meta::read(folder));
  VersionRecord out;
  out.version = meta.integer("version");
  out.source = meta.text("source");
  out.storage_location = meta.text("storage_location");
  out.run_id = meta.text("run_id");
  out.run_link = meta.text("run_link");
  out.model_id = meta.text("model_id");
  out.user = meta.text("user_id");
  out.description = meta.text("description");
  out.stage = meta.text("current_stage");
  out.deleted = out.stage == kDeletedStage;
  out.created_ms = meta.integer("creation_timestamp");
  out.updated_ms = meta.integer("last_updated_timestamp");
  FETTLE_TRY(out.tags, read_pairs(folder + "/tags"));
  return out;
}

Result<RegisteredRecord> read_registered(const std::string& folder) {
  FETTLE_TRY(const auto meta, Meta::read(folder));
  RegisteredRecord out;
  out.name = meta.text("name");
  out.description = meta.text("description");
  out.created_ms = meta.integer("creation_timestamp");
  out.updated_ms = meta.integer("last_updated_timestamp");
  FETTLE_TRY(out.tags, read_pairs(folder + "/tags"));
  FETTLE_TRY(const auto aliases, read_pairs(folder + "/aliases"));
  for (const auto& [alias, version] : aliases)
    out.aliases.push_back({alias, text::parse_int(text::trim(version)).value_or(0)});
  FETTLE_TRY(const auto names, folders_in(folder));
  for (const auto& name : names) {
    if (!name.starts_with("version-")) continue;
    FETTLE_TRY(auto version, read_version(folder + "/" + name));
    out.versions.push_back(std::move(version));
  }
  normalise(out);
  return out;
}

class Folder final : public Source {
 public:
  explicit Folder(std::string root) : root_(std::move(root)) {}

  Result<void> find() {
    for (const auto& [below, trashed] : {std::pair(root_, false), std::pair(root_ + "/" + std::string(kTrash), true)}) {
      FETTLE_TRY(const auto names, folders_in(below));
      for (const auto& name : names)
        if (name != kRegistry && !name.starts_with('.') && has_meta(below + "/" + name))
          experiments_.push_back({below + "/" + name, trashed});
    }
    if (!experiments_.empty()) return {};
    return fail(Code::NotFound, text::format("'{}' holds no experiment (a folder with meta.yaml); name the folder that "
                                             "MLflow calls mlruns",
                                             root_));
  }

  Result<Overview> overview() override {
    Overview out;
    out.what = text::format("folder '{}'", root_);
    out.experiments = experiments_.size();
    std::uint64_t traces = 0;
    for (const auto& [folder, trashed] : experiments_) {
      FETTLE_TRY(const auto runs, run_names(folder));
      FETTLE_TRY(const auto models, folders_in(folder + "/models"));
      FETTLE_TRY(const auto traced, folders_in(folder + "/traces"));
      out.runs += runs.size();
      out.models += models.size();
      traces += traced.size();
    }
    FETTLE_TRY(const auto registered, folders_in(root_ + "/" + std::string(kRegistry)));
    out.registered = registered.size();
    if (traces > 0) out.left_out.push_back(text::format("{} traces", traces));
    return out;
  }

  Result<void> experiments(const Take<ExperimentRecord>& take) override {
    for (const auto& [folder, trashed] : experiments_) {
      FETTLE_TRY(auto record, read_experiment(folder, trashed));
      FETTLE_TRY_(take(std::move(record)));
    }
    return {};
  }

  Result<void> models(const Take<ModelRecord>& take) override {
    for (const auto& [folder, trashed] : experiments_) {
      FETTLE_TRY(const auto names, folders_in(folder + "/models"));
      for (const auto& name : names) {
        if (!has_meta(folder + "/models/" + name)) continue;
        FETTLE_TRY(auto record, read_model(folder + "/models/" + name, folder.substr(folder.rfind('/') + 1)));
        FETTLE_TRY_(take(std::move(record)));
      }
    }
    return {};
  }

  Result<void> runs(const Take<RunRecord>& take) override {
    for (const auto& [folder, trashed] : experiments_) {
      FETTLE_TRY(const auto names, run_names(folder));
      for (const auto& name : names) {
        FETTLE_TRY(auto record, read_run(folder, name));
        FETTLE_TRY_(take(std::move(record)));
      }
    }
    return {};
  }

  // Metric files only grow.
  Result<std::string> points_word(const RunRecord& run) override {
    FETTLE_TRY(const auto files, metric_files(run));
    std::uint64_t bytes = 0;
    for (const auto& file : files) bytes += file.size;
    return text::format("{} files, {} bytes", files.size(), bytes);
  }

  Result<Series> series(const RunRecord& run) override {
    Series out;
    FETTLE_TRY(const auto files, metric_files(run));
    const auto folder = run_folder(run) + "/metrics/";
    for (const auto& file : files)
      FETTLE_TRY_(each_line(folder + file.path, [&](const std::string& line) -> Result<void> {
        FETTLE_TRY(const auto parsed, parse_metric_line(line));
        out[file.path].push_back(parsed.first);
        return {};
      }));
    normalise(out);
    return out;
  }

  Result<void> registered(const Take<RegisteredRecord>& take) override {
    const auto folder = root_ + "/" + std::string(kRegistry);
    FETTLE_TRY(const auto names, folders_in(folder));
    for (const auto& name : names) {
      if (!has_meta(folder + "/" + name)) continue;
      FETTLE_TRY(auto record, read_registered(folder + "/" + name));
      FETTLE_TRY_(take(std::move(record)));
    }
    return {};
  }

 private:
  struct ExperimentFolder {
    std::string path;
    bool in_trash;
  };

  // A run's folder without meta.yaml is what a crash left behind.
  static Result<std::vector<std::string>> run_names(const std::string& experiment) {
    FETTLE_TRY(auto names, folders_in(experiment));
    std::erase_if(names, [&](const std::string& name) {
      return name == "models" || name == "datasets" || name == "traces" || name == "tags" ||
             !has_meta(experiment + "/" + name);
    });
    return names;
  }

  [[nodiscard]] std::string run_folder(const RunRecord& run) const {
    for (const auto& [folder, trashed] : experiments_)
      if (folder.ends_with("/" + run.experiment)) return folder + "/" + run.id;
    return root_ + "/" + run.experiment + "/" + run.id;
  }
  [[nodiscard]] Result<std::vector<os::FileInfo>> metric_files(const RunRecord& run) const {
    const auto folder = run_folder(run) + "/metrics";
    if (!os::is_folder(folder)) return std::vector<os::FileInfo>();
    return os::list_files(folder);
  }

  std::string root_;
  std::vector<ExperimentFolder> experiments_;
};

}  // namespace

Result<std::pair<Point, std::vector<std::string>>> parse_metric_line(std::string_view line) {
  const auto fields = text::split(text::trim(line), ' ');
  if (fields.size() < 2 || fields.size() > 6)
    return fail(Code::InvalidArgument,
                text::format("{} fields; a metric has time, value, step and maybe a run or a dataset", fields.size()));
  const auto time = text::parse_int(fields[0]);
  const auto value = text::parse_double(fields[1]);
  const auto step = fields.size() > 2 ? text::parse_int(fields[2]) : std::optional<std::int64_t>(0);
  if (!time || !value || !step)
    return fail(Code::InvalidArgument,
                text::format("'{}' is no metric: time and step are whole, value is a number", valid_utf8(line)));
  const auto words = fields.size() > 3 ? std::vector(fields.begin() + 3, fields.end()) : std::vector<std::string>();
  return std::pair(Point{*time, *step, *value}, words);
}

Result<std::unique_ptr<Source>> open_folder(const std::string& folder) {
  auto root = folder;
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  auto source = std::make_unique<Folder>(root);
  FETTLE_TRY_(source->find());
  return source;
}

}  // namespace fettle::transfer
