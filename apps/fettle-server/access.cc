#include "access.h"

#include <cstdio>

#include "auth/secrets.h"
#include "base/log.h"
#include "base/text.h"
#include "os/process.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kAdmin = "admin";

auth::OidcOptions oidc_options(const AccessOptions& options) {
  return {.issuer = options.oidc_issuer,
          .audience = options.oidc_audience,
          .keys = options.oidc_keys,
          .ca_file = options.oidc_ca_file,
          .user_claim = options.oidc_user_claim,
          .groups_claim = options.oidc_groups_claim,
          .admin_group = options.oidc_admin_group};
}

Result<std::unique_ptr<auth::Oidc>> open_oidc(const AccessOptions& options, const Clock& clock) {
  const auto oidc = oidc_options(options);
  if (oidc.issuer.empty() && oidc.audience.empty() && oidc.keys.empty()) return nullptr;
  if (oidc.issuer.empty() || oidc.audience.empty() || oidc.keys.empty())
    return fail(Code::InvalidArgument, "OpenID Connect needs --oidc-issuer, --oidc-audience and --oidc-keys");
  FETTLE_TRY(auto source, auth::key_source(oidc));
  return auth::Oidc::create(oidc, std::move(source), clock);
}

// On the terminal, not in the log: it is shown this once.
void show_password(std::string_view name, std::string_view password) {
  std::fputs(text::format("Access control is on for the first time: user '{}', password '{}'. It is not shown again; "
                          "change it with `fettle user password {}`.\n",
                          name, password, name)
                 .c_str(),
             stderr);
}

Result<void> make_admin(auth::Directory& directory) {
  if (!directory.snapshot()->users.empty()) return {};
  const auto given = os::environment("FETTLE_ADMIN_PASSWORD").value_or("");
  const auto password = given.empty() ? auth::new_password() : given;
  FETTLE_TRY_(directory.create_user(std::string(kAdmin), password, true));
  if (given.empty())
    show_password(kAdmin, password);
  else
    log::info("access control is on for the first time: user 'admin' has the password of FETTLE_ADMIN_PASSWORD");
  return {};
}

bool may_call(const auth::Identity& who, std::string_view model) {
  if (model.empty()) return who.has_somewhere(auth::Role::Predictor);
  return who.role({auth::Kind::Model, "", std::string(model)}) >= auth::Role::Predictor;
}

}  // namespace

Result<std::unique_ptr<AccessControl>> AccessControl::open(sql::Database& database, const Clock& clock,
                                                           const AccessOptions& options, bool tls) {
  auto out = std::make_unique<AccessControl>();
  out->guard_ = std::make_shared<auth::OriginGuard>(auth::OriginRules{options.hosts, options.origins});
  if (options.on) FETTLE_TRY_(out->start(database, clock, options, tls));
  return out;
}

Result<void> AccessControl::start(sql::Database& database, const Clock& clock, const AccessOptions& options, bool tls) {
  if (options.audit_days < 1) return fail(Code::InvalidArgument, "--audit-days is at least 1");
  FETTLE_TRY(directory_, auth::Directory::open(database, clock));
  FETTLE_TRY(auto oidc, open_oidc(options, clock));
  FETTLE_TRY_(make_admin(*directory_));
  audit_ = std::make_unique<auth::Audit>(database, clock);
  authenticator_ =
      std::make_shared<auth::Authenticator>(*directory_, *audit_, std::move(oidc),
                                            auth::AuthenticatorOptions{.origin = {options.hosts, options.origins},
                                                                       .secure_cookies = tls,
                                                                       .keep_audit_ms = options.audit_days * kDayMs},
                                            clock);
  guard_ = authenticator_;
  return {};
}

serving::MayAsk AccessControl::may_ask() const {
  if (!authenticator_) return {};
  return [](const http::Request& request, std::string_view model) { return may_call(auth::caller(request), model); };
}

serving::GrpcGate AccessControl::grpc_gate() const {
  if (!authenticator_) return {};
  return [authenticator = authenticator_](std::string_view authorization, std::string_view model) -> Result<void> {
    FETTLE_TRY(const auto who, authenticator->known(authorization));
    if (may_call(*who, model)) return {};
    return fail(Code::NotFound, text::format("there is no model '{}'", model));
  };
}

AccessControl::ChildToken::ChildToken(auth::Directory* directory) : directory_(directory) {
  if (directory_ != nullptr) issued_ = directory_->issue_internal(std::string(auth::kOwnName), auth::Role::Writer);
}
AccessControl::ChildToken::~ChildToken() {
  if (directory_ != nullptr) directory_->revoke_internal(issued_);
}

Result<std::string> reset_password(sql::Database& database, const Clock& clock, const std::string& name,
                                   std::string password) {
  FETTLE_TRY(const auto directory, auth::Directory::open(database, clock));
  if (password.empty()) password = auth::new_password();
  if (directory->user(name)) {
    FETTLE_TRY_(directory->set_password(name, password));
    FETTLE_TRY_(directory->set_admin(name, true));
  } else {
    FETTLE_TRY_(directory->create_user(name, password, true));
  }
  auth::Audit audit(database, clock);
  FETTLE_TRY_(audit.changed({.who = "operator", .action = "fettle user reset", .object = name, .status = 200}));
  return password;
}

}  // namespace fettle::cli
