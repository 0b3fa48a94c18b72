// An Executor for tests: steps are functions, nothing is spawned.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "pipeline/run.h"

namespace fettle::pipeline::testing {

class FakeExecutor final : public Executor {
 public:
  using Work = std::function<Result<void>(const Job&)>;

  void set(const std::string& step, Work work) { works_[step] = std::move(work); }
  [[nodiscard]] const std::vector<std::string>& ran() const noexcept { return ran_; }  // names, in order
  void forget() { ran_.clear(); }

  [[nodiscard]] Result<void> execute(const Job& job) override {
    ran_.push_back(job.step.name);
    const auto found = works_.find(job.step.name);
    if (found == works_.end()) return fail(Code::Unimplemented, "the test gave step '" + job.step.name + "' no work");
    return found->second(job);
  }

 private:
  std::map<std::string, Work> works_;
  std::vector<std::string> ran_;
};

}  // namespace fettle::pipeline::testing
