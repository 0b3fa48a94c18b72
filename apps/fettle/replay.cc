#include "replay.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "client.h"
#include "json/value.h"

namespace fettle::cli {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::size_t kOutcomesPerRequest = 5'000;

struct Sent {  // one answered request
  std::size_t first = 0, last = 0;
  std::string id;
};

std::string id_of(const std::string& prefix, const ReplayDay& day, std::size_t first, std::size_t batch) {
  return text::format("{}-{}-{}", prefix, text::rfc3339(day.start_ms).substr(0, 10), (first - day.first) / batch);
}

// One day's requests, taken by several connections in turn.
class DaySender {
 public:
  DaySender(const ReplayRows& rows, const ReplayTarget& target, const std::string& prefix, const ReplayDay& day)
      : rows_(rows), target_(target), prefix_(prefix), day_(day), next_(day.first) {}

  Result<void> run(std::vector<http::Client>& clients) {
    std::vector<std::jthread> threads;
    for (auto& client : clients) threads.emplace_back([this, &client] { work(client); });
    threads.clear();  // joins
    std::ranges::sort(sent, {}, &Sent::first);
    if (error_) return fail(*error_);
    return {};
  }

  std::vector<Sent> sent;
  std::size_t failed = 0;
  std::string first_error;

 private:
  void work(http::Client& client) {
    const auto path = text::format("/v2/models/{}/infer", http::percent_encode(target_.endpoint));
    std::string body;
    for (;;) {
      const auto first = next_.fetch_add(target_.batch);
      if (first >= day_.last || stopped_) return;
      const auto last = std::min(first + target_.batch, day_.last);
      const auto id = id_of(prefix_, day_, first, target_.batch);
      const auto length = rows_.write_request(first, last, id, body);
      const auto answer = client.send(http::Method::Post, path, body, "application/octet-stream",
                                      {{"Inference-Header-Content-Length", std::to_string(length)}});
      note(answer, {first, last, id});
    }
  }

  void note(const Result<http::Response>& answer, Sent request) {
    const std::lock_guard lock(mutex_);
    if (answer && answer->status == 200) return sent.push_back(std::move(request));
    failed += request.last - request.first;
    if (first_error.empty()) first_error = answer ? answer->body : answer.error().message;
    if (answer) return;
    error_ = answer.error();
    stopped_ = true;
  }

  const ReplayRows& rows_;
  const ReplayTarget& target_;
  const std::string& prefix_;
  const ReplayDay& day_;
  std::atomic<std::size_t> next_;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  std::optional<Error> error_;  // no answer at all
};

class Replay {
 public:
  Replay(const ReplayRows& rows, const ReplayTarget& target, const std::string& prefix)
      : rows_(rows), target_(target), prefix_(prefix) {}

  Result<void> connect() {
    for (int i = 0; i < std::max(target_.connections, 1); ++i) {
      FETTLE_TRY(auto client, client::connect(target_.predict));
      clients_.push_back(std::move(client));
    }
    return {};
  }

  Result<ReplayedDay> day(const ReplayDay& day) {
    const auto began = system_clock().monotonic_ns();
    FETTLE_TRY(const auto due, send_due_outcomes(day.start_ms));
    DaySender sender(rows_, target_, prefix_, day);
    const auto ran = sender.run(clients_);
    totals.failed += sender.failed;
    if (totals.first_error.empty()) totals.first_error = sender.first_error;
    FETTLE_TRY_(ran);
    ReplayedDay done{day.start_ms, 0, sender.failed, due, 0};
    for (const auto& request : sender.sent) done.rows += request.last - request.first;
    if (!sender.sent.empty()) {
      const auto& last = sender.sent.back();
      totals.last_prediction = text::format("{}:{}", last.id, last.last - last.first - 1);
    }
    waiting_.push_back({day.start_ms, std::move(sender.sent)});
    totals.rows += done.rows;
    ++totals.days;
    FETTLE_TRY_(settle());
    done.seconds = static_cast<double>(system_clock().monotonic_ns() - began) / 1e9;
    return done;
  }

  Result<void> finish() {
    FETTLE_TRY_(send_due_outcomes(INT64_MAX));
    return settle();
  }

  ReplayTotals totals;

 private:
  struct Waiting {
    std::int64_t day_ms = 0;
    std::vector<Sent> sent;
  };

  // Outcomes of days that are old enough when `day_ms` begins.
  Result<std::size_t> send_due_outcomes(std::int64_t day_ms) {
    std::size_t count = 0;
    while (!waiting_.empty()) {
      const auto known_ms = waiting_.front().day_ms + (target_.outcome_delay_days + 1) * kDayMs;
      if (day_ms != INT64_MAX && known_ms > day_ms) break;
      FETTLE_TRY(const auto sent, send_outcomes(waiting_.front(), known_ms));
      count += sent;
      waiting_.erase(waiting_.begin());
    }
    totals.outcomes += count;
    return count;
  }

  Result<std::size_t> send_outcomes(const Waiting& day, std::int64_t known_ms) {
    std::string ids, labels;
    std::size_t held = 0, count = 0;
    for (std::size_t i = 0; i < day.sent.size(); ++i) {
      const auto& request = day.sent[i];
      rows_.write_outcomes(request.first, request.last, request.id, ids, labels);
      held += request.last - request.first;
      if (held < kOutcomesPerRequest && i + 1 < day.sent.size()) continue;
      FETTLE_TRY_(post_outcomes(ids, labels, known_ms));
      count += held;
      held = 0;
    }
    return count;
  }

  Result<void> post_outcomes(std::string& ids, std::string& labels, std::int64_t known_ms) {
    if (ids.empty()) return {};
    ids.pop_back();  // the last comma
    labels.pop_back();
    const auto body = text::format(R"({{"ids":[{}],"labels":[{}],"time_ms":{}}})", ids, labels, known_ms);
    ids.clear();
    labels.clear();
    FETTLE_TRY(const auto answer, clients_.front().send(http::Method::Post, "/v2/outcomes", body));
    if (answer.status == 200) return {};
    return fail(Code::FailedPrecondition, text::format("the server refused outcomes: {}", answer.body));
  }

  Result<void> settle() {
    if (target_.control.empty()) return {};
    FETTLE_TRY_(client::post(target_.control, "/api/fettle/v1/settle", json::Value::object()));
    return {};
  }

  const ReplayRows& rows_;
  const ReplayTarget& target_;
  const std::string& prefix_;
  std::vector<http::Client> clients_;
  std::vector<Waiting> waiting_;
};

}  // namespace

Result<ReplayTotals> replay(const ReplayRows& rows, const ReplayTarget& target, const std::string& id_prefix,
                            const std::function<void(const ReplayedDay&, double)>& on_day) {
  Replay run(rows, target, id_prefix);
  FETTLE_TRY_(run.connect());
  for (const auto& day : rows.days()) {
    FETTLE_TRY(const auto done, run.day(day));
    on_day(done, static_cast<double>(day.last) / static_cast<double>(rows.size()));
  }
  FETTLE_TRY_(run.finish());
  return std::move(run.totals);
}

}  // namespace fettle::cli
