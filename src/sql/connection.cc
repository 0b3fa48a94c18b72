#include "sql/connection.h"

#include "base/text.h"
#include "sql/postgres.h"
#include "sql/sqlite.h"

namespace fettle::sql {
namespace {

constexpr std::size_t kMaxParameters = 32'766;  // SQLite's limit, the smaller one

}  // namespace

Result<std::unique_ptr<Connection>> open_connection(const std::string& url, Access access) {
  if (is_postgres(url)) return PostgresConnection::open(url, access);
  return SqliteConnection::open(url, access);
}

Result<void> check_parameters(std::span<const Parameter> parameters) {
  if (parameters.size() > kMaxParameters)
    return fail(Code::InvalidArgument, text::format("{} values at once are too many, at most {}; ask for fewer",
                                                    parameters.size(), kMaxParameters));
  for (const auto& parameter : parameters)
    if (const auto* words = std::get_if<std::string_view>(&parameter); words && words->contains('\0'))
      return fail(Code::InvalidArgument,
                  text::format("text must not hold a NUL character: '{}' is followed by one; leave it out",
                               words->substr(0, std::min<std::size_t>(words->find('\0'), 60))));
  return {};
}

}  // namespace fettle::sql
