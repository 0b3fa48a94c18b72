#include "table/file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/rng.h"
#include "os/file.h"

namespace fettle::table {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Every kind, each with a missing value, texts that try the writers.
Table sample() {
  std::vector<Column> columns;
  columns.push_back(Column::of_ints("count", {3, -9'007'199'254'740'993, 0, 12}));
  columns.back().valid = {1, 1, 0, 1};
  columns.push_back(Column::of_floats("share", {0.1, 2.0, kNan, -1e300}));
  columns.back().valid = {1, 1, 0, 1};
  columns.push_back(Column::of_texts("place", {"ORD", "a \"b\", c\nd", "", "Zürich"}));
  columns.push_back(Column::of_ints("late", {1, 0, 1, 0}, Kind::Bool));
  columns.back().valid = {1, 1, 1, 0};
  columns.back().ints[3] = 0;
  columns.push_back(Column::of_ints("date", {978'307'260'123, 0, -1, 4}, Kind::Time));
  columns.push_back(Column::of_texts("gap", {"x", "y", "x", "x"}));
  columns.back().codes[0] = -1;
  columns.back().valid = {0, 1, 1, 1};
  return *Table::create(std::move(columns));
}

Table large(std::size_t rows) {
  Rng rng(3);
  std::vector<std::int64_t> dates, delays;
  std::vector<std::string> places;
  for (std::size_t i = 0; i < rows; ++i) {
    dates.push_back(978'307'200'000 + static_cast<std::int64_t>(i) * 1000);
    delays.push_back(static_cast<std::int64_t>(rng.below(200)));
    places.push_back("P" + std::to_string(i * 7 / rows) + std::to_string(rng.below(30)));
  }
  return *Table::create({Column::of_ints("date", dates, Kind::Time), Column::of_ints("delay", delays),
                         Column::of_texts("place", places)});
}

void expect_same(const Table& a, const Table& b) {
  ASSERT_EQ(a.columns().size(), b.columns().size());
  ASSERT_EQ(a.rows(), b.rows());
  for (std::size_t c = 0; c < a.columns().size(); ++c) {
    const auto& left = a.columns()[c];
    const auto& right = b.columns()[c];
    EXPECT_EQ(left.name, right.name);
    EXPECT_EQ(left.kind, right.kind) << left.name;
    for (std::size_t i = 0; i < a.rows(); ++i) ASSERT_EQ(left.display(i), right.display(i)) << left.name << " " << i;
  }
}

bool same(const Table& a, const Table& b) {
  if (a.columns().size() != b.columns().size() || a.rows() != b.rows()) return false;
  for (std::size_t c = 0; c < a.columns().size(); ++c)
    for (std::size_t i = 0; i < a.rows(); ++i)
      if (a.columns()[c].name != b.columns()[c].name || a.columns()[c].display(i) != b.columns()[c].display(i))
        return false;
  return true;
}

class Formats : public testing::TestWithParam<std::string> {
 protected:
  os::TempFolder folder_ = *os::TempFolder::create();
  std::string path_ = folder_.path() + "/table" + GetParam();
};

TEST_P(Formats, EveryValueComesBackAsItsKind) {
  ASSERT_TRUE(write(path_, sample()));
  const auto back = read(path_);
  ASSERT_TRUE(back) << back.error().message;
  expect_same(sample(), *back);
  EXPECT_EQ(back->find("place")->dictionary, (std::vector<std::string>{"", "ORD", "Z\u00fcrich", "a \"b\", c\nd"}));
  EXPECT_TRUE(back->find("place")->valid.empty());
  EXPECT_EQ(back->find("gap")->codes[0], -1);
}

TEST_P(Formats, TheSameTableIsTheSameBytesWhateverItsDictionary) {
  auto other = sample();
  auto place = *other.find("place");
  place.dictionary.emplace_back("never used");
  ASSERT_TRUE(other.add(place));
  ASSERT_TRUE(write(path_, sample()));
  const auto first = *os::read_file(path_);
  ASSERT_TRUE(write(path_, other));
  EXPECT_EQ(first, *os::read_file(path_));
  ASSERT_TRUE(write(path_, *read(path_)));
  EXPECT_EQ(first, *os::read_file(path_));
}

TEST_P(Formats, ColumnsAreChosenInOrderAndAWrongNameHasAHint) {
  ASSERT_TRUE(write(path_, sample()));
  const auto some = read(path_, {"place", "count"});
  ASSERT_TRUE(some) << some.error().message;
  EXPECT_EQ(some->columns()[0].name, "place");
  EXPECT_EQ(some->columns()[1].name, "count");
  EXPECT_EQ(some->columns().size(), 2U);
  const auto wrong = read(path_, {"plase"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::NotFound);
  EXPECT_TRUE(wrong.error().message.contains("did you mean 'place'")) << wrong.error().message;
  EXPECT_TRUE(wrong.error().message.contains(path_)) << wrong.error().message;
}

TEST_P(Formats, SummaryTellsRowsAndKinds) {
  ASSERT_TRUE(write(path_, sample()));
  const auto summary = summarize(path_);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->rows, 4U);
  ASSERT_EQ(summary->columns.size(), 6U);
  EXPECT_EQ(summary->columns[4], (std::pair<std::string, Kind>{"date", Kind::Time}));
}

TEST_P(Formats, ARangeOfTimeIsHalfOpen) {
  ASSERT_TRUE(write(path_, sample()));
  const auto some = read_range(path_, {.column = "date", .from_ms = 0, .until_ms = 978'307'260'123}, {"count", "gap"});
  ASSERT_TRUE(some) << some.error().message;
  ASSERT_EQ(some->rows(), 2U);
  EXPECT_EQ(some->columns()[0].display(1), "12");
  EXPECT_EQ(some->columns()[1].dictionary, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(some->columns().size(), 2U);
  const auto text = read_range(path_, {.column = "place", .from_ms = 0, .until_ms = 1});
  ASSERT_FALSE(text);
  EXPECT_TRUE(text.error().message.contains("not a time")) << text.error().message;
}

TEST_P(Formats, AMissingFileIsNotFound) {
  const auto gone = read(path_);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::NotFound);
  EXPECT_TRUE(gone.error().message.contains(path_));
}

TEST_P(Formats, AnEmptyFileIsAnError) {
  ASSERT_TRUE(os::write_file(path_, ""));
  EXPECT_FALSE(read(path_));
}

INSTANTIATE_TEST_SUITE_P(All, Formats, testing::Values(".parquet", ".csv", ".tsv", ".jsonl", ".arrow"),
                         [](const auto& instance) { return instance.param.substr(1); });

class Binary : public Formats {};

// Cut anywhere, the file is damaged, and the message names it.
TEST_P(Binary, ACutFileIsDataLoss) {
  ASSERT_TRUE(write(path_, large(2000)));
  const auto whole = *os::read_file(path_);
  for (std::size_t size = 1; size < whole.size(); size += 1 + whole.size() / 97) {
    ASSERT_TRUE(os::write_file(path_, whole.substr(0, size)));
    const auto back = read(path_);
    ASSERT_FALSE(back) << size;
    EXPECT_EQ(back.error().code, Code::DataLoss) << size << " " << back.error().message;
    EXPECT_TRUE(back.error().message.contains(path_));
  }
}

TEST_P(Binary, RandomBytesAreDataLoss) {
  Rng rng(5);
  std::string bytes(5000, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(rng.below(256));
  ASSERT_TRUE(os::write_file(path_, bytes));
  ASSERT_FALSE(read(path_));
  EXPECT_EQ(read(path_).error().code, Code::DataLoss);
}

INSTANTIATE_TEST_SUITE_P(All, Binary, testing::Values(".parquet", ".arrow"),
                         [](const auto& instance) { return instance.param.substr(1); });

// Page checksums: a flipped bit in the pages is never read as another value.
TEST(Parquet, AFlippedBitInThePagesIsNotReadAsAnotherValue) {
  const auto folder = *os::TempFolder::create();
  const auto path = folder.path() + "/t.parquet";
  const auto table = large(3000);
  ASSERT_TRUE(write(path, table));
  const auto whole = *os::read_file(path);
  const auto footer = 8 + static_cast<std::size_t>(static_cast<unsigned char>(whole[whole.size() - 8])) +
                      256 * static_cast<std::size_t>(static_cast<unsigned char>(whole[whole.size() - 7]));
  std::size_t found = 0, tried = 0;
  for (std::size_t at = 4; at + footer < whole.size(); at += 61) {
    auto bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    ASSERT_TRUE(os::write_file(path, bytes));
    const auto back = read(path);
    ++tried;
    if (!back) {
      ++found;
      EXPECT_EQ(back.error().code, Code::DataLoss) << back.error().message;
    } else {
      EXPECT_TRUE(same(*back, table)) << "byte " << at;
    }
  }
  EXPECT_GT(tried, 100U);
  EXPECT_GT(found, tried * 9 / 10);
}

TEST(Parquet, SkippingRowGroupsByTimeGivesTheSameRows) {
  const auto folder = *os::TempFolder::create();
  const auto path = folder.path() + "/t.parquet";
  const auto table = large(400'000);
  ASSERT_TRUE(write(path, table));
  const TimeRange range{
      .column = "date", .from_ms = table.columns()[0].ints[262'143], .until_ms = table.columns()[0].ints[262'146]};
  const auto some = read_range(path, range);
  ASSERT_TRUE(some) << some.error().message;
  ASSERT_EQ(some->rows(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(some->columns()[2].display(i), table.columns()[2].display(262'143 + i));
  const auto none = read_range(path, {.column = "date", .from_ms = 0, .until_ms = 1});
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_EQ(none->rows(), 0U);
  EXPECT_EQ(none->columns().size(), 3U);
}

TEST(Csv, ALineThatDoesNotParseIsNamed) {
  const auto folder = *os::TempFolder::create();
  const auto path = folder.path() + "/t.csv";
  ASSERT_TRUE(os::write_file(path, "a,b\n1,2\n3,4,5\n6,7\n"));
  const auto table = read(path);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, Code::InvalidArgument);
  EXPECT_TRUE(table.error().message.contains("Row #3")) << table.error().message;
}

TEST(JsonLines, ALineThatDoesNotParseIsNamed) {
  const auto folder = *os::TempFolder::create();
  const auto path = folder.path() + "/t.jsonl";
  ASSERT_TRUE(os::write_file(path, "{\"a\": 1}\n{\"a\": }\n"));
  const auto table = read(path);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, Code::InvalidArgument);
  EXPECT_TRUE(table.error().message.contains("line 2")) << table.error().message;
}

TEST(Files, AnUnknownExtensionAndAFolderAreNamed) {
  const auto folder = *os::TempFolder::create();
  const auto other = read(folder.path() + "/t.xlsx");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::InvalidArgument);
  EXPECT_TRUE(other.error().message.contains(".parquet"));
  ASSERT_TRUE(os::make_folders(folder.path() + "/x.parquet"));
  const auto inside = read(folder.path() + "/x.parquet");
  ASSERT_FALSE(inside);
  EXPECT_TRUE(inside.error().message.contains("is a folder")) << inside.error().message;
}

}  // namespace
}  // namespace fettle::table
