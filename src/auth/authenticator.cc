#include "auth/authenticator.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "auth/secrets.h"
#include "auth/throttle.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "json/value.h"

namespace fettle::auth {
namespace {

using http::Access;
using http::Admission;
using http::Request;
using http::Response;

constexpr std::string_view kCookie = "fettle_session";
constexpr std::int64_t kSessionMs = 12 * 3'600'000;
constexpr std::int64_t kCachedMs = 10 * 60'000;
constexpr std::size_t kMostCached = 10'000;
constexpr std::size_t kMostWaiting = 256;
constexpr auto kRest = std::chrono::seconds(30);
constexpr std::size_t kMaxAuthorization = 20U << 10U;

struct Credentials {
  enum class Kind : std::uint8_t { None, Token, Cookie, Password, Signed, Bad };
  Kind kind = Kind::None;
  std::string user;    // of Password, as given
  std::string secret;  // password or token
};

bool has_scheme(std::string_view header, std::string_view scheme) {
  return header.size() > scheme.size() && header[scheme.size()] == ' ' &&
         text::lower(header.substr(0, scheme.size())) == scheme;
}

Credentials basic_of(std::string_view encoded) {
  const auto plain = text::from_base64(text::trim(encoded));
  const auto colon = plain ? plain->find(':') : std::string::npos;
  if (colon == std::string::npos) return {.kind = Credentials::Kind::Bad, .user = "", .secret = ""};
  auto user = plain->substr(0, colon), secret = plain->substr(colon + 1);
  if (secret.starts_with(kTokenPrefix)) return {Credentials::Kind::Token, std::move(user), std::move(secret)};
  if (secret.size() > kMaxSecret) return {.kind = Credentials::Kind::Bad, .user = "", .secret = ""};
  return {Credentials::Kind::Password, std::move(user), std::move(secret)};
}

Credentials credentials_of(std::string_view authorization) {
  if (authorization.size() > kMaxAuthorization) return {.kind = Credentials::Kind::Bad, .user = "", .secret = ""};
  if (has_scheme(authorization, "basic")) return basic_of(authorization.substr(6));
  if (!has_scheme(authorization, "bearer")) return {.kind = Credentials::Kind::Bad, .user = "", .secret = ""};
  const auto token = text::trim(authorization.substr(7));
  const auto kind = token.starts_with(kTokenPrefix) ? Credentials::Kind::Token
                    : looks_like_jwt(token)         ? Credentials::Kind::Signed
                                                    : Credentials::Kind::Bad;
  return {kind, "", std::string(token)};
}

std::string_view cookie_of(const Request& request) {
  for (const auto& [name, value] : request.headers) {
    if (text::lower(name) != "cookie") continue;
    for (std::string_view rest = value; !rest.empty();) {
      const auto one = text::trim(rest.substr(0, rest.find(';')));
      if (one.starts_with(kCookie) && one.substr(kCookie.size()).starts_with('='))
        return one.substr(kCookie.size() + 1);
      rest.remove_prefix(
          std::min(rest.size(), rest.find(';') == std::string_view::npos ? rest.size() : rest.find(';') + 1));
    }
  }
  return {};
}

Credentials credentials_of(const Request& request) {
  if (const auto header = request.header("Authorization"); !header.empty()) return credentials_of(header);
  if (const auto cookie = cookie_of(request); !cookie.empty())
    return {Credentials::Kind::Cookie, "", std::string(cookie)};
  return {};
}

Error not_known() {
  return {Code::Unauthenticated,
          "You are not authenticated. Send a user's name and password or an API token: see "
          "https://www.mlflow.org/docs/latest/auth/index.html, or `fettle token create`"};
}
Error wrong() { return {Code::Unauthenticated, "The user's name, password or token is wrong, or has expired"}; }

Admission refused(Response response) { return {Admission::Verdict::Refused, std::move(response)}; }

bool is_browsers_script(const Request& request) {
  const auto mode = request.header("Sec-Fetch-Mode");
  return !request.header("X-Fettle-Page").empty() || request.header("Accept") == "text/event-stream" ||
         (!mode.empty() && mode != "navigate");
}

}  // namespace

std::string address_of(std::string_view peer) { return std::string(peer.substr(0, peer.rfind(':'))); }

Response refusal(const Request& request, const Error& error) {
  const auto& code = info(error.code);
  json::Value body;
  if (request.path.starts_with("/api/fettle/"))
    body.set("error", json::Value().set("code", code.name).set("message", error.message));
  else
    body.set("error_code", code.mlflow_code).set("message", error.message);
  auto out = Response::json(json::dump(body), code.http_status);
  if (error.code == Code::Unauthenticated && !is_browsers_script(request))
    out.headers.emplace_back("WWW-Authenticate", "Basic realm=\"mlflow\"");
  return out;
}

Admission OriginGuard::admit(Request& request, Access) {
  const auto checked = check_origin(request, rules_);
  return checked ? Admission() : refused(refusal(request, checked.error()));
}
void OriginGuard::admit_later(Request&, std::function<void(Admission)> done) { done({}); }

struct Authenticator::Impl {
  Directory& directory;
  Audit& audit;
  std::unique_ptr<Oidc> oidc;
  AuthenticatorOptions options;
  const Clock& clock;
  Throttle throttle{};

