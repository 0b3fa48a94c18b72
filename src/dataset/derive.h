// Derived columns of the prepare step. Pure.
#pragma once

#include <string>
#include <vector>

#include "dataset/prepare.h"
#include "table/table.h"

namespace fettle::dataset {

// The columns that a derivation reads; InvalidArgument unless exactly one way is given.
[[nodiscard]] Result<std::vector<std::string>> derived_from(const std::string& name, const Derivation& derivation);
[[nodiscard]] Result<table::Column> derive(const std::string& name, const Derivation& derivation,
                                           const table::Table& rows);

}  // namespace fettle::dataset
