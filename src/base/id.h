// Strong ids: a run id cannot be passed where an experiment id is meant.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace fettle {

template <typename Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string value) : value_(std::move(value)) {}
  [[nodiscard]] const std::string& str() const noexcept { return value_; }
  [[nodiscard]] bool empty() const noexcept { return value_.empty(); }
  auto operator<=>(const Id&) const = default;

 private:
  std::string value_;
};

using ExperimentId = Id<struct ExperimentTag>;
using RunId = Id<struct RunTag>;
using PredictionId = Id<struct PredictionTag>;
using RolloutId = Id<struct RolloutTag>;

}  // namespace fettle

template <typename Tag>
struct std::hash<fettle::Id<Tag>> {
  std::size_t operator()(const fettle::Id<Tag>& id) const noexcept { return std::hash<std::string>{}(id.str()); }
};