  struct Cached {
    std::string user, hash;  // of a password: right while the user's hash is this one
    std::optional<Outsider> outsider;
    std::uint64_t version = 0;  // of the snapshot that `identity` was made from, for outsiders
    std::shared_ptr<const Identity> identity;
    std::int64_t until_ms = 0;
  };
  std::mutex cache_mutex;
  std::unordered_map<Fingerprint, Cached, FingerprintHash> cache;

  std::mutex queue_mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> queue;
  std::jthread thread;

  [[nodiscard]] std::shared_ptr<const Identity> find_token(const std::string& secret, bool session) const;
  [[nodiscard]] std::shared_ptr<const Identity> find_cached(const Fingerprint& key);
  void keep(const Fingerprint& key, Cached cached);
  [[nodiscard]] std::shared_ptr<const Identity> verify_password(const Credentials& given, const std::string& address);
  [[nodiscard]] std::shared_ptr<const Identity> verify_signed(const std::string& token, std::string& why);
  [[nodiscard]] std::optional<Response> must_wait(const Request& request, const std::string& user) const;
  [[nodiscard]] std::shared_ptr<const Identity> identify(const Credentials& given);
  [[nodiscard]] Admission decide_slowly(const Request& request, const Credentials& given,
                                        std::shared_ptr<const Identity>& identity);
  [[nodiscard]] Admission refuse(const Request& request, const Error& error, const std::string& who = "",
                                 const std::string& detail = "");
  [[nodiscard]] std::string cookie(const std::string& value, std::int64_t seconds) const;
  [[nodiscard]] Response open_session(const std::string& user);
  bool enqueue(std::function<void()> work);
  void run(const std::stop_token& stop);
  void maintain(std::int64_t& pruned_ms);
};

namespace {

void accept(Request& request, std::shared_ptr<const Identity> identity) {
  request.user = identity->name();
  request.caller = std::move(identity);
}

Fingerprint key_of(const Credentials& given) {
  return given.kind == Credentials::Kind::Password ? fingerprint(given.user, given.secret)
                                                   : fingerprint("\nsigned", given.secret);
}

Error busy() { return {Code::Unavailable, "too many logins wait to be checked; try again"}; }

}  // namespace

std::shared_ptr<const Identity> Authenticator::Impl::find_token(const std::string& secret, bool session) const {
  const auto snapshot = directory.snapshot();
  const auto digest = Digest::of(secret).hex();
  const auto found = snapshot->tokens.find(digest);
  if (found == snapshot->tokens.end() || found->second.token.session != session) return nullptr;
  const auto& token = found->second.token;
  if (token.expires_ms != 0 && token.expires_ms <= clock.now_ms()) return nullptr;
  if (!session) directory.note_use(digest);
  return found->second.identity;
}

std::shared_ptr<const Identity> Authenticator::Impl::find_cached(const Fingerprint& key) {
  const auto snapshot = directory.snapshot();
  const std::lock_guard lock(cache_mutex);
  const auto found = cache.find(key);
  if (found == cache.end()) return nullptr;
  auto& cached = found->second;
  if (cached.until_ms <= clock.now_ms()) return nullptr;
  if (!cached.outsider) {
    const auto user = snapshot->users.find(cached.user);
    return user != snapshot->users.end() && user->second.user.hash == cached.hash ? user->second.identity : nullptr;
  }
  if (cached.version != snapshot->version) {
    const auto& who = *cached.outsider;
    if (snapshot->users.contains(who.name)) return nullptr;
    cached.identity = std::make_shared<const Identity>(who.name, "", who.admin, Role::Admin,
                                                       snapshot->rules_of(who.name, who.groups));
    cached.version = snapshot->version;
  }
  return cached.identity;
}

void Authenticator::Impl::keep(const Fingerprint& key, Cached cached) {
  const std::lock_guard lock(cache_mutex);
  if (cache.size() >= kMostCached) {
    const auto now = clock.now_ms();
    std::erase_if(cache, [&](const auto& one) { return one.second.until_ms <= now; });
    if (cache.size() >= kMostCached) cache.clear();
  }
  cache.insert_or_assign(key, std::move(cached));
}

std::shared_ptr<const Identity> Authenticator::Impl::verify_password(const Credentials& given,
                                                                     const std::string& address) {
  const auto snapshot = directory.snapshot();
  const auto found = snapshot->users.find(given.user);
  const bool exists = found != snapshot->users.end();
  if (!exists) pretend_to_verify(given.secret);
  if (!exists || !auth::verify_password(found->second.user.hash, given.secret)) {
    throttle.failed(given.user, address, clock.now_ms());
    return nullptr;
  }
  throttle.succeeded(given.user, address);
  Cached cached;
  cached.user = given.user;
  cached.hash = found->second.user.hash;
  cached.until_ms = clock.now_ms() + kCachedMs;
  keep(key_of(given), std::move(cached));
  return found->second.identity;
}

std::shared_ptr<const Identity> Authenticator::Impl::verify_signed(const std::string& token, std::string& why) {
  auto outsider = oidc->verify(token);
  if (!outsider) {
    why = outsider.error();
    return nullptr;
  }
  if (directory.snapshot()->users.contains(outsider->name)) {
    why = "its user's name belongs to a user of this server";
    return nullptr;
  }
  Cached cached;
  cached.until_ms = std::min(outsider->expires_ms, clock.now_ms() + kCachedMs);
  cached.outsider = *std::move(outsider);
  const auto key = fingerprint("\nsigned", token);
  keep(key, std::move(cached));
  return find_cached(key);
}

// The token or cached identity; nullptr if it must be computed, or is wrong.
std::shared_ptr<const Identity> Authenticator::Impl::identify(const Credentials& given) {
  switch (given.kind) {
    case Credentials::Kind::Token: {
      auto identity = find_token(given.secret, false);
      const bool fits = identity && (given.user.empty() || given.user == identity->name());
      return fits ? std::move(identity) : nullptr;
    }
    case Credentials::Kind::Cookie:
      return find_token(given.secret, true);
    case Credentials::Kind::Password:
    case Credentials::Kind::Signed:
      return find_cached(key_of(given));
    default:
      return nullptr;
  }
}

std::optional<Response> Authenticator::Impl::must_wait(const Request& request, const std::string& user) const {
  const auto wait = throttle.wait_ms(user, address_of(request.peer), clock.now_ms());
  if (wait == 0) return std::nullopt;
  const auto seconds = (wait + 999) / 1000;
  auto out =
      refusal(request, {Code::ResourceExhausted, text::format("Too many failed logins; try again in {} s", seconds)});
  out.headers.emplace_back("Retry-After", std::to_string(seconds));
  return out;
}

Admission Authenticator::Impl::refuse(const Request& request, const Error& error, const std::string& who,
                                      const std::string& detail) {
  audit.refused({.who = who,
                 .peer = address_of(request.peer),
                 .action = text::format("{} {}", http::name(request.method), request.path),
                 .status = info(error.code).http_status,
                 .detail = detail.empty() ? error.message : detail});
  return refused(refusal(request, error));
}

Admission Authenticator::admit(Request& request, Access access) {
  auto& impl = *impl_;
  if (const auto checked = check_origin(request, impl.options.origin); !checked)
    return impl.refuse(request, checked.error());
  request.caller = Identity::nobody();
  if (access == Access::Public) return {};
  if (access == Access::Undeclared)
    return impl.refuse(request, {Code::PermissionDenied, "this route says nothing about who may use it"});
  const auto given = credentials_of(request);
  if (given.kind == Credentials::Kind::None) return refused(refusal(request, not_known()));
  if (auto identity = impl.identify(given)) {
    const bool changes = request.method != http::Method::Get && request.method != http::Method::Head;
    if (given.kind == Credentials::Kind::Cookie && changes && !is_same_origin(request))
      return impl.refuse(request, {Code::PermissionDenied, "a session's cookie counts on this server's own page only"},
                         identity->name());
    accept(request, std::move(identity));
    return {};
  }
  if (given.kind == Credentials::Kind::Password)
    if (auto wait = impl.must_wait(request, given.user)) return refused(*std::move(wait));
  const bool computes =
      given.kind == Credentials::Kind::Password || (given.kind == Credentials::Kind::Signed && impl.oidc != nullptr);
  if (computes) return {Admission::Verdict::Later, {}};
  return impl.refuse(request, wrong(), given.user);
}

Admission Authenticator::Impl::decide_slowly(const Request& request, const Credentials& given,
                                             std::shared_ptr<const Identity>& identity) {
  identity = identify(given);  // another request may have been first
  if (identity) return {};
  std::string why;
  if (given.kind == Credentials::Kind::Password) {
    if (auto wait = must_wait(request, given.user)) return refused(*std::move(wait));
    identity = verify_password(given, address_of(request.peer));
  } else {
    identity = verify_signed(given.secret, why);
  }
  if (identity) return {};
  return refuse(request, wrong(), text::is_utf8(given.user) ? given.user : "", why);
}

void Authenticator::admit_later(Request& request, std::function<void(Admission)> done) {
  auto& impl = *impl_;
  const auto shared = std::make_shared<std::function<void(Admission)>>(std::move(done));
  const bool waits = impl.enqueue([&impl, &request, shared] {
    std::shared_ptr<const Identity> identity;
    auto admission = impl.decide_slowly(request, credentials_of(request), identity);
    if (identity) accept(request, std::move(identity));
    (*shared)(std::move(admission));
  });
  if (waits) return;
  auto response = refusal(request, busy());
  response.headers.emplace_back("Retry-After", "1");
  (*shared)(refused(std::move(response)));
}

std::string Authenticator::Impl::cookie(const std::string& value, std::int64_t seconds) const {
  return text::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{}", kCookie, value, seconds,
                      options.secure_cookies ? "; Secure" : "");
}

