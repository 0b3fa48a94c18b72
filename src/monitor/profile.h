// One bundle's traffic over one window, as counts on its reference's bins: mergeable, of fixed size, no rows kept.
//
// Invariants: (1) add() and add_outcome() do not allocate, but for the first sight of a new day or of a new unknown
// category text (at most 64 of those are kept by name). (2) merge(a, b) equals adding the rows of both (counts exactly,
// sums up to rounding). (3) Profiles merge only on one reference. Not thread-safe; copy or merge to share.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "event/event.h"
#include "json/value.h"
#include "monitor/reference.h"
#include "stats/moments.h"

namespace fettle::monitor {

// Sums of x - centre, where the centre is the reference's mean: exact to merge, without a division a value.
struct Sums {
  std::uint64_t n = 0;
  double sum = 0, sum2 = 0;
  void add(double x) noexcept { ++n, sum += x, sum2 += x * x; }
  void merge(const Sums& other) noexcept { n += other.n, sum += other.sum, sum2 += other.sum2; }
  [[nodiscard]] stats::Moments moments(double centre) const noexcept;
};

enum class Rule : std::uint8_t { Missing, UnseenCategory, NonFinite, OutOfRange, ConstantPer };
inline constexpr std::size_t kRules = 5;

// Rows that broke one rule on one input, in all and within each category of each slice.
struct Violations {
  std::uint64_t rows = 0;
  std::vector<std::vector<std::uint64_t>> by_slice;  // [slice][category]; the last one is "missing or unknown"
};

struct FeatureCounts {
  std::vector<std::uint64_t> counts;   // per bin, or per category code
  Sums sums;                           // valid numeric values
  std::vector<Violations> violations;  // [rule]
};

struct SliceCounts {
  std::vector<std::uint64_t> rows;  // per category; the last one is "missing or unknown"
  std::vector<Sums> sums;           // [category * inputs + input]
};

struct DayCounts {  // by the UTC day of the prediction's event time
  std::int64_t day = 0;
  std::uint64_t rows = 0;  // predictions
  stats::Moments gap;      // output - label, of joined rows
};

class Profile {
 public:
  // REQUIRES: not null.
  explicit Profile(std::shared_ptr<const Reference> reference);

  // Counts one prediction. Rows with another number of inputs than the reference's signature are counted as
  // malformed() and otherwise left out.
  void add(const event::Prediction& prediction);
  // One joined outcome: what was predicted, what happened (1 or 0), and when the prediction was made.
  void add_outcome(float output, double label, std::int64_t time_ms = 0);
  // REQUIRES: the same reference.
  void merge(const Profile& other);

  // For checkpoints. from_json: DataLoss unless it was written by a profile on this reference.
  [[nodiscard]] json::Value to_json() const;
  [[nodiscard]] static Result<Profile> from_json(std::shared_ptr<const Reference> reference, const json::Value& value);

  [[nodiscard]] const Reference& reference() const noexcept { return *reference_; }
  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::uint64_t malformed() const noexcept { return malformed_; }
  [[nodiscard]] std::uint64_t outcomes() const noexcept { return brier_.n; }
  [[nodiscard]] stats::Moments loss() const noexcept;  // log loss a row, nats
  [[nodiscard]] const stats::Moments& loss_of_positives() const noexcept { return loss_positive_; }
  [[nodiscard]] const stats::Moments& loss_of_negatives() const noexcept { return loss_negative_; }
  [[nodiscard]] const stats::Moments& brier() const noexcept { return brier_; }          // squared error a row
  [[nodiscard]] const stats::Moments& predicted() const noexcept { return predicted_; }  // of joined rows
  [[nodiscard]] const stats::Moments& observed() const noexcept { return observed_; }    // labels of joined rows
  [[nodiscard]] const std::vector<DayCounts>& days() const noexcept { return days_; }    // ascending
  [[nodiscard]] const std::vector<FeatureCounts>& features() const noexcept { return features_; }
  [[nodiscard]] const FeatureCounts& output() const noexcept { return output_; }  // of all rows
  [[nodiscard]] const std::vector<SliceCounts>& slices() const noexcept { return slices_; }
  // Joined rows per score bin (1,024 of equal width over [0, 1]) and class.
  [[nodiscard]] const std::vector<std::uint64_t>& negatives() const noexcept { return negatives_; }
  [[nodiscard]] const std::vector<std::uint64_t>& positives() const noexcept { return positives_; }
  // Unknown category texts, "origin=ZZZ" -> rows.
  [[nodiscard]] const std::map<std::string, std::uint64_t, std::less<>>& unseen() const noexcept { return unseen_; }

 private:
  void find_groups(std::span<const float> row) noexcept;
  void add_category(std::size_t input, float value, const std::vector<std::string>& texts);
  void add_number(std::size_t input, float value) noexcept;
  void add_slices() noexcept;
  void check_constants(std::span<const float> row) noexcept;
  void add_score(float output) noexcept;
  void violate(Rule rule, std::size_t input) noexcept;
  void note_unseen(const std::string& text);
  DayCounts& day_of(std::int64_t time_ms);

  std::shared_ptr<const Reference> reference_;
  std::uint64_t rows_ = 0, malformed_ = 0;
  std::vector<FeatureCounts> features_;
  FeatureCounts output_;
  std::vector<SliceCounts> slices_;
  // Of the row being added: its category in each slice; each numeric input less the reference's mean, NaN if invalid.
  std::vector<std::size_t> groups_;
  std::vector<double> centred_;
  stats::Moments loss_positive_, loss_negative_, brier_, predicted_, observed_;
  std::vector<DayCounts> days_;
  std::vector<std::uint64_t> negatives_, positives_;
  std::map<std::string, std::uint64_t, std::less<>> unseen_;
};

}  // namespace fettle::monitor
