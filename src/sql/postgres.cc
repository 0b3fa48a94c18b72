#include "sql/postgres.h"

#include <libpq-fe.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "base/rng.h"
#include "base/text.h"
#include "sql/dialect.h"
#include "sql/postgres_values.h"

namespace fettle::sql {
namespace {

constexpr int kAnswerMs = 90'000;          // longer than the server's own limit of a statement
constexpr std::size_t kMaxPrepared = 256;  // searches make statements of many shapes
constexpr int kRowsAtOnce = 1000;          // of a database that is not ours
constexpr int kMostPosted = 1000;          // their answers must fit into buffers until they are read
constexpr int kSettleTries = 100;          // for ten seconds
constexpr auto kSettlePause = std::chrono::milliseconds(100);

// Limits that the database's owner did not set; durability, whatever was set. Sorted plans are not worth a compiler.
constexpr auto kSettings =
    "SELECT CASE WHEN current_setting('statement_timeout') = '0' THEN set_config('statement_timeout', '60s', false) "
    "END,"
    " CASE WHEN current_setting('idle_in_transaction_session_timeout') = '0' THEN "
    "set_config('idle_in_transaction_session_timeout', '60s', false) END,"
    " CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END,"
    " set_config('standard_conforming_strings', 'on', false), set_config('jit', 'off', false),"
    " set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false),"
    " set_config('tcp_keepalives_count', '3', false)";

// Whoever reads all of a database takes his time, also between two statements.
constexpr auto kForeignSettings =
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET jit = off";

// The lock's two numbers: Fettle's, and the schema's, so that two schemas of one database may have a server each.
constexpr auto kLockKey = "1717925748, hashtext(coalesce(current_schema(), ''))";
constexpr auto kHolder =
    "SELECT a.application_name, coalesce(host(a.client_addr), 'this machine'), "
    "to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 1717925748 AND "
    "l.objid::bigint = (hashtext(coalesce(current_schema(), ''))::bigint & 4294967295) AND "
    "l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";

std::string own_name() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return text::format("fettle on {}, process {}", host.data(), ::getpid());
}

// "postgresql://HOST:PORT/NAME", whatever else the URL says. Its own text may hold a password, and so may libpq's
// complaint about it.
Result<std::string> public_name(const std::string& url) {
  std::string host, port = "5432", name;
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(url.c_str(), &complaint),
                                                                             &PQconninfoFree);
  PQfreemem(complaint);
  for (const auto* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view key = option->keyword;
    if (key == "host") host = option->val;
    if (key == "port") port = option->val;
    if (key == "dbname") name = option->val;
  }
  // A part of a password with a bare sign in it is taken for the port or the name.
  const bool misread = port.find_first_not_of("0123456789,") != std::string::npos || name.contains('@');
  if (!options || host.contains('@') || misread)
    return fail(Code::InvalidArgument,
                "the database's URL cannot be read; write postgresql://USER@HOST:PORT/NAME, with signs like @ / : % in "
                "a password as %40 %2F %3A %25, or leave the password to a PGPASSFILE");
  if (host.empty() || host.starts_with('/')) return "postgresql:///" + name;  // a local socket
  return text::format("postgresql://{}:{}/{}", host, port, name);
}

// libpq gives words only for a connection that fails.
Code code_of_connecting(std::string_view words) {
  if (words.contains("password") || words.contains("authentication failed") || words.contains("pg_hba.conf") ||
      (words.contains("role ") && words.contains("does not exist")))
    return Code::PermissionDenied;
  return words.contains("does not exist") ? Code::NotFound : Code::Unavailable;
}
std::string_view next_step_of_connecting(std::string_view words) {
  switch (code_of_connecting(words)) {
    case Code::PermissionDenied:
      return "; check the user and password (a PGPASSFILE or PGPASSWORD works too) and the server's pg_hba.conf";
    case Code::NotFound:
      return "; create the database first: createdb --encoding UTF8 --template template0 NAME";
    default:
      return "; check that it runs and can be reached";
  }
}

Code code_of_state(std::string_view state) {
  const auto group = state.substr(0, 2);
  if (group == "23") return Code::AlreadyExists;  // constraints
  if (state == "22021" || state == "22P05" || state == "54000")
    return Code::InvalidArgument;  // text, index row too big
  if (state == "42501" || group == "28") return Code::PermissionDenied;
  if (group == "XX" && state != "XX000") return Code::DataLoss;
  for (const auto* later : {"08", "40", "53", "57", "58"})
    if (group == later) return Code::Unavailable;
  return state == "55P03" || state == "25006" ? Code::Unavailable : Code::Internal;
}

std::string one_line(std::string_view words) {
  std::string out(text::trim(words));
  for (auto& c : out)
    if (c == '\n' || c == '\t') c = ' ';
  return out;
}