Response Authenticator::Impl::open_session(const std::string& user) {
  const auto issued = directory.issue({.owner = user, .name = "browser", .session = true, .lifetime_ms = kSessionMs});
  if (!issued) return Response::error(issued.error());
  auto out = Response::json(json::dump(json::Value().set("user", user)));
  out.headers.emplace_back("Set-Cookie", cookie(issued->secret, kSessionMs / 1000));
  out.headers.emplace_back("Cache-Control", "no-store");
  return out;
}

void Authenticator::login(const Request& request, std::string user, std::string password,
                          std::function<void(Response)> done) {
  auto& impl = *impl_;
  Credentials given{Credentials::Kind::Password, std::move(user), std::move(password)};
  if (given.secret.size() > kMaxSecret) return done(refusal(request, wrong()));
  const auto shared = std::make_shared<std::function<void(Response)>>(std::move(done));
  const bool waits = impl.enqueue([&impl, request, given, shared] {
    std::shared_ptr<const Identity> identity;
    auto admission = impl.decide_slowly(request, given, identity);
    if (!identity) return (*shared)(std::move(admission.refusal));
    static_cast<void>(impl.audit.changed(
        {.who = given.user, .peer = address_of(request.peer), .action = "login", .object = "page", .status = 200}));
    (*shared)(impl.open_session(given.user));
  });
  if (!waits) (*shared)(refusal(request, busy()));
}

