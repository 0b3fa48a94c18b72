#include "monitor/profile.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/metrics.h"

namespace fettle::monitor {
namespace {

constexpr std::size_t kScoreBins = 1024;
constexpr std::size_t kUnseenNames = 64;
constexpr std::size_t kUnseenBytes = 96;
constexpr std::int64_t kDayMs = 86'400'000;
constexpr double kInvalid = std::numeric_limits<double>::quiet_NaN();

// Category of a code: `categories` (one past the last) if it is none.
std::size_t group_of(float code, std::size_t categories) noexcept {
  return code >= 0 && code < static_cast<float>(categories) ? static_cast<std::size_t>(code) : categories;
}

void add_all(std::vector<std::uint64_t>& to, const std::vector<std::uint64_t>& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

void merge_counts(FeatureCounts& to, const FeatureCounts& from) {
  add_all(to.counts, from.counts);
  to.sums.merge(from.sums);
  for (std::size_t rule = 0; rule < to.violations.size(); ++rule) {
    to.violations[rule].rows += from.violations[rule].rows;
    for (std::size_t s = 0; s < to.violations[rule].by_slice.size(); ++s)
      add_all(to.violations[rule].by_slice[s], from.violations[rule].by_slice[s]);
  }
}

bool names_column(const std::string& text, const std::string& column) {
  return text.size() > column.size() && text[column.size()] == '=' && text.starts_with(column);
}

}  // namespace

stats::Moments Sums::moments(double centre) const noexcept {
  if (n == 0) return {};
  const double mean = sum / static_cast<double>(n);
  return {n, centre + mean, std::max(0.0, sum2 - sum * mean)};
}

Profile::Profile(std::shared_ptr<const Reference> reference)
    : reference_(std::move(reference)), negatives_(kScoreBins), positives_(kScoreBins) {
  const auto& features = reference_->features();
  Violations none;
  for (const auto& slice : reference_->slices()) {
    const std::size_t groups = features[slice.input].counts.size() + 1;
    none.by_slice.emplace_back(groups);
    slices_.push_back({std::vector<std::uint64_t>(groups), std::vector<Sums>(groups * features.size())});
  }
  for (const auto& feature : features)
    features_.push_back({std::vector<std::uint64_t>(feature.counts.size()), {}, std::vector<Violations>(kRules, none)});
  output_.counts.resize(reference_->output().counts.size());
  output_.violations.resize(kRules);
  groups_.resize(slices_.size());
  centred_.resize(features.size(), kInvalid);
}

void Profile::add(const event::Prediction& prediction) {
  const std::span<const float> row = prediction.inputs;
  if (row.size() != features_.size()) {
    ++malformed_;
    return;
  }
  ++rows_;
  ++day_of(prediction.time_ms).rows;
  find_groups(row);
  for (std::size_t input = 0; input < row.size(); ++input) {
    if (reference_->features()[input].category)
      add_category(input, row[input], prediction.texts);
    else
      add_number(input, row[input]);
  }
  check_constants(row);
  add_slices();
  add_score(prediction.output);
}

void Profile::find_groups(std::span<const float> row) noexcept {
  for (std::size_t s = 0; s < slices_.size(); ++s) {
    groups_[s] = group_of(row[reference_->slices()[s].input], slices_[s].rows.size() - 1);
    ++slices_[s].rows[groups_[s]];
  }
}

void Profile::add_category(std::size_t input, float value, const std::vector<std::string>& texts) {
  auto& counts = features_[input].counts;
  if (const std::size_t code = group_of(value, counts.size()); code < counts.size()) {
    ++counts[code];
    return;
  }
  const auto& name = reference_->features()[input].name;
  const auto text = std::ranges::find_if(texts, [&](const auto& one) { return names_column(one, name); });
  if (text != texts.end()) note_unseen(*text);
  violate(text == texts.end() && std::isnan(value) ? Rule::Missing : Rule::UnseenCategory, input);
}

void Profile::add_number(std::size_t input, float value) noexcept {
  const auto& feature = reference_->features()[input];
  centred_[input] = kInvalid;
  if (std::isnan(value)) return violate(Rule::Missing, input);
  if (std::isinf(value)) return violate(Rule::NonFinite, input);
  if (!feature.in_range(value)) return violate(Rule::OutOfRange, input);
  centred_[input] = static_cast<double>(value) - feature.moments.mean;
  ++features_[input].counts[feature.bins.of(value)];
  features_[input].sums.add(centred_[input]);
}

void Profile::add_slices() noexcept {
  for (std::size_t s = 0; s < slices_.size(); ++s) {
    auto* sums = &slices_[s].sums[groups_[s] * features_.size()];
    for (std::size_t input = 0; input < features_.size(); ++input)
      if (!std::isnan(centred_[input])) sums[input].add(centred_[input]);
  }
}

void Profile::check_constants(std::span<const float> row) noexcept {
  for (const auto& constant : reference_->constants()) {
    if (!std::isfinite(row[constant.input])) continue;  // another rule's business
    const float* known = constant.known.find(KnownValues::key_of(row, constant.keys));
    if (known != nullptr && !agrees(row[constant.input], *known)) violate(Rule::ConstantPer, constant.input);
  }
}

void Profile::add_score(float output) noexcept {
  const auto& scores = reference_->output();
  if (!std::isfinite(output)) {
    ++output_.violations[static_cast<std::size_t>(Rule::NonFinite)].rows;
    return;
  }
  ++output_.counts[scores.bins.of(output)];
  output_.sums.add(static_cast<double>(output) - scores.moments.mean);
}

void Profile::violate(Rule rule, std::size_t input) noexcept {
  auto& violations = features_[input].violations[static_cast<std::size_t>(rule)];
  ++violations.rows;
  for (std::size_t s = 0; s < slices_.size(); ++s) ++violations.by_slice[s][groups_[s]];
}

void Profile::note_unseen(const std::string& text) {
  std::size_t bytes = std::min(text.size(), kUnseenBytes);
  while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U)
    --bytes;  // whole characters
  const auto shown = std::string_view(text).substr(0, bytes);
  if (const auto found = unseen_.find(shown); found != unseen_.end())
    ++found->second;
  else if (unseen_.size() < kUnseenNames)
    unseen_.emplace(shown, 1);
}

DayCounts& Profile::day_of(std::int64_t time_ms) {
  const std::int64_t day = time_ms / kDayMs - (time_ms % kDayMs < 0 ? 1 : 0);
  if (!days_.empty() && days_.back().day == day) return days_.back();
  const auto at = std::ranges::lower_bound(days_, day, {}, &DayCounts::day);
  if (at != days_.end() && at->day == day) return *at;
  return *days_.insert(at, DayCounts{.day = day});
}

void Profile::add_outcome(float output, double label, std::int64_t time_ms) {
  if (!std::isfinite(output) || !std::isfinite(label)) {
    ++malformed_;
    return;
  }
  const bool positive = label >= 0.5;
  const double score = static_cast<double>(output), observed = positive ? 1 : 0;
  (positive ? loss_positive_ : loss_negative_).add(stats::log_loss_of(score, label));
  brier_.add((score - observed) * (score - observed));
  predicted_.add(score);
  observed_.add(observed);
  day_of(time_ms).gap.add(score - observed);
  const double bin = std::clamp(score, 0.0, 1.0) * static_cast<double>(kScoreBins);
  ++(positive ? positives_ : negatives_)[std::min(kScoreBins - 1, static_cast<std::size_t>(bin))];
}

stats::Moments Profile::loss() const noexcept {
  stats::Moments out = loss_negative_;
  out.merge(loss_positive_);
  return out;
}

void Profile::merge(const Profile& other) {
  rows_ += other.rows_;
  malformed_ += other.malformed_;
  for (std::size_t i = 0; i < features_.size(); ++i) merge_counts(features_[i], other.features_[i]);
  merge_counts(output_, other.output_);
  for (std::size_t s = 0; s < slices_.size(); ++s) {
    add_all(slices_[s].rows, other.slices_[s].rows);
    for (std::size_t i = 0; i < slices_[s].sums.size(); ++i) slices_[s].sums[i].merge(other.slices_[s].sums[i]);
  }
  loss_positive_.merge(other.loss_positive_);
  loss_negative_.merge(other.loss_negative_);
  brier_.merge(other.brier_);
  predicted_.merge(other.predicted_);
  observed_.merge(other.observed_);
  for (const auto& day : other.days_) {
    auto& mine = day_of(day.day * kDayMs);
    mine.rows += day.rows;
    mine.gap.merge(day.gap);
  }
  add_all(negatives_, other.negatives_);
  add_all(positives_, other.positives_);
  for (const auto& [text, rows] : other.unseen_)
    if (unseen_.size() < kUnseenNames || unseen_.contains(text)) unseen_[text] += rows;
}

}  // namespace fettle::monitor
