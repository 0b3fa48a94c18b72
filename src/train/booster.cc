#include "train/booster.h"

#include <xgboost/c_api.h>

#include <utility>

#include "base/text.h"
#include "json/value.h"

namespace fettle::train {
namespace {

// XGBoost tells warnings to one function a process; training here is one thread at a time.
std::string& warnings() {
  thread_local std::string text;
  return text;
}

void keep_warning(const char* message) { warnings() += message; }

// "[12:00:00] /path/file.cc:12: Check failed: x: reason\nStack trace:..." -> "Check failed: x: reason"
std::string reason(std::string_view message) {
  message = message.substr(0, message.find("Stack trace"));
  const auto clock = message.find("] ");
  if (message.starts_with('[') && clock != std::string_view::npos) message.remove_prefix(clock + 2);
  const auto place = message.find(": ");
  if (place != std::string_view::npos && message.substr(0, place).contains(".cc:")) message.remove_prefix(place + 2);
  return std::string(text::trim(message));
}

Result<void> checked(int code) {
  if (code == 0) return {};
  return fail(Code::InvalidArgument, text::format("XGBoost: {}", reason(XGBGetLastError())));
}

json::Value array_interface(const float* values, std::size_t size) {
  json::Value place = json::Value::array();
  place.push(static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(values)));
  place.push(true);  // read only
  json::Value shape = json::Value::array();
  shape.push(static_cast<std::int64_t>(size));
  json::Value out;
  out.set("data", std::move(place)).set("shape", std::move(shape)).set("typestr", "<f4").set("version", 3);
  return out;
}

// Hands the columns to XGBoost as one batch, as often as it asks.
struct Batch {
  std::shared_ptr<void> proxy;
  std::string columns, labels;
  std::vector<const char*> names, types;
  bool given = false;
};

int fill(Batch& batch) {
  auto* const proxy = batch.proxy.get();
  const auto features = static_cast<bst_ulong>(batch.names.size());
  if (const int code = XGProxyDMatrixSetDataColumnar(proxy, batch.columns.c_str()); code != 0) return code;
  if (const int code = XGDMatrixSetInfoFromInterface(proxy, "label", batch.labels.c_str()); code != 0) return code;
  if (const int code = XGDMatrixSetStrFeatureInfo(proxy, "feature_name", batch.names.data(), features); code != 0)
    return code;
  return XGDMatrixSetStrFeatureInfo(proxy, "feature_type", batch.types.data(), features);
}

int next_batch(DataIterHandle handle) {
  auto& batch = *static_cast<Batch*>(handle);
  if (std::exchange(batch.given, true)) return 0;
  return fill(batch) == 0 ? 1 : 0;
}

void reset_batch(DataIterHandle handle) { static_cast<Batch*>(handle)->given = false; }

std::shared_ptr<void> owned_matrix(DMatrixHandle handle) {
  return {handle, [](void* matrix) { XGDMatrixFree(matrix); }};
}

Result<Batch> make_batch(const std::vector<FeatureColumn>& columns, const std::vector<float>& labels) {
  DMatrixHandle proxy = nullptr;
  FETTLE_TRY_(checked(XGProxyDMatrixCreate(&proxy)));
  Batch batch{.proxy = owned_matrix(proxy), .labels = json::dump(array_interface(labels.data(), labels.size()))};
  json::Value places = json::Value::array();
  for (const auto& column : columns) {
    places.push(array_interface(column.values.data(), column.values.size()));
    batch.names.push_back(column.name.c_str());
    batch.types.push_back(column.type.c_str());
  }
  batch.columns = json::dump(places);
  return batch;
}

}  // namespace

Result<TrainingData> TrainingData::create(const std::vector<FeatureColumn>& columns, const std::vector<float>& labels,
                                          int threads, std::int64_t bins) {
  XGBRegisterLogCallback(keep_warning);
  FETTLE_TRY(auto batch, make_batch(columns, labels));
  const auto config = text::format(R"({{"missing": NaN, "nthread": {}, "max_bin": {}}})", threads, bins);
  DMatrixHandle handle = nullptr;
  FETTLE_TRY_(checked(XGQuantileDMatrixCreateFromCallback(&batch, batch.proxy.get(), nullptr, reset_batch, next_batch,
                                                          config.c_str(), &handle)));
  return TrainingData(owned_matrix(handle));
}

Result<Booster> Booster::create(const TrainingData& data, const std::map<std::string, std::string>& parameters) {
  XGBRegisterLogCallback(keep_warning);
  warnings().clear();
  DMatrixHandle matrix = data.handle();
  BoosterHandle handle = nullptr;
  FETTLE_TRY_(checked(XGBoosterCreate(&matrix, 1, &handle)));
  Booster booster(std::shared_ptr<void>(handle, [](void* owned) { XGBoosterFree(owned); }), data);
  for (const auto& [name, value] : parameters)
    FETTLE_TRY_(checked(XGBoosterSetParam(handle, name.c_str(), value.c_str())));
  FETTLE_TRY_(checked(XGBoosterSetParam(handle, "validate_parameters", "1")));
  return booster;
}

Result<void> Booster::update(int round) {
  FETTLE_TRY_(checked(XGBoosterUpdateOneIter(handle_.get(), round, data_.handle())));
  if (!warnings().contains("are not used")) return {};
  return fail(Code::InvalidArgument, text::format("XGBoost: {} Mend the names in 'extra'", reason(warnings())));
}

Result<double> Booster::train_metric(int round) {
  DMatrixHandle matrix = data_.handle();
  const char* name = "train";
  const char* line = nullptr;
  FETTLE_TRY_(checked(XGBoosterEvalOneIter(handle_.get(), round, &matrix, &name, 1, &line)));
  const std::string_view answer(line);  // "[3]\ttrain-logloss:0.61234"
  const auto value = text::parse_double(answer.substr(answer.rfind(':') + 1));
  if (!value) return fail(Code::Internal, text::format("XGBoost: no metric in '{}'", answer));
  return *value;
}

Result<void> Booster::name_features(const std::vector<FeatureColumn>& columns) {
  std::vector<const char*> names, types;
  for (const auto& column : columns) {
    names.push_back(column.name.c_str());
    types.push_back(column.type.c_str());
  }
  const auto size = static_cast<bst_ulong>(columns.size());
  FETTLE_TRY_(checked(XGBoosterSetStrFeatureInfo(handle_.get(), "feature_name", names.data(), size)));
  return checked(XGBoosterSetStrFeatureInfo(handle_.get(), "feature_type", types.data(), size));
}

Result<std::string> Booster::ubjson() const {
  bst_ulong size = 0;
  const char* bytes = nullptr;
  FETTLE_TRY_(checked(XGBoosterSaveModelToBuffer(handle_.get(), R"({"format": "ubj"})", &size, &bytes)));
  return std::string(bytes, size);
}

std::string xgboost_version() {
  int major = 0, minor = 0, patch = 0;
  XGBoostVersion(&major, &minor, &patch);
  return text::format("{}.{}.{}", major, minor, patch);
}

}  // namespace fettle::train
