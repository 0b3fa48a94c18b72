// Endpoints in memory: which bundles answer at which name, and how traffic is split between them.
//
// Readers (data loops) take an immutable snapshot from one atomic pointer and never wait; writers replace it whole. A
// request keeps the endpoint that it began with, so a swap drops nothing. What a swap replaces is freed on the writer's
// thread, never on a data loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "event/log.h"
#include "model/predictor.h"
#include "rollout/assignment.h"

namespace fettle::serving {

struct Variant {
  std::string name;          // "champion", "challenger"
  std::string bundle;        // digest, 64 hex digits
  std::int64_t version = 0;  // of the registered model; 0 = not registered
  std::shared_ptr<const model::LoadedModel> model;
};

// The first variant says which inputs a request must have; inputs that only others know are optional, missing = NaN.
struct EndpointSpec {
  std::string name;
  std::vector<Variant> variants;
  rollout::SlotTable slots;  // its variants are names of `variants`; without slots the first variant answers all
};

// InvalidArgument: no variants, a name twice, a variant without a model, slots for a variant that is not there, or
// models that give different numbers of outputs a row.
[[nodiscard]] Result<void> check(const EndpointSpec& spec);

class Endpoint;  // endpoint.h

class Runtime {
 public:
  // `log` and `clock` are borrowed and outlive the runtime; without a log no events are kept.
  Runtime(event::Log* log, const Clock& clock);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Adds or replaces an endpoint; a spec that check() refuses is logged and changes nothing. May block a few
  // milliseconds for readers of what it replaces. Counters go on while variant name and bundle stay the same.
  void set(EndpointSpec spec);
  void remove(std::string_view name);
  [[nodiscard]] std::vector<std::string> names() const;  // sorted

  [[nodiscard]] std::shared_ptr<const Endpoint> find(std::string_view name) const noexcept;  // null if unknown
  [[nodiscard]] std::vector<std::shared_ptr<const Endpoint>> list() const;                   // sorted by name
  [[nodiscard]] event::Log* log() const noexcept;
  [[nodiscard]] const Clock& clock() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fettle::serving
