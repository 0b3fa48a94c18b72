#include "table/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace fettle::table {
namespace {

using testing::HasSubstr;

TEST(Table, ColumnsHaveOneLengthAndDifferentNames) {
  EXPECT_FALSE(Table::create({Column::of_ints("a", {1, 2}), Column::of_floats("b", {1})}));
  EXPECT_FALSE(Table::create({Column::of_ints("a", {1}), Column::of_floats("a", {1})}));
  auto wild = Column::of_texts("c", {"x"});
  wild.codes[0] = 5;
  EXPECT_FALSE(Table::create({wild}));
  EXPECT_EQ(Table::create({Column::of_ints("a", {1, 2}), Column::of_texts("b", {"x", "y"})})->rows(), 2U);
}

TEST(Table, TextsAreCodedBySortedDictionary) {
  const auto column = Column::of_texts("origin", {"ORD", "ATL", "ORD"});
  EXPECT_EQ(column.dictionary, (std::vector<std::string>{"ATL", "ORD"}));
  EXPECT_EQ(column.codes, (std::vector<std::int32_t>{1, 0, 1}));
  EXPECT_EQ(column.text(2), "ORD");
  EXPECT_EQ(column.number(1), 0.0);
}

TEST(Table, TakesRowsAndColumns) {
  const auto table = *Table::create({Column::of_ints("a", {10, 20, 30}), Column::of_floats("b", {1, 2, 3})});
  const std::uint32_t rows[] = {2, 0};
  const auto taken = table.take(rows);
  EXPECT_EQ(taken.find("a")->ints, (std::vector<std::int64_t>{30, 10}));
  EXPECT_EQ(table.select({"b"})->columns().size(), 1U);
  EXPECT_THAT(table.get("c").error().message, HasSubstr("a"));
  EXPECT_EQ(table.get("c").error().code, Code::NotFound);
}

TEST(Table, MissingValuesAreNaNInNumbers) {
  auto column = Column::of_ints("a", {1, 0});
  column.valid = {1, 0};
  EXPECT_EQ(column.number(0), 1.0);
  EXPECT_TRUE(std::isnan(column.number(1)));
}

TEST(Table, PartsAreJoinedWithOneDictionary) {
  auto gap = Column::of_ints("b", {4});
  gap.valid = {0};
  const auto joined = concatenate({*Table::create({Column::of_texts("a", {"x", "z"}), Column::of_ints("b", {1, 2})}),
                                   *Table::create({gap, Column::of_texts("a", {"y"})})});
  ASSERT_TRUE(joined);
  EXPECT_EQ(joined->rows(), 3U);
  EXPECT_EQ(joined->columns()[0].dictionary, (std::vector<std::string>{"x", "y", "z"}));
  EXPECT_EQ(joined->columns()[0].codes, (std::vector<std::int32_t>{0, 2, 1}));
  EXPECT_EQ(joined->columns()[1].valid, (std::vector<std::uint8_t>{1, 1, 0}));
  EXPECT_FALSE(
      concatenate({*Table::create({Column::of_ints("a", {1})}), *Table::create({Column::of_floats("a", {1})})}));
  EXPECT_FALSE(concatenate({*Table::create({Column::of_ints("a", {1})}), *Table::create({Column::of_ints("b", {1})})}));
}

}  // namespace
}  // namespace fettle::table
