// One request's rows, whatever protocol they came by: columns by the endpoint's names, texts not yet coded. Reused from
// request to request, so that its memory is allocated once. Private to the module.
//
// A decoder opens a place for each input tensor (open() judges its name, type and shape), puts its elements, and calls
// finish(), which says what is missing. Texts, units and ids borrow from the request's bytes.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/endpoint.h"

namespace fettle::serving {

enum class Datatype : std::uint8_t {
  Bool,
  Int8,
  Int16,
  Int32,
  Int64,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Fp16,
  Bf16,
  Fp32,
  Fp64,
  Bytes
};

inline constexpr std::size_t kMaxRows = 65'536;  // a request: more would hold up its loop, and the event queue

inline constexpr std::size_t kMaxId = 256;  // bytes of a request's id and of its one unit: each row's event has a copy

inline constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

inline constexpr std::string_view kUnitInput = "fettle.unit";
inline constexpr std::string_view kTimeInput = "fettle.time_ms";
inline constexpr std::string_view kVariantOutput = "fettle.variant";
inline constexpr std::string_view kShapOutput = "shap_values";

inline constexpr std::size_t kMaxExplained = 4096;  // rows of a request that asks for SHAP values

struct Place {  // Where a tensor's elements go.
  enum class Kind : std::uint8_t { Numbers, Texts, Matrix, Units, Times };
  Kind kind = Kind::Numbers;
  Datatype datatype = Datatype::Fp32;
  std::size_t column = 0;  // of the endpoint; Numbers and Texts
  std::size_t count = 0;   // elements
  std::string_view name;
};

struct RequestedOutput {
  std::string_view name;
  std::optional<bool> binary;
};

class Batch {
 public:
  void begin(const Endpoint& endpoint);  // forgets the last request; `endpoint` is borrowed

  // `room` is the size of the request in bytes, of which each element takes one or more: shapes that cannot fit are
  // refused before memory is taken for them, and so are more than kMaxRows rows.
  [[nodiscard]] Result<Place> open(std::string_view name, Datatype datatype, std::span<const std::int64_t> shape,
                                   std::size_t room);
  [[nodiscard]] Result<void> set_rows(std::size_t rows, std::size_t room);  // InvalidArgument if it differs from before
  [[nodiscard]] Result<std::size_t> take_column(std::string_view name);     // NotFound names the closest; once a column
  [[nodiscard]] int see_column(std::string_view name) noexcept;             // index, marked as given; -1 if unknown
  // REQUIRES: index < place.count, and a place of the fitting kind. False: the number is no code of the category.
  [[nodiscard]] bool put(const Place& place, std::size_t index, double value) noexcept;
  void put(const Place& place, std::size_t index, std::string_view text) noexcept;
  [[nodiscard]] Error bad_code(const Place& place, std::size_t index) const;
  [[nodiscard]] Result<void> ask(RequestedOutput output);  // InvalidArgument names the closest output
  [[nodiscard]] Result<void> pin(std::string_view version);
  // InvalidArgument names a missing input, or says why there are no explanations.
  [[nodiscard]] Result<void> finish() const;

  [[nodiscard]] const Endpoint& endpoint() const noexcept { return *endpoint_; }
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] float& number(std::size_t row, std::size_t column) noexcept {
    return numbers_[row * endpoint_->columns.size() + column];
  }
  [[nodiscard]] std::string_view& text(std::size_t row, std::size_t column) noexcept {
    return texts_[row * endpoint_->texts + endpoint_->columns[column].text_index];
  }
  [[nodiscard]] std::string_view unit(std::size_t row) const noexcept { return units.empty() ? one_unit : units[row]; }

  std::string id;  // of the request, made up if it has none
  std::string_view one_unit;
  std::vector<std::string_view> units;  // a row each, or empty
  std::optional<std::int64_t> one_time_ms;
  std::vector<std::int64_t> times;  // a row each, or empty
  std::vector<RequestedOutput> requested;
  bool binary_outputs = false;
  bool record = true;                 // an event a row; a probe's rows are no traffic and ask for none
  bool explain = false;               // SHAP values, too
  std::optional<std::size_t> pinned;  // competitor that scores every row

  // The answer, by infer().
  std::vector<float> outputs;             // [rows, endpoint.outputs]
  std::vector<std::uint8_t> competitors;  // who answered each row
  std::vector<float> shap;                // if asked for: [rows, endpoint.outputs, columns + 1], 0 for others' columns
  // infer()'s own, for the rows of one competitor
  std::vector<float> features, scores, contributions;
  std::vector<std::size_t> members;

 private:
  [[nodiscard]] Result<void> check_explainers() const;
  [[nodiscard]] Result<Place> open_reserved(Place place, Datatype wanted);
  [[nodiscard]] Result<Place> open_matrix(Place place, std::span<const std::int64_t> shape);
  [[nodiscard]] Result<Place> open_column(Place place);

  const Endpoint* endpoint_ = nullptr;
  std::size_t rows_ = 0;
  std::vector<float> numbers_;           // [rows, columns], NaN = not given
  std::vector<std::string_view> texts_;  // [rows, text columns]; null data = not given
  std::vector<std::uint8_t> taken_;      // a column each
};

}  // namespace fettle::serving
