#include "train/mlmodel.h"

#include "base/digest.h"
#include "base/text.h"
#include "json/value.h"

namespace fettle::train {
namespace {

constexpr std::string_view kPython = "3.13";

constexpr std::string_view kLoader =
    R"py("""Scores a model that Fettle trained: texts become category codes, as signature.json lists them."""
import json
import pathlib

import numpy
import pandas
import xgboost


class Model:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.inputs = json.loads((folder / "signature.json").read_text(encoding="utf-8"))["inputs"]
        self.booster = xgboost.Booster(model_file=str(folder / "model.ubj"))

    def predict(self, data, params=None):
        data = pandas.DataFrame(data)
        columns = [self._numbers(data[column["name"]], column) for column in self.inputs]
        matrix = xgboost.DMatrix(numpy.column_stack(columns), missing=numpy.nan, enable_categorical=True,
                                 feature_names=self.booster.feature_names, feature_types=self.booster.feature_types)
        return self.booster.predict(matrix)

    @staticmethod
    def _numbers(values, column):
        if column["kind"] != "category":
            return values.astype("float32").to_numpy()
        codes = {text: code for code, text in enumerate(column["categories"])}
        return values.map(codes).astype("float32").to_numpy()  # a text that is no category is missing


def _load_pyfunc(folder):
    return Model(folder)
)py";

// YAML in single quotes.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

json::Value column_spec(const std::string& type, const std::string& name) {
  json::Value column;
  column.set("type", type).set("name", name).set("required", true);
  return column;
}

std::string mlmodel(const model::Signature& signature, const std::vector<std::string>& types, const Digest& digest,
                    const std::string& version) {
  json::Value inputs = json::Value::array(), outputs = json::Value::array();
  for (std::size_t i = 0; i < types.size(); ++i) inputs.push(column_spec(types[i], signature.inputs()[i].name));
  outputs.push(column_spec("float", signature.output()));
  return text::format(
      "flavors:\n"
      "  python_function:\n"
      "    code: code\n"
      "    env:\n"
      "      conda: conda.yaml\n"
      "      virtualenv: python_env.yaml\n"
      "    loader_module: fettle_model\n"
      "    python_version: {}.0\n"
      "  xgboost:\n"
      "    code: null\n"
      "    data: model.ubj\n"
      "    model_class: xgboost.core.Booster\n"
      "    model_format: ubj\n"
      "    xgb_version: {}\n"
      "model_uuid: {}\n"
      "signature:\n"
      "  inputs: {}\n"
      "  outputs: {}\n"
      "  params: null\n",
      kPython, version, quoted(digest.hex().substr(0, 32)), quoted(json::dump(inputs)), quoted(json::dump(outputs)));
}

std::string requirements(const std::string& version) {
  return text::format("mlflow\nnumpy\npandas\nxgboost>={}\n", version);
}

std::string conda(const std::string& version) {
  return text::format(
      "channels:\n- conda-forge\ndependencies:\n- python={}\n- pip\n- pip:\n  - mlflow\n  - numpy\n  - pandas\n"
      "  - xgboost>={}\nname: mlflow-env\n",
      kPython, version);
}

std::string python_env() {
  return text::format(
      "python: '{}'\nbuild_dependencies:\n- pip\n- setuptools\n- wheel\ndependencies:\n- -r requirements.txt\n",
      kPython);
}

}  // namespace

std::vector<NamedFile> mlflow_files(const model::Signature& signature, const std::vector<std::string>& types,
                                    const std::string& model_bytes, const std::string& xgboost_version) {
  return {{"MLmodel", mlmodel(signature, types, Digest::of(model_bytes), xgboost_version)},
          {"requirements.txt", requirements(xgboost_version)},
          {"conda.yaml", conda(xgboost_version)},
          {"python_env.yaml", python_env()},
          {"code/fettle_model.py", std::string(kLoader)}};
}

}  // namespace fettle::train
