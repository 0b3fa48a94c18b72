#include "model/predictor.h"

#include <algorithm>
#include <mutex>

#include "base/text.h"
#include "json/value.h"
#include "model/tree/catboost.h"
#include "model/tree/kernel.h"
#include "model/tree/lightgbm.h"
#include "model/tree/shap.h"
#include "model/tree/ubjson.h"
#include "model/tree/xgboost.h"
#include "os/file.h"

namespace fettle::model {
namespace {

class TreeExplainer final : public Explainer {
 public:
  explicit TreeExplainer(tree::TreeShap shap) noexcept : shap_(std::move(shap)) {}
  void explain(std::span<const float> rows, std::span<float> out) const override { shap_.explain(rows, out); }

 private:
  tree::TreeShap shap_;
};

class TreePredictor final : public Predictor {
 public:
  explicit TreePredictor(tree::Forest forest) : forest_(std::move(forest)), kernel_(tree::choose_kernel(forest_)) {}
  [[nodiscard]] std::size_t features() const noexcept override { return forest_.features; }
  [[nodiscard]] std::size_t outputs() const noexcept override { return forest_.base.size(); }
  void predict(std::span<const float> rows, std::span<float> out) const noexcept override {
    const std::size_t groups = outputs();
    const std::size_t n = out.size() / groups;
    for (std::size_t r = 0; r < n; ++r)
      std::ranges::copy(forest_.base, out.begin() + static_cast<std::ptrdiff_t>(r * groups));
    kernel_->add(rows.data(), n, out.data());
    for (std::size_t r = 0; r < n; ++r) tree::apply_link(forest_.link, out.subspan(r * groups, groups));
  }
  [[nodiscard]] Result<std::shared_ptr<const Explainer>> explainer() const override {
    const std::lock_guard lock(mutex_);
    if (!explainer_) {
      FETTLE_TRY(auto shap, tree::TreeShap::of(forest_));
      explainer_ = std::make_shared<const TreeExplainer>(std::move(shap));
    }
    return explainer_;
  }

 private:
  tree::Forest forest_;
  std::unique_ptr<const tree::Kernel> kernel_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Explainer> explainer_;  // borrows the forest
};

Result<tree::Forest> read_forest(std::string_view bytes) {
  if (tree::is_lightgbm(bytes)) return tree::forest_from_lightgbm(bytes);
  // JSON text has a quote, a space or a closing brace after its first brace; UBJSON has a length marker.
  const bool is_json =
      bytes.size() > 1 && bytes[0] == '{' && std::string_view("\" \n\r\t}").find(bytes[1]) != std::string_view::npos;
  const auto document = is_json ? json::parse(bytes, "model") : tree::parse_ubjson(bytes);
  if (!document) return fail(Code::DataLoss, document.error().message);
  return tree::is_catboost(*document) ? tree::forest_from_catboost(*document) : tree::forest_from_xgboost(*document);
}

Result<std::string> model_file(const std::string& folder) {
  for (const auto* name : {"/model.ubj", "/model.json", "/model.txt"})
    if (os::exists(folder + name)) return folder + name;
  return fail(Code::NotFound, text::format("'{}' holds no model.ubj, model.json or model.txt", folder));
}

}  // namespace

Result<std::shared_ptr<const Explainer>> Predictor::explainer() const {
  return fail(Code::Unimplemented, "there are no explanations of this kind of model");
}

Result<std::unique_ptr<const Predictor>> load_model(std::string_view bytes) {
  FETTLE_TRY(auto forest, read_forest(bytes));
  return std::make_unique<const TreePredictor>(std::move(forest));
}

Result<LoadedModel> load_folder(const std::string& folder) {
  FETTLE_TRY(const auto text, os::read_file(folder + "/signature.json"));
  FETTLE_TRY(const auto document, json::parse(text, folder + "/signature.json"));
  auto read = Signature::from_json(document);
  if (!read) return fail(read.error().within(folder + "/signature.json"));
  auto& signature = *read;
  FETTLE_TRY(const auto path, model_file(folder));
  FETTLE_TRY(const auto bytes, os::read_file(path));
  auto predictor = load_model(bytes);
  if (!predictor) return fail(predictor.error().within(path));
  if ((*predictor)->features() != signature.inputs().size())
    return fail(Code::InvalidArgument, text::format("'{}': the model takes {} features, its signature names {}", folder,
                                                    (*predictor)->features(), signature.inputs().size()));
  return LoadedModel{std::move(signature), *std::move(predictor)};
}

}  // namespace fettle::model
