#include "auth/directory.h"

#include <algorithm>

#include "auth/secrets.h"
#include "base/digest.h"
#include "base/rng.h"
#include "base/text.h"

namespace fettle::auth {
namespace {

using sql::Row;
using sql::Session;

constexpr std::size_t kMaxUserName = 250;
constexpr std::size_t kMinPassword = 8;
constexpr std::int64_t kUseGrainMs = 60'000;

Result<void> check_user_name(std::string_view name) {
  const bool bad = name.empty() || name.size() > kMaxUserName || name.starts_with('@') || name.contains(':') ||
                   name == kOwnName || !text::is_utf8(name) ||
                   std::ranges::any_of(name, [](unsigned char c) { return c < 0x20; });
  if (!bad) return {};
  return fail(
      Code::InvalidArgument,
      text::format("'{}' cannot be a user's name: 1 to {} characters, without ':', not beginning with '@' and not '{}'",
                   text::is_utf8(name) ? name.substr(0, kMaxUserName) : "", kMaxUserName, kOwnName));
}

Result<void> check_password(std::string_view password) {
  if (password.size() < kMinPassword || password.size() > kMaxSecret)
    return fail(Code::InvalidArgument, text::format("a password has {} to {} characters", kMinPassword, kMaxSecret));
  if (password.starts_with(kTokenPrefix))
    return fail(Code::InvalidArgument, text::format("a password does not begin with '{}'", kTokenPrefix));
  return {};
}

std::unexpected<Error> no_user(std::string_view name) {
  return fail(Code::NotFound, text::format("User with username={} not found", name));
}

std::string text_of(const Row& row, int column) { return std::string(row.text(column)); }

Result<std::vector<User>> read_users(Session& session) {
  std::vector<User> out;
  FETTLE_TRY_(session.query("SELECT id, name, hash, is_admin, created_ms FROM auth_users", {}, [&](const Row& row) {
    out.push_back({row.integer(0), text_of(row, 1), text_of(row, 2), row.integer(3) != 0, row.integer(4)});
    return true;
  }));
  return out;
}

Result<std::vector<Token>> read_tokens(Session& session) {
  std::vector<Token> out;
  FETTLE_TRY_(session.query(
      "SELECT id, owner, name, digest, session, ceiling, created_ms, expires_ms, used_ms FROM auth_tokens", {},
      [&](const Row& row) {
        out.push_back({text_of(row, 0), text_of(row, 1), text_of(row, 2), text_of(row, 3), row.integer(4) != 0,
                       static_cast<Role>(row.integer(5)), row.integer(6), row.integer(7), row.integer(8)});
        return true;
      }));
  return out;
}

Result<std::vector<Grant>> read_grants(Session& session) {
  std::vector<Grant> out;
  FETTLE_TRY_(session.query("SELECT subject, kind, exact, target, role FROM auth_grants ORDER BY 1, 2, 3, 4", {},
                            [&](const Row& row) {
                              out.push_back({text_of(row, 0), static_cast<Kind>(row.integer(1)), row.integer(2) != 0,
                                             text_of(row, 3), static_cast<Role>(row.integer(4))});
                              return true;
                            }));
  return out;
}

std::int64_t number(bool value) { return value ? 1 : 0; }

}  // namespace

sql::Migrations Directory::migrations() {
  return {"auth", {R"(
    CREATE TABLE auth_users(id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash TEXT NOT NULL,
                            is_admin INTEGER NOT NULL, created_ms BIGINT NOT NULL);
    CREATE TABLE auth_tokens(id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL UNIQUE,
                             session INTEGER NOT NULL, ceiling INTEGER NOT NULL, created_ms BIGINT NOT NULL,
                             expires_ms BIGINT NOT NULL, used_ms BIGINT NOT NULL);
    CREATE TABLE auth_grants(subject TEXT NOT NULL, kind INTEGER NOT NULL, exact INTEGER NOT NULL,
                             target TEXT NOT NULL, role INTEGER NOT NULL,
                             PRIMARY KEY(subject, kind, exact, target));
    INSERT INTO auth_grants(subject, kind, exact, target, role) VALUES ('@everyone', 0, 0, '*', 2);
    INSERT INTO auth_grants(subject, kind, exact, target, role) VALUES ('@everyone', 1, 0, '*', 2);
    CREATE TABLE audit_log(id BIGINT PRIMARY KEY, time_ms BIGINT NOT NULL, who TEXT NOT NULL, token TEXT NOT NULL,
                           peer TEXT NOT NULL, action TEXT NOT NULL, object TEXT NOT NULL, status INTEGER NOT NULL,
                           detail TEXT NOT NULL);
    CREATE INDEX audit_log_by_time ON audit_log(time_ms);
  )"}};
}

std::shared_ptr<const Rules> Snapshot::rules_of(std::string_view user, const std::vector<std::string>& groups) const {
  auto out = std::make_shared<Rules>();
  out->experiments = rules(grants, Kind::Experiment, user, groups);
  out->models = rules(grants, Kind::Model, user, groups);
  return out;
}

Result<std::unique_ptr<Directory>> Directory::open(sql::Database& database, const Clock& clock) {
  FETTLE_TRY_(start_secrets());
  std::unique_ptr<Directory> out(new Directory(database, clock));
  FETTLE_TRY_(out->load());
  return out;
}

Result<void> Directory::load() {
  auto next = std::make_shared<Snapshot>();
  std::vector<User> users;
  std::vector<Token> tokens;
  FETTLE_TRY_(database_.read([&](Session& session) -> Result<void> {
    FETTLE_TRY(users, read_users(session));
    FETTLE_TRY(tokens, read_tokens(session));
    FETTLE_TRY(next->grants, read_grants(session));
    return {};
  }));
  std::map<std::string, std::shared_ptr<const Rules>, std::less<>> rules;
  for (auto& user : users) {
    const auto& its = rules[user.name] = next->rules_of(user.name, {});
    auto identity = std::make_shared<const Identity>(user.name, "", user.admin, Role::Admin, its);
    const auto name = user.name;
    next->users.emplace(name, Snapshot::Known{std::move(user), std::move(identity)});
  }
  for (auto& token : tokens) {
    const auto owner = next->users.find(token.owner);
    const bool admin = owner != next->users.end() && owner->second.user.admin;
    auto& its = rules[token.owner];
    if (!its) its = next->rules_of(token.owner, {});
    auto identity =
        std::make_shared<const Identity>(token.owner, token.session ? "" : token.id, admin, token.ceiling, its);
    const auto digest = token.digest;
    next->tokens.emplace(digest, Snapshot::KnownToken{std::move(token), std::move(identity)});
  }
  for (const auto& token : internal_) next->tokens.emplace(token.token.digest, token);
  const auto before = snapshot_.load();
  next->version = before ? before->version + 1 : 1;
  snapshot_.store(std::move(next));
  return {};
}

Result<void> Directory::change(const std::function<Result<void>(Session&)>& work) {
  const std::lock_guard lock(changing_);
  FETTLE_TRY_(database_.write(work));
  return load();
}

Result<void> Directory::check_admin_left(Session& session) const {
  bool left = false;
  FETTLE_TRY_(session.query("SELECT id FROM auth_users WHERE is_admin = 1 LIMIT 1", {}, [&](const Row&) {
    left = true;
    return false;
  }));
  if (left) return {};
  return fail(Code::FailedPrecondition, "this is the last admin; make another user an admin first");
}

Result<User> Directory::create_user(const std::string& name, std::string_view password, bool admin) {
  FETTLE_TRY_(check_user_name(name));
  FETTLE_TRY_(check_password(password));
  FETTLE_TRY(const auto hash, hash_password(password));
  FETTLE_TRY_(change([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto added,
               session.execute("INSERT INTO auth_users(id, name, hash, is_admin, created_ms) "
                               "SELECT coalesce(max(id), 0) + 1, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS INTEGER), "
                               "CAST(? AS BIGINT) FROM auth_users WHERE 1 = 1 ON CONFLICT (name) DO NOTHING",
                               {std::string_view(name), std::string_view(hash), number(admin), clock_.now_ms()}));
    if (added == 0) return fail(Code::AlreadyExists, text::format("User (username={}) already exists.", name));
    return {};
  }));
  return user(name);
}

Result<void> Directory::set_password(const std::string& name, std::string_view password) {
  FETTLE_TRY_(check_password(password));
  FETTLE_TRY(const auto hash, hash_password(password));
  return change([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto changed, session.execute("UPDATE auth_users SET hash = ? WHERE name = ?",
                                                   {std::string_view(hash), std::string_view(name)}));
    if (changed == 0) return no_user(name);
    FETTLE_TRY_(session.execute("DELETE FROM auth_tokens WHERE owner = ? AND session = 1", {std::string_view(name)}));
    return {};
  });
}

