// `fettle artifact compare`: what was added, removed and changed between two trees of files, by digest.
#include <algorithm>
#include <map>
#include <memory>

#include "artifact_tree.h"
#include "base/text.h"
#include "client.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

struct TreeOptions : TrackedOptions {
  std::string a, b;
};
using Files = std::map<std::string, ArtifactFile>;

Result<Files> files_of(ArtifactTree& tree) {
  FETTLE_TRY(const auto listed, tree.list());
  Files out;
  for (const auto& file : listed) out.emplace(file.path, file);
  return out;
}

// Digests are asked for only where the sizes are equal.
Result<bool> is_equal(ArtifactTree& a, const ArtifactFile& in_a, ArtifactTree& b, const ArtifactFile& in_b) {
  if (in_a.size != in_b.size) return false;
  FETTLE_TRY(const auto digest_a, a.digest(in_a));
  FETTLE_TRY(const auto digest_b, b.digest(in_b));
  return digest_a == digest_b;
}

Result<void> compare_artifacts(Output& output, const TreeOptions& options) {
  const auto server = client::server_url(options.server);
  FETTLE_TRY(const auto a, open_named_tree(server, options.a));
  FETTLE_TRY(const auto b, open_named_tree(server, options.b));
  FETTLE_TRY(const auto in_a, files_of(*a));
  FETTLE_TRY(auto every, files_of(*b));
  const auto in_b = every;
  every.insert(in_a.begin(), in_a.end());
  std::map<std::string, json::Array> changes{{"added", {}}, {"removed", {}}, {"changed", {}}, {"same", {}}};
  std::vector<std::vector<std::string>> rows;
  std::uint64_t seen = 0;
  for (const auto& [path, ignored] : every) {
    ++seen;
    if (output.terminal()) output.progress("compare", static_cast<double>(seen) / static_cast<double>(every.size()));
    const auto from = in_a.find(path), to = in_b.find(path);
    std::string what = from == in_a.end() ? "added" : to == in_b.end() ? "removed" : "changed";
    if (what == "changed") {
      FETTLE_TRY(const bool equal, is_equal(*a, from->second, *b, to->second));
      if (equal) what = "same";
    }
    changes[what].emplace_back(path);
    if (what == "same" && !options.all) continue;
    rows.push_back({what, path, from == in_a.end() ? "-" : text::human_bytes(from->second.size),
                    to == in_b.end() ? "-" : text::human_bytes(to->second.size)});
  }
  output.progress_done();
  json::Value document;
  document.set("a", options.a).set("b", options.b);
  for (const auto& [what, paths] : changes) document.set(what, paths);
  output.document(document);
  output.line(text::format("A {}\nB {}", options.a, options.b));
  if (!rows.empty()) output.table({"", "artifact", "A", "B"}, rows);
  output.line(text::format("{} added, {} removed, {} changed, {} the same", changes["added"].size(),
                           changes["removed"].size(), changes["changed"].size(), changes["same"].size()));
  return {};
}

}  // namespace

void add_artifact_compare_verb(Program& program) {
  auto options = std::make_shared<TreeOptions>();
  auto verb = program.verb("artifact", "", "compare", "Files that were added, removed or changed, by digest");
  constexpr std::string_view kTree = "RUN, RUN/FOLDER, or a folder here as ./FOLDER";
  verb.argument("A", options->a, kTree).argument("B", options->b, kTree);
  add_server_option(verb, *options);
  verb.flag("--all", options->all, "Also what is the same");
  verb.examples(
      "  fettle artifact compare 0f3c.../model 91ab.../model\n  fettle artifact compare 0f3c.../model ./model");
  verb.action([options](Output& output) { return compare_artifacts(output, *options); });
}

}  // namespace fettle::cli
