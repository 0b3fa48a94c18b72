#include "base/result.h"

#include <array>

#include "base/text.h"

namespace fettle {
namespace {

// In the order of Code. Exit codes are documented in docs/reference/exit-codes.md.
constexpr std::array<CodeInfo, 13> kCodes{{
    {"invalid_argument", 400, 2, "INVALID_PARAMETER_VALUE"},
    {"not_found", 404, 3, "RESOURCE_DOES_NOT_EXIST"},
    {"already_exists", 400, 4, "RESOURCE_ALREADY_EXISTS"},
    {"failed_precondition", 409, 5, "INVALID_STATE"},
    {"unauthenticated", 401, 6, "UNAUTHENTICATED"},
    {"permission_denied", 403, 7, "PERMISSION_DENIED"},
    {"conflict", 409, 8, "RESOURCE_CONFLICT"},
    {"resource_exhausted", 429, 9, "RESOURCE_EXHAUSTED"},
    {"unavailable", 503, 10, "TEMPORARILY_UNAVAILABLE"},
    {"deadline_exceeded", 504, 11, "DEADLINE_EXCEEDED"},
    {"data_loss", 500, 12, "DATA_LOSS"},
    {"unimplemented", 501, 13, "NOT_IMPLEMENTED"},
    {"internal", 500, 1, "INTERNAL_ERROR"},
}};

}  // namespace

const CodeInfo& info(Code code) noexcept { return kCodes[static_cast<std::size_t>(code)]; }

Error Error::within(std::string_view where) const { return {code, text::format("{}: {}", where, message)}; }

std::unexpected<Error> fail(Code code, std::string message) { return std::unexpected(Error{code, std::move(message)}); }

}  // namespace fettle