Result<void> Directory::set_admin(const std::string& name, bool admin) {
  return change([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto changed, session.execute("UPDATE auth_users SET is_admin = ? WHERE name = ?",
                                                   {number(admin), std::string_view(name)}));
    return changed == 0 ? no_user(name) : check_admin_left(session);
  });
}

Result<void> Directory::delete_user(const std::string& name) {
  return change([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto gone, session.execute("DELETE FROM auth_users WHERE name = ?", {std::string_view(name)}));
    if (gone == 0) return no_user(name);
    FETTLE_TRY_(session.execute("DELETE FROM auth_tokens WHERE owner = ?", {std::string_view(name)}));
    FETTLE_TRY_(session.execute("DELETE FROM auth_grants WHERE subject = ?", {std::string_view(name)}));
    return check_admin_left(session);
  });
}

Result<User> Directory::user(std::string_view name) const {
  const auto now = snapshot();
  const auto found = now->users.find(name);
  if (found == now->users.end()) return no_user(name);
  return found->second.user;
}

Result<IssuedToken> Directory::issue(const NewToken& wanted) {
  FETTLE_TRY_(check_user_name(wanted.owner));
  if (wanted.name.empty() || wanted.name.size() > kMaxUserName || !text::is_utf8(wanted.name))
    return fail(Code::InvalidArgument, text::format("a token has a name of 1 to {} characters", kMaxUserName));
  if (wanted.lifetime_ms < 0) return fail(Code::InvalidArgument, "a token's lifetime is not negative");
  IssuedToken out{.token = {}, .secret = new_token()};
  out.token = {.id = random_id().substr(0, 12),
               .owner = wanted.owner,
               .name = wanted.name,
               .digest = Digest::of(out.secret).hex(),
               .session = wanted.session,
               .ceiling = wanted.ceiling,
               .created_ms = clock_.now_ms()};
  if (wanted.lifetime_ms > 0) out.token.expires_ms = out.token.created_ms + wanted.lifetime_ms;
  const auto& token = out.token;
  FETTLE_TRY_(change([&](Session& session) -> Result<void> {
    return session
        .execute(
            "INSERT INTO auth_tokens(id, owner, name, digest, session, ceiling, created_ms, expires_ms, used_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
            {std::string_view(token.id), std::string_view(token.owner), std::string_view(token.name),
             std::string_view(token.digest), number(token.session), static_cast<std::int64_t>(token.ceiling),
             token.created_ms, token.expires_ms})
        .transform([](std::int64_t) {});
  }));
  return out;
}

