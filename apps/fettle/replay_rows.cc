#include "replay_rows.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <numeric>

#include "base/clock.h"
#include "base/text.h"
#include "json/value.h"
#include "table/file.h"

namespace fettle::cli {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr const char* kFaultExample = "distance*1.609344 where origin=ATL from=2001-05-21 to=2001-05-28";

std::int64_t day_start(std::int64_t ms) { return ms - ((ms % kDayMs) + kDayMs) % kDayMs; }

template <typename T>
void append_raw(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_text(std::string& out, std::string_view text) {
  append_raw(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

template <typename T>
void append_number(std::string& out, T value) {
  char buffer[32];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

std::string quoted(std::string_view text) { return json::dump(json::Value(text)); }

// {"name": ..., "datatype": ..., "shape": [n], "parameters": {"binary_data_size": size}},
void append_header(std::string& out, std::string_view name, std::string_view datatype, std::size_t rows,
                   std::size_t size) {
  out += R"({"name":)" + quoted(name) + R"(,"datatype":")" + std::string(datatype) + R"(","shape":[)";
  append_number(out, rows);
  out += R"(],"parameters":{"binary_data_size":)";
  append_number(out, size);
  out += "}},";
}

Result<std::int64_t> read_date(std::string_view word, std::string_view text) {
  const auto time = text::parse_time(text);
  if (!time) return fail(Code::InvalidArgument, text::format("{}'{}' is no date; write it as 2001-05-21", word, text));
  return *time;
}

std::unexpected<Error> bad_fault(std::string_view text) {
  return fail(Code::InvalidArgument, text::format("fault '{}' is not understood; an example: {}", text, kFaultExample));
}

}  // namespace

Result<Fault> parse_fault(std::string_view text) {
  Fault fault;
  const auto words = text::split(text::trim(text), ' ');
  const auto star = words.front().find('*');
  const auto factor = star == std::string::npos ? std::nullopt : text::parse_double(words.front().substr(star + 1));
  if (!factor || star == 0) return bad_fault(text);
  fault.column = words.front().substr(0, star);
  fault.factor = *factor;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "where" || words[i].empty()) continue;
    const auto equals = words[i].find('=');
    if (equals == std::string::npos) return bad_fault(text);
    const auto key = words[i].substr(0, equals), value = words[i].substr(equals + 1);
    if (key == "from") {
      FETTLE_TRY(fault.from_ms, read_date("from=", value));
    } else if (key == "to") {
      FETTLE_TRY(fault.until_ms, read_date("to=", value));
    } else {
      fault.where_column = key;
      fault.where_value = value;
    }
  }
  return fault;
}

Result<ReplayRows> ReplayRows::load(const ReplaySource& source) {
  auto columns = source.features;
  columns.push_back(source.time);
  for (const auto& also : {source.label, source.unit})
    if (!also.empty() && std::ranges::find(columns, also) == columns.end()) columns.push_back(also);
  std::ranges::sort(columns);
  columns.erase(std::ranges::unique(columns).begin(), columns.end());
  ReplayRows rows;
  FETTLE_TRY(rows.table_, table::read(source.file, columns));
  FETTLE_TRY_(rows.prepare(source));
  return rows;
}

Result<void> ReplayRows::prepare(const ReplaySource& source) {
  id_prefix_ = source.id_prefix;
  FETTLE_TRY(time_, table_.get(source.time));
  FETTLE_TRY(label_, table_.get(source.label));
  if (!source.unit.empty()) {
    FETTLE_TRY(unit_, table_.get(source.unit));
  }
  if (time_->kind != table::Kind::Time)
    return fail(Code::InvalidArgument, text::format("column '{}' of '{}' is {}, not a time", source.time, source.file,
                                                    table::name(time_->kind)));
  if (label_->kind == table::Kind::Text)
    return fail(Code::InvalidArgument,
                text::format("column '{}' of '{}' is text; a label is a number", source.label, source.file));
  for (const auto& name : source.features) {
    Feature feature;
    FETTLE_TRY(feature.column, table_.get(name));
    if (feature.column->kind != table::Kind::Text) {
      feature.values.resize(table_.rows());
      for (std::size_t row = 0; row < table_.rows(); ++row)
        feature.values[row] = static_cast<float>(feature.column->number(row));
    }
    features_.push_back(std::move(feature));
  }
  if (source.fault) FETTLE_TRY_(break_it(*source.fault));
  sort_by_time(source);
  return {};
}

Result<void> ReplayRows::break_it(const Fault& fault) {
  const auto hit = std::ranges::find_if(features_, [&](const Feature& f) { return f.column->name == fault.column; });
  if (hit == features_.end() || hit->values.empty())
    return fail(Code::InvalidArgument, text::format("fault: '{}' is no numeric column that is sent", fault.column));
  const table::Column* where = nullptr;
  if (!fault.where_column.empty()) {
    FETTLE_TRY(where, table_.get(fault.where_column));
  }
  for (std::size_t row = 0; row < table_.rows(); ++row) {
    const auto time = time_->ints[row];
    if (time < fault.from_ms || time >= fault.until_ms) continue;
    if (where == nullptr || where->display(row) == fault.where_value)
      hit->values[row] *= static_cast<float>(fault.factor);
  }
  return {};
}

void ReplayRows::sort_by_time(const ReplaySource& source) {
  for (std::uint32_t row = 0; row < table_.rows(); ++row) {
    const auto time = time_->ints[row];
    if (!time_->is_valid(row) || (source.from_ms && time < *source.from_ms)) continue;
    if (source.until_ms && time >= *source.until_ms) continue;
    order_.push_back(row);
  }
  std::ranges::stable_sort(order_, {}, [&](std::uint32_t row) { return time_->ints[row]; });
  for (std::size_t at = 0; at < order_.size(); ++at) {
    const auto start = day_start(time_->ints[order_[at]]);
    if (days_.empty() || days_.back().start_ms != start) days_.push_back({start, at, at});
    days_.back().last = at + 1;
  }
}

std::string ReplayRows::unit_of(std::uint32_t row) const {
  return unit_ != nullptr ? unit_->display(row) : id_prefix_ + "-" + std::to_string(row);
}

std::size_t ReplayRows::write_request(std::size_t first, std::size_t last, std::string_view id,
                                      std::string& body) const {
  const auto rows = last - first;
  const std::span<const std::uint32_t> wanted(order_.data() + first, rows);
  std::string raw;
  body = R"({"id":)" + quoted(id) + R"(,"parameters":{"binary_data_output":true},"inputs":[)";
  for (const auto& feature : features_) {
    const auto before = raw.size();
    for (const auto row : wanted) {
      if (feature.values.empty())
        append_text(raw, feature.column->text(row));
      else
        append_raw(raw, feature.values[row]);
    }
    append_header(body, feature.column->name, feature.values.empty() ? "BYTES" : "FP32", rows, raw.size() - before);
  }
  const auto before_units = raw.size();
  for (const auto row : wanted) append_text(raw, unit_of(row));
  append_header(body, "fettle.unit", "BYTES", rows, raw.size() - before_units);
  for (const auto row : wanted) append_raw(raw, time_->ints[row]);
  append_header(body, "fettle.time_ms", "INT64", rows, rows * sizeof(std::int64_t));
  body.back() = ']';  // the last comma
  body += '}';
  const auto length = body.size();
  body += raw;
  return length;
}

void ReplayRows::write_outcomes(std::size_t first, std::size_t last, std::string_view id, std::string& ids,
                                std::string& labels) const {
  for (std::size_t at = first; at < last; ++at) {
    if (!label_->is_valid(order_[at])) continue;
    ids += '"';
    ids += id;
    ids += ':';
    append_number(ids, at - first);
    ids += "\",";
    append_number(labels, label(at));
    labels += ',';
  }
}

}  // namespace fettle::cli
