#include "base/rng.h"

#include <openssl/rand.h>

#include <bit>
#include <cmath>
#include <numbers>
#include <string_view>

#include "base/text.h"

namespace fettle {

Rng::Rng(std::uint64_t seed) noexcept {
  for (auto& word : state_) {  // splitmix64
    seed += 0x9e3779b97f4a7c15U;
    auto z = seed;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    word = z ^ (z >> 31U);
  }
}

Rng Rng::from_entropy() {
  std::uint64_t seed = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&seed), sizeof seed);
  return Rng(seed);
}

std::uint64_t Rng::next() noexcept {
  auto& s = state_;
  const auto result = std::rotl(s[0] + s[3], 23) + s[0];
  const auto t = s[1] << 17U;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = std::rotl(s[3], 45);
  return result;
}

double Rng::uniform() noexcept { return static_cast<double>(next() >> 11U) * 0x1p-53; }

std::uint64_t Rng::below(std::uint64_t bound) noexcept {
  const auto limit = -bound % bound;  // reject the biased part (Lemire 2019, simple form)
  for (;;)
    if (const auto draw = next(); draw >= limit) return draw % bound;
}

double Rng::normal() noexcept {  // Box-Muller, one of the pair
  const double u = 1.0 - uniform();
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * uniform());
}

std::string Rng::hex(std::size_t digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(digits, '0');
  for (auto& c : out) c = kDigits[next() >> 60U];
  return out;
}

std::string random_id() {
  std::string bytes(16, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), 16);
  return text::hex(bytes);
}

}  // namespace fettle
