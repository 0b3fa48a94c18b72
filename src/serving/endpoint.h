// One endpoint as data loops see it: immutable, with everything that a request needs worked out beforehand. Private to
// the module.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "serving/counters.h"
#include "serving/runtime.h"

namespace fettle::serving {

// An input column of any variant. Texts stay texts until a variant is chosen, since each has its own categories.
struct Column {
  std::string name;
  model::ColumnKind kind = model::ColumnKind::Float;
  bool required = false;       // an input of the first variant
  std::size_t text_index = 0;  // among the text columns; for Category only
};

struct Competitor {  // A variant, ready to score.
  Variant variant;
  std::string version;               // "3", or the bundle's first digits when it is not registered
  std::vector<std::size_t> columns;  // Endpoint::columns index of each model input
  std::shared_ptr<VariantCounters> counters;
};

class Endpoint {
 public:
  // REQUIRES: check(spec). `previous`, if any, hands its counters on.
  Endpoint(EndpointSpec spec, const Endpoint* previous);

  std::string name;
  std::vector<Column> columns;
  std::size_t texts = 0;  // text columns
  std::vector<Competitor> competitors;
  rollout::SlotTable slots;
  std::vector<std::size_t> slot_competitors;  // competitor of each of the slot table's variants
  std::size_t outputs = 1;                    // a row
  std::shared_ptr<EndpointCounters> counters;

  [[nodiscard]] const Competitor& first() const noexcept { return competitors.front(); }
  [[nodiscard]] const std::string& output() const noexcept { return first().variant.model->signature.output(); }
  [[nodiscard]] std::size_t assign(std::string_view unit) const noexcept;         // index into competitors
  [[nodiscard]] int column_index(std::string_view column) const noexcept;         // -1 if unknown
  [[nodiscard]] int version_index(std::string_view version_name) const noexcept;  // -1 if not loaded
  [[nodiscard]] std::vector<std::string> column_names() const;

 private:
  void add_columns(const model::Signature& signature, bool required);
};

}  // namespace fettle::serving
