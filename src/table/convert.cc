#include "table/convert.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <string_view>
#include <unordered_map>

#include "base/text.h"

namespace fettle::table {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};

// How a time's integers become milliseconds: value * multiply, then divided by divide, rounded down.
struct TimeScale {
  std::int64_t multiply = 1, divide = 1;
};

TimeScale scale_of(const arrow::DataType& type) {
  if (type.id() == arrow::Type::DATE32) return {kDayMs, 1};
  if (type.id() == arrow::Type::DATE64) return {1, 1};
  switch (static_cast<const arrow::TimestampType&>(type).unit()) {
    case arrow::TimeUnit::SECOND:
      return {1000, 1};
    case arrow::TimeUnit::MILLI:
      return {1, 1};
    case arrow::TimeUnit::MICRO:
      return {1, 1000};
    case arrow::TimeUnit::NANO:
      break;
  }
  return {1, 1'000'000};
}

std::int64_t floor_divide(std::int64_t value, std::int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

std::unexpected<Error> not_ours(const std::string& column, const arrow::DataType& type) {
  return fail(Code::InvalidArgument,
              text::format("column '{}' has type {}; a column must be numbers, booleans, text, dates or timestamps: "
                           "convert it or leave it out",
                           column, type.ToString()));
}

// Gathers the chunks of one column.
class Gatherer {
 public:
  Gatherer(std::string name, Kind kind, std::size_t rows) : rows_(rows) {
    column_.name = std::move(name);
    column_.kind = kind;
  }

  Result<void> add(const arrow::Array& chunk) {
    FETTLE_TRY_(add_values(chunk, *chunk.type()));
    add_validity(chunk);
    return {};
  }

  Column finish() {
    if (column_.kind == Kind::Text) sort_dictionary();
    return std::move(column_);
  }

 private:
  Result<void> add_values(const arrow::Array& chunk, const arrow::DataType& type) {
    switch (type.id()) {
      case arrow::Type::BOOL:
        return each<arrow::BooleanArray>(chunk, [&](const auto& a, std::int64_t i) { put(a.Value(i) ? 1 : 0); });
      case arrow::Type::INT8:
        return integers<arrow::Int8Array>(chunk);
      case arrow::Type::INT16:
        return integers<arrow::Int16Array>(chunk);
      case arrow::Type::INT32:
        return integers<arrow::Int32Array>(chunk);
      case arrow::Type::INT64:
        return integers<arrow::Int64Array>(chunk);
      case arrow::Type::UINT8:
        return integers<arrow::UInt8Array>(chunk);
      case arrow::Type::UINT16:
        return integers<arrow::UInt16Array>(chunk);
      case arrow::Type::UINT32:
        return integers<arrow::UInt32Array>(chunk);
      case arrow::Type::UINT64:
        return unsigned_integers(chunk);
      case arrow::Type::FLOAT:
        return floats<arrow::FloatArray>(chunk);
      case arrow::Type::DOUBLE:
        return floats<arrow::DoubleArray>(chunk);
      case arrow::Type::DATE32:
        return times<arrow::Date32Array>(chunk, scale_of(type));
      case arrow::Type::DATE64:
        return times<arrow::Date64Array>(chunk, scale_of(type));
      case arrow::Type::TIMESTAMP:
        return times<arrow::TimestampArray>(chunk, scale_of(type));
      case arrow::Type::STRING:
        return texts<arrow::StringArray>(chunk);
      case arrow::Type::LARGE_STRING:
        return texts<arrow::LargeStringArray>(chunk);
      case arrow::Type::STRING_VIEW:
        return texts<arrow::StringViewArray>(chunk);
      case arrow::Type::DICTIONARY:
        return dictionary(static_cast<const arrow::DictionaryArray&>(chunk));
      case arrow::Type::NA:
        column_.floats.resize(column_.floats.size() + static_cast<std::size_t>(chunk.length()), kMissing);
        return {};
      default:
        return not_ours(column_.name, type);
    }
  }

  void put(std::int64_t value) {
    if (column_.ints.empty()) column_.ints.reserve(rows_);
    column_.ints.push_back(value);
  }

  template <typename A>
  static Result<void> each(const arrow::Array& chunk, const auto& put_one) {
    const auto& array = static_cast<const A&>(chunk);
    for (std::int64_t i = 0; i < array.length(); ++i) put_one(array, i);
    return {};
  }

  // A missing value's bytes are whatever the file has; ours are zero, so that equal tables are equal bytes.
  template <typename A>
  Result<void> integers(const arrow::Array& chunk) {
    return times<A>(chunk, {1, 1});
  }

  template <typename A>
  Result<void> times(const arrow::Array& chunk, TimeScale scale) {
    const auto& array = static_cast<const A&>(chunk);
    const auto* const values = array.raw_values();
    const auto limit = std::numeric_limits<std::int64_t>::max() / scale.multiply;
    column_.ints.reserve(rows_);
    for (std::int64_t i = 0; i < array.length(); ++i) {
      const auto value = array.IsValid(i) ? static_cast<std::int64_t>(values[i]) : 0;
      if (value > limit || value < -limit)
        return fail(Code::InvalidArgument, text::format("column '{}': a time is out of range", column_.name));
      column_.ints.push_back(scale.divide == 1 ? value * scale.multiply : floor_divide(value, scale.divide));
    }
    return {};
  }

  Result<void> unsigned_integers(const arrow::Array& chunk) {
    const auto& array = static_cast<const arrow::UInt64Array&>(chunk);
    for (std::int64_t i = 0; i < array.length(); ++i) {
      const auto value = array.IsValid(i) ? array.Value(i) : 0;
      if (!std::in_range<std::int64_t>(value))
        return fail(Code::InvalidArgument,
                    text::format("column '{}': {} does not fit a signed 64-bit number", column_.name, value));
      put(static_cast<std::int64_t>(value));
    }
    return {};
  }

  template <typename A>
  Result<void> floats(const arrow::Array& chunk) {
    const auto& array = static_cast<const A&>(chunk);
    const auto* const values = array.raw_values();
    column_.floats.reserve(rows_);
    for (std::int64_t i = 0; i < array.length(); ++i)
      column_.floats.push_back(array.IsValid(i) ? static_cast<double>(values[i]) : kMissing);
    return {};
  }

  std::int32_t code_of(std::string_view text) {
    const auto found = codes_.find(text);
    if (found != codes_.end()) return found->second;
    const auto code = static_cast<std::int32_t>(column_.dictionary.size());
    column_.dictionary.emplace_back(text);
    codes_.emplace(column_.dictionary.back(), code);
    return code;
  }

  template <typename A>
  Result<void> texts(const arrow::Array& chunk) {
    const auto& array = static_cast<const A&>(chunk);
    column_.codes.reserve(rows_);
    for (std::int64_t i = 0; i < array.length(); ++i)
      column_.codes.push_back(array.IsValid(i) ? code_of(array.GetView(i)) : -1);
    return {};
  }

  // The codes of the chunk's own dictionary, in ours; only of entries that are used.
  Result<void> dictionary(const arrow::DictionaryArray& chunk) {
    Gatherer entries(column_.name, Kind::Text, static_cast<std::size_t>(chunk.dictionary()->length()));
    FETTLE_TRY_(entries.add_values(*chunk.dictionary(), *chunk.dictionary()->type()));
    constexpr std::int32_t kUnseen = -2;
    std::vector<std::int32_t> ours(entries.column_.codes.size(), kUnseen);
    column_.codes.reserve(rows_);
    for (std::int64_t i = 0; i < chunk.length(); ++i) {
      if (chunk.IsNull(i)) {
        column_.codes.push_back(-1);
        continue;
      }
      const auto index = static_cast<std::size_t>(chunk.GetValueIndex(i));
      if (index >= ours.size()) return bad_index(index, ours.size());
      if (ours[index] == kUnseen) {
        const auto entry = entries.column_.codes[index];
        ours[index] = entry < 0 ? -1 : code_of(entries.column_.dictionary[static_cast<std::size_t>(entry)]);
      }
      column_.codes.push_back(ours[index]);
    }
    return {};
  }

  std::unexpected<Error> bad_index(std::size_t index, std::size_t size) const {
    return fail(Code::DataLoss,
                text::format("column '{}': index {} is outside its dictionary of {}", column_.name, index, size));
  }

  void add_validity(const arrow::Array& chunk) {
    const auto end = column_.rows();
    const auto begin = end - static_cast<std::size_t>(chunk.length());
    if (column_.kind == Kind::Text)
      add_flags(begin, end, [&](std::size_t i) { return column_.codes[i] >= 0; });
    else if (chunk.null_count() > 0 || chunk.type_id() == arrow::Type::NA)
      add_flags(begin, end, [&](std::size_t i) { return chunk.IsValid(static_cast<std::int64_t>(i - begin)); });
    else if (!column_.valid.empty())
      column_.valid.resize(end, 1);
  }

  void add_flags(std::size_t begin, std::size_t end, const auto& is_valid) {
    for (std::size_t i = begin; i < end; ++i) {
      const bool valid = is_valid(i);
      if (!valid && column_.valid.empty()) {
        column_.valid.reserve(rows_);
        column_.valid.resize(i, 1);
      }
      if (!valid || !column_.valid.empty()) column_.valid.push_back(valid ? 1 : 0);
    }
  }

  void sort_dictionary() {
    auto& words = column_.dictionary;
    std::vector<std::int32_t> order(words.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, {},
                      [&](std::int32_t code) -> std::string_view { return words[static_cast<std::size_t>(code)]; });
    std::vector<std::string> sorted(words.size());
    std::vector<std::int32_t> place(words.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      place[static_cast<std::size_t>(order[i])] = static_cast<std::int32_t>(i);
      sorted[i] = std::move(words[static_cast<std::size_t>(order[i])]);
    }
    words = std::move(sorted);
    for (auto& code : column_.codes)
      if (code >= 0) code = place[static_cast<std::size_t>(code)];
  }

  static constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
  Column column_;
  std::size_t rows_;
  std::unordered_map<std::string, std::int32_t, TextHash, std::equal_to<>> codes_;
};

// --- ours to Arrow ---

std::shared_ptr<arrow::Buffer> bitmap_of(const std::vector<std::uint8_t>& flags) {
  if (flags.empty()) return nullptr;
  std::string bits((flags.size() + 7) / 8, '\0');
  for (std::size_t i = 0; i < flags.size(); ++i)
    if (flags[i] != 0) bits[i / 8] = static_cast<char>(bits[i / 8] | (1 << (i % 8)));
  return arrow::Buffer::FromString(std::move(bits));
}

template <typename T>
std::shared_ptr<arrow::Buffer> buffer_of(const std::vector<T>& values) {
  return arrow::Buffer::FromVector(values);
}

// Missing values as flags, whichever way the column tells them.
std::vector<std::uint8_t> flags_of(const Column& column) {
  if (column.kind != Kind::Text || std::ranges::find(column.codes, -1) == column.codes.end()) return column.valid;
  std::vector<std::uint8_t> flags(column.codes.size());
  for (std::size_t i = 0; i < flags.size(); ++i) flags[i] = column.codes[i] >= 0 && column.is_valid(i) ? 1 : 0;
  return flags;
}

arrow::Result<std::shared_ptr<arrow::Array>> text_to_arrow(const Column& column, std::shared_ptr<arrow::Buffer> valid) {
  std::vector<std::int32_t> used(column.dictionary.size(), -1);
  for (std::size_t i = 0; i < column.codes.size(); ++i)
    if (column.codes[i] >= 0 && column.is_valid(i)) used[static_cast<std::size_t>(column.codes[i])] = 0;
  std::vector<std::string> words;
  for (std::size_t i = 0; i < used.size(); ++i)
    if (used[i] == 0) words.push_back(column.dictionary[i]);
  std::ranges::sort(words);
  const auto repeats = std::ranges::unique(words);
  words.erase(repeats.begin(), repeats.end());
  for (std::size_t i = 0; i < used.size(); ++i)
    if (used[i] == 0)
      used[i] = static_cast<std::int32_t>(std::ranges::lower_bound(words, column.dictionary[i]) - words.begin());
  std::vector<std::int32_t> codes(column.codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i)
    codes[i] = column.codes[i] < 0 ? 0 : std::max(0, used[static_cast<std::size_t>(column.codes[i])]);
  arrow::StringBuilder builder;
  ARROW_RETURN_NOT_OK(builder.AppendValues(words));
  ARROW_ASSIGN_OR_RAISE(const auto dictionary, builder.Finish());
  const auto indices =
      std::make_shared<arrow::Int32Array>(static_cast<std::int64_t>(codes.size()), buffer_of(codes), std::move(valid));
  return arrow::DictionaryArray::FromArrays(arrow::dictionary(arrow::int32(), arrow::utf8()), indices, dictionary);
}

std::shared_ptr<arrow::Buffer> bools_of(const std::vector<std::int64_t>& values) {
  std::vector<std::uint8_t> flags(values.size());
  std::ranges::transform(values, flags.begin(), [](std::int64_t value) { return value != 0 ? 1 : 0; });
  return flags.empty() ? arrow::Buffer::FromString("") : bitmap_of(flags);
}

arrow::Result<std::shared_ptr<arrow::Array>> column_to_arrow(const Column& column) {
  const auto rows = static_cast<std::int64_t>(column.rows());
  auto valid = bitmap_of(flags_of(column));
  switch (column.kind) {
    case Kind::Int:
      return std::make_shared<arrow::Int64Array>(rows, buffer_of(column.ints), valid);
    case Kind::Float:
      return std::make_shared<arrow::DoubleArray>(rows, buffer_of(column.floats), valid);
    case Kind::Bool:
      return std::make_shared<arrow::BooleanArray>(rows, bools_of(column.ints), valid);
    case Kind::Time:
      return std::make_shared<arrow::TimestampArray>(arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"), rows,
                                                     buffer_of(column.ints), valid);
    case Kind::Text:
      break;
  }
  return text_to_arrow(column, std::move(valid));
}

}  // namespace

