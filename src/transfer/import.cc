#include "transfer/import.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "json/describe.h"
#include "os/file.h"
#include "transfer/mapper.h"

namespace fettle::transfer {
namespace {

constexpr std::size_t kBatchBytes = 4U << 20U;  // about so much is sent at once
constexpr std::size_t kLinePoints = 5000;

template <typename Record>
std::string line_of(const Record& record) {
  return json::dump(json::Value::object().set("kind", kKind<Record>).set("record", json::to_value(record))) + "\n";
}

std::string mark_line(std::string_view kind, std::string_view id, std::string_view mark) {
  return json::dump(json::Value::object().set("kind", "mark").set("of", kind).set("id", id).set("mark", mark)) + "\n";
}

class Import {
 public:
  Import(Source& source, Files& files, Target& target, const ImportOptions& options, const Report& report)
      : source_(source), files_(files), target_(target), options_(options), report_(report), mapper_(options) {}

  Result<Summary> run() {
    FETTLE_TRY(overview_, source_.overview());
    FETTLE_TRY_(experiments());
    FETTLE_TRY_(models());
    FETTLE_TRY_(runs());
    FETTLE_TRY_(registered());
    return std::move(summary_);
  }

 private:
  // Sends records; gives their outcomes in order.
  template <typename Record>
  Result<std::vector<Applied>> send(const std::vector<Record>& records) {
    std::vector<Applied> out;
    std::string batch;
    const auto flush = [&]() -> Result<void> {
      if (batch.empty()) return {};
      FETTLE_TRY(auto applied, target_.apply(batch, options_.suffix));
      std::ranges::move(applied, std::back_inserter(out));
      batch.clear();
      return {};
    };
    for (const auto& record : records) {
      batch += line_of(record);
      if (batch.size() >= kBatchBytes) FETTLE_TRY_(flush());
    }
    FETTLE_TRY_(flush());
    for (const auto& each : out) count(each);
    return out;
  }

  void count(const Applied& applied) {
    auto& tally = summary_.kinds[applied.kind];
    if (applied.outcome == "created") ++tally.created;
    if (applied.outcome == "updated") ++tally.updated;
    if (applied.outcome == "unchanged") ++tally.unchanged;
    if (applied.outcome == "kept") ++tally.kept;
    if (applied.outcome == "conflict") {
      ++tally.conflicts;
      if (summary_.conflicts.size() < kMostDifferences)
        summary_.conflicts.push_back(text::format("{} '{}': {}", applied.kind, applied.id, applied.why));
    }
    if (!applied.mapped.empty() && applied.mapped != applied.id)
      summary_.mapped.push_back(text::format("{} '{}' is '{}' here", applied.kind, applied.id, applied.mapped));
  }

  void tell(std::string_view what, std::uint64_t done, std::uint64_t total) {
    report_({std::string(what), done, total, summary_.points, summary_.bytes});
  }

  Result<void> experiments() {
    return in_chunks<ExperimentRecord>(&Source::experiments, source_, [&](auto& chunk) -> Result<void> {
      std::vector<std::string> origins;
      for (auto& record : chunk) {
        origins.push_back(record.id);
        mapper_.map(record);
      }
      FETTLE_TRY(const auto applied, send(chunk));
      for (std::size_t i = 0; i < applied.size(); ++i) {
        if (applied[i].outcome == "conflict") left_out_.insert_or_assign(origins[i], true);
        if (!applied[i].mapped.empty()) mapper_.learn(origins[i], applied[i].mapped);
      }
      tell("experiments", done_experiments_ += chunk.size(), overview_.experiments);
      return {};
    });
  }

  // Drops what belongs to experiments that are conflicts; keeps where each record's artifacts are in the source.
  template <typename Record>
  std::vector<Owner> prepare(std::vector<Record>& chunk) {
    std::erase_if(chunk, [&](const Record& record) { return left_out_.contains(record.experiment); });
    std::vector<Owner> owners;
    for (auto& record : chunk) {
      owners.push_back(owner_of(record));
      mapper_.map(record);
    }
    return owners;
  }

  Result<void> models() {
    return in_chunks<ModelRecord>(&Source::models, source_, [&](auto& chunk) -> Result<void> {
      const auto owners = prepare(chunk);
      FETTLE_TRY(const auto applied, send(chunk));
      FETTLE_TRY_(artifacts(chunk, owners, applied));
      tell("logged models", done_models_ += chunk.size(), overview_.models);
      return {};
    });
  }

  Result<void> runs() {
    return in_chunks<RunRecord>(&Source::runs, source_, [&](auto& chunk) -> Result<void> {
      const auto read = chunk.size();
      const auto owners = prepare(chunk);
      FETTLE_TRY(const auto applied, send(chunk));
      FETTLE_TRY_(points(chunk, applied));
      FETTLE_TRY_(artifacts(chunk, owners, applied));
      tell("runs", done_runs_ += read, overview_.runs);
      return {};
    });
  }

