#include "tracked.h"

#include <algorithm>
#include <cstdio>
#include <limits>

#include "base/text.h"
#include "client.h"
#include "http/client.h"
#include "os/file.h"
#include "table/file.h"

namespace fettle::cli {
namespace {

constexpr std::int64_t kRunsPage = 1000;

}  // namespace

std::string mlflow_path(std::string_view rest) { return text::format("/api/2.0/mlflow{}", rest); }

const json::Array& list_in(const json::Value* value, std::string_view key) {
  static const json::Array kNone;
  const auto* list = value == nullptr ? nullptr : value->find(key);
  return list != nullptr && list->is_array() ? list->as_array() : kNone;
}

Result<json::Value> experiment_ids(const std::string& server, const std::string& name) {
  json::Value ids = json::Value::array();
  if (!name.empty()) {
    FETTLE_TRY(const auto found, client::get(server, mlflow_path("/experiments/get-by-name?experiment_name=" +
                                                                 http::percent_encode(name))));
    ids.push(found.find("experiment")->text_or("experiment_id"));
    return ids;
  }
  for (std::string token;;) {
    FETTLE_TRY(const auto page, client::get(server, mlflow_path("/experiments/search?max_results=1000&page_token=" +
                                                                http::percent_encode(token))));
    for (const auto& experiment : list_in(&page, "experiments")) ids.push(experiment.text_or("experiment_id"));
    token = page.text_or("next_page_token");
    if (token.empty()) return ids;
  }
}

Result<void> each_run(const RunQuery& query, const std::function<Result<void>(const json::Value&)>& take) {
  FETTLE_TRY(auto ids, experiment_ids(query.server, query.experiment));
  auto left = query.limit == 0 ? std::numeric_limits<std::int64_t>::max() : query.limit;
  json::Value body;
  body.set("experiment_ids", std::move(ids)).set("filter", query.filter);
  body.set("order_by", json::Array(query.order.begin(), query.order.end()));
  while (left > 0) {
    body.set("max_results", std::min(left, kRunsPage));
    FETTLE_TRY(const auto page, client::post(query.server, mlflow_path("/runs/search"), body));
    for (const auto& run : list_in(&page, "runs")) FETTLE_TRY_(take(run));
    left -= static_cast<std::int64_t>(list_in(&page, "runs").size());
    const auto token = page.text_or("next_page_token");
    if (token.empty()) break;
    body.set("page_token", token);
  }
  return {};
}

Result<json::Value> get_run(const std::string& server, const std::string& id) {
  FETTLE_TRY(const auto answer, client::get(server, mlflow_path("/runs/get?run_id=" + http::percent_encode(id))));
  const auto* run = answer.find("run");
  return run == nullptr ? json::Value() : *run;
}

std::string value_in_words(const json::Value& pair) {
  const auto* value = pair.find("value");
  if (value == nullptr) return {};
  return value->is_string() ? value->as_string() : text::number(value->as_double());
}

void Frame::put(const std::string& column, table::Kind kind, json::Value value) {
  auto found = std::ranges::find(cells_, column, &Cells::name);
  if (found == cells_.end()) found = cells_.insert(cells_.end(), Cells{column, kind, {}});
  found->values.emplace_back(rows_ - 1, std::move(value));
}
void Frame::text(const std::string& column, std::string value) { put(column, table::Kind::Text, std::move(value)); }
void Frame::number(const std::string& column, double value) { put(column, table::Kind::Float, value); }
void Frame::whole(const std::string& column, std::int64_t value) { put(column, table::Kind::Int, value); }

table::Column Frame::column_of(const Cells& cells) const {
  std::vector<std::string> texts(cells.kind == table::Kind::Text ? rows_ : 0);
  std::vector<double> numbers(cells.kind == table::Kind::Float ? rows_ : 0, std::numeric_limits<double>::quiet_NaN());
  std::vector<std::int64_t> wholes(cells.kind == table::Kind::Int ? rows_ : 0);
  std::vector<std::uint8_t> valid(rows_);
  for (const auto& [row, value] : cells.values) {
    valid[row] = 1;
    if (cells.kind == table::Kind::Text) texts[row] = value.as_string();
    if (cells.kind == table::Kind::Float) numbers[row] = value.as_double();
    if (cells.kind == table::Kind::Int) wholes[row] = value.as_int();
  }
  auto out = cells.kind == table::Kind::Text    ? table::Column::of_texts(cells.name, texts)
             : cells.kind == table::Kind::Float ? table::Column::of_floats(cells.name, std::move(numbers))
                                                : table::Column::of_ints(cells.name, std::move(wholes));
  if (std::ranges::contains(valid, 0)) {
    for (std::size_t row = 0; row < out.codes.size(); ++row)
      if (valid[row] == 0) out.codes[row] = -1;
    out.valid = std::move(valid);
  }
  return out;
}

Result<void> Frame::write(const std::string& path) const {
  std::vector<table::Column> columns;
  for (const auto& cells : cells_) columns.push_back(column_of(cells));
  FETTLE_TRY(const auto whole, table::Table::create(std::move(columns)));
  if (path != "-") return table::write(path, whole);
  FETTLE_TRY(const auto folder, os::TempFolder::create("fettle-export"));
  FETTLE_TRY_(table::write(folder.path() + "/table.csv", whole));
  FETTLE_TRY(const auto content, os::read_file(folder.path() + "/table.csv"));
  std::fwrite(content.data(), 1, content.size(), stdout);
  return {};
}

}  // namespace fettle::cli
