// Tensor element types of the Open Inference Protocol, and raw little-endian tensors. Pure; private to the module.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "serving/batch.h"

namespace fettle::serving {

[[nodiscard]] std::optional<Datatype> parse_datatype(std::string_view name) noexcept;
[[nodiscard]] std::string_view name(Datatype datatype) noexcept;

// Puts the elements of a raw tensor (BYTES: u32 length and bytes each) into their place. InvalidArgument unless `bytes`
// hold exactly the place's elements. Texts borrow from `bytes`.
[[nodiscard]] Result<void> put_raw(Batch& batch, const Place& place, std::string_view bytes);

void append_raw(std::string& out, float value);
void append_raw(std::string& out, std::string_view text);

}  // namespace fettle::serving
