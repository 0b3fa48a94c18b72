#include "comparison.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace fettle::cli {
namespace {

constexpr std::size_t kMostThings = 26;

std::string letter(std::size_t index, char first) { return {static_cast<char>(first + static_cast<char>(index))}; }

std::set<std::string> keys_of(const std::vector<Compared>& things) {
  std::set<std::string> out;
  for (const auto& thing : things)
    for (const auto& [key, value] : thing.values) out.insert(key);
  return out;
}

bool is_same(const std::vector<Compared>& things, const std::string& key) {
  const auto first = things.front().values.find(key);
  return first != things.front().values.end() && std::ranges::all_of(things, [&](const Compared& thing) {
           const auto found = thing.values.find(key);
           return found != thing.values.end() && found->second == first->second;
         });
}

// From the first to the last, where both are numbers.
std::string change_of(const std::vector<Compared>& things, const std::string& key) {
  const auto from = things.front().values.find(key), to = things.back().values.find(key);
  if (from == things.front().values.end() || to == things.back().values.end()) return "";
  const auto a = text::parse_double(from->second), b = text::parse_double(to->second);
  if (!a || !b) return "";
  return text::format("{}{:.4g}", *b > *a ? "+" : "", *b - *a);
}

// In a table one line a value, short enough to see several beside each other.
std::string shown(const Compared& thing, const std::string& key) {
  constexpr std::size_t kWidth = 40;
  const auto found = thing.values.find(key);
  if (found == thing.values.end()) return "-";
  auto out = found->second;
  if (out.size() > kWidth) {
    std::size_t cut = kWidth;
    while (cut > 0 && (static_cast<unsigned char>(out[cut]) & 0xC0U) == 0x80U) --cut;
    out = out.substr(0, cut) + "...";
  }
  const auto picture = thing.pictures.find(key);
  return picture == thing.pictures.end() ? out : out + " " + picture->second;
}

}  // namespace

Result<void> check_comparable(const std::vector<std::string>& names, std::string_view noun) {
  if (names.size() < 2 || names.size() > kMostThings)
    return fail(Code::InvalidArgument, text::format("name two {} or more, at most {}", noun, kMostThings));
  return {};
}

json::Value compared_document(const std::vector<Compared>& things) {
  json::Value out, differ = json::Value::array(), same = json::Value::array();
  for (std::size_t i = 0; i < things.size(); ++i) out.set(letter(i, 'a'), things[i].id);
  for (const auto& key : keys_of(things)) {
    json::Value entry;
    entry.set("key", key);
    for (std::size_t i = 0; i < things.size(); ++i)
      if (const auto found = things[i].values.find(key); found != things[i].values.end())
        entry.set(letter(i, 'a'), found->second);
    (is_same(things, key) ? same : differ).push(std::move(entry));
  }
  return std::move(out.set("differ", std::move(differ)).set("same", std::move(same)));
}

void print_comparison(const Output& output, const std::vector<Compared>& things, bool all) {
  std::vector<std::string> headers{""};
  for (std::size_t i = 0; i < things.size(); ++i) {
    headers.push_back(letter(i, 'A'));
    output.line(text::format("{} {}{}", headers.back(), things[i].id,
                             things[i].words.empty() ? "" : " (" + things[i].words + ")"));
  }
  headers.emplace_back("change");
  std::vector<std::vector<std::string>> rows, same;
  for (const auto& key : keys_of(things)) {
    std::vector<std::string> row{key};
    for (const auto& thing : things) row.push_back(shown(thing, key));
    const bool equal = is_same(things, key);
    row.push_back(equal || !key.starts_with("metrics.") ? "" : change_of(things, key));
    (equal ? same : rows).push_back(std::move(row));
  }
  if (rows.empty()) output.line("no value differs");
  if (all) rows.insert(rows.end(), same.begin(), same.end());
  if (!rows.empty()) output.table(headers, rows);
  if (!all && !same.empty()) output.line(text::format("{} more are the same; see them with --all", same.size()));
}

}  // namespace fettle::cli
