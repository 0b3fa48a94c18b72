// `fettle predict`: a file of rows in, a file of scores out, on all cores.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "cli.h"
#include "model/predict_all.h"
#include "os/file.h"
#include "table/file.h"
#include "train/matrix.h"

namespace fettle::cli {
namespace {

constexpr std::size_t kChunkRows = 1 << 18;  // between two looks at the progress

struct PredictOptions {
  std::string model, input, output;
  std::vector<std::string> keep;
  bool explain = false;
};

struct Loaded {
  std::unique_ptr<const model::Predictor> predictor;
  std::optional<model::Signature> signature;  // of a model folder
};

Result<Loaded> load(const std::string& path) {
  if (os::exists(path + "/signature.json")) {
    FETTLE_TRY(auto folder, model::load_folder(path));
    return Loaded{std::move(folder.predictor), std::move(folder.signature)};
  }
  FETTLE_TRY(const auto bytes, os::read_file(path));
  auto predictor = model::load_model(bytes);
  if (!predictor) return fail(predictor.error().within(path));
  return Loaded{*std::move(predictor), std::nullopt};
}

// A model file without a signature takes the columns as they stand.
Result<std::vector<float>> rows_of(const Loaded& model, const table::Table& table, const PredictOptions& options) {
  if (model.signature) return train::feature_matrix(*model.signature, table);
  const std::size_t features = model.predictor->features();
  if (table.columns().size() != features)
    return fail(Code::InvalidArgument,
                text::format("'{}' takes {} features by position, '{}' has {} columns; leave out those that are none",
                             options.model, features, options.input, table.columns().size()));
  std::vector<float> out(table.rows() * features);
  for (std::size_t f = 0; f < features; ++f) {
    const auto& column = table.columns()[f];
    if (column.kind == table::Kind::Text)
      return fail(Code::InvalidArgument,
                  text::format("column '{}' of '{}' is text; a model without a signature takes numbers only",
                               column.name, options.input));
    for (std::size_t row = 0; row < table.rows(); ++row)
      out[row * features + f] = static_cast<float>(column.number(row));
  }
  return out;
}

// Calls work(first row, count) for all rows, a chunk at a time.
template <typename Work>
void in_chunks(std::size_t rows, std::string_view what, Output& output, const Work& work) {
  for (std::size_t row = 0; row < rows; row += kChunkRows) {
    const auto n = std::min(kChunkRows, rows - row);
    work(row, n);
    output.progress(what, static_cast<double>(row + n) / static_cast<double>(rows));
  }
  output.progress_done();
}

std::vector<float> score(const model::Predictor& predictor, std::span<const float> rows, std::size_t count,
                         Output& output) {
  const std::size_t features = predictor.features(), outputs = predictor.outputs();
  std::vector<float> out(count * outputs);
  in_chunks(count, "scoring", output, [&](std::size_t row, std::size_t n) {
    model::predict_all(predictor, rows.subspan(row * features, n * features),
                       std::span(out).subspan(row * outputs, n * outputs));
  });
  return out;
}

Result<std::vector<float>> explain(const model::Predictor& predictor, std::span<const float> rows, std::size_t count,
                                   Output& output) {
  const std::size_t features = predictor.features(), width = predictor.outputs() * (features + 1);
  FETTLE_TRY(const auto explainer, predictor.explainer());
  std::vector<float> out(count * width);
  in_chunks(count, "explaining", output, [&](std::size_t row, std::size_t n) {
    model::explain_all(*explainer, features, predictor.outputs(), rows.subspan(row * features, n * features),
                       std::span(out).subspan(row * width, n * width));
  });
  return out;
}

std::string output_name(const Loaded& model, std::size_t number) {
  const auto name = model.signature ? model.signature->output() : "prediction";
  return model.predictor->outputs() == 1 ? name : text::format("{}_{}", name, number);
}

// "shap_distance", "shap_expected"; of several outputs "shap_0_distance".
std::string shap_name(const Loaded& model, const table::Table& table, std::size_t number) {
  const std::size_t features = model.predictor->features(), feature = number % (features + 1);
  const auto name = feature == features ? "expected"
                    : model.signature   ? model.signature->inputs()[feature].name
                                        : table.columns()[feature].name;
  return model.predictor->outputs() == 1 ? text::format("shap_{}", name)
                                         : text::format("shap_{}_{}", number / (features + 1), name);
}

// A column of each `width` values.
template <typename Name>
Result<void> add_columns(table::Table& out, std::span<const float> values, std::size_t width, const Name& name) {
  for (std::size_t column = 0; column < width; ++column) {
    std::vector<double> each(values.size() / width);
    for (std::size_t row = 0; row < each.size(); ++row) each[row] = static_cast<double>(values[row * width + column]);
    FETTLE_TRY_(out.add(table::Column::of_floats(name(column), std::move(each))));
  }
  return {};
}

Result<table::Table> scores_of(const Loaded& model, const table::Table& table, const PredictOptions& options,
                               Output& output) {
  FETTLE_TRY(const auto rows, rows_of(model, table, options));
  const auto scores = score(*model.predictor, rows, table.rows(), output);
  FETTLE_TRY(auto out, table.select(options.keep));
  const std::size_t outputs = model.predictor->outputs();
  FETTLE_TRY_(add_columns(out, scores, outputs, [&](std::size_t o) { return output_name(model, o); }));
  if (!options.explain) return out;
  FETTLE_TRY(const auto shap, explain(*model.predictor, rows, table.rows(), output));
  FETTLE_TRY_(add_columns(out, shap, outputs * (model.predictor->features() + 1),
                          [&](std::size_t number) { return shap_name(model, table, number); }));
  return out;
}

}  // namespace

void add_predict_verb(Program& program) {
  auto options = std::make_shared<PredictOptions>();
  auto verb = program.verb("predict", "Score a file of rows with a model");
  verb.argument("model", options->model, "a model folder, or a model file of XGBoost, LightGBM or CatBoost");
  verb.argument("input", options->input, "rows: .parquet, .csv, .tsv, .jsonl, .arrow");
  verb.argument("output", options->output, "scores, in any of these formats");
  verb.option("--keep", options->keep, "a column of the input to write beside the scores");
  verb.flag("--explain", options->explain, "also write what each feature adds to the margin (SHAP values)");
  verb.examples("fettle predict work/model flights.parquet scores.parquet --keep date --explain");
  verb.action([options](Output& output) -> Result<void> {
    FETTLE_TRY(const auto model, load(options->model));
    FETTLE_TRY(const auto table, table::read(options->input));
    FETTLE_TRY(const auto scores, scores_of(model, table, *options, output));
    FETTLE_TRY_(table::write(options->output, scores));
    output.document(json::Value::object()
                        .set("rows", static_cast<std::uint64_t>(scores.rows()))
                        .set("outputs", static_cast<std::uint64_t>(model.predictor->outputs()))
                        .set("output", options->output));
    output.line(text::format("{} rows scored, in {}", scores.rows(), options->output));
    return {};
  });
}

}  // namespace fettle::cli
