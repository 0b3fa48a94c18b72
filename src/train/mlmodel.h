// What the mlflow client needs beside model.ubj and signature.json to load a model folder.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/signature.h"

namespace fettle::train {

struct NamedFile {
  std::string path;  // relative to the model's folder
  std::string bytes;
};

// MLmodel (flavours python_function and xgboost), requirements.txt, conda.yaml, python_env.yaml and the loader module
// of the python_function flavour, which maps texts to category codes. `types`: MLflow's type of each input ("long",
// "double", "boolean", "string"). No clock: equal models are equal bytes; model_uuid comes from the model's digest.
[[nodiscard]] std::vector<NamedFile> mlflow_files(const model::Signature& signature,
                                                  const std::vector<std::string>& types, const std::string& model_bytes,
                                                  const std::string& xgboost_version);

}  // namespace fettle::train
