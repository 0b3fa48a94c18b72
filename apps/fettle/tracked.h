// What the tracking verbs share: asking for runs and experiments, and tables written to files.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "json/value.h"
#include "table/table.h"

namespace fettle::cli {

class Program;

struct RunQuery {
  std::string server;      // an address
  std::string experiment;  // its name; empty: all experiments
  std::string filter;      // as in MLflow
  std::vector<std::string> order;
  std::int64_t limit = 0;  // 0: all
};
[[nodiscard]] std::string mlflow_path(std::string_view rest);  // below /api/2.0/mlflow
// Member `key` of an answer as a list; empty if it is none.
[[nodiscard]] const json::Array& list_in(const json::Value* value, std::string_view key);
[[nodiscard]] Result<json::Value> experiment_ids(const std::string& server, const std::string& name);
// Every run, page after page; `take` returns an error to stop.
[[nodiscard]] Result<void> each_run(const RunQuery& query, const std::function<Result<void>(const json::Value&)>& take);
[[nodiscard]] Result<json::Value> get_run(const std::string& server, const std::string& id);
[[nodiscard]] std::string value_in_words(const json::Value& pair);  // "value" of a param, tag or metric

// Rows whose columns come as they are met; a row that lacks one is missing there. Numbers and text.
class Frame {
 public:
  void begin_row() { ++rows_; }
  void text(const std::string& column, std::string value);
  void number(const std::string& column, double value);
  void whole(const std::string& column, std::int64_t value);
  // "-": CSV on standard output; else by the file's extension: .csv, .jsonl, .parquet ...
  [[nodiscard]] Result<void> write(const std::string& path) const;
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }

 private:
  struct Cells {
    std::string name;
    table::Kind kind;
    std::vector<std::pair<std::size_t, json::Value>> values;  // by row
  };
  void put(const std::string& column, table::Kind kind, json::Value value);
  [[nodiscard]] table::Column column_of(const Cells& cells) const;
  std::vector<Cells> cells_;
  std::size_t rows_ = 0;
};

void add_run_compare_verb(Program& program);
void add_run_export_verb(Program& program);

}  // namespace fettle::cli