Response Authenticator::logout(const Request& request) {
  auto& impl = *impl_;
  const auto digest = Digest::of(cookie_of(request)).hex();
  const auto snapshot = impl.directory.snapshot();
  const auto found = snapshot->tokens.find(digest);
  if (found != snapshot->tokens.end() && found->second.token.session)
    static_cast<void>(impl.directory.revoke(found->second.token.id));
  auto out = Response::json("{}");
  out.headers.emplace_back("Set-Cookie", impl.cookie("", 0));
  return out;
}

Result<std::shared_ptr<const Identity>> Authenticator::known(std::string_view authorization) {
  if (authorization.empty()) return fail(not_known());
  auto identity = impl_->identify(credentials_of(authorization));
  if (!identity) return fail(wrong());
  return identity;
}

bool Authenticator::Impl::enqueue(std::function<void()> work) {
  {
    const std::lock_guard lock(queue_mutex);
    if (queue.size() >= kMostWaiting) return false;
    queue.push_back(std::move(work));
  }
  wake.notify_one();
  return true;
}

void Authenticator::Impl::maintain(std::int64_t& pruned_ms) {
  if (const auto flushed = directory.flush(); !flushed)
    log::warn(text::format("the use of tokens is not noted: {}", flushed.error().message));
  const auto now = clock.now_ms();
  if (now - pruned_ms < kDayMs) return;
  pruned_ms = now;
  if (const auto pruned = audit.prune(now - options.keep_audit_ms); !pruned)
    log::warn(text::format("the audit trail is not shortened: {}", pruned.error().message));
}

void Authenticator::Impl::run(const std::stop_token& stop) {
  std::int64_t pruned_ms = 0;
  while (!stop.stop_requested()) {
    std::function<void()> work;
    {
      std::unique_lock lock(queue_mutex);
      wake.wait_for(lock, kRest, [&] { return !queue.empty() || stop.stop_requested(); });
      if (!queue.empty()) {
        work = std::move(queue.front());
        queue.pop_front();
      }
    }
    if (work)
      work();
    else if (!stop.stop_requested())
      maintain(pruned_ms);
  }
}

Authenticator::Authenticator(Directory& directory, Audit& audit, std::unique_ptr<Oidc> oidc,
                             AuthenticatorOptions options, const Clock& clock)
    : impl_(new Impl{.directory = directory,
                     .audit = audit,
                     .oidc = std::move(oidc),
                     .options = std::move(options),
                     .clock = clock}) {
  impl_->thread = std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->run(stop); });
}

Authenticator::~Authenticator() {
  impl_->thread.request_stop();
  {
    const std::lock_guard lock(impl_->queue_mutex);  // it waits now, or sees the request
  }
  impl_->wake.notify_all();
}

}  // namespace fettle::auth