Result<void> Directory::revoke(const std::string& id, const std::string& owner) {
  return change([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto gone,
               session.execute("DELETE FROM auth_tokens WHERE id = ? AND (owner = ? OR CAST(? AS TEXT) = '')",
                               {std::string_view(id), std::string_view(owner), std::string_view(owner)}));
    if (gone == 0) return fail(Code::NotFound, text::format("there is no token '{}'; see `fettle token list`", id));
    return {};
  });
}

std::vector<Token> Directory::tokens(const std::string& owner) const {
  std::vector<Token> out;
  for (const auto& [digest, known] : snapshot()->tokens)
    if (!known.token.session && known.token.created_ms > 0 && (owner.empty() || known.token.owner == owner))
      out.push_back(known.token);
  {
    const std::lock_guard lock(uses_mutex_);
    for (auto& token : out)
      if (const auto used = uses_.find(token.digest); used != uses_.end()) token.used_ms = used->second;
  }
  std::ranges::sort(out, {}, [](const Token& token) { return std::pair(-token.created_ms, token.id); });
  return out;
}

void Directory::note_use(const std::string& digest) const {
  const auto now = clock_.now_ms();
  const std::lock_guard lock(uses_mutex_);
  auto& last = uses_[digest];
  if (now - last >= kUseGrainMs) last = now;
}

