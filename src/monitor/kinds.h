// The parts of a report, one function a kind. Private to the module; report.h says what each one tests.
#pragma once

#include <string>
#include <vector>

#include "monitor/report.h"

namespace fettle::monitor {

// Position among reference().slices() of the slices that `config` asks for.
[[nodiscard]] std::vector<std::size_t> chosen_slices(const Reference& reference, const Config& config);
// "origin = ATL"; the group one past the last category is "origin = (unknown)".
[[nodiscard]] std::string slice_name(const Reference& reference, std::size_t slice, std::size_t group);

// `judged`: whether the window may alarm. Figures are the same either way.
[[nodiscard]] std::vector<QualityFinding> find_quality(const Profile& profile, const Config& config, bool judged);
[[nodiscard]] std::vector<DriftFinding> find_drift(const Profile& profile, const Config& config, bool judged);
[[nodiscard]] DriftFinding find_output_drift(const Profile& profile, const Config& config, bool judged);
[[nodiscard]] ConceptDrift find_concept_drift(const Profile& profile, const Config& config, bool judged);
[[nodiscard]] Performance find_performance(const Profile& profile, const Config& config, bool judged);

}  // namespace fettle::monitor
