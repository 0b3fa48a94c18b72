#include "model/signature.h"

#include <limits>
#include <set>

#include "base/text.h"
#include "json/describe.h"

namespace fettle::model {
namespace {

struct Document {  // signature.json
  std::vector<InputColumn> inputs;
  std::string output;
};

}  // namespace

BOOST_DESCRIBE_ENUM(ColumnKind, Float, Int, Category)
BOOST_DESCRIBE_STRUCT(InputColumn, (), (name, kind, categories))
namespace {
BOOST_DESCRIBE_STRUCT(Document, (), (inputs, output))
}  // namespace

Result<Signature> Signature::create(std::vector<InputColumn> inputs, std::string output) {
  std::set<std::string> names;
  Signature signature;
  for (const auto& input : inputs) {
    if (!names.insert(input.name).second)
      return fail(Code::InvalidArgument, text::format("a signature names input '{}' twice", input.name));
    auto& codes = signature.codes_.emplace_back();
    for (std::size_t code = 0; code < input.categories.size(); ++code)
      if (!codes.emplace(input.categories[code], static_cast<float>(code)).second)
        return fail(Code::InvalidArgument,
                    text::format("input '{}' names category '{}' twice", input.name, input.categories[code]));
  }
  if (inputs.empty() || output.empty()) return fail(Code::InvalidArgument, "a signature needs inputs and an output");
  signature.inputs_ = std::move(inputs);
  signature.output_ = std::move(output);
  return signature;
}

Result<Signature> Signature::from_json(const json::Value& value) {
  FETTLE_TRY(auto document, json::from_value<Document>(value, "signature: "));
  return create(std::move(document.inputs), std::move(document.output));
}

json::Value Signature::to_json() const { return json::to_value(Document{inputs_, output_}); }

int Signature::index_of(std::string_view input) const noexcept {
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    if (inputs_[i].name == input) return static_cast<int>(i);
  return -1;
}

float Signature::code(std::size_t input, std::string_view text) const noexcept {
  const auto found = codes_[input].find(text);
  return found == codes_[input].end() ? std::numeric_limits<float>::quiet_NaN() : found->second;
}

}  // namespace fettle::model
