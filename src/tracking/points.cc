#include "tracking/points.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <iterator>
#include <limits>

namespace fettle::tracking {
namespace {

static_assert(std::endian::native == std::endian::little);  // numbers are copied as they lie in memory

constexpr std::uint8_t kVersion = 1;
constexpr std::uint64_t kSign = std::uint64_t{1} << 63U;
constexpr std::int64_t kNan = std::bit_cast<std::int64_t>(std::numeric_limits<double>::quiet_NaN());
constexpr std::size_t kWord = sizeof(std::uint64_t);

std::uint64_t bits_of(std::int64_t number) { return static_cast<std::uint64_t>(number); }
std::int64_t number_of(std::uint64_t bits) { return static_cast<std::int64_t>(bits); }

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>(value | 0x80U);
  out += static_cast<char>(value);
}
void put_number(std::string& out, std::int64_t value) {  // zigzag
  put_varint(out, (bits_of(value) << 1U) ^ bits_of(value >> 63));
}

void pack(std::string& out, std::span<const std::uint64_t> numbers, unsigned shift, unsigned width) {
  const auto put = [&](std::uint64_t word, std::size_t bytes) {
    out.append(reinterpret_cast<const char*>(&word), bytes);
  };
  std::uint64_t word = 0;
  unsigned filled = 0;
  for (auto number : numbers) {
    number >>= shift;
    word |= number << filled;
    filled += width;
    if (filled < 64) continue;
    put(word, kWord);
    filled -= 64;
    word = filled == 0 ? 0 : number >> (width - filled);
  }
  put(word, (filled + 7) / 8);
}

// `numbers` are replaced by what is left of them less the least.
void put_column(std::string& out, std::vector<std::uint64_t>& numbers) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (const auto number : numbers) least = std::min(least, number_of(number));
  std::uint64_t all = 0;
  for (auto& number : numbers) all |= number -= bits_of(least);
  const unsigned shift = all == 0 ? 0 : static_cast<unsigned>(std::countr_zero(all));
  const auto width = static_cast<unsigned>(std::bit_width(all >> shift));
  put_number(out, numbers.empty() ? 0 : least);
  out += static_cast<char>(shift);
  out += static_cast<char>(width);
  if (width > 0) pack(out, numbers, shift, width);
}

void put_differences(std::string& out, std::span<const Point> points, std::int64_t Point::* member,
                     std::vector<std::uint64_t>& scratch) {
  put_number(out, points[0].*member);
  scratch.clear();
  for (std::size_t i = 1; i < points.size(); ++i)
    scratch.push_back(bits_of(points[i].*member) - bits_of(points[i - 1].*member));
  put_column(out, scratch);
}

class Reader {  // Over one block's bytes; after a false answer nothing more may be read.
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  [[nodiscard]] bool at_end() const { return at_ == end_; }
  [[nodiscard]] bool byte(unsigned& out) {
    if (at_ == end_) return false;
    out = static_cast<unsigned char>(*at_++);
    return true;
  }
  [[nodiscard]] bool varint(std::uint64_t& out) {
    out = 0;
    for (unsigned shift = 0, part = 0x80; part >= 0x80; shift += 7) {
      if (shift > 63 || !byte(part)) return false;
      out |= std::uint64_t{part & 0x7fU} << shift;
    }
    return true;
  }
  [[nodiscard]] bool number(std::uint64_t& out) {
    if (!varint(out)) return false;
    out = (out >> 1U) ^ (0 - (out & 1U));
    return true;
  }
  // Calls put(i, number) for each number of a column.
  template <typename Put>
  [[nodiscard]] bool column(std::size_t count, const Put& put) {
    std::uint64_t least = 0;
    unsigned shift = 0;
    unsigned width = 0;
    if (!number(least) || !byte(shift) || !byte(width) || shift > 63 || width + shift > 64) return false;
    const auto size = (count * width + 7) / 8;
    if (static_cast<std::size_t>(end_ - at_) < size) return false;
    const std::uint64_t mask = width == 0 ? 0 : ~std::uint64_t{0} >> (64 - width);
    for (std::size_t i = 0, bit = 0; i < count; ++i, bit += width) put(i, least + ((load(bit) & mask) << shift));
    at_ += size;
    return true;
  }
  template <typename Put>
  [[nodiscard]] bool differences(std::size_t count, const Put& put) {
    std::uint64_t sum = 0;
    if (!number(sum)) return false;
    put(0, number_of(sum));
    return column(count - 1, [&](std::size_t i, std::uint64_t difference) {
      sum += difference;
      put(i + 1, number_of(sum));
    });
  }