  Result<void> flush_points() {
    if (batch_.empty()) return {};
    FETTLE_TRY_(target_.apply(batch_, options_.suffix));
    batch_.clear();
    return {};
  }

  // The points of the runs that the target has not all points of.
  Result<void> points(const std::vector<RunRecord>& chunk, const std::vector<Applied>& applied) {
    FETTLE_TRY(const auto marks, target_.marks("points", ids_of(chunk)));
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      if (applied[i].outcome == "conflict") continue;
      const auto& run = chunk[i];
      FETTLE_TRY(const auto word, source_.points_word(run));
      if (const auto known = marks.find(run.id); known != marks.end() && known->second == word) continue;
      FETTLE_TRY(const auto series, source_.series(run));
      for (const auto& [key, list] : series) FETTLE_TRY_(add_points(run.id, key, list));
      batch_ += mark_line("points", run.id, word);
      if (batch_.size() >= kBatchBytes) FETTLE_TRY_(flush_points());
      tell("runs", done_runs_ + i, overview_.runs);
    }
    return flush_points();
  }

  Result<void> add_points(const std::string& run, const std::string& key, const std::vector<Point>& points) {
    for (std::size_t from = 0; from < points.size(); from += kLinePoints) {
      json::Array list;
      for (std::size_t i = from; i < std::min(points.size(), from + kLinePoints); ++i)
        list.push_back(json::Array{points[i].time_ms, points[i].step, points[i].value});
      json::Value line;
      line.set("kind", "points").set("run", run).set("key", key).set("points", std::move(list));
      batch_ += json::dump(line) + "\n";
      if (batch_.size() >= kBatchBytes) FETTLE_TRY_(flush_points());
    }
    summary_.points += points.size();
    return {};
  }

  // A mark says what the listing was when all of it had been copied.
  template <typename Record>
  Result<void> artifacts(const std::vector<Record>& chunk, const std::vector<Owner>& owners,
                         const std::vector<Applied>& applied) {
    if (options_.artifacts == Copying::None) return {};
    FETTLE_TRY(const auto marks, target_.marks("artifacts", ids_of(chunk)));
    std::string done;
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      if (applied[i].outcome == "conflict") continue;
      const auto to = proxied_path(chunk[i].artifact_uri);
      if (!to) {
        if (summary_.elsewhere++ == 0) summary_.elsewhere_example = chunk[i].artifact_uri;
        continue;
      }
      FETTLE_TRY(const auto files, files_.list(owners[i]));
      const auto word = listing_word(files);
      if (const auto known = marks.find(id_of(chunk[i])); known != marks.end() && known->second == word) continue;
      for (const auto& file : files) FETTLE_TRY_(copy(owners[i], file, *to));
      done += mark_line("artifacts", id_of(chunk[i]), word);
    }
    if (!done.empty()) FETTLE_TRY_(target_.apply(done, options_.suffix));
    return {};
  }

  static std::string listing_word(const std::vector<SourceFile>& files) {
    Hasher hasher;
    for (const auto& file : files) hasher.add(text::format("{} {}\n", file.size, file.path));
    return hasher.finish().hex();
  }

  Result<void> copy(const Owner& owner, const SourceFile& file, const std::string& to) {
    FETTLE_TRY(const auto path, files_.fetch(owner, file));
    FETTLE_TRY_(target_.put_artifact(to + "/" + file.path, path));
    ++summary_.files;
    summary_.bytes += file.size;
    tell("runs", done_runs_, overview_.runs);
    return {};
  }

  Result<void> registered() {
    return in_chunks<RegisteredRecord>(&Source::registered, source_, [&](auto& chunk) -> Result<void> {
      for (auto& record : chunk) mapper_.map(record);
      FETTLE_TRY_(send(chunk));
      tell("registered models", done_registered_ += chunk.size(), overview_.registered);
      return {};
    });
  }

  Source& source_;
  Files& files_;
  Target& target_;
  const ImportOptions& options_;
  const Report& report_;
  Mapper mapper_;
  Overview overview_;
  Summary summary_;
  std::string batch_;                     // of points
  std::map<std::string, bool> left_out_;  // experiments, by their id in the source
  std::uint64_t done_experiments_ = 0, done_models_ = 0, done_runs_ = 0, done_registered_ = 0;
};

}  // namespace

std::string tree_digest(const std::map<std::string, std::string>& files) {
  Hasher hasher;
  for (const auto& [path, digest] : files) hasher.add(text::format("{} {}\n", digest, path));
  return text::format("{} files {}", files.size(), hasher.finish().hex());
}

Result<Summary> run_import(Source& source, Files& files, Target& target, const ImportOptions& options,
                           const Report& report) {
  return Import(source, files, target, options, report).run();
}

}  // namespace fettle::transfer
