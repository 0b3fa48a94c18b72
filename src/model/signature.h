// What a model takes and gives: named input columns (with their categories) and output names. Saved as signature.json.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "json/value.h"

namespace fettle::model {

enum class ColumnKind : std::uint8_t { Float, Int, Category };

struct InputColumn {
  std::string name;
  ColumnKind kind = ColumnKind::Float;
  std::vector<std::string> categories;  // Category: code = position; an unknown text scores as missing (NaN)
};

class Signature {
 public:
  Signature() = default;
  [[nodiscard]] static Result<Signature> create(std::vector<InputColumn> inputs, std::string output);
  [[nodiscard]] static Result<Signature> from_json(const json::Value& value);
  [[nodiscard]] json::Value to_json() const;
  [[nodiscard]] const std::vector<InputColumn>& inputs() const noexcept { return inputs_; }
  [[nodiscard]] const std::string& output() const noexcept { return output_; }  // e.g. "late_probability"
  [[nodiscard]] int index_of(std::string_view input) const noexcept;            // -1 if unknown
  // Code of a category text as the float that the model sees; NaN if unknown.
  [[nodiscard]] float code(std::size_t input, std::string_view text) const noexcept;

 private:
  std::vector<InputColumn> inputs_;
  std::string output_;
  struct TextHash {  // looks views up without making texts of them
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::vector<std::unordered_map<std::string, float, TextHash, std::equal_to<>>> codes_;
};

}  // namespace fettle::model
