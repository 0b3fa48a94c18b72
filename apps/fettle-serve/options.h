// The command line of fettle-serve.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fettle::serve {

struct Options {
  std::string bundle;                   // folder
  std::string name;                     // of the endpoint; empty = the bundle's model
  std::string http = "127.0.0.1:8000";  // HOST:PORT
  std::string grpc;                     // HOST:PORT; empty = no gRPC
  std::string events;                   // folder; empty = no events are kept
  std::string ready_file;               // empty = none
  std::string certificate, key;         // PEM files; both set = TLS
  std::int64_t version = 0;             // of the registered model
  std::int64_t loops = 1;               // threads that answer
  bool allow_unauthenticated = false;   // listen beyond this machine
  bool help = false, print_version = false;
};

// InvalidArgument names the word that is wrong and the closest option.
[[nodiscard]] Result<Options> parse_options(const std::vector<std::string>& words);
[[nodiscard]] std::string_view usage() noexcept;

}  // namespace fettle::serve
