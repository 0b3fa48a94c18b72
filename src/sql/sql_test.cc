#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "base/rng.h"
#include "sql/database.h"
#include "sql/dialect.h"
#include "sql/foreign.h"
#include "sql/testing/postgres_server.h"

namespace fettle::sql {
namespace {

using ::testing::HasSubstr;
using testing::PostgresServer;
using testing::Store;

const Migrations kNumbers{"numbers", {"CREATE TABLE n(batch INTEGER, value INTEGER, PRIMARY KEY(batch, value))"}};

class SqlTest : public ::testing::TestWithParam<Store> {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    url_ = testing::new_store(GetParam(), folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::unique_ptr<Database> open() const {
    auto database = Database::open(url_, {kNumbers});
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
  std::string folder_ = "/tmp/fettle-sql.XXXXXX";
  std::string url_;
};
INSTANTIATE_TEST_SUITE_P(Stores, SqlTest, testing::every_store(), testing::name_of_store);

TEST_P(SqlTest, WritesAreReadBackAfterReopening) {
  {
    const auto database = open();
    EXPECT_TRUE(database->write([](Session& session) { return insert(session, 1, 42); }));
    EXPECT_EQ(number(*database, "SELECT value FROM n"), 42);
  }
  EXPECT_EQ(number(*open(), "SELECT value FROM n"), 42);
}

TEST_P(SqlTest, AFailingJobIsUndoneAloneAndWhole) {
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

// Whether it is alone in its batch or not, and wherever the failure becomes known: at a later post, a query, the end.
TEST_P(SqlTest, AFailureOfWhatWasPostedUndoesItsJob) {
  const auto database = open();
  ASSERT_TRUE(database->write([](Session& session) { return insert(session, 100, 100); }));
  const auto post = [](Session& session, std::int64_t batch, std::int64_t value) {
    return session.post("INSERT INTO n VALUES(?, ?)", {batch, value});
  };
  const auto job = [&](std::int64_t client, std::int64_t i) {
    return database->write([&](Session& session) -> Result<void> {
      FETTLE_TRY_(post(session, client, 2 * i));
      if (i % 3 == 0) FETTLE_TRY_(post(session, 100, 100));  // is there
      std::int64_t seen = 0;
      if (i % 2 == 0)
        FETTLE_TRY_(
            session.query("SELECT value FROM n WHERE batch = ? AND value = ?", {client, 2 * i}, [&](const Row&) {
              ++seen;
              return true;
            }));
      EXPECT_EQ(seen, i % 2 == 0 ? 1 : 0);
      return post(session, client, 2 * i + 1);
    });
  };
  std::atomic<int> failed = 0;
  const auto run = [&](std::int64_t client) {
    for (std::int64_t i = 0; i < 60; ++i) {
      const auto done = job(client, i);
      EXPECT_EQ(done.has_value(), i % 3 != 0);
      if (!done) {
        EXPECT_EQ(done.error().code, Code::AlreadyExists) << done.error().message;
      }
      failed += done ? 0 : 1;
    }
  };
  run(0);
  {
    std::vector<std::jthread> clients;
    for (std::int64_t client = 1; client < 8; ++client) clients.emplace_back(run, client);
  }
  EXPECT_EQ(failed, 8 * 20);
  EXPECT_EQ(number(*database, "SELECT count(*) FROM n WHERE batch < 100"), 8 * 40 * 2);
  EXPECT_EQ(number(*database, "SELECT count(*) FROM n WHERE batch < 100 AND (value / 2) % 3 = 0"), 0);
}

TEST_P(SqlTest, ManyPostsAreOneWrite) {
  const auto database = open();
  const auto all = [&](std::int64_t last) {
    return database->write([&](Session& session) -> Result<void> {
      for (std::int64_t i = 0; i < 3500; ++i) FETTLE_TRY_(session.post("INSERT INTO n VALUES(1, ?)", {i}));
      return session.post("INSERT INTO n VALUES(1, ?)", {last});
    });
  };
  EXPECT_EQ(all(17).error().code, Code::AlreadyExists);
  EXPECT_EQ(number(*database, "SELECT count(*) FROM n"), 0);
  EXPECT_TRUE(all(3500));
  EXPECT_EQ(number(*database, "SELECT count(*) FROM n"), 3501);
}

TEST_P(SqlTest, ConstraintsAreAlreadyExists) {
  const auto database = open();
  const auto once = [](Session& session) { return insert(session, 1, 1); };
  EXPECT_TRUE(database->write(once));
  EXPECT_EQ(database->write(once).error().code, Code::AlreadyExists);
}

TEST_P(SqlTest, ValuesComeBackAsTheyWere) {
  const Migrations kinds{"kinds",
                         {"CREATE TABLE k(id INTEGER PRIMARY KEY, whole INTEGER, real REAL, text TEXT, bytes BLOB)"}};
  const auto database = *Database::open(url_, {kinds});
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  const std::string_view bytes("a\0\xff", 3);
  ASSERT_TRUE(database->write([&](Session& session) -> Result<void> {
    FETTLE_TRY_(session.execute("INSERT INTO k(whole, real, text, bytes) VALUES(?, ?, ?, ?)",
                                {kMost, 0.1, "ä'?\\", Blob{bytes}}));
    FETTLE_TRY_(session.execute("INSERT INTO k(whole, real, text, bytes) VALUES(?, ?, ?, ?)",
                                {-kMost, std::int64_t{3}, "", Blob{}}));
    return session
        .execute("INSERT INTO k(whole, real, text, bytes) VALUES(?, ?, ?, ?)", {nullptr, nullptr, nullptr, nullptr})
        .transform([](auto) {});
  }));
  std::vector<std::string> seen;
  ASSERT_TRUE(database->read([&](Session& session) {
    return session.query("SELECT whole, real, text, bytes FROM k ORDER BY id", {}, [&](const Row& row) {
      if (row.is_null(0)) {
        for (int i = 1; i < 4; ++i) EXPECT_TRUE(row.is_null(i));
      } else if (row.integer(0) == kMost) {
        EXPECT_EQ(row.real(1), 0.1);
        EXPECT_EQ(row.text(2), "ä'?\\");
        EXPECT_EQ(row.text(3), bytes);
      } else {
        EXPECT_EQ(row.integer(0), -kMost);
        EXPECT_EQ(row.text(0), "-9223372036854775807");
        EXPECT_EQ(row.real(1), 3.0);
        EXPECT_TRUE(row.text(2).empty() && row.text(3).empty() && !row.is_null(3));
      }
      seen.emplace_back(row.text(2));
      return true;
    });
  }));
  EXPECT_EQ(seen.size(), 3U);
}

TEST_P(SqlTest, NumbersOfEveryKindOfExpressionAreRead) {
  const auto database = open();
  ASSERT_TRUE(database->write([](Session& session) -> Result<void> {
    for (const std::int64_t value : {3, 1'000'000'007, -40'000}) FETTLE_TRY_(insert(session, 1, value));
    return {};
  }));
  EXPECT_EQ(number(*database, "SELECT count(*) FROM n"), 3);
  EXPECT_EQ(number(*database, "SELECT sum(value) FROM n"), 999'960'010);
  EXPECT_EQ(number(*database, "SELECT sum(value) FROM n WHERE value < 0"), -40'000);
  EXPECT_EQ(number(*database, "SELECT max(value) FROM n WHERE value > 2000000000"), 0) << "null is 0";
  EXPECT_EQ(number(*database, "SELECT length('four')"), 4);
  EXPECT_EQ(number(*database, "SELECT value IS NULL FROM n"), 0);
  EXPECT_EQ(number(*database, "SELECT 7"), 7);
}

TEST_P(SqlTest, TextWithANulIsRefusedAndSoAreTooManyValues) {
  const auto database = open();
  const auto refused = database->write([](Session& session) {
    return session.execute("SELECT CAST(? AS TEXT)", {std::string_view("a\0b", 3)}).transform([](auto) {});
  });
  EXPECT_EQ(refused.error().code, Code::InvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("NUL character: 'a'"));
  const std::vector<Parameter> many(40'000, std::int64_t{1});
  const auto read = database->read(
      [&](Session& session) { return session.query("SELECT 1", many, [](const Row&) { return true; }); });
  EXPECT_EQ(read.error().code, Code::InvalidArgument);
}

TEST_P(SqlTest, TextSortsByItsBytesAndPatternsMindCase) {
  const Migrations words{"words", {"CREATE TABLE w(word TEXT PRIMARY KEY)"}};
  const auto database = *Database::open(url_, {words});
  ASSERT_TRUE(database->write([](Session& session) -> Result<void> {
    for (const auto* word : {"b", "B", "a_c", "abc", "Ä", "a\\", "~"})
      FETTLE_TRY_(session.execute("INSERT INTO w VALUES(?)", {word}));
    return {};
  }));
  const auto words_of = [&](std::string_view statement, std::string_view value) {
    std::string out;
    EXPECT_TRUE(database->read([&](Session& session) {
      return session.query(statement, {value}, [&](const Row& row) {
        out += std::string(row.text(0)) + " ";
        return true;
      });
    }));
    return out;
  };
  EXPECT_EQ(words_of("SELECT word FROM w WHERE word <> ? ORDER BY word", ""), "B a\\ a_c abc b ~ Ä ");
  EXPECT_EQ(words_of("SELECT word FROM w WHERE word LIKE ? ESCAPE '\\' ORDER BY word", "b"), "b ");
  EXPECT_EQ(words_of("SELECT word FROM w WHERE word LIKE ? ESCAPE '\\' ORDER BY word", "a_c"), "a_c abc ");
  EXPECT_EQ(words_of("SELECT word FROM w WHERE word LIKE ? ESCAPE '\\' ORDER BY word", "a\\\\"), "a\\ ");
  EXPECT_EQ(words_of("SELECT word FROM w WHERE lower(word) LIKE ? ESCAPE '\\' ORDER BY word", "b"), "B b ");
  EXPECT_EQ(words_of("SELECT word FROM w WHERE lower(word) LIKE ? ESCAPE '\\' ORDER BY word", "ä"), "") << "ASCII only";
}

TEST_P(SqlTest, IdsFollowTheLargest) {
  const Migrations ids{
      "ids", {"CREATE TABLE i(id INTEGER PRIMARY KEY, x INTEGER UNIQUE); INSERT INTO i(id, x) VALUES(0, 100)"}};
  const auto database = *Database::open(url_, {ids});
  const auto next = [&](std::int64_t x) {
    std::int64_t id = -1;
    EXPECT_TRUE(database->write([&](Session& session) -> Result<void> {
      FETTLE_TRY(id, session.insert("INSERT INTO i(x) VALUES(?) ON CONFLICT(x) DO NOTHING RETURNING id", {x}));
      return {};
    }));
    return id;
  };
  EXPECT_EQ(next(1), 1);
  EXPECT_EQ(next(2), 2);
  EXPECT_EQ(next(2), 0) << "no row, no id";
  ASSERT_TRUE(database->write([](Session& session) {
    return session.execute("INSERT INTO i(id, x) VALUES(123456789012345678, 5)").transform([](auto) {});
  }));
  EXPECT_EQ(next(6), 123'456'789'012'345'679) << "also after ids that came from elsewhere";
}

// PostgreSQL would take no further statement, and SQLite would commit half of the job.
TEST_P(SqlTest, AJobThatPassesOverAnErrorIsNotCommittedInHalf) {
  const auto database = open();
  const auto twice = [](Session& session) -> Result<void> {
    FETTLE_TRY_(insert(session, 1, 1));
    static_cast<void>(insert(session, 1, 1));
    return session.execute("INSERT INTO n VALUES(1, 2)").transform([](auto) {});
  };
  const auto done = database->write(twice);
  const auto rows = number(*database, "SELECT count(*) FROM n");
  EXPECT_EQ(rows, done ? 2 : 0);
  EXPECT_TRUE(database->write([](Session& session) { return insert(session, 2, 2); }));
}

TEST_P(SqlTest, ReadersCannotWrite) {
  const auto database = open();
  EXPECT_FALSE(database->read([](Session& session) { return insert(session, 1, 1); }));
}

TEST_P(SqlTest, MigrationsRunOnceAndANewerSchemaIsRefused) {
  auto two = kNumbers;
  two.steps.emplace_back("ALTER TABLE n ADD COLUMN extra INTEGER DEFAULT 7");
  ASSERT_TRUE(open()->write([](Session& session) { return insert(session, 1, 1); }));
  EXPECT_EQ(number(**Database::open(url_, {two}), "SELECT extra FROM n"), 7);
  EXPECT_EQ(number(**Database::open(url_, {two}), "SELECT extra FROM n"), 7);
  const auto old = Database::open(url_, {kNumbers});
  EXPECT_EQ(old.error().code, Code::FailedPrecondition);
  EXPECT_THAT(old.error().message, HasSubstr("newer version"));
}

TEST_P(SqlTest, AFailedMigrationLeavesNothing) {
  const Migrations broken{"broken", {"CREATE TABLE half(a INTEGER); CREATE TABLE half(a INTEGER)"}};
  EXPECT_FALSE(Database::open(url_, {kNumbers, broken}));
  EXPECT_FALSE(open()->read(
      [](Session& session) { return session.query("SELECT a FROM half", {}, [](const Row&) { return true; }); }));
}

TEST_P(SqlTest, ANewDatabaseComesWholeOrNotAtAll) {
  const auto fill = [](const Result<void>& end) {
    return [end](Session& session) -> Result<void> {
      FETTLE_TRY_(insert(session, 1, 42));
      return end;
    };
  };
  EXPECT_EQ(Database::create(url_, {kNumbers}, fill(fail(Code::DataLoss, "the source ended"))).error().code,
            Code::DataLoss);
  EXPECT_TRUE(Database::check_empty(url_));
  EXPECT_EQ(Database::open_existing(url_, {kNumbers}).error().code, Code::NotFound);
  EXPECT_TRUE(Database::check_empty(url_)) << "looking left something";
  ASSERT_TRUE(Database::create(url_, {kNumbers}, fill({})));
  EXPECT_EQ(number(**Database::open_existing(url_, {kNumbers}), "SELECT value FROM n"), 42);
  const auto again = Database::create(url_, {kNumbers}, fill({}));
  EXPECT_EQ(again.error().code, Code::FailedPrecondition);
  EXPECT_THAT(again.error().message, HasSubstr("not empty"));
  EXPECT_EQ(Database::check_empty(url_).error().message, again.error().message);
}

TEST_P(SqlTest, AnothersDatabaseIsReadRowByRowAndNeverWritten) {
  ASSERT_TRUE(open()->write([](Session& session) -> Result<void> {
    for (std::int64_t i = 0; i < 2500; ++i) FETTLE_TRY_(insert(session, i, i * i));
    return {};
  }));
  const auto is_postgres = GetParam() == Store::Postgresql;
  const auto session = *open_foreign(is_postgres ? "postgresql+psycopg2" + url_.substr(url_.find(':')) : url_);
  const auto tables = *tables_of(*session, is_postgres);
  EXPECT_EQ(tables.at("n"), (std::vector<std::string>{"batch", "value"}));
  std::int64_t rows = 0, sum = 0;
  const auto add = [&](const Row& row) {
    ++rows;
    sum += row.integer(0) - row.integer(1);
    return rows != 2;
  };
  ASSERT_TRUE(session->query("SELECT value, batch * batch FROM n ORDER BY batch", {}, add));
  EXPECT_EQ(rows, 2) << "it goes on after the caller had enough";
  rows = 2;
  ASSERT_TRUE(
      session->query("SELECT value, batch * batch FROM n WHERE batch < ? ORDER BY batch", {std::int64_t{2400}}, add));
  EXPECT_EQ(rows, 2402);
  EXPECT_EQ(sum, 0);
  EXPECT_FALSE(session->execute("INSERT INTO n VALUES(-1, -1)"));
}

TEST(SqliteFile, ThatIsNoneIsDataLoss) {
  std::string path = "/tmp/fettle-sql.XXXXXX";
  FILE* file = ::fdopen(::mkstemp(path.data()), "w");
  ::fputs("this is no database, just a line of text that is long enough to be looked at as a header.......", file);
  ::fclose(file);
  EXPECT_EQ(Database::open(path, {kNumbers}).error().code, Code::DataLoss);
  std::filesystem::remove(path);
}

TEST(Dialect, NumbersValuesOutsideOfQuotes) {
  EXPECT_EQ(postgres_statement("SELECT '?', \"?\", a FROM t WHERE b = ? AND c = 'it''s ?' AND d IN (?, ?) -- ?"),
            "SELECT '?', \"?\", a FROM t WHERE b = $1 AND c = 'it''s ?' AND d IN ($2, $3) -- ?");
}

TEST(Dialect, SaysSchemasInPostgresqlsWords) {
  EXPECT_EQ(
      postgres_schema("CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b TEXT, c REAL, d BLOB, "
                      "PRIMARY KEY(a, b)) WITHOUT ROWID; -- INTEGER\nINSERT INTO t SELECT 'TEXT', CAST(a AS TEXT)"),
      "CREATE TABLE t(id BIGINT PRIMARY KEY DEFAULT fettle_next_id('t', 'id'), a BIGINT NOT NULL, b TEXT COLLATE "
      "\"C\", c DOUBLE PRECISION, d BYTEA, PRIMARY KEY(a, b)) ; -- INTEGER\nINSERT INTO t SELECT 'TEXT', CAST(a AS "
      "TEXT)");
  EXPECT_EQ(postgres_schema("CREATE TABLE IF NOT EXISTS u(one INTEGER\n  PRIMARY KEY)"),
            "CREATE TABLE IF NOT EXISTS u(one BIGINT PRIMARY KEY DEFAULT fettle_next_id('u', 'one'))");
  EXPECT_EQ(postgres_schema("$$ INTEGER $$ TEXTS"), "$$ INTEGER $$ TEXTS");
}

// A child writes batches of three and reports each acknowledged one; it is killed at a random moment. Whatever was
// acknowledged must be there, and no batch may be there in part.
TEST_P(SqlTest, AcknowledgedWritesSurviveKill) {
  Rng rng(20);
  std::int64_t next = 0;
  for (int round = 0; round < 15; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto database = Database::open(url_, {kNumbers});
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

TEST_P(SqlTest, StatementsOfManyShapesAreForgottenButNotTheRunningOne) {
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
