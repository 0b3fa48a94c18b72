#include "serving/endpoint.h"

#include <algorithm>

namespace fettle::serving {
namespace {

std::shared_ptr<VariantCounters> counters_of(const Variant& variant, const Endpoint* previous) {
  if (previous != nullptr)
    for (const auto& old : previous->competitors)
      if (old.variant.name == variant.name && old.variant.bundle == variant.bundle) return old.counters;
  return std::make_shared<VariantCounters>();
}

}  // namespace

Endpoint::Endpoint(EndpointSpec spec, const Endpoint* previous)
    : name(std::move(spec.name)),
      slots(std::move(spec.slots)),
      counters(previous != nullptr ? previous->counters : std::make_shared<EndpointCounters>()) {
  for (auto& variant : spec.variants) {
    const auto& signature = variant.model->signature;
    add_columns(signature, competitors.empty());
    Competitor competitor{
        .version = variant.version > 0 ? std::to_string(variant.version) : variant.bundle.substr(0, 12),
        .counters = counters_of(variant, previous)};
    for (const auto& input : signature.inputs())
      competitor.columns.push_back(static_cast<std::size_t>(column_index(input.name)));
    competitor.variant = std::move(variant);
    competitors.push_back(std::move(competitor));
  }
  outputs = first().variant.model->predictor->outputs();
  for (const auto& variant : slots.variants()) {
    const auto found = std::ranges::find(competitors, variant, [](const auto& c) { return c.variant.name; });
    const auto index = static_cast<std::size_t>(found - competitors.begin());
    slot_competitors.push_back(index < competitors.size() ? index : 0);
  }
}

void Endpoint::add_columns(const model::Signature& signature, bool required) {
  for (const auto& input : signature.inputs()) {
    if (column_index(input.name) >= 0) continue;
    const bool text = input.kind == model::ColumnKind::Category;
    columns.push_back({input.name, input.kind, required, text ? texts++ : 0});
  }
}

std::size_t Endpoint::assign(std::string_view unit) const noexcept {
  const int slot = slots.assign(unit);
  return slot < 0 ? 0 : slot_competitors[static_cast<std::size_t>(slot)];
}

int Endpoint::column_index(std::string_view column) const noexcept {
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i].name == column) return static_cast<int>(i);
  return -1;
}

int Endpoint::version_index(std::string_view version_name) const noexcept {
  for (std::size_t i = 0; i < competitors.size(); ++i)
    if (competitors[i].version == version_name) return static_cast<int>(i);
  return -1;
}

std::vector<std::string> Endpoint::column_names() const {
  std::vector<std::string> out;
  for (const auto& column : columns) out.push_back(column.name);
  return out;
}

}  // namespace fettle::serving