// False once `row` wants no more.
bool give(const PGresult* rows, const std::function<bool(const Row&)>& row) {
  BinaryRow current(rows);
  for (int i = 0; i < PQntuples(rows); ++i)
    if (!row(current.at(i))) return false;
  return true;
}

void ignore_notice(void* /*context*/, const PGresult* /*notice*/) {}

}  // namespace

bool is_postgres(std::string_view url) { return url.starts_with("postgres://") || url.starts_with("postgresql://"); }

void PostgresConnection::Clear::operator()(pg_result* result) const noexcept { PQclear(result); }

Migrations PostgresConnection::migrations() {
  return {"sql", {R"(
    CREATE TABLE fettle_writer(one bigint PRIMARY KEY CHECK (one = 1), server text NOT NULL, batch bigint NOT NULL);
    CREATE FUNCTION fettle_next_id(name text, col text) RETURNS bigint LANGUAGE plpgsql AS $$
      DECLARE next_id bigint;
      BEGIN
        EXECUTE format('SELECT coalesce(max(%I), 0) + 1 FROM %I', col, name) INTO next_id;
        RETURN next_id;
      END $$;
    INSERT INTO fettle_writer VALUES(1, '', 0);
  )"}};
}

PostgresConnection::PostgresConnection(std::string url, Access access)
    : url_(std::move(url)), access_(access), mark_(text::format("{:016x}", Rng::from_entropy().next())) {}
PostgresConnection::~PostgresConnection() { disconnect(); }

Result<std::unique_ptr<Connection>> PostgresConnection::open(const std::string& url, Access access) {
  auto connection = std::unique_ptr<PostgresConnection>(new PostgresConnection(url, access));
  FETTLE_TRY(connection->name_, public_name(url));
  FETTLE_TRY_(connection->connect());
  return connection;
}

Result<void> PostgresConnection::connect() {
  disconnect();
  const auto own = own_name();
  // Those before the URL are defaults that it may change; those after it are not.
  const std::array<std::pair<const char*, const char*>, 9> settings{
      {{"fallback_application_name", own.c_str()},
       {"connect_timeout", "10"},
       {"keepalives_idle", "30"},
       {"keepalives_interval", "10"},
       {"keepalives_count", "3"},
       {"tcp_user_timeout", "30000"},
       {"target_session_attrs", is_foreign() ? "any" : "read-write"},
       {"dbname", url_.c_str()},
       {"client_encoding", "UTF8"}}};
  std::array<const char*, settings.size() + 1> keys{}, values{};
  for (std::size_t i = 0; i < settings.size(); ++i) std::tie(keys[i], values[i]) = settings[i];
  handle_ = PQconnectdbParams(keys.data(), values.data(), 1);
  if (PQstatus(handle_) != CONNECTION_OK) {
    const auto words = one_line(PQerrorMessage(handle_));
    disconnect();
    return fail(code_of_connecting(words),
                text::format("database '{}': {}{}", name_, words, next_step_of_connecting(words)));
  }
  PQsetNoticeReceiver(handle_, &ignore_notice, nullptr);
  const std::string_view encoding = PQparameterStatus(handle_, "server_encoding");
  if (access_ == Access::Write && encoding != "UTF8")
    return fail(Code::FailedPrecondition,
                text::format("database '{}' keeps text as {}; create one with createdb --encoding UTF8 --template "
                             "template0 NAME",
                             name_, encoding));
  FETTLE_TRY_(simple(is_foreign() ? kForeignSettings : kSettings));
  return access_ == Access::Write ? lock() : Result<void>();
}

void PostgresConnection::disconnect() noexcept {
  PQfinish(handle_);
  handle_ = nullptr;
  statements_.clear();
  job_to_release_ = false;
  posted_ = 0;
}

bool PostgresConnection::is_lost() const noexcept { return PQstatus(handle_) != CONNECTION_OK; }

Result<void> PostgresConnection::lock() {
  // A server that was just killed may have its lock for a moment longer.
  const auto locked = simple(text::format("SET lock_timeout = '5s'; SELECT pg_advisory_lock({})", kLockKey));
  if (locked) return simple("RESET lock_timeout").transform([](auto) {});
  if (is_lost()) return fail(locked.error());
  auto who = holder();
  disconnect();
  return fail(Code::FailedPrecondition,
              text::format("database '{}' is in use by another server ({}); stop that one, or use another database or "
                           "schema: one server writes to one",
                           name_, who));
}

std::string PostgresConnection::holder() {
  const auto found = simple(kHolder);
  if (!found || PQntuples(found->get()) == 0) return "which ended just now";
  const auto* row = found->get();
  return text::format("{}, from {}, since {}", PQgetvalue(row, 0, 0), PQgetvalue(row, 0, 1), PQgetvalue(row, 0, 2));
}

std::unexpected<Error> PostgresConnection::lost_error() const {
  return fail(Code::Unavailable,
              text::format("database '{}': the connection was lost; nothing was written, repeat the request", name_));
}

std::unexpected<Error> PostgresConnection::error(const pg_result* result) const {
  if (is_lost()) return lost_error();
  const auto* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const auto* words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return fail(code_of_state(state == nullptr ? "" : state),
              text::format("database '{}': {}", name_,
                           words == nullptr ? one_line(PQerrorMessage(handle_)) : std::string(words)));
}

// Waits for the next answer to what was sent; null after the last. A server that stays silent is as good as gone.
Result<PostgresConnection::Answer> PostgresConnection::next_answer() {
  while (PQisBusy(handle_) != 0) {
    pollfd wait{.fd = PQsocket(handle_), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wait, 1, is_foreign() ? -1 : kAnswerMs);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) disconnect();
    if (ready <= 0 || PQconsumeInput(handle_) == 0) return lost_error();
  }
  return Answer(PQgetResult(handle_));
}

