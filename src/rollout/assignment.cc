#include "rollout/assignment.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <optional>

#include "base/text.h"

namespace fettle::rollout {
namespace {

// MurmurHash3 x86 32 (Appleby, public domain algorithm), little-endian on every machine. Frozen: a change would
// reassign every unit.
std::uint32_t murmur3(std::string_view bytes, std::uint32_t seed) noexcept {
  const auto mix = [](std::uint32_t k) { return std::rotl(k * 0xcc9e2d51U, 15) * 0x1b873593U; };
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  std::uint32_t hash = seed;
  const std::size_t blocks = bytes.size() / 4 * 4;
  for (std::size_t i = 0; i < blocks; i += 4)
    hash = std::rotl(hash ^ mix(byte(i) | byte(i + 1) << 8U | byte(i + 2) << 16U | byte(i + 3) << 24U), 13) * 5 +
           0xe6546b64U;
  std::uint32_t tail = 0;
  for (std::size_t i = bytes.size(); i > blocks; --i) tail = tail << 8U | byte(i - 1);
  if (blocks != bytes.size()) hash ^= mix(tail);
  hash ^= static_cast<std::uint32_t>(bytes.size());
  hash = (hash ^ hash >> 16U) * 0x85ebca6bU;
  hash = (hash ^ hash >> 13U) * 0xc2b2ae35U;
  return hash ^ hash >> 16U;
}

// Slots of each percentage: rounded down, what is left goes to the largest remainders, earlier ones first.
std::vector<std::uint32_t> targets(const std::vector<std::pair<std::string, double>>& percentages) {
  std::vector<std::uint32_t> out;
  std::vector<std::pair<double, std::size_t>> remainders;
  for (std::size_t i = 0; i < percentages.size(); ++i) {
    const double exact = percentages[i].second / 100 * SlotTable::kSlots;
    out.push_back(static_cast<std::uint32_t>(exact));
    remainders.emplace_back(exact - std::floor(exact), i);
  }
  std::ranges::stable_sort(remainders, [](const auto& a, const auto& b) { return a.first > b.first; });
  auto left = SlotTable::kSlots - std::accumulate(out.begin(), out.end(), 0U);
  for (std::size_t i = 0; left > 0; i = (i + 1) % remainders.size(), --left) ++out[remainders[i].second];
  return out;
}

std::unexpected<Error> malformed() { return fail(Code::DataLoss, "the stored slot table is damaged"); }

std::optional<std::string> from_hex(std::string_view hex) {
  std::string out;
  if (hex.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto high = kDigits.find(hex[i]);
    const auto low = kDigits.find(hex[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

constexpr std::uint8_t kFree = 255;

}  // namespace

Result<SlotTable> SlotTable::create(const std::vector<std::pair<std::string, double>>& percentages, std::string salt,
                                    const SlotTable* previous) {
  double sum = 0;
  SlotTable table;
  for (const auto& [variant, percent] : percentages) {
    if (!(percent >= 0 && percent <= 100))
      return fail(Code::InvalidArgument, text::format("variant '{}' cannot get {} % of the traffic", variant, percent));
    if (std::ranges::find(table.variants_, variant) != table.variants_.end())
      return fail(Code::InvalidArgument, text::format("variant '{}' is named twice", variant));
    table.variants_.push_back(variant);
    sum += percent;
  }
  if (percentages.empty() || percentages.size() >= kFree || std::abs(sum - 100) > 1e-6)
    return fail(Code::InvalidArgument, text::format("the variants' weights sum to {} %; they must sum to 100 %", sum));
  table.salt_ = std::move(salt);
  table.slots_.assign(kSlots, kFree);
  auto open = targets(percentages);
  for (std::uint32_t s = 0; previous != nullptr && s < kSlots && !previous->slots_.empty(); ++s) {
    const auto& name = previous->variants_[previous->slots_[s]];
    const auto at = static_cast<std::size_t>(std::ranges::find(table.variants_, name) - table.variants_.begin());
    if (at == table.variants_.size() || open[at] == 0) continue;
    table.slots_[s] = static_cast<std::uint8_t>(at);
    --open[at];
  }
  std::size_t next = 0;
  for (auto& slot : table.slots_) {
    if (slot != kFree) continue;
    while (open[next] == 0) ++next;
    slot = static_cast<std::uint8_t>(next);
    --open[next];
  }
  return table;
}

int SlotTable::assign(std::string_view unit) const noexcept {
  if (slots_.empty()) return -1;
  return slots_[murmur3(unit, murmur3(salt_, 0)) >> 16U];
}

std::vector<Weight> SlotTable::weights() const {
  std::vector<Weight> out;
  for (const auto& variant : variants_) out.push_back({variant, 0});
  for (const auto slot : slots_) ++out[slot].slots;
  return out;
}

// v1|<salt>|<variant>,<variant>|<index>x<count>,... with salt and names in hex.
std::string SlotTable::encode() const {
  std::vector<std::string> names;
  for (const auto& variant : variants_) names.push_back(text::hex(variant));
  std::vector<std::string> runs;
  for (std::size_t begin = 0, end = 0; begin < slots_.size(); begin = end) {
    while (end < slots_.size() && slots_[end] == slots_[begin]) ++end;
    runs.push_back(text::format("{}x{}", slots_[begin], end - begin));
  }
  return text::format("v1|{}|{}|{}", text::hex(salt_), text::join(names, ","), text::join(runs, ","));
}

Result<SlotTable> SlotTable::parse(std::string_view text) {
  const auto parts = text::split(text, '|');
  if (parts.size() != 4 || parts[0] != "v1") return malformed();
  SlotTable table;
  const auto salt = from_hex(parts[1]);
  if (!salt) return malformed();
  table.salt_ = *salt;
  for (const auto& part : text::split(parts[2], ',')) {
    const auto name = from_hex(part);
    if (!name) return malformed();
    table.variants_.push_back(*name);
  }
  for (const auto& run : text::split(parts[3], ',')) {
    const auto x = run.find('x');
    const auto index = text::parse_int(std::string_view(run).substr(0, x));
    const auto count = x == std::string::npos ? std::nullopt : text::parse_int(std::string_view(run).substr(x + 1));
    if (!index || !count || *index < 0 || static_cast<std::size_t>(*index) >= table.variants_.size() || *count < 1 ||
        static_cast<std::uint64_t>(*count) > kSlots - table.slots_.size())
      return malformed();
    table.slots_.insert(table.slots_.end(), static_cast<std::size_t>(*count), static_cast<std::uint8_t>(*index));
  }
  if (table.slots_.size() != kSlots || table.encode() != text) return malformed();
  return table;
}

}  // namespace fettle::rollout
