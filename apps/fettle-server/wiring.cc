#include "wiring.h"

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>

#include "access.h"
#include "api/access_routes.h"
#include "api/backup.h"
#include "api/fettle.h"
#include "api/fettle_gc.h"
#include "api/import.h"
#include "api/mlflow.h"
#include "api/page.h"
#include "base/log.h"
#include "base/text.h"
#include "blob/tree.h"
#include "control/cleaner.h"
#include "control/loop.h"
#include "duration.h"
#include "http/server.h"
#include "listener.h"
#include "notify/sender.h"
#include "os/file.h"
#include "registry/store.h"
#include "serving/grpc.h"
#include "serving/http.h"
#include "serving/metrics.h"
#include "tracking/artifact_roots.h"
#include "tracking/artifacts.h"
#include "tracking/store.h"
#include "tracking/uploads.h"
#include "transfer/apply.h"
#include "version.h"

namespace fettle::cli {
namespace {

constexpr std::int64_t kDrainMs = 10'000;
constexpr auto kPoll = std::chrono::milliseconds(50);

// Where children find this server: known once it listens, which may be after the first retraining was decided.
class OwnAddress {
 public:
  void set(std::string url) {
    {
      const std::lock_guard lock(mutex_);
      url_ = std::move(url);
    }
    changed_.notify_all();
  }
  // Empty if `cancelled` turned true first.
  std::string wait(const std::function<bool()>& cancelled) {
    std::unique_lock lock(mutex_);
    while (url_.empty() && !cancelled()) changed_.wait_for(lock, kPoll);
    return url_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string url_;
};

// The command line's program, beside this one.
std::string command_line() {
  const auto self = os::executable_path();
  return self.substr(0, self.rfind('/')) + "/fettle";
}

// A retraining asks this server, with a token that ends with it; over TLS it trusts the server's own certificate.
Result<os::Exit> run_child(OwnAddress& address, const std::string& certificate, auth::Directory* directory,
                           os::Command command, const std::function<bool()>& cancelled) {
  const AccessControl::ChildToken token(directory);
  if (!token.secret().empty()) command.environment["FETTLE_TOKEN"] = token.secret();
  if (!command.argv.empty() && command.argv.front() == "fettle") command.argv.front() = command_line();
  command.environment["FETTLE_SERVER"] = address.wait(cancelled);
  if (!certificate.empty()) command.environment["FETTLE_CA_FILE"] = certificate;
  return os::run(command, {}, cancelled);
}

void move_alias(registry::Store& registry, const std::string& model, const std::string& alias, std::int64_t version) {
  if (!registry.aliases().get(model, alias))
    return;  // the model is not registered here: a bundle that was sent by hand
  if (const auto moved = registry.aliases().follow(model, alias, version); !moved)
    log::warn(text::format("alias '{}' of model '{}' stays: {}", alias, model, moved.error().message));
}

// The registry's aliases follow what an endpoint serves.
void follow_endpoint(registry::Store& registry, const control::Endpoint& endpoint) {
  std::int64_t champion = 0, challenger = 0;
  for (const auto& variant : endpoint.variants)
    (variant.variant == control::kChampion ? champion : challenger) = variant.version;
  move_alias(registry, endpoint.model, control::kChampion, champion);
  move_alias(registry, endpoint.model, control::kChallenger, challenger);
}

}  // namespace

std::vector<sql::Migrations> migrations() {
  return {tracking::Store::migrations(),    notify::Webhooks::migrations(), registry::Store::migrations(),
          transfer::Importer::migrations(), control::Store::migrations(),   auth::Directory::migrations()};
}

// SQLite in the data folder by default. A path would be two servers' trap: the folder's lock guards the folder only.
Result<std::string> database_url(const std::string& data, const std::string& database) {
  if (database.empty()) return data + "/fettle.db";
  if (sql::is_postgres(database)) return database;
  return fail(Code::InvalidArgument,
              "--database (or FETTLE_DATABASE) takes postgresql://USER@HOST:PORT/NAME; without it records are kept in "
              "the data folder");
}

Result<std::unique_ptr<blob::Objects>> open_artifact_store(const std::string& uri) {
  if (!uri.starts_with("s3:"))
    return fail(
        Code::InvalidArgument,
        text::format("'{}' is no artifact store; write s3://bucket/prefix, or leave --artifact-store out", uri));
  auto tree = blob::open_s3(uri);
  if (!tree) return fail(tree.error().within("--artifact-store"));
  return std::make_unique<blob::TreeObjects>(*std::move(tree));
}

struct Platform::Impl {
  explicit Impl(os::FileLock held) : lock(std::move(held)) {}
  ~Impl() { stop(); }

