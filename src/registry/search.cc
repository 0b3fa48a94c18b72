#include <algorithm>
#include <array>

#include "base/text.h"
#include "registry/rows.h"
#include "registry/store.h"
#include "tracking/query.h"
#include "tracking/scope.h"
#include "tracking/transaction.h"

namespace fettle::registry {
namespace {

using namespace tracking;  // the search grammar's words

constexpr std::string_view kIsPrompt = "mlflow.prompt.is_prompt";

constexpr std::array<Prefix, 4> kPrefixes{
    {{"attribute", Kind::Attribute}, {"attributes", Kind::Attribute}, {"tag", Kind::Tag}, {"tags", Kind::Tag}}};
constexpr std::array<Attribute, 3> kModelAttributes{
    {{.key = "name", .column = "m.name", .lists = true},
     {.key = "timestamp", .column = "m.updated_ms", .numeric = true, .filtering = false},
     {.key = "last_updated_timestamp", .column = "m.updated_ms", .numeric = true, .filtering = false}}};
constexpr Grammar kModelGrammar{kPrefixes, kModelAttributes, {}, false};
constexpr Tables kModelTables{.owner = "m.id", .column = "model", .tags = "registered_model_tags"};

constexpr std::array<Attribute, 6> kVersionAttributes{
    {{.key = "name", .column = "m.name", .lists = true},
     {.key = "source_path", .column = "v.source", .lists = true, .ordering = false},
     {.key = "run_id", .column = "v.run_id", .lists = true, .ordering = false},
     {.key = "version_number", .column = "v.version", .numeric = true},
     {.key = "creation_timestamp", .column = "v.created_ms", .numeric = true, .filtering = false},
     {.key = "last_updated_timestamp", .column = "v.updated_ms", .numeric = true, .filtering = false}}};
constexpr Grammar kVersionGrammar{kPrefixes, kVersionAttributes, {}, false};
constexpr Tables kVersionTables{.owner = "v.id", .column = "version", .tags = "model_version_tags"};

// Prompts are kept as models. They are left out unless the filter asks for them: is_prompt = 'true' or != 'false'.
Sql conditions_of(std::vector<Comparison> comparisons, const Tables& tables) {
  bool prompts = false;
  std::erase_if(comparisons, [&](const Comparison& comparison) {
    if (comparison.kind != Kind::Tag || comparison.key != kIsPrompt) return false;
    const auto* value = std::get_if<std::string>(&comparison.value);
    const bool is_true = value != nullptr && text::lower(*value) == "true";
    prompts = prompts || (comparison.op == Op::Equal ? is_true : comparison.op == Op::NotEqual && !is_true);
    return true;
  });
  Sql out;
  out.add(text::format(
      " AND {}EXISTS (SELECT 1 FROM {} p WHERE p.{} = {} AND p.key = 'mlflow.prompt.is_prompt' AND lower(p.value) = "
      "'true')",
      prompts ? "" : "NOT ", tables.tags, tables.column, tables.owner));
  return out.add(where(comparisons, tables));
}

std::string query_text(const Query& query) { return query.filter + "|" + text::join(query.order_by, ","); }

Result<Ordering> model_order(const Query& query) {
  Ordering out;
  FETTLE_TRY(const auto keys, parse_order(query.order_by, kModelGrammar));
  for (const auto& key : keys) out.add(key, kModelTables);
  if (!out.has("m.name")) out.add("m.name", true, Ordering::Type::Text);
  return out;
}

Result<Ordering> version_order(const Query& query) {
  Ordering out;
  FETTLE_TRY(const auto keys, parse_order(query.order_by, kVersionGrammar));
  for (const auto& key : keys) out.add(key, kVersionTables);
  if (!out.has("v.updated_ms")) out.add("v.updated_ms", false);
  if (!out.has("m.name")) out.add("m.name", true, Ordering::Type::Text);
  if (!out.has("v.version")) out.add("v.version", false);
  return out;
}

}  // namespace

Result<Page<Model>> Store::search_models(const Query& query) const {
  FETTLE_TRY(auto comparisons, parse_filter(query.filter, kModelGrammar));
  FETTLE_TRY(const auto ordering, model_order(query));
  Sql conditions{"1 = 1", {}};
  conditions.add(conditions_of(std::move(comparisons), kModelTables));
  if (query.scope) conditions.add(where(*query.scope, "m.name", ExactBy::Text, "m.name"));
  return read_value<Page<Model>>(database_, [&](sql::Session& session) -> Result<Page<Model>> {
    FETTLE_TRY(auto keys, select_page(session, "m.id", Sql{"FROM registered_models m", {}}, conditions, ordering,
                                      query_text(query), query.page_token, query.max_results));
    Page<Model> page{{}, std::move(keys.next_token)};
    FETTLE_TRY(page.items, load_models(session, keys.keys));
    return page;
  });
}

Result<std::vector<Model>> Store::list_models() const {
  Query query;
  query.max_results = 1'000'000;
  FETTLE_TRY(auto page, search_models(query));
  return std::move(page.items);
}

Result<Page<Version>> Store::search_versions(const Query& query) const {
  FETTLE_TRY(auto comparisons, parse_filter(query.filter, kVersionGrammar));
  FETTLE_TRY(const auto ordering, version_order(query));
  Sql conditions{"v.deleted = 0", {}};
  conditions.add(conditions_of(std::move(comparisons), kVersionTables));
  if (query.scope) conditions.add(where(*query.scope, "m.name", ExactBy::Text, "m.name"));
  const Sql from{"FROM model_versions v JOIN registered_models m ON m.id = v.model", {}};
  return read_value<Page<Version>>(database_, [&](sql::Session& session) -> Result<Page<Version>> {
    FETTLE_TRY(auto keys, select_page(session, "v.id", from, conditions, ordering, query_text(query), query.page_token,
                                      query.max_results));
    Page<Version> page{{}, std::move(keys.next_token)};
    FETTLE_TRY(page.items, load_versions(session, keys.keys));
    return page;
  });
}

}  // namespace fettle::registry
