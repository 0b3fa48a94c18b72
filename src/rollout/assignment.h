// Sticky assignment of units to variants: hash(unit, salt) -> one of 65,536 slots -> variant.
//
// Invariants: (1) the same unit, salt and table give the same variant in every process and language (frozen vectors);
// (2) a change of weights moves the least possible number of slots (half the L1 distance of the weights).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace fettle::rollout {

struct Weight {
  std::string variant;
  std::uint32_t slots = 0;  // of 65,536
};

class SlotTable {
 public:
  static constexpr std::uint32_t kSlots = 65'536;
  SlotTable() = default;  // no variants: assign() gives -1
  // Percentages that sum to 100 (within 1e-6); slots by largest remainder. `previous` keeps its slots where it can.
  [[nodiscard]] static Result<SlotTable> create(const std::vector<std::pair<std::string, double>>& percentages,
                                                std::string salt, const SlotTable* previous = nullptr);
  [[nodiscard]] int assign(std::string_view unit) const noexcept;  // index into variants(); lock- and allocation-free
  [[nodiscard]] const std::vector<std::string>& variants() const noexcept { return variants_; }
  [[nodiscard]] const std::string& salt() const noexcept { return salt_; }
  [[nodiscard]] std::vector<Weight> weights() const;
  // Text form for storage, run-length coded; parse() accepts only what encode() writes.
  [[nodiscard]] std::string encode() const;
  [[nodiscard]] static Result<SlotTable> parse(std::string_view text);

 private:
  std::vector<std::string> variants_;
  std::vector<std::uint8_t> slots_;
  std::string salt_;
};

}  // namespace fettle::rollout
