#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "blob/store.h"
#include "os/file.h"

namespace fettle::blob {
namespace {

using testing::HasSubstr;

class BlobTest : public testing::Test {
 protected:
  os::TempFolder folder_ = *os::TempFolder::create();
  std::unique_ptr<Store> store_ = *Store::open(folder_.path() + "/blobs");
};

TEST_F(BlobTest, PutsOnceAndGetsBack) {
  const auto digest = *store_->put("hello");
  EXPECT_EQ(digest, Digest::of("hello"));
  EXPECT_EQ(store_->put("hello"), digest);
  EXPECT_EQ(store_->get(digest), "hello");
  EXPECT_EQ(store_->list()->size(), 1U);
}

TEST_F(BlobTest, FilesAreTheSameAsBytes) {
  const auto path = folder_.path() + "/file";
  const std::string bytes(1'000'000, 'y');
  ASSERT_TRUE(os::write_file(path, bytes));
  EXPECT_EQ(store_->put_file(path), Digest::of(bytes));
  ASSERT_TRUE(store_->checkout(Digest::of(bytes), folder_.path() + "/copy"));
  EXPECT_EQ(os::read_file(folder_.path() + "/copy"), bytes);
}

TEST_F(BlobTest, OneFlippedBitIsFound) {
  const auto digest = *store_->put("precious");
  auto bytes = *os::read_file(store_->path_of(digest));
  bytes[3] = static_cast<char>(bytes[3] ^ 1);
  ASSERT_TRUE(os::write_file(store_->path_of(digest), bytes));
  EXPECT_EQ(store_->get(digest).error().code, Code::DataLoss);
  EXPECT_EQ(store_->verify(digest).error().code, Code::DataLoss);
  EXPECT_EQ(store_->checkout(digest, folder_.path() + "/copy").error().code, Code::DataLoss);
  EXPECT_FALSE(os::exists(folder_.path() + "/copy"));
}

TEST_F(BlobTest, MissingObjectsAreNamed) {
  EXPECT_EQ(store_->get(Digest::of("nothing")).error().code, Code::NotFound);
  EXPECT_THAT(store_->verify(Digest::of("nothing")).error().message, HasSubstr(Digest::of("nothing").hex()));
}

TEST_F(BlobTest, ManyWritersOfTheSameBytesAgree) {
  std::vector<std::jthread> writers;
  for (int i = 0; i < 4; ++i)
    writers.emplace_back([&] {
      for (int k = 0; k < 20; ++k) EXPECT_TRUE(store_->put("object " + std::to_string(k)));
    });
  writers.clear();
  const auto all = *store_->list();
  EXPECT_EQ(all.size(), 20U);
  for (const auto& digest : all) EXPECT_TRUE(store_->verify(digest));
}

}  // namespace
}  // namespace fettle::blob
