// One connection to PostgreSQL through libpq. Private to the module. Not thread-safe.
//
// The writer's connection holds an advisory lock for as long as it lives: one server a database and schema. Every
// commit writes the server's mark and a number into the row of fettle_writer, so that a commit whose answer was lost
// with the connection can be looked up on the next one, also after a failover.
// Statements that are posted go out together with the next one whose answer is needed (libpq's pipeline mode): waiting
// for each would cost more than running it.
// A lost connection fails the transaction that was on it with Unavailable and is made again by the next begin().
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "sql/connection.h"

struct pg_conn;
struct pg_result;

namespace fettle::sql {

class PostgresConnection final : public Connection {
 public:
  // FailedPrecondition if another server has the database; PermissionDenied, NotFound or Unavailable if there is no
  // way in; InvalidArgument if `url` is none. No message holds a password.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const std::string& url, Access access);
  ~PostgresConnection() override;
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  [[nodiscard]] static Migrations migrations();  // what this class needs, before all others

  using Session::execute;
  using Session::post;
  using Session::query;
  [[nodiscard]] Result<std::int64_t> execute(std::string_view statement,
                                             std::span<const Parameter> parameters) override;
  [[nodiscard]] Result<void> post(std::string_view statement, std::span<const Parameter> parameters) override;
  [[nodiscard]] Result<void> query(std::string_view statement, std::span<const Parameter> parameters,
                                   const std::function<bool(const Row&)>& row) override;
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] Result<void> begin() override;
  [[nodiscard]] Result<void> commit() override;
  void rollback() override;
  [[nodiscard]] State state() const override;
  [[nodiscard]] Result<void> begin_job() override;
  [[nodiscard]] Result<void> end_job(bool keep) override;
  [[nodiscard]] Result<void> flush() override;
  [[nodiscard]] Result<void> script(const std::string& statements) override;

 private:
  struct Clear {
    void operator()(pg_result* result) const noexcept;
  };
  using Answer = std::unique_ptr<pg_result, Clear>;

  PostgresConnection(std::string url, Access access);
  [[nodiscard]] Result<void> connect();
  [[nodiscard]] Result<void> lock();
  [[nodiscard]] std::string holder();
  void disconnect() noexcept;
  [[nodiscard]] bool is_lost() const noexcept;
  [[nodiscard]] bool is_foreign() const noexcept { return access_ == Access::Foreign; }
  [[nodiscard]] Result<void> settle();  // a commit without an answer

  [[nodiscard]] Result<Answer> simple(const std::string& statements);  // by the simple protocol; the last one's answer
  [[nodiscard]] bool send(const std::string& name, std::span<const Parameter> parameters);
  [[nodiscard]] Result<Answer> prepared(std::string_view statement, std::span<const Parameter> parameters);
  [[nodiscard]] Result<std::string> prepare(std::string_view statement, std::span<const Parameter> parameters);
  [[nodiscard]] Result<Answer> next_answer();
  [[nodiscard]] Result<Answer> answer(bool sent);
  [[nodiscard]] Result<Answer> answer_of_posted();  // to the last of them; the first failure, if there is one
  [[nodiscard]] Result<Answer> send_commit();
  [[nodiscard]] Result<void> stream(std::string_view statement, std::span<const Parameter> parameters,
                                    const std::function<bool(const Row&)>& row);
  [[nodiscard]] std::unexpected<Error> error(const pg_result* result) const;
  [[nodiscard]] std::unexpected<Error> lost_error() const;

  std::string url_, name_;  // name_: for messages, without a password
  Access access_;
  std::string mark_;  // of this server, in fettle_writer
  std::int64_t batch_ = 0;
  pg_conn* handle_ = nullptr;
  bool job_to_release_ = false;
  int posted_ = 0;                                           // statements whose answers were not read (pipeline mode)
  std::unordered_map<std::string, std::string> statements_;  // name by text and types
};

}  // namespace fettle::sql
