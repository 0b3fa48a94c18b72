// The ways to a page of runs against a plain evaluation of the same search over all runs, on random stores.
#include "tracking/run_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "base/text.h"
#include "os/file.h"
#include "sql/testing/postgres_server.h"
#include "tracking/store.h"
#include "tracking/transaction.h"

namespace fettle::tracking {
namespace {

constexpr std::array<std::string_view, 3> kMetrics{"a", "b", "c d"};

struct Clause {
  enum class On : std::uint8_t { Metric, Param, Tag, Start, Status } on = On::Metric;
  std::string key, op;
  double number = 0;
  std::string text;

  [[nodiscard]] std::string written() const {
    switch (on) {
      case On::Metric:
        return text::format("metrics.`{}` {} {}", key, op, number);
      case On::Start:
        return text::format("attributes.start_time {} {}", op, static_cast<std::int64_t>(number));
      case On::Status:
        return text::format("status {} '{}'", op, text);
      default:
        break;
    }
    const auto ident = text::format("{}.{}", on == On::Param ? "params" : "tags", key);
    return op.starts_with("IS") ? ident + " " + op : text::format("{} {} '{}'", ident, op, text);
  }
};

struct Key {
  enum class By : std::uint8_t { Metric, Param, Start, End } by = By::Start;
  std::string key;
  bool ascending = true;