Result<Kind> kind_of(const std::string& column, const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return Kind::Bool;
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::NA:
      return Kind::Float;
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW:
      return Kind::Text;
    case arrow::Type::DATE32:
    case arrow::Type::DATE64:
    case arrow::Type::TIMESTAMP:
      return Kind::Time;
    case arrow::Type::DICTIONARY: {
      const auto& value = *static_cast<const arrow::DictionaryType&>(type).value_type();
      if (const auto kind = kind_of(column, value); kind && *kind == Kind::Text) return Kind::Text;
      return not_ours(column, type);
    }
    default:
      break;
  }
  if (arrow::is_integer(type.id())) return Kind::Int;
  return not_ours(column, type);
}

Result<Table> from_arrow(const arrow::Table& source) {
  std::vector<Column> columns;
  for (int i = 0; i < source.num_columns(); ++i) {
    const auto& name = source.field(i)->name();
    FETTLE_TRY(const auto kind, kind_of(name, *source.field(i)->type()));
    Gatherer gatherer(name, kind, static_cast<std::size_t>(source.num_rows()));
    for (const auto& chunk : source.column(i)->chunks()) FETTLE_TRY_(gatherer.add(*chunk));
    columns.push_back(gatherer.finish());
  }
  return Table::create(std::move(columns));
}

Result<std::shared_ptr<arrow::Table>> to_arrow(const Table& source) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const auto& column : source.columns()) {
    auto array = column_to_arrow(column);
    if (!array.ok()) return fail(Code::Internal, array.status().ToString());
    fields.push_back(arrow::field(column.name, (*array)->type()));
    arrays.push_back(*std::move(array));
  }
  return arrow::Table::Make(arrow::schema(std::move(fields)), std::move(arrays),
                            static_cast<std::int64_t>(source.rows()));
}

}  // namespace fettle::table
