#include "serving/runtime.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "serving/endpoint.h"

namespace fettle::serving {
namespace {

using Endpoints = std::map<std::string, std::shared_ptr<const Endpoint>, std::less<>>;

constexpr std::size_t kMaxVariants = 255;
constexpr int kReaderWaits = 50;  // of a millisecond each

// A variant that the slot table gives traffic to must be there.
std::optional<std::string> missing_variant(const EndpointSpec& spec) {
  for (const auto& weight : spec.slots.weights())
    if (weight.slots > 0 && std::ranges::find(spec.variants, weight.variant, &Variant::name) == spec.variants.end())
      return weight.variant;
  return std::nullopt;
}

Result<void> check_variant(const EndpointSpec& spec, const Variant& variant) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::InvalidArgument, text::format("endpoint '{}': variant '{}' {}", spec.name, variant.name, why));
  };
  if (!variant.model || !variant.model->predictor) return refuse("has no model");
  if (std::ranges::count(spec.variants, variant.name, &Variant::name) > 1) return refuse("is named twice");
  if (variant.model->predictor->outputs() != spec.variants.front().model->predictor->outputs())
    return refuse("gives another number of outputs a row than the first variant");
  for (const auto& input : variant.model->signature.inputs()) {
    const auto& first = spec.variants.front().model->signature;
    const int at = first.index_of(input.name);
    const bool is_text = input.kind == model::ColumnKind::Category;
    if (at >= 0 && is_text != (first.inputs()[static_cast<std::size_t>(at)].kind == model::ColumnKind::Category))
      return refuse(text::format("takes '{}' as another kind of column than the first variant", input.name));
  }
  return {};
}

}  // namespace

Result<void> check(const EndpointSpec& spec) {
  if (spec.name.empty()) return fail(Code::InvalidArgument, "an endpoint needs a name");
  if (spec.variants.size() > kMaxVariants)
    return fail(Code::InvalidArgument,
                text::format("endpoint '{}' has more than {} variants", spec.name, kMaxVariants));
  if (spec.variants.empty())
    return fail(Code::InvalidArgument, text::format("endpoint '{}' has no variants", spec.name));
  for (const auto& variant : spec.variants) FETTLE_TRY_(check_variant(spec, variant));
  if (const auto missing = missing_variant(spec))
    return fail(
        Code::InvalidArgument,
        text::format("endpoint '{}' gives traffic to variant '{}', which it does not have", spec.name, *missing));
  return {};
}

struct Runtime::Impl {
  event::Log* log;
  const Clock& clock;
  std::atomic<std::shared_ptr<const Endpoints>> endpoints = std::make_shared<const Endpoints>();
  std::mutex mutex;                                       // of writers
  std::vector<std::shared_ptr<const Endpoint>> replaced;  // readers may still hold these

  // Swaps the snapshot in, then frees what no reader holds any more: here, so that no data loop has to.
  template <typename Change>
  void change(Change&& apply) {
    const std::lock_guard lock(mutex);
    auto next = std::make_shared<Endpoints>(*endpoints.load());
    if (auto old = apply(*next)) replaced.push_back(std::move(old));
    endpoints.store(std::move(next));
    for (int i = 0; i < kReaderWaits && !free_unused(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  bool free_unused() {
    std::erase_if(replaced, [](const auto& endpoint) { return endpoint.use_count() == 1; });
    return replaced.empty();
  }
};

Runtime::Runtime(event::Log* log, const Clock& clock) : impl_(std::make_unique<Impl>(log, clock)) {}
Runtime::~Runtime() = default;

void Runtime::set(EndpointSpec spec) {
  if (const auto checked = check(spec); !checked) return log::error(checked.error().message);
  impl_->change([&](Endpoints& endpoints) {
    auto& place = endpoints[spec.name];
    auto old = place;
    place = std::make_shared<const Endpoint>(std::move(spec), old.get());
    return old;
  });
}

void Runtime::remove(std::string_view name) {
  impl_->change([&](Endpoints& endpoints) {
    const auto found = endpoints.find(name);
    if (found == endpoints.end()) return std::shared_ptr<const Endpoint>();
    auto old = found->second;
    endpoints.erase(found);
    return old;
  });
}

std::vector<std::string> Runtime::names() const {
  std::vector<std::string> out;
  for (const auto& [name, endpoint] : *impl_->endpoints.load()) out.push_back(name);
  return out;
}

std::shared_ptr<const Endpoint> Runtime::find(std::string_view name) const noexcept {
  const auto endpoints = impl_->endpoints.load();
  const auto found = endpoints->find(name);
  return found == endpoints->end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<const Endpoint>> Runtime::list() const {
  std::vector<std::shared_ptr<const Endpoint>> out;
  for (const auto& [name, endpoint] : *impl_->endpoints.load()) out.push_back(endpoint);
  return out;
}

event::Log* Runtime::log() const noexcept { return impl_->log; }
const Clock& Runtime::clock() const noexcept { return impl_->clock; }

}  // namespace fettle::serving
