// Any bytes as a prediction request, in both forms that come as JSON: refused with a user's error, or scored.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "serving/batch.h"
#include "serving/infer.h"
#include "serving/json_reader.h"
#include "serving/runtime.h"

namespace {

using fettle::model::ColumnKind;

class Sum final : public fettle::model::Predictor {  // of a row's inputs
 public:
  [[nodiscard]] std::size_t features() const noexcept override { return 2; }
  [[nodiscard]] std::size_t outputs() const noexcept override { return 1; }
  void predict(std::span<const float> rows, std::span<float> out) const noexcept override {
    for (std::size_t r = 0; r < out.size(); ++r) out[r] = rows[2 * r] + rows[2 * r + 1];
  }
};

fettle::serving::Runtime& runtime() {
  static fettle::serving::Runtime* made = [] {
    auto* out = new fettle::serving::Runtime(nullptr, fettle::system_clock());
    auto signature = *fettle::model::Signature::create(
        {{.name = "x"}, {.name = "city", .kind = ColumnKind::Category, .categories = {"A", "B"}}}, "y");
    auto model = std::make_shared<const fettle::model::LoadedModel>(std::move(signature), std::make_unique<Sum>());
    out->set({.name = "m",
              .variants = {{.name = "champion", .bundle = std::string(64, 'a'), .version = 1, .model = model}},
              .slots = *fettle::rollout::SlotTable::create({{"champion", 100}}, "salt")});
    return out;
  }();
  return *made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static fettle::serving::JsonReader reader;
  static fettle::serving::Batch batch;
  const auto endpoint = runtime().find("m");
  for (const bool invocation : {false, true}) {
    batch.begin(*endpoint);
    const auto header = bytes.substr(0, bytes.find('\xff'));  // what follows is taken for binary tensors
    const auto raw = bytes.substr(std::min(bytes.size(), header.size() + 1));
    const auto read = invocation ? reader.read_invocation(bytes, batch) : reader.read_infer(header, raw, batch);
    if (!read && fettle::info(read.error().code).http_status == 500) std::abort();
    if (!read || !batch.finish()) continue;
    fettle::serving::infer(batch, runtime(), 0);
    if (batch.outputs.size() != batch.rows()) std::abort();
  }
  return 0;
}