// Waits for the last answer.
Result<PostgresConnection::Answer> PostgresConnection::answer(bool sent) {
  if (!sent) return is_lost() ? lost_error() : error(nullptr);
  Answer last;
  for (;;) {
    FETTLE_TRY(auto next, next_answer());
    if (!next) break;
    const auto status = PQresultStatus(last.get());
    if (!last || status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
      last = std::move(next);  // the first error stays
  }
  if (!last) return lost_error();
  const auto status = PQresultStatus(last.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) return error(last.get());
  return last;
}

Result<PostgresConnection::Answer> PostgresConnection::answer_of_posted() {
  posted_ = 0;
  if (PQpipelineSync(handle_) != 1) disconnect();
  Answer last;
  std::optional<Error> failed;
  for (;;) {
    FETTLE_TRY(auto next, next_answer());
    if (is_lost()) return lost_error();
    const auto status = next ? PQresultStatus(next.get()) : PGRES_EMPTY_QUERY;
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
      last = std::move(next);
    else if (next && status != PGRES_PIPELINE_ABORTED && !failed)
      failed = error(next.get()).error();
  }
  PQexitPipelineMode(handle_);
  if (failed) return fail(*std::move(failed));
  return last;
}

Result<void> PostgresConnection::flush() {
  return posted_ == 0 ? Result<void>() : answer_of_posted().transform([](const auto&) {});
}

Result<PostgresConnection::Answer> PostgresConnection::simple(const std::string& statements) {
  FETTLE_TRY_(flush());
  return answer(PQsendQuery(handle_, statements.c_str()) == 1);
}

Result<std::string> PostgresConnection::prepare(std::string_view statement, std::span<const Parameter> parameters) {
  FETTLE_TRY_(check_parameters(parameters));
  if (is_lost()) return lost_error();
  std::string key(statement);
  std::vector<Oid> types;
  for (const auto& parameter : parameters) {
    types.push_back(type_of(parameter));
    key += static_cast<char>(parameter.index());
  }
  if (const auto found = statements_.find(key); found != statements_.end()) return found->second;
  FETTLE_TRY_(flush());
  if (statements_.size() >= kMaxPrepared) {
    FETTLE_TRY_(simple("DEALLOCATE ALL"));
    statements_.clear();
  }
  const auto name = text::format("s{}", statements_.size());
  FETTLE_TRY_(answer(PQsendPrepare(handle_, name.c_str(), postgres_statement(statement).c_str(),
                                   static_cast<int>(types.size()), types.data()) == 1));
  statements_.emplace(std::move(key), name);
  return name;
}

bool PostgresConnection::send(const std::string& name, std::span<const Parameter> parameters) {
  const BinaryParameters binary(parameters);
  return PQsendQueryPrepared(handle_, name.c_str(), binary.count(), binary.values(), binary.lengths(), binary.formats(),
                             1) == 1;
}

Result<PostgresConnection::Answer> PostgresConnection::prepared(std::string_view statement,
                                                                std::span<const Parameter> parameters) {
  FETTLE_TRY(const auto name, prepare(statement, parameters));
  const bool sent = send(name, parameters);
  return posted_ > 0 && sent ? answer_of_posted() : answer(sent);
}

Result<void> PostgresConnection::post(std::string_view statement, std::span<const Parameter> parameters) {
  FETTLE_TRY(const auto name, prepare(statement, parameters));
  if (posted_ == 0 && PQenterPipelineMode(handle_) != 1) return error(nullptr);
  if (!send(name, parameters)) return error(nullptr);
  return ++posted_ < kMostPosted ? Result<void>() : flush();
}

Result<std::int64_t> PostgresConnection::execute(std::string_view statement, std::span<const Parameter> parameters) {
  FETTLE_TRY(const auto done, prepared(statement, parameters));
  return text::parse_int(PQcmdTuples(done.get())).value_or(0);
}

Result<void> PostgresConnection::query(std::string_view statement, std::span<const Parameter> parameters,
                                       const std::function<bool(const Row&)>& row) {
  if (is_foreign()) return stream(statement, parameters, row);
  FETTLE_TRY(const auto rows, prepared(statement, parameters));
  give(rows.get(), row);
  return {};
}

// Rows as they come: a table of another program may be larger than our memory.
Result<void> PostgresConnection::stream(std::string_view statement, std::span<const Parameter> parameters,
                                        const std::function<bool(const Row&)>& row) {
  FETTLE_TRY(const auto name, prepare(statement, parameters));
  if (!send(name, parameters) || PQsetChunkedRowsMode(handle_, kRowsAtOnce) == 0) return error(nullptr);
  Result<void> out;
  for (bool more = true;;) {
    FETTLE_TRY(const auto rows, next_answer());
    if (!rows) return out;
    const auto status = PQresultStatus(rows.get());
    if (status != PGRES_TUPLES_CHUNK && status != PGRES_TUPLES_OK)
      out = error(rows.get());
    else if (more)
      more = give(rows.get(), row);
  }
}

Result<void> PostgresConnection::begin() {
  const auto* const statement = access_ == Access::Write ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
  if (!is_lost()) {
    const auto begun = simple(statement);
    if (begun) return {};
    if (!is_lost()) return fail(begun.error());  // else it went while it was idle
  }
  if (auto connected = connect(); !connected) return fail(Code::Unavailable, connected.error().message);
  return simple(statement).transform([](auto) {});
}

Result<void> PostgresConnection::commit() {
  job_to_release_ = false;
  if (is_lost()) return lost_error();
  const auto done = send_commit();
  if (done && std::string_view(PQcmdStatus(done->get())) == "COMMIT") return {};
  if (done) return fail(Code::Internal, text::format("database '{}': the transaction had failed before", name_));
  return is_lost() && access_ == Access::Write ? settle() : Result<void>(fail(done.error()));
}

Result<PostgresConnection::Answer> PostgresConnection::send_commit() {
  if (access_ != Access::Write) return simple("COMMIT");
  FETTLE_TRY_(post("UPDATE fettle_writer SET server = ?, batch = ?", {std::string_view(mark_), ++batch_}));
  return prepared("COMMIT", {});
}

// Holding the lock again means that the transaction of the lost connection has ended, one way or the other.
Result<void> PostgresConnection::settle() {
  auto connected = connect();
  for (int i = 1; i < kSettleTries && !connected && connected.error().code != Code::FailedPrecondition; ++i) {
    std::this_thread::sleep_for(kSettlePause);
    connected = connect();
  }
  const auto last = connected ? simple("SELECT server, batch FROM fettle_writer") : fail(connected.error());
  if (!last || PQntuples(last->get()) != 1 || std::string_view(PQgetvalue(last->get(), 0, 0)) != mark_)
    return fail(Code::Unavailable,
                text::format("database '{}' was lost while it committed: whether the write was kept is unknown; look "
                             "before you repeat it",
                             name_));
  if (text::parse_int(PQgetvalue(last->get(), 0, 1)) == batch_) return {};
  return lost_error();
}

void PostgresConnection::rollback() {
  job_to_release_ = false;
  static_cast<void>(flush());
  if (state() != State::None) static_cast<void>(simple("ROLLBACK"));
}

Connection::State PostgresConnection::state() const {
  switch (PQtransactionStatus(handle_)) {
    case PQTRANS_INTRANS:
    case PQTRANS_ACTIVE:  // answers to what was posted are still to come
      return State::Open;
    case PQTRANS_INERROR:
      return State::Failed;
    default:
      return State::None;
  }
}

Result<void> PostgresConnection::begin_job() {
  if (std::exchange(job_to_release_, false)) FETTLE_TRY_(post("RELEASE job"));
  return post("SAVEPOINT job");
}

Result<void> PostgresConnection::end_job(bool keep) {
  job_to_release_ = true;
  if (keep) return {};
  static_cast<void>(flush());  // its failure is known, or one after it
  return simple("ROLLBACK TO job").transform([](auto) {});
}

Result<void> PostgresConnection::script(const std::string& statements) {
  return simple("SET LOCAL statement_timeout = 0; " + postgres_schema(statements)).transform([](auto) {});
}

}  // namespace fettle::sql
