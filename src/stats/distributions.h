// Tail probabilities and quantiles of the distributions that the tests and intervals need (Boost.Math behind it).
//
// sf = P(X > x); for the discrete ones P(X >= k). Arguments outside a distribution's range give NaN.
#pragma once

#include <cstdint>

namespace fettle::stats {

[[nodiscard]] double normal_sf(double z);
[[nodiscard]] double normal_quantile(double p);
[[nodiscard]] double student_t_two_sided(double t, double degrees);  // P(|T| >= |t|)
[[nodiscard]] double student_t_quantile(double p, double degrees);
[[nodiscard]] double chi_squared_sf(double x, double degrees);
[[nodiscard]] double binomial_sf(std::uint64_t k, std::uint64_t n, double p);  // P(X >= k)
// Limit law of sqrt(n) D for one sample, sqrt(nm/(n+m)) D for two (Kolmogorov 1933).
[[nodiscard]] double kolmogorov_sf(double x);
// P(D_n >= d) of one sample of n values, exact (Marsaglia, Tsang, Wang 2003) for n <= 1000, else the limit law.
[[nodiscard]] double kolmogorov_smirnov_sf(std::uint64_t n, double d);

}  // namespace fettle::stats
