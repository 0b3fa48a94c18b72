#include "sql/testing/postgres_server.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <vector>

#include "base/text.h"

namespace fettle::sql::testing {
namespace {

constexpr auto kPrograms = "/usr/lib/postgresql/17/bin/";
constexpr int kStartTries = 3000;
constexpr useconds_t kPauseUs = 10'000;

// PostgreSQL refuses to run as root.
const passwd* other_user() { return ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr; }

// In the child: becomes `argv`, and ends when this program ends, however that happens.
[[noreturn]] void become(const std::vector<std::string>& argv, const passwd* user) {
  std::vector<char*> pointers;
  for (const auto& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const bool is_other =
      user == nullptr || (::setgid(user->pw_gid) == 0 && ::setuid(user->pw_uid) == 0 && ::chdir("/") == 0);
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  ::signal(SIGPIPE, SIG_DFL);
  const int quiet = ::open("/dev/null", O_WRONLY);
  if (is_other && ::dup2(quiet, STDOUT_FILENO) >= 0 && ::dup2(quiet, STDERR_FILENO) >= 0)
    ::execv(pointers[0], pointers.data());
  ::_exit(127);
}

int spawn(const std::vector<std::string>& argv) {
  const auto* user = other_user();
  const auto child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) become(argv, user);
  return child;
}

void run(const std::vector<std::string>& argv) {
  int status = 0;
  if (::waitpid(spawn(argv), &status, 0) < 0 || status != 0)
    throw std::runtime_error(text::format("{} failed: {}", argv[0], status));
}

}  // namespace

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

PostgresServer::PostgresServer() {
  std::string folder = "/tmp/fettle-pg.XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make a folder in /tmp");
  folder_ = folder;
  if (const auto* user = other_user(); user != nullptr && ::chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0)
    throw std::runtime_error("cannot give the folder to postgres");
  run({std::string(kPrograms) + "initdb", "-D", folder_ + "/data", "-U", "fettle", "--auth=trust", "--encoding=UTF8",
       "--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8", "--no-sync", "--no-instructions"});
  start();
}

PostgresServer::~PostgresServer() {
  crash();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void PostgresServer::start() {
  process_ = spawn({std::string(kPrograms) + "postgres", "-D", folder_ + "/data", "-k", folder_, "-c",
                    "listen_addresses=", "-c", "shared_buffers=16MB", "-c", "fsync=off"});
  const auto url = text::format("postgresql://fettle@/postgres?host={}", folder_);
  for (int i = 0; i < kStartTries; ++i) {
    if (PQping(url.c_str()) == PQPING_OK) return;
    ::usleep(kPauseUs);
  }
  throw std::runtime_error("PostgreSQL did not start");
}

void PostgresServer::crash() {
  if (process_ == 0) return;
  ::kill(process_, SIGQUIT);
  ::waitpid(process_, nullptr, 0);
  process_ = 0;
}

std::string PostgresServer::new_database() {
  const auto name = text::format("test{}", ++databases_);
  execute(text::format("postgresql://fettle@/postgres?host={}", folder_), "CREATE DATABASE " + name);
  return text::format("postgresql://fettle@/{}?host={}", name, folder_);
}

void PostgresServer::execute(const std::string& url, const std::string& statements) const {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url.c_str()), &PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> done(PQexec(connection.get(), statements.c_str()), &PQclear);
  const auto status = PQresultStatus(done.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error(PQerrorMessage(connection.get()));
}

std::string new_store(Store store, const std::string& folder) {
  return store == Store::Sqlite ? folder + "/test.db" : PostgresServer::shared().new_database();
}
std::string name_of_store(const ::testing::TestParamInfo<Store>& store) {
  return store.param == Store::Sqlite ? "Sqlite" : "Postgresql";
}

}  // namespace fettle::sql::testing
