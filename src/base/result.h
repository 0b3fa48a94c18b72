// Errors as values: what went wrong, for whom, and what to do next.
//
// Every fallible function returns Result<T>. A code has one HTTP status, one exit code and one MLflow error code, in
// one table (result.cc). A message names the object, the rule broken and the next step. Lower layers say what; callers
// add where with `within`.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace fettle {

enum class Code : std::uint8_t {
  InvalidArgument,     // the request or file is wrong, whatever the state
  NotFound,            // the named thing does not exist
  AlreadyExists,       // the name is taken
  FailedPrecondition,  // right request, wrong state
  Unauthenticated,     // who are you?
  PermissionDenied,    // known, but not allowed; also the file system's refusal
  Conflict,            // lost a race; read again and retry
  ResourceExhausted,   // disk, memory, quota or rate
  Unavailable,         // not now; retry later
  DeadlineExceeded,    // took too long
  DataLoss,            // stored bytes are wrong
  Unimplemented,       // understood, not supported
  Internal,            // our fault
};

struct CodeInfo {
  std::string_view name;         // "invalid_argument"
  int http_status;               // 400
  int exit_code;                 // 2
  std::string_view mlflow_code;  // "INVALID_PARAMETER_VALUE"
};
[[nodiscard]] const CodeInfo& info(Code code) noexcept;

struct Error {
  Code code = Code::Internal;
  std::string message;

  // The same error, told from one level up: "<where>: <message>".
  [[nodiscard]] Error within(std::string_view where) const;
  bool operator==(const Error&) const = default;
};

template <typename T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] std::unexpected<Error> fail(Code code, std::string message);
[[nodiscard]] inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

}  // namespace fettle

#define FETTLE_CONCAT_(a, b) a##b
#define FETTLE_CONCAT(a, b) FETTLE_CONCAT_(a, b)

// FETTLE_TRY(auto x, f()): declares x with f()'s value, or returns its error. FETTLE_TRY_(f()) drops the value.
#define FETTLE_TRY(declaration, ...)                                                 \
  auto FETTLE_CONCAT(fettle_try_, __LINE__) = (__VA_ARGS__);                         \
  if (!FETTLE_CONCAT(fettle_try_, __LINE__))                                         \
    return std::unexpected(std::move(FETTLE_CONCAT(fettle_try_, __LINE__)).error()); \
  declaration = *std::move(FETTLE_CONCAT(fettle_try_, __LINE__))
#define FETTLE_TRY_(...)                                                                                \
  if (auto FETTLE_CONCAT(fettle_try_, __LINE__) = (__VA_ARGS__); !FETTLE_CONCAT(fettle_try_, __LINE__)) \
  return std::unexpected(std::move(FETTLE_CONCAT(fettle_try_, __LINE__)).error())
