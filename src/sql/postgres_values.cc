#include "sql/postgres_values.h"

#include <bit>
#include <cmath>

#include "base/text.h"

namespace fettle::sql {
namespace {

enum Type : Oid {  // from pg_type.dat, where they never change
  kBool = 16,
  kBytea = 17,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kFloat4 = 700,
  kFloat8 = 701,
  kNumeric = 1700
};

std::uint64_t read_big_endian(std::string_view bytes) {
  std::uint64_t out = 0;
  for (const char c : bytes) out = out << 8U | static_cast<unsigned char>(c);
  return out;
}
std::array<char, 8> big_endian(std::uint64_t value) { return std::bit_cast<std::array<char, 8>>(std::byteswap(value)); }

std::int64_t read_integer(std::string_view bytes) {
  const auto value = read_big_endian(bytes);
  if (bytes.size() == 2) return static_cast<std::int16_t>(value);
  if (bytes.size() == 4) return static_cast<std::int32_t>(value);
  return static_cast<std::int64_t>(value);
}

// digits, weight, sign, scale, then digits of base 10000; sums of integers come so.
double read_numeric(std::string_view bytes) {
  const auto field = [bytes](std::size_t i) { return read_integer(bytes.substr(i * 2, 2)); };
  if (bytes.size() < 8) return 0;
  double out = 0;
  for (std::int64_t digit = 0; digit < field(0); ++digit)
    out += static_cast<double>(field(4 + static_cast<std::size_t>(digit))) *
           std::pow(10'000.0, static_cast<double>(field(1) - digit));
  return (field(2) & 0x4000) != 0 ? -out : out;
}

}  // namespace

Oid type_of(const Parameter& parameter) noexcept {
  static constexpr std::array<Oid, std::variant_size_v<Parameter>> kTypes{0, kInt8, kFloat8, kText, kBytea};
  return kTypes[parameter.index()];
}

BinaryParameters::BinaryParameters(std::span<const Parameter> parameters)
    : numbers_(parameters.size()), formats_(parameters.size(), 1) {
  values_.reserve(parameters.size());
  lengths_.reserve(parameters.size());
  for (const auto& parameter : parameters) {
    std::string_view bytes;
    auto& number = numbers_[values_.size()];
    if (const auto* whole = std::get_if<std::int64_t>(&parameter)) {
      number = big_endian(static_cast<std::uint64_t>(*whole));
      bytes = {number.data(), number.size()};
    } else if (const auto* real = std::get_if<double>(&parameter)) {
      number = big_endian(std::bit_cast<std::uint64_t>(*real));
      bytes = {number.data(), number.size()};
    } else if (const auto* words = std::get_if<std::string_view>(&parameter)) {
      bytes = *words;
    } else if (const auto* blob = std::get_if<Blob>(&parameter)) {
      bytes = blob->bytes;
    }
    const bool is_null = std::holds_alternative<std::nullptr_t>(parameter);
    values_.push_back(is_null ? nullptr : bytes.data() == nullptr ? "" : bytes.data());
    lengths_.push_back(static_cast<int>(bytes.size()));
  }
}

BinaryRow& BinaryRow::at(int row) noexcept {
  row_ = row;
  written_.clear();
  return *this;
}

bool BinaryRow::is_null(int column) const { return PQgetisnull(rows_, row_, column) != 0; }

std::string_view BinaryRow::bytes(int column) const {
  return {PQgetvalue(rows_, row_, column), static_cast<std::size_t>(PQgetlength(rows_, row_, column))};
}

std::int64_t BinaryRow::integer(int column) const {
  if (is_null(column)) return 0;
  switch (PQftype(rows_, column)) {
    case kBool:
    case kInt2:
    case kInt4:
    case kInt8:
      return read_integer(bytes(column));
    case kFloat4:
    case kFloat8:
    case kNumeric:
      return static_cast<std::int64_t>(real(column));
    default:
      return text::parse_int(bytes(column)).value_or(0);
  }
}

double BinaryRow::real(int column) const {
  if (is_null(column)) return 0;
  switch (PQftype(rows_, column)) {
    case kFloat8:
      return std::bit_cast<double>(read_big_endian(bytes(column)));
    case kFloat4:
      return std::bit_cast<float>(static_cast<std::uint32_t>(read_big_endian(bytes(column))));
    case kNumeric:
      return read_numeric(bytes(column));
    case kBool:
    case kInt2:
    case kInt4:
    case kInt8:
      return static_cast<double>(integer(column));
    default:
      return text::parse_double(bytes(column)).value_or(0);
  }
}

std::string_view BinaryRow::text(int column) const {
  const auto type = PQftype(rows_, column);
  const bool is_whole = type == kBool || type == kInt2 || type == kInt4 || type == kInt8;
  if (is_null(column) || (!is_whole && type != kFloat4 && type != kFloat8 && type != kNumeric)) return bytes(column);
  if (written_.empty()) written_.resize(static_cast<std::size_t>(PQnfields(rows_)));
  auto& out = written_[static_cast<std::size_t>(column)];
  out = is_whole ? std::to_string(integer(column)) : text::number(real(column));
  return out;
}

}  // namespace fettle::sql
