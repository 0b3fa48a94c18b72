#include "pipeline/lock.h"

#include <algorithm>

#include "base/digest.h"
#include "base/text.h"
#include "config/yaml.h"
#include "json/describe.h"
#include "os/file.h"

namespace fettle::pipeline {
namespace {

constexpr int kFormat = 1;
constexpr std::string_view kHeading =
    "# Written by `fettle pipeline run`: which inputs gave which outs. Keep it in git, beside fettle.yaml.\n";

json::Value sorted_keys(const json::Value& value) {
  if (value.is_array()) {
    json::Array out;
    for (const auto& element : value.as_array()) out.push_back(sorted_keys(element));
    return out;
  }
  if (!value.is_object()) return value;
  json::Object out;
  for (const auto& [key, element] : value.as_object()) out.emplace_back(key, sorted_keys(element));
  std::ranges::sort(out, {}, &json::Member::first);
  return out;
}

bool says_nothing(const json::Value& value) {
  return value.is_null() || (value.is_object() && value.as_object().empty()) ||
         (value.is_string() && value.as_string().empty());
}

// Members that say nothing are left out: they read back as the same.
json::Value brief(const json::Value& value) {
  json::Value out = json::Value::object();
  for (const auto& [key, element] : value.as_object())
    if (!says_nothing(element)) out.set(key, element);
  return out;
}

json::Value record_to_value(const Record& record) {
  json::Value out;
  out.set("key", record.key).set("inputs", brief(json::to_value(record.inputs)));
  if (!record.outs.empty()) out.set("outs", json::to_value(record.outs));
  return out;
}

Result<Lock> parse(const std::string& text, const std::string& path) {
  FETTLE_TRY(const auto document, config::parse_yaml(text, path));
  if (document.root.int_or("format", kFormat) != kFormat)
    return fail(Code::InvalidArgument, text::format("{}: written by a newer version (format {}); this one reads {}",
                                                    path, document.root.int_or("format", 0), kFormat));
  if (document.root.is_null()) return Lock();
  auto lock = json::from_value<Lock>(document.root);
  if (!lock) return fail(lock.error().within(path));
  for (auto& [name, record] : lock->steps)
    if (record.inputs.with.is_null()) record.inputs.with = json::Value::object();
  return lock;
}

}  // namespace

std::string canonical(const json::Value& value) { return json::dump(sorted_keys(value)); }

std::string key_of(const Inputs& inputs, const std::vector<std::string>& outs) {
  auto value = json::to_value(inputs);
  auto names = outs;
  std::ranges::sort(names);
  value.set("outs", json::to_value(names)).set("format", kFormat);
  return Digest::of(canonical(value)).hex();
}

LockFile::LockFile(const std::string& project)
    : path_(project + "/fettle.lock"), memo_(project + "/.fettle/cache/lock") {}

// The digest of the lock file, a line's end, the lock as JSON.
bool LockFile::load_memo(const std::string& digest) {
  const auto text = os::read_file(memo_);
  if (!text || !text->starts_with(digest + "\n")) return false;
  const auto value = json::parse(std::string_view(*text).substr(digest.size() + 1));
  if (!value) return false;
  auto lock = json::from_value<Lock>(*value);
  if (!lock) return false;
  loaded_ = *std::move(lock);
  return true;
}

Result<void> LockFile::save_memo(const std::string& digest) const {
  if (!os::is_folder(memo_.substr(0, memo_.rfind('/')))) return {};
  return os::write_file(memo_, digest + "\n" + json::dump(json::to_value(loaded_)));
}

Result<Lock> LockFile::load() {
  loaded_ = {};
  if (!os::exists(path_)) return loaded_;
  FETTLE_TRY(const auto text, os::read_file(path_));
  const auto digest = Digest::of(text).hex();
  if (load_memo(digest)) return loaded_;
  auto lock = parse(text, "fettle.lock");
  if (!lock)
    return fail(Code::InvalidArgument, lock.error().message + "; mend it, or delete it: results stay in the cache");
  loaded_ = *std::move(lock);
  FETTLE_TRY_(save_memo(digest));
  return loaded_;
}

Result<void> LockFile::save(const Lock& lock, const Pipeline& pipeline) {
  Lock now;
  auto steps = json::Value::object();
  for (const auto& step : pipeline.steps())
    if (const auto found = lock.steps.find(step.name); found != lock.steps.end()) now.steps.insert(*found);
  if (now == loaded_) return {};
  for (const auto& step : pipeline.steps())
    if (const auto found = now.steps.find(step.name); found != now.steps.end())
      steps.set(step.name, record_to_value(found->second));
  json::Value root;
  root.set("format", kFormat).set("steps", std::move(steps));
  const auto text = std::string(kHeading) + config::dump_yaml(root);
  FETTLE_TRY_(os::write_file(path_, text));
  loaded_ = std::move(now);
  return save_memo(Digest::of(text).hex());
}

}  // namespace fettle::pipeline
