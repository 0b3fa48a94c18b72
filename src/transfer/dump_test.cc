#include "transfer/dump.h"

#include <gmock/gmock.h>

#include "base/text.h"
#include "os/file.h"
#include "sql/testing/postgres_server.h"

namespace fettle::transfer {
namespace {

const std::vector<sql::Migrations> kModules{
    {"m",
     {"CREATE TABLE a(id INTEGER PRIMARY KEY, t TEXT NOT NULL, r REAL, UNIQUE(t, r));\n"
      "CREATE INDEX a_by_t ON a(t); CREATE TABLE IF NOT EXISTS b(x TEXT, y INTEGER,\n  bytes BLOB NOT NULL, PRIMARY "
      "KEY(y, x)) WITHOUT ROWID;"}}};

TEST(Dump, TablesAreReadFromSchemas) {
  const auto tables = tables_in(kModules);
  ASSERT_EQ(tables->size(), 2U);
  EXPECT_EQ((*tables)[0].columns.size(), 3U);
  EXPECT_THAT((*tables)[0].key, testing::ElementsAre(0U));
  EXPECT_EQ((*tables)[1].name, "b");
  EXPECT_EQ((*tables)[1].columns[2].type, ColumnType::Bytes);
  EXPECT_THAT((*tables)[1].key, testing::ElementsAre(1U, 0U)) << "in the key's order";
  EXPECT_FALSE(tables_in({{"m", {"CREATE TABLE c(d DATE)"}}}));
}

using sql::testing::Store;

class DumpTest : public testing::TestWithParam<Store> {
 protected:
  std::unique_ptr<sql::Database> open(Store store) {
    const auto folder = text::format("{}/{}", folder_->path(), ++databases_);
    EXPECT_TRUE(os::make_folders(folder));
    return *sql::Database::open(sql::testing::new_store(store, folder), kModules);
  }
  static std::vector<std::string> lines_of_dump(const sql::Database& database) {
    std::vector<std::string> lines;
    const auto count = dump(database, kModules, "1", 5, [&](std::string_view line) -> Result<void> {
      lines.emplace_back(line.substr(0, line.size() - 1));
      return {};
    });
    EXPECT_TRUE(count);
    return lines;
  }
  static std::function<Result<std::string>()> from(const std::vector<std::string>& lines) {
    return [lines, at = std::size_t{0}]() mutable -> Result<std::string> {
      return at < lines.size() ? lines[at++] : std::string();
    };
  }
  static Result<void> load_into(sql::Database& database, const std::vector<std::string>& lines,
                                const std::vector<sql::Migrations>& modules = kModules) {
    return database.write(
        [&](sql::Session& session) { return load(session, modules, from(lines)).transform([](auto) {}); });
  }
  Result<os::TempFolder> folder_ = os::TempFolder::create();
  int databases_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Stores, DumpTest, sql::testing::every_store(), sql::testing::name_of_store);

TEST_P(DumpTest, RowsOfEveryTypeComeBackInManyPages) {
  constexpr std::int64_t kRows = 1234;  // more than two pages
  const auto old = open(GetParam());
  ASSERT_TRUE(old->write([](sql::Session& session) -> Result<void> {
    for (std::int64_t i = 0; i < kRows; ++i) {
      FETTLE_TRY_(session.execute("INSERT INTO a(id, t, r) VALUES(?, ?, ?)",
                                  {i * 3, std::string_view("line\n\"ä\""), sql::Parameter(0.1 * double(i))}));
      const std::string bytes{'\0', '\xff', static_cast<char>(i)};
      FETTLE_TRY_(
          session.execute("INSERT INTO b(x, y, bytes) VALUES(?, ?, ?)", {std::string_view("k"), i, sql::Blob{bytes}}));
    }
    FETTLE_TRY_(session.execute("INSERT INTO a(id, t, r) VALUES(-1, 'none', NULL)"));
    return {};
  }));
  const auto lines = lines_of_dump(*old);
  EXPECT_EQ(check_dump(from(lines))->rows, 2 * std::uint64_t{kRows} + 1);
  for (const auto store : {Store::Sqlite, Store::Postgresql}) {
    const auto fresh = open(store);
    ASSERT_TRUE(fresh->write([](sql::Session& session) -> Result<void> {
      FETTLE_TRY_(session.execute("INSERT INTO a(id, t, r) VALUES(7, 'goes', 1)"));
      return {};
    }));
    ASSERT_TRUE(load_into(*fresh, lines));
    EXPECT_EQ(lines_of_dump(*fresh), lines);
  }
}

TEST_P(DumpTest, DamageLeavesTheDatabaseAsItWas) {
  const auto database = open(GetParam());
  ASSERT_TRUE(database->write([](sql::Session& session) -> Result<void> {
    FETTLE_TRY_(session.execute("INSERT INTO a(id, t, r) VALUES(7, 'stays', 1)"));
    return {};
  }));
  const auto lines = lines_of_dump(*database);
  for (std::size_t cut = 0; cut < lines.size(); ++cut) {
    const std::vector<std::string> part(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(cut));
    EXPECT_EQ(load_into(*database, part).error().code, Code::DataLoss) << cut;
  }
  auto missing = lines;
  missing.erase(missing.begin() + 2);  // a row
  EXPECT_EQ(load_into(*database, missing).error().code, Code::DataLoss);
  const std::vector<sql::Migrations> newer{{"m", {kModules[0].steps[0], "CREATE TABLE c(id INTEGER PRIMARY KEY)"}}};
  EXPECT_EQ(load_into(*database, lines, newer).error().code, Code::FailedPrecondition);
  EXPECT_EQ(lines_of_dump(*database), lines);
}

}  // namespace
}  // namespace fettle::transfer