  os::FileLock lock;
  const Clock& clock = system_clock();
  std::int64_t started_ms = clock.now_ms();
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<blob::Store> blobs;
  std::unique_ptr<event::Log> events;
  std::unique_ptr<tracking::Store> tracking;
  std::unique_ptr<blob::Objects> remote;  // where proxied artifacts lie, unless among the blobs
  std::unique_ptr<tracking::Artifacts> artifacts;
  std::unique_ptr<tracking::ArtifactRoots> roots;
  std::unique_ptr<tracking::Uploads> uploads;
  std::optional<api::SignedUrls> urls;
  std::unique_ptr<registry::Store> registry;
  std::unique_ptr<notify::Webhooks> webhooks;
  std::unique_ptr<notify::Outbox> outbox;
  std::unique_ptr<notify::Sender> sender;
  std::unique_ptr<transfer::Importer> importer;
  std::unique_ptr<control::Store> records;
  std::unique_ptr<serving::Runtime> runtime;
  std::unique_ptr<AccessControl> who;
  std::unique_ptr<api::Access> access;
  OwnAddress address;
  std::string certificate;  // of the listeners; empty = plain
  std::unique_ptr<control::Loop> loop;
  std::unique_ptr<api::BackupsInFlight> dumps;
  std::unique_ptr<control::Cleaner> cleaner;
  std::unique_ptr<Listener> control, predict;
  std::unique_ptr<serving::GrpcServer> grpc;

