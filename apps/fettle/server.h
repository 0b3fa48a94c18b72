// fettle server: the control listener and the data listener over one data folder.
#pragma once

#include "base/result.h"

namespace CLI {
class App;
}

namespace fettle::cli {

// Adds the verb; when it is run, `result` gets its outcome.
void add_server_verb(CLI::App& app, Result<void>& result);

}  // namespace fettle::cli
