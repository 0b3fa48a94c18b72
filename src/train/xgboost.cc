#include "train/xgboost.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.h"
#include "json/value.h"
#include "model/signature.h"
#include "os/file.h"
#include "train/booster.h"
#include "train/matrix.h"
#include "train/mlmodel.h"

namespace fettle::train {
namespace {

constexpr std::string_view kLogistic = "binary:logistic";
constexpr std::string_view kSquared = "reg:squarederror";
constexpr int kReports = 20;            // how often the metric is worked out: it costs a pass over all rows
constexpr std::int64_t kMaxBins = 256;  // XGBoost's default

std::unexpected<Error> wrong(std::string message) { return fail(Code::InvalidArgument, std::move(message)); }

Result<void> check_numbers(const XgboostSpec& spec) {
  if (spec.rounds < 1 || spec.rounds > 100'000)
    return wrong(text::format("rounds is {}; it must be 1 to 100000", spec.rounds));
  if (spec.depth < 1 || spec.depth > 30) return wrong(text::format("depth is {}; it must be 1 to 30", spec.depth));
  if (!(spec.learning_rate > 0 && spec.learning_rate <= 1))
    return wrong(text::format("learning_rate is {}; it must be above 0 and at most 1", spec.learning_rate));
  if (spec.threads < 0) return wrong(text::format("threads is {}; 0 means all cores", spec.threads));
  if (spec.objective == kLogistic || spec.objective == kSquared) return {};
  return wrong(text::format("objective is '{}'; there are {} and {}", spec.objective, kLogistic, kSquared));
}

Result<void> check_features(const XgboostSpec& spec) {
  if (spec.features.empty()) return wrong("features is empty; name at least one column");
  std::set<std::string> seen;
  for (const auto& name : spec.features) {
    if (!seen.insert(name).second) return wrong(text::format("features names '{}' twice", name));
    if (name == spec.label) return wrong(text::format("the label '{}' is among the features", name));
    if (name.find_first_of("[]<") != std::string::npos)
      return wrong(text::format("feature '{}': XGBoost takes no name with [, ] or <; rename the column", name));
  }
  return {};
}

Result<void> check_extra(const XgboostSpec& spec) {
  static const std::map<std::string, std::string> kOwned{
      {"objective", "objective"}, {"max_depth", "depth"}, {"eta", "learning_rate"}, {"learning_rate", "learning_rate"},
      {"seed", "seed"},           {"nthread", "threads"}, {"n_jobs", "threads"},    {"random_state", "seed"}};
  for (const auto& [name, value] : spec.extra)
    if (const auto owned = kOwned.find(name); owned != kOwned.end())
      return wrong(text::format("extra.{} is set by '{}' already; use that", name, owned->second));
  return {};
}

Result<float> label_at(const XgboostSpec& spec, const table::Column& column, std::size_t row) {
  const double value = column.number(row);
  if (!std::isfinite(value))
    return wrong(text::format("the label '{}' is {} in row {}; drop such rows before training", spec.label,
                              std::isnan(value) ? "missing" : "infinite", row));
  if (spec.objective == kLogistic && value != 0 && value != 1)
    return wrong(text::format("the label '{}' is {} in row {}; {} needs 0 or 1", spec.label, text::number(value), row,
                              spec.objective));
  return static_cast<float>(value);
}

Result<std::vector<float>> labels_of(const XgboostSpec& spec, const table::Table& rows) {
  FETTLE_TRY(const auto* column, rows.get(spec.label));
  if (column->kind == table::Kind::Text)
    return wrong(text::format("the label '{}' is text; make it 0 or 1", spec.label));
  if (rows.rows() == 0) return wrong("there are no rows to train on");
  std::vector<float> labels(rows.rows());
  for (std::size_t row = 0; row < labels.size(); ++row) {
    FETTLE_TRY(labels[row], label_at(spec, *column, row));
  }
  if (std::ranges::adjacent_find(labels, std::not_equal_to<>()) == labels.end())
    return wrong(text::format("the label '{}' is {} in all {} rows: there is nothing to learn", spec.label, labels[0],
                              text::human_count(labels.size())));
  return labels;
}

// Texts that occur, in the order of the alphabet.
std::vector<std::string> categories_of(const table::Column& column) {
  std::vector<std::uint8_t> used(column.dictionary.size());
  for (std::size_t row = 0; row < column.codes.size(); ++row)
    if (column.codes[row] >= 0 && column.is_valid(row)) used[static_cast<std::size_t>(column.codes[row])] = 1;
  std::vector<std::string> out;
  for (std::size_t code = 0; code < used.size(); ++code)
    if (used[code] != 0) out.push_back(column.dictionary[code]);
  std::ranges::sort(out);
  const auto repeats = std::ranges::unique(out);
  out.erase(repeats.begin(), repeats.end());
  return out;
}

// How one feature column is told to the model, to XGBoost and to MLflow.
struct Feature {
  model::InputColumn input;
  std::string xgboost_type, mlflow_type;
};

Result<Feature> feature_of(const table::Column& column) {
  const bool whole = column.valid.empty();  // MLflow's integers cannot be missing
  switch (column.kind) {
    case table::Kind::Text:
      return Feature{{column.name, model::ColumnKind::Category, categories_of(column)}, "c", "string"};
    case table::Kind::Int:
      if (whole) return Feature{{column.name, model::ColumnKind::Int, {}}, "int", "long"};
      break;
    case table::Kind::Bool:
      if (whole) return Feature{{column.name, model::ColumnKind::Int, {}}, "i", "boolean"};
      break;
    case table::Kind::Time:
      return wrong(text::format("feature '{}' is a time; derive its hour or weekday instead", column.name));
    case table::Kind::Float:
      break;
  }
  return Feature{{column.name, model::ColumnKind::Float, {}}, "float", "double"};
}

Result<std::vector<Feature>> features_of(const XgboostSpec& spec, const table::Table& rows) {
  std::vector<Feature> out;
  for (const auto& name : spec.features) {
    FETTLE_TRY(const auto* column, rows.get(name));
    FETTLE_TRY(auto feature, feature_of(*column));
    out.push_back(std::move(feature));
  }
  return out;
}

Result<model::Signature> signature_of(const XgboostSpec& spec, const std::vector<Feature>& features) {
  std::vector<model::InputColumn> inputs;
  for (const auto& feature : features) inputs.push_back(feature.input);
  return model::Signature::create(std::move(inputs),
                                  spec.label + (spec.objective == kLogistic ? "_probability" : "_prediction"));
}

Result<std::vector<FeatureColumn>> columns_of(const std::vector<Feature>& features, const table::Table& rows) {
  std::vector<FeatureColumn> out;
  for (const auto& feature : features) {
    FETTLE_TRY(auto one, model::Signature::create({feature.input}, "unused"));
    FETTLE_TRY(auto values, feature_matrix(one, rows));
    const auto bad = std::ranges::find_if(values, [](float value) { return std::isinf(value); });
    if (bad != values.end())
      return wrong(text::format("feature '{}' is infinite in row {}; drop or mend such rows before training",
                                feature.input.name, bad - values.begin()));
    out.push_back({feature.input.name, feature.xgboost_type, std::move(values)});
  }
  return out;
}

std::map<std::string, std::string> parameters_of(const XgboostSpec& spec) {
  std::map<std::string, std::string> out{{"objective", spec.objective},
                                         {"max_depth", std::to_string(spec.depth)},
                                         {"eta", text::number(spec.learning_rate)},
                                         {"seed", std::to_string(spec.seed)},
                                         {"nthread", std::to_string(spec.threads)},
                                         {"tree_method", "hist"},
                                         {"verbosity", "1"}};
  for (const auto& [name, value] : spec.extra) out.insert_or_assign(name, value);
  return out;
}

Result<std::int64_t> bins_of(const XgboostSpec& spec) {
  const auto found = spec.extra.find("max_bin");
  if (found == spec.extra.end()) return kMaxBins;
  const auto bins = text::parse_int(found->second);
  if (!bins || *bins < 2)
    return wrong(text::format("extra.max_bin is '{}'; it must be a whole number from 2", found->second));
  return *bins;
}

Result<void> fit(const XgboostSpec& spec, Booster& booster, const std::function<void(const Progress&)>& progress) {
  Progress told{.rounds = spec.rounds};
  const int every = std::max(1, spec.rounds / kReports);
  for (int round = 0; round < spec.rounds; ++round) {
    FETTLE_TRY_(booster.update(round));
    if (!progress) continue;
    told.round = round + 1;
    if (told.round % every == 0 || told.round == spec.rounds) {
      FETTLE_TRY(told.train_metric, booster.train_metric(round));
    }
    progress(told);
  }
  return {};
}

std::vector<std::string> mlflow_types(const std::vector<Feature>& features) {
  std::vector<std::string> out;
  for (const auto& feature : features) out.push_back(feature.mlflow_type);
  return out;
}

Result<void> write_files(const std::string& folder, const std::vector<NamedFile>& files) {
  FETTLE_TRY_(os::make_folders(folder + "/code"));
  for (const auto& file : files) FETTLE_TRY_(os::write_file(folder + "/" + file.path, file.bytes));
  return {};
}

// All files under another name first, so that the folder is there whole or not at all.
Result<void> publish(const std::string& folder, const std::vector<NamedFile>& files) {
  const auto incoming = folder + ".incoming";
  FETTLE_TRY_(os::remove_all(incoming));
  if (auto written = write_files(incoming, files); !written) {
    std::ignore = os::remove_all(incoming);
    return written;
  }
  FETTLE_TRY_(os::remove_all(folder));
  return os::rename(incoming, folder);
}

}  // namespace

Result<void> train_xgboost(const XgboostSpec& spec, const table::Table& rows, const std::string& folder,
                           const std::function<void(const Progress&)>& progress) {
  FETTLE_TRY_(check_numbers(spec));
  FETTLE_TRY_(check_features(spec));
  FETTLE_TRY_(check_extra(spec));
  FETTLE_TRY(const auto bins, bins_of(spec));
  FETTLE_TRY(const auto labels, labels_of(spec, rows));
  FETTLE_TRY(const auto features, features_of(spec, rows));
  FETTLE_TRY(const auto signature, signature_of(spec, features));
  FETTLE_TRY(const auto columns, columns_of(features, rows));
  FETTLE_TRY(const auto data, TrainingData::create(columns, labels, spec.threads, bins));
  FETTLE_TRY(auto booster, Booster::create(data, parameters_of(spec)));
  FETTLE_TRY_(fit(spec, booster, progress));
  FETTLE_TRY_(booster.name_features(columns));
  FETTLE_TRY(const auto bytes, booster.ubjson());
  auto files = mlflow_files(signature, mlflow_types(features), bytes, xgboost_version());
  files.push_back({"model.ubj", bytes});
  files.push_back({"signature.json", json::dump_pretty(signature.to_json())});
  return publish(folder, files);
}

}  // namespace fettle::train
