#include "table/writer.h"

#include <gtest/gtest.h>

#include "os/file.h"
#include "table/file.h"

namespace fettle::table {
namespace {

Table part(std::vector<std::int64_t> counts, const std::vector<std::string>& places) {
  return *Table::create({Column::of_ints("count", std::move(counts)), Column::of_texts("place", places)});
}

std::string written(StreamFormat format, const std::vector<Table>& parts) {
  std::string out;
  auto writer =
      open_writer(format, {{"count", Kind::Int}, {"place", Kind::Text}}, [&](std::string_view bytes) -> Result<void> {
        out += bytes;
        return {};
      });
  EXPECT_TRUE(writer);
  for (const auto& each : parts) EXPECT_TRUE((*writer)->append(each));
  EXPECT_TRUE((*writer)->finish());
  return out;
}

class WriterTest : public testing::Test {
 protected:
  os::TempFolder folder_ = *os::TempFolder::create();
  // Each part with a dictionary of its own.
  std::vector<Table> parts_{part({1, 2}, {"b, c", "a"}), part({3}, {"ü"}), part({4, 5}, {"a", "b, c"})};
};

TEST_F(WriterTest, PartsAreOneTable) {
  EXPECT_EQ(written(StreamFormat::Csv, parts_), "count,place\n1,\"b, c\"\n2,a\n3,ü\n4,a\n5,\"b, c\"\n");
  EXPECT_EQ(written(StreamFormat::JsonLines, {parts_[1]}), "{\"count\":3,\"place\":\"ü\"}\n");
  const auto path = folder_.path() + "/t.parquet";
  ASSERT_TRUE(os::write_file(path, written(StreamFormat::Parquet, parts_)));
  const auto read = table::read(path);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->rows(), 5U);
  EXPECT_EQ(read->find("count")->ints, (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(read->find("place")->text(2), "ü");
  EXPECT_EQ(read->find("place")->text(4), "b, c");
}

TEST_F(WriterTest, NoPartIsAnEmptyTable) {
  EXPECT_EQ(written(StreamFormat::Csv, {}), "count,place\n");
  const auto path = folder_.path() + "/t.parquet";
  ASSERT_TRUE(os::write_file(path, written(StreamFormat::Parquet, {})));
  EXPECT_EQ(summarize(path)->columns.size(), 2U);
}

TEST_F(WriterTest, WhatIsGivenUpIsNoTable) {
  std::string out;
  {
    const auto writer = *open_writer(StreamFormat::Parquet, {{"count", Kind::Int}, {"place", Kind::Text}},
                                     [&](std::string_view bytes) -> Result<void> {
                                       out += bytes;
                                       return {};
                                     });
    ASSERT_TRUE(writer->append(parts_[0]));
  }
  const auto path = folder_.path() + "/t.parquet";
  ASSERT_TRUE(os::write_file(path, out));
  EXPECT_EQ(table::read(path).error().code, Code::DataLoss);
}

TEST_F(WriterTest, WhatTheSinkSaysIsTold) {
  for (const auto format : {StreamFormat::Csv, StreamFormat::JsonLines, StreamFormat::Parquet}) {
    auto writer = open_writer(format, {{"count", Kind::Int}, {"place", Kind::Text}},
                              [](std::string_view) -> Result<void> { return fail(Code::ResourceExhausted, "full"); });
    auto done = writer ? (*writer)->append(parts_[0]) : Result<void>(fail(writer.error()));
    if (done) done = (*writer)->finish();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Code::ResourceExhausted);
    EXPECT_EQ(done.error().message, "full");
  }
}

}  // namespace
}  // namespace fettle::table
