// Between Arrow's tables and ours. Used by the readers and writers of this module only.
#pragma once

#include <arrow/api.h>

#include <memory>
#include <string>

#include "table/table.h"

namespace fettle::table {

// Chunks become one column, times are cut to milliseconds, dictionaries are joined, sorted and rid of unused entries.
// InvalidArgument names a column of a type that is none of ours.
[[nodiscard]] Result<Table> from_arrow(const arrow::Table& source);
// Texts become dictionaries of 32-bit codes, times milliseconds UTC. REQUIRES: memory for a second copy.
[[nodiscard]] Result<std::shared_ptr<arrow::Table>> to_arrow(const Table& source);
// The kind that a column of this type becomes; InvalidArgument for one that is none of ours.
[[nodiscard]] Result<Kind> kind_of(const std::string& column, const arrow::DataType& type);

}  // namespace fettle::table