  [[nodiscard]] std::string written() const {
    const auto* const direction = ascending ? "ASC" : "DESC";
    if (by == By::Metric) return text::format("metrics.`{}` {}", key, direction);
    if (by == By::Param) return text::format("params.{} {}", key, direction);
    return text::format("{} {}", by == By::Start ? "start_time" : "end_time", direction);
  }
};

struct Question {
  std::vector<std::string> experiments;
  std::vector<Clause> clauses;
  std::vector<Key> keys;
  View view = View::Active;
};

const double* metric_of(const Run& run, const std::string& key) {
  const auto found = std::ranges::find(run.metrics, key, &Metric::key);
  return found == run.metrics.end() ? nullptr : &found->value;
}
const std::string* text_of(const std::vector<KeyValue>& pairs, const std::string& key) {
  const auto found = std::ranges::find(pairs, key, &KeyValue::key);
  return found == pairs.end() ? nullptr : &found->value;
}

bool compare_numbers(double a, const std::string& op, double b) {
  if (op == "=") return a == b;
  if (op == "!=") return a != b;
  if (op == "<") return a < b;
  if (op == "<=") return a <= b;
  return op == ">" ? a > b : a >= b;
}

bool holds(const Run& run, const Clause& clause) {
  if (clause.on == Clause::On::Start)
    return compare_numbers(static_cast<double>(run.info.start_ms), clause.op, clause.number);
  if (clause.on == Clause::On::Status) return (run.info.status == RunStatus::Finished) == (clause.op == "=");
  if (clause.on == Clause::On::Metric) {
    const auto* value = metric_of(run, clause.key);
    return value != nullptr && compare_numbers(*value, clause.op, clause.number);
  }
  const auto* value = text_of(clause.on == Clause::On::Param ? run.params : run.tags, clause.key);
  if (clause.op == "IS NULL") return value == nullptr;
  if (value == nullptr) return false;
  if (clause.op == "IS NOT NULL") return true;
  if (clause.op == "LIKE") return value->starts_with(clause.text.substr(0, clause.text.size() - 1));
  return (*value == clause.text) == (clause.op == "=");
}

// -1, 0 or 1; missing last in both directions, NaN just before.
int order_numbers(const double* a, const double* b, bool ascending) {
  const auto rank = [](const double* value) { return value == nullptr ? 2 : std::isnan(*value) ? 1 : 0; };
  if (rank(a) != rank(b)) return rank(a) < rank(b) ? -1 : 1;
  if (rank(a) != 0 || *a == *b) return 0;
  return (*a < *b) == ascending ? -1 : 1;
}

int order(const Run& a, const Run& b, const Key& key) {
  if (key.by == Key::By::Metric) return order_numbers(metric_of(a, key.key), metric_of(b, key.key), key.ascending);
  if (key.by == Key::By::Param) {
    const auto* left = text_of(a.params, key.key);
    const auto* right = text_of(b.params, key.key);
    if (left == nullptr || right == nullptr) return (left == nullptr) - (right == nullptr);
    return *left == *right ? 0 : (*left < *right) == key.ascending ? -1 : 1;
  }
  const auto time = [&](const Run& run) { return key.by == Key::By::Start ? run.info.start_ms : run.info.end_ms; };
  const auto left = time(a);
  const auto right = time(b);
  if (!left || !right) return static_cast<int>(!left) - static_cast<int>(!right);
  return *left == *right ? 0 : (*left < *right) == key.ascending ? -1 : 1;
}

bool comes_before(const Run& a, const Run& b, const std::vector<Key>& keys) {
  for (const auto& key : keys)
    if (const int way = order(a, b, key); way != 0) return way < 0;
  if (a.info.start_ms != b.info.start_ms) return a.info.start_ms > b.info.start_ms;
  return a.info.id.str() < b.info.id.str();
}

std::vector<std::string> plain_answer(const std::vector<Run>& all, const Question& question) {
  std::vector<const Run*> found;
  for (const auto& run : all) {
    const bool in_view =
        question.view == View::All || (question.view == View::Deleted) == (run.info.stage == Stage::Deleted);
    if (in_view && std::ranges::contains(question.experiments, run.info.experiment.str()) &&
        std::ranges::all_of(question.clauses, [&](const Clause& clause) { return holds(run, clause); }))
      found.push_back(&run);
  }
  std::ranges::sort(found, [&](const Run* a, const Run* b) { return comes_before(*a, *b, question.keys); });
  std::vector<std::string> out;
  for (const auto* run : found) out.push_back(run->info.id.str());
  return out;
}

class RunSearchTest : public testing::TestWithParam<sql::testing::Store> {
 protected:
  os::TempFolder folder_ = *os::TempFolder::create();
  std::unique_ptr<sql::Database> database_ =
      *sql::Database::open(sql::testing::new_store(GetParam(), folder_.path()), {Store::migrations()});
  ManualClock clock_{1'000};
  Store store_{*database_, clock_};
  Rng rng_{20};

  bool one_in(std::uint64_t count) { return rng_.below(count) == 0; }
  double some_number() { return static_cast<double>(rng_.below(6)) / 2 - 1; }
  std::string some_text() { return std::string(1 + rng_.below(2), static_cast<char>('x' + rng_.below(3))); }

  void fill(int runs) {
    for (const auto* name : {"e1", "e2"}) ASSERT_TRUE(store_.create_experiment(name, "", {}));
    for (int i = 0; i < runs; ++i) add_run();
  }

  void add_run() {
    NewRun run;
    run.experiment = ExperimentId(std::to_string(rng_.below(3)));
    run.start_ms = static_cast<std::int64_t>(rng_.below(20));
    const auto id = store_.create_run(run)->info.id;
    Batch batch;
    for (const auto key : kMetrics) {
      if (one_in(3)) continue;
      Metric metric;
      metric.key = key;
      metric.value = one_in(5) ? std::nan("") : one_in(20) ? HUGE_VAL : some_number();
      batch.metrics.push_back(metric);
      if (!one_in(2)) continue;
      metric.step = 1;  // moves the latest value
      metric.value = one_in(5) ? std::nan("") : some_number();
      batch.metrics.push_back(metric);
    }
    for (const auto* key : {"p", "q"})
      if (one_in(2)) batch.params.push_back({key, some_text()});
    if (one_in(2)) batch.tags.push_back({"t", some_text()});
    ASSERT_TRUE(store_.log(id, batch));
    RunUpdate update;
    if (one_in(2)) update.end_ms = static_cast<std::int64_t>(rng_.below(5));
    if (one_in(2)) update.status = RunStatus::Finished;
    ASSERT_TRUE(store_.update_run(id, update));
    if (one_in(6)) {
      ASSERT_TRUE(store_.delete_run(id));
    }
    ids_.push_back(id);
  }

  Clause some_clause() {
    static constexpr std::array<std::string_view, 6> kNumeric{"=", "!=", "<", "<=", ">", ">="};
    static constexpr std::array<std::string_view, 5> kTextual{"=", "!=", "LIKE", "IS NULL", "IS NOT NULL"};
    Clause out;
    out.on = static_cast<Clause::On>(one_in(2) ? 0 : rng_.below(5));
    out.op = kNumeric[rng_.below(6)];
    out.number = some_number();
    out.key = kMetrics[rng_.below(3)];
    if (out.on == Clause::On::Start) out.number = static_cast<double>(rng_.below(20));
    if (out.on == Clause::On::Status) {
      out.op = one_in(2) ? "=" : "!=";
      out.text = "FINISHED";
    }
    if (out.on == Clause::On::Param || out.on == Clause::On::Tag) {
      out.key = out.on == Clause::On::Tag ? "t" : one_in(2) ? "p" : "q";
      out.op = kTextual[rng_.below(kTextual.size())];
      out.text = some_text();
      if (out.op == "LIKE") out.text += "%";
    }
    return out;
  }

  Question some_question() {
    Question out;
    for (const auto* id : {"0", "1", "2"})
      if (!one_in(3)) out.experiments.emplace_back(id);
    out.view = static_cast<View>(rng_.below(3));
    for (auto left = rng_.below(4); left > 0; --left) out.clauses.push_back(some_clause());
    for (auto left = rng_.below(3); left > 0; --left) {
      const Key key{static_cast<Key::By>(one_in(2) ? 0 : rng_.below(4)),
                    std::string(kMetrics[rng_.below(3)].substr(0, 1)), one_in(2)};
      if (std::ranges::none_of(out.keys, [&](const Key& other) { return other.by == key.by; })) out.keys.push_back(key);
    }
    for (auto& key : out.keys)
      if (key.by == Key::By::Param)
        key.key = "p";
      else if (key.key == "c")
        key.key = "c d";
    return out;
  }

  // All pages, one after the other.
  std::vector<std::string> answer(const Question& question, std::int64_t page_size, const Effort& effort) {
    Search search;
    search.experiments = question.experiments;
    search.view = question.view;
    search.max_results = page_size;
    for (const auto& clause : question.clauses)
      search.filter += (search.filter.empty() ? "" : " AND ") + clause.written();
    for (const auto& key : question.keys) search.order_by.push_back(key.written());
    asked_ = search.filter + " | " + text::join(search.order_by, ", ");
    std::vector<std::string> out;
    do {
      const auto page =
          read_value<KeyPage>(*database_, [&](sql::Session& session) { return find_runs(session, search, effort); });
      if (!page) return {page.error().message};
      EXPECT_LE(std::ssize(page->keys), page_size);
      for (const auto key : page->keys) out.push_back(ids_.at(static_cast<std::size_t>(key) - 1).str());
      search.page_token = page->next_token;
    } while (!search.page_token.empty());
    return out;
  }

  std::vector<RunId> ids_;  // by row
  std::string asked_;
};
INSTANTIATE_TEST_SUITE_P(Stores, RunSearchTest, sql::testing::every_store(), sql::testing::name_of_store);

TEST_P(RunSearchTest, EveryWayGivesThePlainAnswer) {
  fill(150);
  std::vector<tracking::Run> all;
  for (const auto& id : ids_) all.push_back(*store_.run(id));
  std::size_t found = 0;
  for (int i = 0; i < 1500; ++i) {
    const auto question = some_question();
    const auto expected = plain_answer(all, question);
    found += expected.size();
    for (const auto& effort :
         {Effort{}, Effort{0, 0}, Effort{1, 0}, Effort{static_cast<std::int64_t>(rng_.below(30)), 1}})
      ASSERT_EQ(answer(question, 1 + static_cast<std::int64_t>(rng_.below(40)), effort), expected) << asked_;
  }
  EXPECT_GT(found, 10'000U);
}

TEST_P(RunSearchTest, SeesEveryAcknowledgedWrite) {
  fill(0);
  ids_.push_back(store_.create_run({ExperimentId("2"), "", "", 0, {}})->info.id);
  const auto& id = ids_.front();
  Question question{{"0", "1", "2"}, {{Clause::On::Metric, "a", ">", 100, ""}}, {}, View::All};
  EXPECT_TRUE(answer(question, 10, {}).empty());
  Metric metric;
  metric.key = "a";
  for (std::int64_t step = 5; step < 10; ++step) {
    metric.step = step;
    metric.value = step % 2 == 0 ? 50 : 150;
    ASSERT_TRUE(store_.log(id, {{metric}, {}, {}}));
    EXPECT_EQ(answer(question, 10, {}).size(), step % 2 == 0 ? 0U : 1U) << step;
  }
  metric.step = 3;  // not the latest
  metric.value = 1;
  ASSERT_TRUE(store_.log(id, {{metric}, {}, {}}));
  EXPECT_EQ(answer(question, 10, {}).size(), 1U);
}

TEST_P(RunSearchTest, LongAndOddTextsAreFoundByTheirWholeValue) {
  fill(0);
  const std::string same(70, 'z');
  const std::vector<std::string> values{same, same + "1", "\xC3\xA9t\xC3\xA9", "%", "_", "a\\", ""};
  for (const auto& value : values) {
    ids_.push_back(store_.create_run({ExperimentId("0"), "", "", 0, {}})->info.id);
    ASSERT_TRUE(store_.log(ids_.back(), {{}, {{"p", value}}, {}}));
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    for (const auto* op : {"=", "!="}) {
      const Question question{{"0"}, {{Clause::On::Param, "p", op, 0, values[i]}}, {}, View::Active};
      EXPECT_EQ(answer(question, 10, {}).size(), *op == '=' ? 1U : values.size() - 1) << values[i];
    }
}

}  // namespace
}  // namespace fettle::tracking
