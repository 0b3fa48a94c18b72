// Built-in steps that are not there yet: each gives way to the definition in a file of its own.
#include "step.h"

namespace fettle::cli {

#define FETTLE_PENDING(name)                                                                   \
  __attribute__((weak)) Result<void> name(const StepContext& context) {                        \
    return fail(Code::Unimplemented, "built-in step '" + context.uses + "' is not there yet"); \
  }
FETTLE_PENDING(step_prepare)
FETTLE_PENDING(step_train_xgboost)
FETTLE_PENDING(step_evaluate)
FETTLE_PENDING(step_gate)
FETTLE_PENDING(step_register)
#undef FETTLE_PENDING

}  // namespace fettle::cli
