// Access control of a server, put together: who may ask which listener.
#pragma once

#include <memory>
#include <string>

#include "api/access.h"
#include "auth/authenticator.h"
#include "base/clock.h"
#include "base/result.h"
#include "server_verb.h"
#include "serving/grpc.h"
#include "serving/http.h"
#include "sql/database.h"

namespace fettle::cli {

class AccessControl {
 public:
  // Off: every part is null but the guard, which checks hosts and origins. On: the first start makes the user 'admin'.
  [[nodiscard]] static Result<std::unique_ptr<AccessControl>> open(sql::Database& database, const Clock& clock,
                                                                   const AccessOptions& options, bool tls);
  [[nodiscard]] std::shared_ptr<http::Guard> guard() const { return guard_; }
  [[nodiscard]] api::AccessParts parts() const { return {directory_.get(), audit_.get()}; }
  [[nodiscard]] auth::Audit* audit() const { return audit_.get(); }
  [[nodiscard]] auth::Authenticator* authenticator() const { return authenticator_.get(); }
  // Who may ask a model is who has role 'predictor' on the registered model of the endpoint's name. Empty while off.
  [[nodiscard]] serving::MayAsk may_ask() const;
  [[nodiscard]] serving::GrpcGate grpc_gate() const;

  // A token for one child process, for as long as the object lives; empty while off.
  class ChildToken {
   public:
    explicit ChildToken(auth::Directory* directory);
    ChildToken(const ChildToken&) = delete;
    ChildToken& operator=(const ChildToken&) = delete;
    ~ChildToken();
    [[nodiscard]] const std::string& secret() const { return issued_.secret; }

   private:
    auth::Directory* directory_;
    auth::IssuedToken issued_;
  };

 private:
  [[nodiscard]] Result<void> start(sql::Database& database, const Clock& clock, const AccessOptions& options, bool tls);
  std::unique_ptr<auth::Directory> directory_;
  std::unique_ptr<auth::Audit> audit_;
  std::shared_ptr<auth::Authenticator> authenticator_;
  std::shared_ptr<http::Guard> guard_;
};

// Gives a user a new password and makes him an admin, or makes him: on a data folder whose server is stopped. Returns
// the password: `password`, or one that is made up.
[[nodiscard]] Result<std::string> reset_password(sql::Database& database, const Clock& clock, const std::string& name,
                                                 std::string password);

}  // namespace fettle::cli
