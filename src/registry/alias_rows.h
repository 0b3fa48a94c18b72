// Where aliases are and how they move, inside a transaction. Private to the module.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "registry/aliases.h"
#include "registry/rows.h"
#include "sql/database.h"

namespace fettle::registry {

[[nodiscard]] Result<void> check_alias(std::string_view alias);
[[nodiscard]] Result<std::int64_t> alias_version(sql::Session& session, std::int64_t model, std::string_view alias);
// Sets or removes the alias (change.version 0), records it and tells webhooks. `change.from` must be where it is.
[[nodiscard]] Result<void> apply_change(sql::Session& session, const ModelRow& model, const AliasChange& change);

[[nodiscard]] Result<bool> is_protected(sql::Session& session, std::string_view model, std::string_view alias);
// PermissionDenied if one of these aliases is protected: `why` says what would take it away.
[[nodiscard]] Result<void> check_unprotected(sql::Session& session, const std::string& model,
                                             const std::vector<std::string>& aliases, std::string_view why);
// An open request for this move, made if there is none.
[[nodiscard]] Result<AliasRequest> ask(sql::Session& session, const ModelRow& model, const AliasChange& wanted);

}  // namespace fettle::registry
