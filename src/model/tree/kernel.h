// Fast evaluation of a forest: kernels behind one interface, chosen when a model is loaded.
//
// Every kernel gives bit for bit what reference_predict gives: it adds the same leaves in the same order.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "model/tree/forest.h"

namespace fettle::model::tree {

class Kernel {
 public:
  virtual ~Kernel() = default;
  // Adds the trees to margins: `rows` is row-major [n, features], `margins` is [n, groups], already set to the base.
  virtual void add(const float* rows, std::size_t n, float* margins) const noexcept = 0;
};

// The fastest kernel for this forest on this processor, found by trying what there is for about a millisecond.
// `forest` must outlive it.
[[nodiscard]] std::unique_ptr<const Kernel> choose_kernel(const Forest& forest);

struct NamedKernel {
  std::string_view name;  // "walk", "complete", "sliced blocks", "grown rows", ...
  std::unique_ptr<const Kernel> kernel;
};
// Every kernel that can evaluate this forest on this processor; the last one always can.
[[nodiscard]] std::vector<NamedKernel> all_kernels(const Forest& forest);

}  // namespace fettle::model::tree
