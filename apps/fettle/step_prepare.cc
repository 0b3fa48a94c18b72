// The built-in step `prepare`: data files become one Parquet file a split (dataset/prepare.h).
#include <algorithm>

#include "base/text.h"
#include "dataset/prepare.h"
#include "step.h"

namespace fettle::cli {
namespace {

// "work/train.parquet" is the split "train".
std::map<std::string, std::string> outs_by_split(const std::vector<std::string>& outs) {
  std::map<std::string, std::string> out;
  for (const auto& path : outs) {
    const auto name = path.substr(path.rfind('/') + 1);
    out.emplace(name.substr(0, name.find('.')), path);
  }
  return out;
}

// What a step reads beyond its deps would change its result without running it again.
Result<void> check_schema_is_dep(const std::string& schema, const StepContext& context) {
  if (schema.empty() || std::ranges::find(context.deps, schema) != context.deps.end()) return {};
  return fail(Code::InvalidArgument,
              text::format("with.schema: '{}' is read, so name it under deps of step '{}'", schema, context.step));
}

std::string summary(const dataset::PrepareReport& report) {
  std::vector<std::string> parts;
  for (const auto& split : report.splits)
    parts.push_back(text::format("{} {} rows", split.name, text::human_count(split.rows)));
  std::uint64_t dropped = 0;
  for (const auto& [reason, rows] : report.dropped) dropped += rows;
  if (dropped > 0) parts.push_back(text::format("{} dropped", text::human_count(dropped)));
  return text::join(parts, ", ");
}

}  // namespace

Result<void> step_prepare(const StepContext& context) {
  FETTLE_TRY(const auto spec, json::from_value<dataset::PrepareSpec>(context.with, "with"));
  FETTLE_TRY_(check_schema_is_dep(spec.schema, context));
  FETTLE_TRY(const auto report, dataset::prepare(spec, context.data_files, outs_by_split(context.outs)));
  context.progress(1, summary(report));
  return {};
}

}  // namespace fettle::cli