  Result<void> open(const ServerOptions& options);
  Result<void> open_artifacts(const ServerOptions& options);
  Result<void> open_webhooks(const ServerOptions& options);
  Result<void> start_loop(const std::string& data);
  Result<void> start_cleaner(const ServerOptions& options);
  Result<void> listen(const ServerOptions& options);
  [[nodiscard]] Result<std::unique_ptr<Listener>> listen_control(const ServerOptions& options);
  [[nodiscard]] Result<std::unique_ptr<Listener>> listen_predict(const ServerOptions& options);
  void stop();
};

Result<void> Platform::Impl::open(const ServerOptions& options) {
  const auto& data = options.data;
  FETTLE_TRY(const auto url, database_url(data, options.database));
  FETTLE_TRY(database, sql::Database::open(url, migrations()));
  FETTLE_TRY(blobs, blob::Store::open(data + "/blobs"));
  FETTLE_TRY(events, event::Log::open(data + "/events"));
  FETTLE_TRY_(os::remove_all(data + "/spool"));    // bodies that were on their way when an earlier server died
  FETTLE_TRY_(os::remove_all(data + "/backups"));  // dumps that were being fetched
  FETTLE_TRY_(os::make_folders(data + "/spool"));
  FETTLE_TRY_(blobs->remove_leftovers());
  FETTLE_TRY_(open_artifacts(options));
  tracking = std::make_unique<tracking::Store>(*database, clock, roots->root());
  if (roots->root() != "mlflow-artifacts:") FETTLE_TRY_(tracking->adopt_artifact_root());
  registry = std::make_unique<registry::Store>(*database, clock);
  importer = std::make_unique<transfer::Importer>(*database, clock);
  records = std::make_unique<control::Store>(*database);
  runtime = std::make_unique<serving::Runtime>(events.get(), clock);
  return open_webhooks(options);
}

Result<void> Platform::Impl::open_webhooks(const ServerOptions& options) {
  FETTLE_TRY(auto vault, notify::Vault::open(options.data + "/webhooks.key"));
  webhooks = std::make_unique<notify::Webhooks>(
      *database, clock, std::move(vault), notify::Reach{options.webhook_allow_http, options.webhook_allow_private});
  outbox = std::make_unique<notify::Outbox>(*database, clock);
  sender = std::make_unique<notify::Sender>(*webhooks, *outbox, clock);
  registry->on_change([this] { sender->ring(); });
  return {};
}

Result<void> Platform::Impl::open_artifacts(const ServerOptions& options) {
  if (!options.artifact_store.empty()) {
    FETTLE_TRY(remote, open_artifact_store(options.artifact_store));
  }
  artifacts = std::make_unique<tracking::Artifacts>(*database, remote ? *remote : *blobs);
  FETTLE_TRY_(artifacts->finish_removals());
  FETTLE_TRY(roots, tracking::ArtifactRoots::open(*artifacts, options.artifact_root, options.artifact_allow));
  FETTLE_TRY(uploads, tracking::Uploads::open(options.data + "/uploads", *artifacts, clock));
  FETTLE_TRY(urls, api::SignedUrls::open(options.data + "/url-key", clock));
  return {};
}

Result<void> Platform::Impl::start_loop(const std::string& data) {
  control::LoopParts parts{*records, *events, *runtime, clock, control::bundle_loader(*blobs, data + "/cache/bundles"),
                           {},       {}};
  parts.endpoint_changed = [this](const control::Endpoint& endpoint) { follow_endpoint(*registry, endpoint); };
  parts.run_retrain = [this](const os::Command& command, const std::function<bool()>& cancelled) {
    return run_child(address, certificate, who->parts().directory, command, cancelled);
  };
  FETTLE_TRY(loop, control::Loop::start(std::move(parts)));
  return {};
}

Result<void> Platform::Impl::start_cleaner(const ServerOptions& options) {
  control::CleanupSchedule schedule;
  FETTLE_TRY(schedule.older_than_ms, parse_duration(options.gc_older_than, "--gc-older-than"));
  if (!options.gc_every.empty()) {
    FETTLE_TRY(schedule.every_ms, parse_duration(options.gc_every, "--gc-every"));
  }
  dumps = std::make_unique<api::BackupsInFlight>(options.data + "/backups", clock);
  cleaner = std::make_unique<control::Cleaner>(
      control::CleanupParts{*database, *artifacts, *roots, *uploads, *blobs, remote.get(), *records, *loop, clock,
                            options.data + "/spool", options.data + "/cache/bundles",
                            [this](const auto& removal) { return dumps->unless_any(removal); }},
      schedule);
  return {};
}

namespace {

http::ServerOptions http_options(const ServerOptions& options, const std::string& address) {
  return {.address = address,
          .spool_folder = options.data + "/spool",
          .certificate_file = options.certificate,
          .key_file = options.key};
}

Result<serving::GrpcTls> grpc_tls(const ServerOptions& options) {
  if (options.certificate.empty()) return serving::GrpcTls();
  serving::GrpcTls tls;
  FETTLE_TRY(tls.certificate, os::read_file(options.certificate));
  FETTLE_TRY(tls.key, os::read_file(options.key));
  return tls;
}

}  // namespace

Result<std::unique_ptr<Listener>> Platform::Impl::listen_control(const ServerOptions& options) {
  http::Router router;
  api::add_mlflow_routes(router,
                         {*tracking, *registry, *artifacts, *roots, *uploads, *urls, *webhooks, *sender, *access});
  api::add_fettle_routes(router, {*loop, *records, *blobs, *tracking, *registry, *webhooks, *outbox, *sender, *events,
                                  clock, *roots, *access, options.data + "/events", kFettleVersion, started_ms});
  api::add_import_routes(router, {*importer, *tracking, *artifacts, *access});
  api::add_access_routes(router, {*access, who->audit(), who->authenticator()});
  api::add_backup_routes(router, {*database, migrations(), *records, *artifacts, *blobs, remote.get(), clock, *dumps,
                                  options.data, kFettleVersion, *access});
  api::add_gc_routes(router, *cleaner, *access);
  api::add_page_routes(router);
  return Listener::start("control", http_options(options, options.control), std::move(router), who->guard(),
                         [] { return std::string(); });
}

Result<std::unique_ptr<Listener>> Platform::Impl::listen_predict(const ServerOptions& options) {
  http::Router router;
  serving::add_routes(router, *runtime, who->may_ask());
  return Listener::start("predict", http_options(options, options.predict), std::move(router), who->guard(),
                         [this] { return serving::exposition(*runtime); });
}

Result<void> Platform::Impl::listen(const ServerOptions& options) {
  FETTLE_TRY(control, listen_control(options));
  FETTLE_TRY(predict, listen_predict(options));
  FETTLE_TRY(const auto tls, grpc_tls(options));
  FETTLE_TRY(grpc, serving::GrpcServer::start(options.grpc, *runtime, tls, who->grpc_gate()));
  address.set(control->url());
  return {};
}

void Platform::Impl::stop() {
  if (predict) predict->drain(kDrainMs);
  if (grpc) grpc->drain(kDrainMs);
  if (control) control->drain(kDrainMs);
  cleaner.reset();
  loop.reset();
}

Platform::Platform(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Platform::~Platform() = default;

Result<std::unique_ptr<Platform>> Platform::start(const ServerOptions& options) {
  FETTLE_TRY_(os::make_folders(options.data));
  FETTLE_TRY(auto lock, os::FileLock::acquire(options.data + "/lock"));
  auto impl = std::make_unique<Impl>(std::move(lock));
  impl->certificate = options.certificate;
  FETTLE_TRY_(impl->open(options));
  FETTLE_TRY(impl->who,
             AccessControl::open(*impl->database, impl->clock, options.access, !options.certificate.empty()));
  impl->access = std::make_unique<api::Access>(impl->who->parts(), *impl->tracking, *impl->registry, impl->clock);
  FETTLE_TRY_(impl->start_loop(options.data));
  FETTLE_TRY_(impl->start_cleaner(options));
  FETTLE_TRY_(impl->listen(options));
  return std::unique_ptr<Platform>(new Platform(std::move(impl)));
}

Result<void> reset_user(const ResetOptions& options) {
  FETTLE_TRY(const auto url, database_url(options.data, options.database));
  std::optional<os::FileLock> lock;
  if (options.database.empty()) {
    if (!os::exists(url))
      return fail(Code::NotFound, text::format("'{}' is no data folder of a server that keeps its records there: it "
                                               "has no fettle.db; with PostgreSQL give --database",
                                               options.data));
    FETTLE_TRY(auto held, os::FileLock::acquire(options.data + "/lock"));
    lock.emplace(std::move(held));
  }
  FETTLE_TRY(const auto database, sql::Database::open_existing(url, migrations()));
  const auto given = os::environment("FETTLE_ADMIN_PASSWORD").value_or("");
  FETTLE_TRY(const auto password, reset_password(*database, system_clock(), options.name, given));
  if (given.empty()) std::puts(text::format("user '{}', password '{}'", options.name, password).c_str());
  return {};
}

std::string Platform::control_url() const { return impl_->control->url(); }
std::string Platform::predict_url() const { return impl_->predict->url(); }
std::string Platform::grpc_address() const { return impl_->grpc->address(); }
void Platform::stop() { impl_->stop(); }

}  // namespace fettle::cli
