#include "monitor/known_values.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace fettle::monitor {
namespace {

std::uint64_t mix(std::uint64_t x) noexcept {  // splitmix64's finaliser
  x ^= x >> 30U;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27U;
  x *= 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

}  // namespace

std::uint64_t KnownValues::key_of(std::span<const float> row, std::span<const std::size_t> inputs) noexcept {
  std::uint64_t key = 0x9e3779b97f4a7c15ULL;
  for (const std::size_t input : inputs) {
    const float value = row[input];
    if (std::isnan(value)) return 0;
    key = mix(key ^ std::bit_cast<std::uint32_t>(value + 0.0F)) + 0x9e3779b97f4a7c15ULL;  // + 0: -0 is 0
  }
  return key == 0 ? 1 : key;
}

const float* KnownValues::find(std::uint64_t key) const noexcept {
  if (table_.empty() || key == 0) return nullptr;
  const std::size_t mask = table_.size() - 1;
  for (std::size_t at = key & mask; table_[at].key != 0; at = (at + 1) & mask)
    if (table_[at].key == key) return &table_[at].value;
  return nullptr;
}

void KnownValues::set(std::uint64_t key, float value) {
  if (key == 0) return;
  if (2 * (size_ + 1) > table_.size()) grow();
  const std::size_t mask = table_.size() - 1;
  std::size_t at = key & mask;
  while (table_[at].key != 0 && table_[at].key != key) at = (at + 1) & mask;
  if (table_[at].key == 0) ++size_;
  table_[at] = {key, value};
}

std::vector<KnownValues::Entry> KnownValues::sorted() const {
  std::vector<Entry> out;
  for (const auto& entry : table_)
    if (entry.key != 0) out.push_back(entry);
  std::ranges::sort(out, {}, &Entry::key);
  return out;
}

void KnownValues::grow() {
  std::vector<Entry> old(std::max<std::size_t>(16, table_.size() * 2));
  old.swap(table_);
  size_ = 0;
  for (const auto& entry : old)
    if (entry.key != 0) set(entry.key, entry.value);
}

}  // namespace fettle::monitor
