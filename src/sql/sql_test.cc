#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>

#include "base/rng.h"
#include "sql/database.h"

namespace fettle::sql {
namespace {

using testing::HasSubstr;

const Migrations kNumbers{"numbers", {"CREATE TABLE n(batch INTEGER, value INTEGER, PRIMARY KEY(batch, value))"}};

class SqlTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = "/tmp/fettle-sql.XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    path_ = folder + "/test.db";
  }
  [[nodiscard]] std::unique_ptr<Database> open() const {
    auto database = Database::open(path_, {kNumbers});
    EXPECT_TRUE(database) << database.error().message;
    return *std::move(database);
  }
  static Result<void> insert(Session& session, std::int64_t batch, std::int64_t value) {
    return session.execute("INSERT INTO n VALUES(?, ?)", {batch, value}).transform([](auto) {});
  }
  static std::int64_t number(Database& database, std::string_view statement) {
    std::int64_t found = -1;
    EXPECT_TRUE(database.read([&](Session& session) {
      return session.query(statement, {}, [&](const Row& row) {
        found = row.integer(0);
        return false;
      });
    }));
    return found;
  }
  std::string path_;
};

TEST_F(SqlTest, WritesAreReadBackAfterReopening) {
  {
    const auto database = open();
    EXPECT_TRUE(database->write([](Session& session) { return insert(session, 1, 42); }));
    EXPECT_EQ(number(*database, "SELECT value FROM n"), 42);
  }
  EXPECT_EQ(number(*open(), "SELECT value FROM n"), 42);
}

TEST_F(SqlTest, AFailingJobIsUndoneAloneAndWhole) {
  const auto database = open();
  std::atomic<int> failed = 0;
  std::vector<std::jthread> clients;
  for (std::int64_t client = 0; client < 8; ++client)
    clients.emplace_back([&, client] {
      for (std::int64_t i = 0; i < 50; ++i) {
        const auto done = database->write([&](Session& session) -> Result<void> {
          FETTLE_TRY_(insert(session, client, i));
          if (i % 5 == 0) return fail(Code::InvalidArgument, "no multiples of five");
          return insert(session, client, 1000 + i);
        });
        failed += done ? 0 : 1;
      }
    });
  clients.clear();
  EXPECT_EQ(failed, 8 * 10);
  EXPECT_EQ(number(*database, "SELECT count(*) FROM n"), 8 * 40 * 2);
  EXPECT_EQ(number(*database, "SELECT count(*) FROM n WHERE value % 5 = 0 AND value < 1000"), 0);
}

TEST_F(SqlTest, ConstraintsAreAlreadyExists) {
  const auto database = open();
  const auto once = [](Session& session) { return insert(session, 1, 1); };
  EXPECT_TRUE(database->write(once));
  EXPECT_EQ(database->write(once).error().code, Code::AlreadyExists);
}

TEST_F(SqlTest, TextMayHoldAnyBytesAndNullIsNull) {
  const auto database = open();
  const std::string_view bytes("a\0b", 3);
  EXPECT_TRUE(database->read([&](Session& session) {
    return session.query("SELECT ?, ?, ?", {bytes, nullptr, 2.5}, [&](const Row& row) {
      EXPECT_EQ(row.text(0), bytes);
      EXPECT_TRUE(row.is_null(1));
      EXPECT_EQ(row.real(2), 2.5);
      return true;
    });
  }));
}

TEST_F(SqlTest, ReadersCannotWrite) {
  const auto database = open();
  EXPECT_FALSE(database->read([](Session& session) { return insert(session, 1, 1); }));
}

TEST_F(SqlTest, MigrationsRunOnceAndANewerSchemaIsRefused) {
  auto two = kNumbers;
  two.steps.emplace_back("ALTER TABLE n ADD COLUMN extra INTEGER DEFAULT 7");
  ASSERT_TRUE(open()->write([](Session& session) { return insert(session, 1, 1); }));
  EXPECT_EQ(number(**Database::open(path_, {two}), "SELECT extra FROM n"), 7);
  EXPECT_EQ(number(**Database::open(path_, {two}), "SELECT extra FROM n"), 7);
  const auto old = Database::open(path_, {kNumbers});
  EXPECT_EQ(old.error().code, Code::FailedPrecondition);
  EXPECT_THAT(old.error().message, HasSubstr("newer version"));
}

TEST_F(SqlTest, AFailedMigrationLeavesNothing) {
  const Migrations broken{"broken", {"CREATE TABLE half(a INTEGER); CREATE TABLE half(a INTEGER)"}};
  EXPECT_FALSE(Database::open(path_, {kNumbers, broken}));
  EXPECT_EQ(number(*open(), "SELECT count(*) FROM sqlite_master WHERE name = 'half'"), 0);
}

TEST_F(SqlTest, GarbageIsDataLoss) {
  FILE* file = ::fopen(path_.c_str(), "w");
  ::fputs("this is no database, just a line of text that is long enough to be looked at as a header.......", file);
  ::fclose(file);
  EXPECT_EQ(Database::open(path_, {kNumbers}).error().code, Code::DataLoss);
}

// A child writes batches of three and reports each acknowledged one; it is killed at a random moment. Whatever was
// acknowledged must be there, and no batch may be there in part.
TEST_F(SqlTest, AcknowledgedWritesSurviveKill) {
  Rng rng(20);
  std::int64_t next = 0;
  for (int round = 0; round < 15; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto database = Database::open(path_, {kNumbers});
      for (auto batch = next; database && batch < next + 100'000; ++batch) {
        const auto done = (*database)->write([&](Session& session) -> Result<void> {
          for (std::int64_t k = 0; k < 3; ++k) FETTLE_TRY_(insert(session, batch, k));
          return {};
        });
        if (done && ::write(ends[1], &batch, sizeof batch) != sizeof batch) break;
      }
      ::_exit(0);
    }
    ::close(ends[1]);
    // Kill after a random number of acknowledgements: no clock decides.
    std::int64_t last = next - 1;
    for (auto left = 1 + rng.below(60); left > 0 && ::read(ends[0], &last, sizeof last) == sizeof last; --left) {
    }
    ::kill(child, SIGKILL);
    for (std::int64_t more = 0; ::read(ends[0], &more, sizeof more) == sizeof more;) last = more;
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    const auto database = open();
    EXPECT_GE(number(*database, "SELECT coalesce(max(batch), -1) FROM n"), last);
    EXPECT_EQ(number(*database, "SELECT count(*) FROM (SELECT 1 FROM n GROUP BY batch HAVING count(*) <> 3)"), 0);
    next = number(*database, "SELECT coalesce(max(batch), -1) FROM n") + 1;
    EXPECT_EQ(number(*database, "SELECT count(*) FROM n"), next * 3);
  }
}

TEST_F(SqlTest, StatementsOfManyShapesAreForgottenButNotTheRunningOne) {
  const auto database = open();
  std::int64_t seen = 0;
  const auto read = database->read([&](Session& session) {
    return session.query("SELECT 1 UNION ALL SELECT 2", {}, [&](const Row& row) {
      seen += row.integer(0);
      for (int i = 0; i < 600; ++i)
        EXPECT_TRUE(session.query("SELECT " + std::to_string(i), {}, [](const Row&) { return true; }));
      return true;
    });
  });
  ASSERT_TRUE(read);
  EXPECT_EQ(seen, 3);
}

}  // namespace
}  // namespace fettle::sql
