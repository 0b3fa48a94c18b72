// A real PostgreSQL server for tests: a private data folder and Unix socket, ended with the program that started it.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace fettle::sql::testing {

class PostgresServer {
 public:
  [[nodiscard]] static PostgresServer& shared();  // one a program, started at the first use
  PostgresServer();                               // throws what stands in the way
  ~PostgresServer();                              // ends it and removes its folder
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  [[nodiscard]] std::string new_database();  // its URL; empty, its text sorts as `locale` says, not by bytes
  void execute(const std::string& url, const std::string& statements) const;
  void crash();  // at once: nothing is said to clients, the next start recovers
  void start();  // waits until it answers

 private:
  std::string folder_;
  int process_ = 0;
  int databases_ = 0;
};

// For tests of both stores: INSTANTIATE_TEST_SUITE_P(Stores, XTest, every_store(), name_of_store).
enum class Store : char { Sqlite, Postgresql };
inline auto every_store() { return ::testing::Values(Store::Sqlite, Store::Postgresql); }
[[nodiscard]] std::string name_of_store(const ::testing::TestParamInfo<Store>& store);
// The URL of a new database: a file in `folder`, or one of the shared server.
[[nodiscard]] std::string new_store(Store store, const std::string& folder);

}  // namespace fettle::sql::testing