 private:
  // The 64 bits that begin at `bit`; beyond the end there are zeros.
  [[nodiscard]] std::uint64_t load(std::size_t bit) const {
    const char* const from = at_ + bit / 8;
    const auto offset = static_cast<unsigned>(bit % 8);
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    if (end_ - from > static_cast<std::ptrdiff_t>(kWord)) {
      std::memcpy(&low, from, kWord);
      high = static_cast<unsigned char>(from[kWord]);
    } else {
      std::memcpy(&low, from, static_cast<std::size_t>(std::max<std::ptrdiff_t>(end_ - from, 0)));
    }
    return offset == 0 ? low : low >> offset | high << (64 - offset);
  }

  const char* at_;
  const char* end_;
};

bool read_head(Reader& reader, std::size_t& count) {
  unsigned version = 0;
  std::uint64_t points = 0;
  if (!reader.byte(version) || version != kVersion || !reader.varint(points)) return false;
  count = points;
  return points >= 1 && points <= kMaxPoints;
}

std::unexpected<Error> damaged() {
  return fail(Code::DataLoss, "a block of a metric's points is damaged; restore the database from a backup");
}

}  // namespace

Point Point::of(std::int64_t time_ms, std::int64_t step, double value) noexcept {
  if (std::isnan(value)) return {time_ms, step, kNan};
  constexpr double kMost = std::numeric_limits<double>::max();
  const auto magnitude = std::bit_cast<std::int64_t>(std::min(std::abs(value), kMost));
  return {time_ms, step, std::signbit(value) ? -magnitude : magnitude};
}

double Point::value() const noexcept {
  return std::bit_cast<double>(code < 0 ? kSign | (0 - bits_of(code)) : bits_of(code));
}

std::string encode(std::span<const Point> points) {
  std::string out;
  out.reserve(32 + points.size() * 9);
  out += static_cast<char>(kVersion);
  put_varint(out, points.size());
  std::vector<std::uint64_t> scratch;
  scratch.reserve(points.size());
  put_differences(out, points, &Point::time_ms, scratch);
  put_differences(out, points, &Point::step, scratch);
  scratch.clear();
  for (const auto& point : points) scratch.push_back(bits_of(point.code));
  put_column(out, scratch);
  return out;
}

Result<std::vector<Point>> decode(std::string_view bytes) {
  Reader reader(bytes);
  std::size_t count = 0;
  if (!read_head(reader, count)) return damaged();
  std::vector<Point> out(count);
  const bool whole = reader.differences(count, [&](std::size_t i, std::int64_t time) { out[i].time_ms = time; }) &&
                     reader.differences(count, [&](std::size_t i, std::int64_t step) { out[i].step = step; }) &&
                     reader.column(count, [&](std::size_t i, std::uint64_t code) { out[i].code = number_of(code); }) &&
                     reader.at_end();
  if (!whole || std::ranges::adjacent_find(out, std::greater_equal<>{}) != out.end()) return damaged();
  return out;
}

Result<std::vector<std::int64_t>> decode_steps(std::string_view bytes) {
  Reader reader(bytes);
  std::size_t count = 0;
  if (!read_head(reader, count)) return damaged();
  std::vector<std::int64_t> out(count);
  const bool whole = reader.differences(count, [](std::size_t, std::int64_t) {}) &&
                     reader.differences(count, [&](std::size_t i, std::int64_t step) { out[i] = step; });
  if (!whole) return damaged();
  return out;
}

void put_in_order(std::vector<Point>& points) {
  if (!std::ranges::is_sorted(points)) std::ranges::sort(points);
  const auto twice = std::ranges::unique(points);
  points.erase(twice.begin(), twice.end());
}

std::vector<Point> merged(std::span<const Point> a, std::span<const Point> b) {
  std::vector<Point> out;
  out.reserve(a.size() + b.size());
  std::ranges::set_union(a, b, std::back_inserter(out));
  return out;
}

}  // namespace fettle::tracking
