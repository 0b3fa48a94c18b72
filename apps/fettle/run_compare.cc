// `fettle run compare`: where two runs differ: params, metrics, tags, code, data.
#include <map>
#include <memory>

#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

struct CompareOptions {
  std::string server, a, b;
  bool all = false;
};

using Values = std::map<std::string, std::string>;  // by "params.depth", "metrics.auc", "code.commit", "data.flights"

bool is_code(const std::string& tag) { return tag.starts_with("mlflow.source.") || tag.starts_with("fettle.git"); }
// Of every run another, hence no difference that one asks for.
bool is_noise(const std::string& tag) { return tag == "mlflow.runName" || tag == "mlflow.log-model.history"; }

Values values_of(const json::Value& run) {
  Values out;
  const auto* data = run.find("data");
  for (const auto& param : list_in(data, "params")) out["params." + param.text_or("key")] = value_in_words(param);
  for (const auto& metric : list_in(data, "metrics")) out["metrics." + metric.text_or("key")] = value_in_words(metric);
  for (const auto& tag : list_in(data, "tags")) {
    const auto key = tag.text_or("key");
    if (!is_noise(key)) out[(is_code(key) ? "code." : "tags.") + key] = value_in_words(tag);
  }
  for (const auto& input : list_in(run.find("inputs"), "dataset_inputs"))
    if (const auto* set = input.find("dataset"); set != nullptr)
      out["data." + set->text_or("name")] +=
          (out["data." + set->text_or("name")].empty() ? "" : ", ") + set->text_or("digest");
  return out;
}

std::string change_of(const std::string& a, const std::string& b) {
  const auto from = text::parse_double(a), to = text::parse_double(b);
  if (!from || !to) return "";
  const auto by = *to - *from;
  return text::format("{}{:.4g}", by > 0 ? "+" : "", by);
}

// In a table one line a value.
std::string brief(std::string value) {
  constexpr std::size_t kWidth = 40;
  for (auto& c : value)
    if (c == '\n' || c == '\t') c = ' ';
  if (value.size() <= kWidth) return value;
  std::size_t cut = kWidth;
  while (cut > 0 && (static_cast<unsigned char>(value[cut]) & 0xC0U) == 0x80U) --cut;
  return value.substr(0, cut) + "...";
}

Result<void> compare(Output& output, const CompareOptions& options) {
  const auto server = client::server_url(options.server);
  FETTLE_TRY(const auto run_a, get_run(server, options.a));
  FETTLE_TRY(const auto run_b, get_run(server, options.b));
  const auto a = values_of(run_a), b = values_of(run_b);
  Values keys = a;
  keys.insert(b.begin(), b.end());
  json::Value differ = json::Value::array(), same = json::Value::array();
  std::vector<std::vector<std::string>> rows, same_rows;
  for (const auto& [key, ignored] : keys) {
    const auto in_a = a.find(key), in_b = b.find(key);
    json::Value entry;
    entry.set("key", key);
    if (in_a != a.end()) entry.set("a", in_a->second);
    if (in_b != b.end()) entry.set("b", in_b->second);
    const auto text_a = in_a == a.end() ? "-" : in_a->second, text_b = in_b == b.end() ? "-" : in_b->second;
    const bool equal = in_a != a.end() && in_b != b.end() && in_a->second == in_b->second;
    (equal ? same : differ).push(std::move(entry));
    const auto change = key.starts_with("metrics.") && !equal ? change_of(text_a, text_b) : "";
    (equal ? same_rows : rows).push_back({key, brief(text_a), brief(text_b), change});
  }
  json::Value document;
  document.set("a", options.a).set("b", options.b).set("differ", std::move(differ)).set("same", std::move(same));
  output.document(document);
  output.line(text::format("A {} ({})", options.a, run_a.find("info")->text_or("run_name")));
  output.line(text::format("B {} ({})", options.b, run_b.find("info")->text_or("run_name")));
  const auto count = same_rows.size();
  if (options.all) rows.insert(rows.end(), same_rows.begin(), same_rows.end());
  if (!rows.empty()) output.table({"", "A", "B", "change"}, rows);
  if (!options.all && count > 0) output.line(text::format("{} more are the same; see them with --all", count));
  return {};
}

}  // namespace

void add_run_compare_verb(Program& program) {
  auto options = std::make_shared<CompareOptions>();
  auto verb = program.verb("run", "", "compare", "Where two runs differ: params, metrics, tags, code, data");
  verb.argument("A", options->a, "A run's id");
  verb.argument("B", options->b, "Another run's id");
  verb.option("--server", options->server, client::kServerHelp);
  verb.flag("--all", options->all, "Also what is the same");
  verb.examples("  fettle run compare 0f3c... 91ab...");
  verb.action([options](Output& output) { return compare(output, *options); });
}

}  // namespace fettle::cli
