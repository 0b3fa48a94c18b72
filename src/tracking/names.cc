#include "tracking/names.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "json/value.h"

namespace fettle::tracking {
namespace {

constexpr std::size_t kMaxExperimentName = 500;
constexpr std::size_t kMaxShown = 200;

constexpr std::array<std::string_view, 24> kAdjectives{
    "able",  "brave",   "calm",    "clever",  "curious",  "eager",      "fearless", "gentle",
    "grand", "hopeful", "keen",    "likable", "merciful", "nimble",     "placid",   "quick",
    "quiet", "rare",    "serious", "skilled", "stately",  "thoughtful", "valiant",  "wise"};
constexpr std::array<std::string_view, 24> kNouns{"ant",   "bear",  "bird",  "carp",  "crane", "deer",  "dove", "finch",
                                                  "fox",   "goose", "hare",  "heron", "horse", "lark",  "lynx", "mare",
                                                  "moose", "newt",  "otter", "owl",   "perch", "quail", "swan", "wren"};

bool is_alnum(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }
bool is_word(char c) { return is_alnum(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80; }

std::string normalised(std::string_view key) {
  std::vector<std::string> parts;
  for (auto& part : text::split(key, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..")
      parts.pop_back();
    else
      parts.push_back(std::move(part));
  }
  const auto joined = text::join(parts, "/");
  return key.starts_with('/') ? "/" + joined : joined.empty() ? "." : joined;
}

}  // namespace

std::unexpected<Error> invalid_value(std::string_view where, std::string_view value, std::string_view why) {
  const std::string shown = value.size() > kMaxShown ? cut(value, kMaxShown) + "..." : std::string(value);
  return fail(Code::InvalidArgument,
              text::format("Invalid value {} for parameter '{}' supplied: {}", json::dump(shown), where, why));
}

Result<void> check_length(std::string_view where, std::string_view value, std::size_t most) {
  if (value.size() <= most) return {};
  return invalid_value(where, value, text::format("'{}' exceeds the maximum length of {} characters", where, most));
}

Result<void> check_key(std::string_view where, std::string_view key) {
  if (key.empty()) return invalid_value(where, key, "A key name must be provided.");
  const auto good = [](char c) { return is_word(c) || c == '/' || c == '.' || c == '-' || c == ' ' || c == ':'; };
  if (!std::ranges::all_of(key, good) || !text::is_utf8(key))
    return invalid_value(where, key,
                         "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), "
                         "colon(:) and slashes (/).");
  const auto path = normalised(key);
  if (path != key || path == "." || path.starts_with("..") || path.starts_with('/'))
    return invalid_value(where, key,
                         text::format("Names may be treated as files in certain cases, and must not resolve to other "
                                      "names when treated as such. This name would resolve to '{}'",
                                      path));
  return check_length(where, key, kMaxKey);
}

Result<void> check_experiment_name(std::string_view name) {
  if (text::trim(name).empty()) return invalid_value("name", name, "Experiment name cannot be empty.");
  return check_length("name", name, kMaxExperimentName);
}

Result<void> check_logged_model_name(std::string_view name) {
  if (name.empty()) return invalid_value("name", name, "Model name cannot be empty.");
  if (name.find_first_of("/:.%\"'") != std::string_view::npos)
    return fail(Code::InvalidArgument,
                text::format("Invalid model name ({}) provided. Model name must be a non-empty string and cannot "
                             "contain the following characters: ('/', ':', '.', '%', '\"', \"'\")",
                             name));
  return check_length("name", name, kMaxExperimentName);
}

std::string cut(std::string_view value, std::size_t most) {
  if (value.size() <= most) return std::string(value);
  while (most > 0 && (static_cast<unsigned char>(value[most]) & 0xC0U) == 0x80U) --most;
  return std::string(value.substr(0, most));
}

std::string made_up_name(std::uint64_t random) {
  const auto adjective = kAdjectives[random % kAdjectives.size()];
  const auto noun = kNouns[(random >> 16U) % kNouns.size()];
  return text::format("{}-{}-{}", adjective, noun, (random >> 32U) % 1000);
}

}  // namespace fettle::tracking
