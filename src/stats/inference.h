// Many tests at once, and intervals of a proportion and of a mean over clusters.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stats/moments.h"
#include "stats/sequence.h"

namespace fettle::stats {

// q-values in the order of `p`: reject q <= alpha to keep the expected share of false discoveries below alpha.
[[nodiscard]] std::vector<double> benjamini_hochberg(std::span<const double> p);  // independent or positively dependent
[[nodiscard]] std::vector<double> benjamini_yekutieli(std::span<const double> p);  // any dependence

// Exact interval of a proportion (Clopper, Pearson 1934): covers with at least 1 - alpha.
[[nodiscard]] Interval clopper_pearson(std::uint64_t hits, std::uint64_t n, double alpha);
// Score interval (Wilson 1927): covers about 1 - alpha on average; shorter.
[[nodiscard]] Interval wilson(std::uint64_t hits, std::uint64_t n, double alpha);
// Mean of independent values, Student's t. Infinite bounds below two values.
[[nodiscard]] Interval mean_interval(const Moments& values, double alpha);
// Mean of all rows when rows of one cluster (a day) move together: the clusters are the independent units. Linearised
// variance of a ratio of sums, Student's t with clusters - 1 degrees; never shorter than mean_interval of the rows.
// One cluster gives infinite bounds.
[[nodiscard]] Interval clustered_mean_interval(std::span<const Moments> clusters, double alpha);

}  // namespace fettle::stats
