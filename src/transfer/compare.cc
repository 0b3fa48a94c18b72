#include <algorithm>

#include "base/text.h"
#include "os/file.h"
#include "transfer/mapper.h"

namespace fettle::transfer {
namespace {

std::string origin_of(const ExperimentRecord& record) { return text::format("{}@{}", record.id, record.created_ms); }
std::string origin_of(const RegisteredRecord& record) { return text::format("{}@{}", record.name, record.created_ms); }

// Reads the source once and looks up every record in the target.
class Look {
 public:
  Look(Source& source, Target& target, const ImportOptions& options, const Report& report)
      : source_(source), target_(target), options_(options), report_(report), mapper_(options) {}

  // `use(record, owner, here, mark)` for every record: its digest in the target and what was imported, empty for none.
  template <typename Use>
  Result<void> all(Use use) {
    FETTLE_TRY_(named<ExperimentRecord>(&Source::experiments, "experiment-as", use));
    FETTLE_TRY_(owned<ModelRecord>(&Source::models, use));
    FETTLE_TRY_(owned<RunRecord>(&Source::runs, use));
    return named<RegisteredRecord>(&Source::registered, "registered_model-as", use);
  }

 private:
  // Records that may have got another id or name here.
  template <typename Record, typename Use>
  Result<void> named(Result<void> (Source::*read)(const Take<Record>&), const std::string& as, Use use) {
    return in_chunks<Record>(read, source_, [&](std::vector<Record>& chunk) -> Result<void> {
      std::vector<std::string> origins;
      for (const auto& record : chunk) origins.push_back(origin_of(record));
      FETTLE_TRY(const auto others, target_.marks(as, origins));
      for (std::size_t i = 0; i < chunk.size(); ++i) {
        const auto other = others.find(origins[i]);
        if (other != others.end()) learn(chunk[i], other->second);
        mapper_.map(chunk[i]);
        if (other != others.end()) chunk[i].name = renamed(chunk[i]);
      }
      return look_up(chunk, std::vector<Owner>(chunk.size()), use);
    });
  }
  void learn(const ExperimentRecord& record, const std::string& here) { mapper_.learn(record.id, here); }
  void learn(const RegisteredRecord& record, const std::string& here) { mapper_.learn_name(record.name, here); }
  [[nodiscard]] std::string renamed(const ExperimentRecord& record) const { return record.name + options_.suffix; }
  [[nodiscard]] static std::string renamed(const RegisteredRecord& record) { return record.name; }

  template <typename Record, typename Use>
  Result<void> owned(Result<void> (Source::*read)(const Take<Record>&), Use use) {
    return in_chunks<Record>(read, source_, [&](std::vector<Record>& chunk) -> Result<void> {
      std::vector<Owner> owners;
      for (auto& record : chunk) {
        owners.push_back(owner_of(record));
        mapper_.map(record);
      }
      return look_up(chunk, owners, use);
    });
  }

  template <typename Record, typename Use>
  Result<void> look_up(const std::vector<Record>& chunk, const std::vector<Owner>& owners, Use use) {
    const std::string kind(kKind<Record>);
    const auto ids = ids_of(chunk);
    FETTLE_TRY(auto digests, target_.digests(kind, ids));
    FETTLE_TRY(auto marks, target_.marks(kind, ids));
    for (std::size_t i = 0; i < chunk.size(); ++i)
      FETTLE_TRY_(use(chunk[i], owners[i], digests[ids[i]], marks[ids[i]]));
    report_({"compared: " + kind, looked_ += chunk.size(), 0, 0, 0});
    return {};
  }

  Source& source_;
  Target& target_;
  const ImportOptions& options_;
  const Report& report_;
  Mapper mapper_;
  std::uint64_t looked_ = 0;
};

class Compare {
 public:
  Compare(Source& source, Files& files, Target& target, const ImportOptions& options)
      : source_(source), files_(files), target_(target), options_(options) {}