Result<void> Directory::flush() {
  std::unordered_map<std::string, std::int64_t> uses;
  {
    const std::lock_guard lock(uses_mutex_);
    uses = std::exchange(uses_, {});
  }
  const auto now = clock_.now_ms();
  const auto tokens = snapshot()->tokens;
  const bool expired = std::ranges::any_of(
      tokens, [&](const auto& one) { return one.second.token.expires_ms != 0 && one.second.token.expires_ms <= now; });
  if (uses.empty() && !expired) return {};
  return change([&](Session& session) -> Result<void> {
    for (const auto& [digest, time] : uses)
      FETTLE_TRY_(
          session.execute("UPDATE auth_tokens SET used_ms = ? WHERE digest = ?", {time, std::string_view(digest)}));
    FETTLE_TRY_(session.execute("DELETE FROM auth_tokens WHERE expires_ms <> 0 AND expires_ms <= ?", {now}));
    return {};
  });
}

IssuedToken Directory::issue_internal(const std::string& name, Role role) {
  IssuedToken out{.token = {}, .secret = new_token()};
  out.token.id = random_id().substr(0, 12);
  out.token.owner = name;
  out.token.digest = Digest::of(out.secret).hex();
  auto everything = std::make_shared<Rules>();
  everything->experiments = everything->models = {Rule{.exact = false, .value = "", .pattern = {}, .role = role}};
  auto identity = std::make_shared<const Identity>(name, out.token.id, false, role, std::move(everything));
  const std::lock_guard lock(changing_);
  internal_.push_back({out.token, identity});
  auto next = std::make_shared<Snapshot>(*snapshot());
  next->tokens.emplace(out.token.digest, internal_.back());
  snapshot_.store(std::move(next));
  return out;
}

void Directory::revoke_internal(const IssuedToken& issued) {
  const std::lock_guard lock(changing_);
  std::erase_if(internal_, [&](const auto& one) { return one.token.digest == issued.token.digest; });
  auto next = std::make_shared<Snapshot>(*snapshot());
  next->tokens.erase(issued.token.digest);
  snapshot_.store(std::move(next));
}

Result<void> Directory::grant(const Grant& grant) {
  FETTLE_TRY_(check(grant));
  return change([&](Session& session) -> Result<void> {
    return session
        .execute(
            "INSERT INTO auth_grants(subject, kind, exact, target, role) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (subject, kind, exact, target) DO UPDATE SET role = excluded.role",
            {std::string_view(grant.subject), static_cast<std::int64_t>(grant.kind), number(grant.exact),
             std::string_view(grant.on), static_cast<std::int64_t>(grant.role)})
        .transform([](std::int64_t) {});
  });
}

Result<void> Directory::revoke_grant(const Grant& grant) {
  return change([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto gone,
               session.execute("DELETE FROM auth_grants WHERE subject = ? AND kind = ? AND exact = ? AND target = ?",
                               {std::string_view(grant.subject), static_cast<std::int64_t>(grant.kind),
                                number(grant.exact), std::string_view(grant.on)}));
    if (gone > 0) return {};
    return fail(Code::NotFound,
                text::format("'{}' has no grant on {} '{}'", grant.subject, name(grant.kind), grant.on));
  });
}

Result<void> Directory::rename_model(const std::string& from, const std::string& to) {
  return change([&](Session& session) -> Result<void> {
    FETTLE_TRY_(
        session.execute("DELETE FROM auth_grants WHERE kind = 1 AND exact = 1 AND target = ?", {std::string_view(to)}));
    FETTLE_TRY_(session.execute("UPDATE auth_grants SET target = ? WHERE kind = 1 AND exact = 1 AND target = ?",
                                {std::string_view(to), std::string_view(from)}));
    return {};
  });
}

Result<void> Directory::forget(Kind kind, const std::string& on) {
  return change([&](Session& session) -> Result<void> {
    FETTLE_TRY_(session.execute("DELETE FROM auth_grants WHERE kind = ? AND exact = 1 AND target = ?",
                                {static_cast<std::int64_t>(kind), std::string_view(on)}));
    return {};
  });
}

}  // namespace fettle::auth
