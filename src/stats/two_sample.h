// Did two samples come from one distribution? Tests on raw values and on counts over the same bins.
//
// All p-values are two-sided. Counts are of equal length; bins empty in both samples do not count. Nothing to compare
// (an empty sample, one bin) gives statistic 0 and p 1.
#pragma once

#include <cstdint>
#include <span>

#include "stats/moments.h"

namespace fettle::stats {

struct TestResult {
  double statistic = 0;
  double p = 1;
  double degrees = 0;  // of freedom, where the test has them
};

// Largest gap between the empirical distribution functions. Sorts copies: O(n log n). NaN values are not allowed.
[[nodiscard]] double ks_distance(std::span<const double> a, std::span<const double> b);
// The same on ordered bins: at bin edges only, hence never more than the raw distance.
[[nodiscard]] double ks_distance_binned(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b);
// P(D >= d) under equality. Exact: path counting for distinct values (conservative with ties), O(n m).
[[nodiscard]] double ks_exact_p(double d, std::uint64_t n, std::uint64_t m);
// The one-sample law at the rounded effective size nm/(n+m), as SciPy does.
[[nodiscard]] double ks_asymptotic_p(double d, std::uint64_t n, std::uint64_t m);

// Pearson's chi-square test of homogeneity. With `min_expected` > 0, bins that expect fewer than that in the smaller
// sample are pooled into one, since the law is asymptotic (Cochran 1954 asks for about 5).
[[nodiscard]] TestResult chi_square(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b,
                                    double min_expected = 0);
// Likelihood ratio (G) test of homogeneity.
[[nodiscard]] TestResult g_test(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b);

// Difference of means, unequal variances (Welch 1947; Satterthwaite's degrees). statistic = (a - b) / its error.
[[nodiscard]] TestResult welch_t(const Moments& a, const Moments& b);
// Difference of two proportions, pooled variance, normal approximation. statistic = (a - b) / its error.
[[nodiscard]] TestResult two_proportion_z(std::uint64_t hits_a, std::uint64_t n_a, std::uint64_t hits_b,
                                          std::uint64_t n_b);

}  // namespace fettle::stats