  template <typename Record>
  Result<void> operator()(const Record& record, const Owner& owner, const std::string& here, const std::string& mark) {
    const auto source = digest_of(record).hex();
    // This server's own experiment 0, which the source's has joined.
    const bool own = kKind<Record> == "experiment" && id_of(record) == "0" && mark.empty();
    if (own)
      add("experiment", true, "");
    else
      add(kKind<Record>, here == source,
          text::format("{} '{}' {}", kKind<Record>, id_of(record),
                       here.empty()     ? "is not here"
                       : mark == source ? "was changed here since it was imported"
                                        : "differs"));
    if (here.empty()) return {};
    if constexpr (std::is_same_v<Record, RunRecord>) FETTLE_TRY_(points(record));
    if constexpr (std::is_same_v<Record, RunRecord> || std::is_same_v<Record, ModelRecord>)
      return artifacts(record, owner);
    return {};
  }
  Comparison result;

 private:
  void add(std::string_view kind, bool same, const std::string& words) {
    auto& count = result.kinds[std::string(kind)];
    ++count.source;
    if (same) {
      ++count.same;
      return;
    }
    ++result.differing;
    if (result.differences.size() < kMostDifferences) result.differences.push_back(words);
  }

  Result<void> points(const RunRecord& run) {
    FETTLE_TRY(const auto series, source_.series(run));
    FETTLE_TRY(auto here, target_.digests("points", {run.id}));
    const auto source = text::format("{} points {}", points_of(series), digest_of(series).hex());
    add("points", here[run.id] == source,
        text::format("metrics of run '{}': {} in the source, here {}", run.id, source.substr(0, source.rfind(' ')),
                     here[run.id].substr(0, here[run.id].rfind(' '))));
    return {};
  }

  template <typename Record>
  Result<void> artifacts(const Record& record, const Owner& owner) {
    const auto to = proxied_path(record.artifact_uri);
    if (options_.artifacts == Copying::None || !to) return {};
    FETTLE_TRY(const auto files, files_.list(owner));
    std::map<std::string, std::string> digests;
    for (const auto& file : files) {
      FETTLE_TRY(const auto path, files_.fetch(owner, file));
      FETTLE_TRY(const auto digest, os::digest_file(path));
      digests.emplace(file.path, digest.hex());
    }
    FETTLE_TRY(auto here, target_.digests("artifacts", {*to}));
    const auto source = tree_digest(digests);
    add("artifacts", here[*to] == source,
        text::format("artifacts of {} '{}': {} in the source, here {}", kKind<Record>, record.id,
                     source.substr(0, source.rfind(' ')), here[*to].substr(0, here[*to].rfind(' '))));
    return {};
  }

  Source& source_;
  Files& files_;
  Target& target_;
  const ImportOptions& options_;
};

}  // namespace

Result<Comparison> compare(Source& source, Files& files, Target& target, const ImportOptions& options,
                           const Report& report) {
  Compare work(source, files, target, options);
  FETTLE_TRY_(Look(source, target, options, report)
                  .all([&](const auto& record, const Owner& owner, const std::string& here, const std::string& mark) {
                    return work(record, owner, here, mark);
                  }));
  return std::move(work.result);
}

Result<Summary> plan_import(Source& source, Target& target, const ImportOptions& options, const Report& report) {
  Summary out;
  FETTLE_TRY_(
      Look(source, target, options, report)
          .all([&](const auto& record, const Owner&, const std::string& here, const std::string& mark) -> Result<void> {
            const std::string kind(kKind<std::remove_cvref_t<decltype(record)>>);
            auto& tally = out.kinds[kind];
            const bool default_one = kind == "experiment" && id_of(record) == "0" && mark.empty();
            switch (default_one ? Outcome::Kept : decide({here, mark, true}, digest_of(record).hex())) {
              case Outcome::Created:
                ++tally.created;
                break;
              case Outcome::Updated:
                ++tally.updated;
                break;
              case Outcome::Unchanged:
                ++tally.unchanged;
                break;
              case Outcome::Kept:
                ++tally.kept;
                break;
              case Outcome::Conflict:
                ++tally.conflicts;
                if (out.conflicts.size() < kMostDifferences)
                  out.conflicts.push_back(text::format("{} '{}' is another one here", kind, id_of(record)));
            }
            return {};
          }));
  return out;
}

}  // namespace fettle::transfer
