#include "serving/tensor.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/text.h"

namespace fettle::serving {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are little-endian; add byte swaps for this machine");

constexpr std::array<std::string_view, 14> kNames{"BOOL",   "INT8",   "INT16", "INT32", "INT64", "UINT8", "UINT16",
                                                  "UINT32", "UINT64", "FP16",  "BF16",  "FP32",  "FP64",  "BYTES"};

template <typename T>
T load(const char* bytes) noexcept {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// IEEE 754 binary16 (C++23's <stdfloat> is not there in every compiler that the fuzzers use).
struct Half {
  std::uint16_t bits = 0;
  explicit operator double() const noexcept {
    const int exponent = bits >> 10 & 0x1F;
    const int fraction = bits & 0x3FF;
    double out = std::ldexp(fraction | (exponent == 0 ? 0 : 0x400), (exponent == 0 ? 1 : exponent) - 25);
    if (exponent == 0x1F)
      out = fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
    return (bits & 0x8000) != 0 ? -out : out;
  }
};

struct BrainHalf {  // the upper half of an IEEE 754 binary32
  std::uint16_t bits = 0;
  explicit operator double() const noexcept { return std::bit_cast<float>(std::uint32_t{bits} << 16U); }
};

std::unexpected<Error> wrong_size(const Place& place, std::size_t got) {
  return fail(Code::InvalidArgument, text::format("input '{}' holds {} bytes, which do not make {} elements of {}",
                                                  place.name, got, place.count, name(place.datatype)));
}

template <typename T>
Result<void> put_numbers(Batch& batch, const Place& place, std::string_view bytes) {
  if (bytes.size() / sizeof(T) != place.count || bytes.size() % sizeof(T) != 0) return wrong_size(place, bytes.size());
  for (std::size_t i = 0; i < place.count; ++i)
    if (!batch.put(place, i, static_cast<double>(load<T>(bytes.data() + i * sizeof(T)))))
      return fail(batch.bad_code(place, i));
  return {};
}

Result<void> put_times(Batch& batch, const Place& place, std::string_view bytes) {
  if (bytes.size() / sizeof(std::int64_t) != place.count || bytes.size() % sizeof(std::int64_t) != 0)
    return wrong_size(place, bytes.size());
  std::memcpy(batch.times.data(), bytes.data(), bytes.size());
  return {};
}

Result<void> put_texts(Batch& batch, const Place& place, std::string_view bytes) {
  const auto size = bytes.size();
  for (std::size_t i = 0; i < place.count; ++i) {
    if (bytes.size() < sizeof(std::uint32_t)) return wrong_size(place, size);
    const std::size_t length = load<std::uint32_t>(bytes.data());
    bytes.remove_prefix(sizeof(std::uint32_t));
    if (length > bytes.size()) return wrong_size(place, size);
    const auto text = bytes.substr(0, length);
    if (!text::is_utf8(text))
      return fail(Code::InvalidArgument, text::format("input '{}', row {}: the text is not UTF-8", place.name, i));
    batch.put(place, i, text);
    bytes.remove_prefix(length);
  }
  if (!bytes.empty()) return wrong_size(place, size);
  return {};
}

}  // namespace

std::optional<Datatype> parse_datatype(std::string_view text) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == text) return static_cast<Datatype>(i);
  return std::nullopt;
}

std::string_view name(Datatype datatype) noexcept { return kNames[static_cast<std::size_t>(datatype)]; }

Result<void> put_raw(Batch& batch, const Place& place, std::string_view bytes) {
  if (place.kind == Place::Kind::Times) return put_times(batch, place, bytes);
  switch (place.datatype) {
    case Datatype::Bool:
    case Datatype::Uint8:
      return put_numbers<std::uint8_t>(batch, place, bytes);
    case Datatype::Int8:
      return put_numbers<std::int8_t>(batch, place, bytes);
    case Datatype::Int16:
      return put_numbers<std::int16_t>(batch, place, bytes);
    case Datatype::Int32:
      return put_numbers<std::int32_t>(batch, place, bytes);
    case Datatype::Int64:
      return put_numbers<std::int64_t>(batch, place, bytes);
    case Datatype::Uint16:
      return put_numbers<std::uint16_t>(batch, place, bytes);
    case Datatype::Uint32:
      return put_numbers<std::uint32_t>(batch, place, bytes);
    case Datatype::Uint64:
      return put_numbers<std::uint64_t>(batch, place, bytes);
    case Datatype::Fp16:
      return put_numbers<Half>(batch, place, bytes);
    case Datatype::Bf16:
      return put_numbers<BrainHalf>(batch, place, bytes);
    case Datatype::Fp32:
      return put_numbers<float>(batch, place, bytes);
    case Datatype::Fp64:
      return put_numbers<double>(batch, place, bytes);
    case Datatype::Bytes:
      return put_texts(batch, place, bytes);
  }
  return {};
}

void append_raw(std::string& out, float value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); }

void append_raw(std::string& out, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out += text;
}

}  // namespace fettle::serving
