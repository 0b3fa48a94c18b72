#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
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

std::string read_all(Reader& reader, std::size_t limit = 7) {
  std::string out;
  for (auto piece = reader.next(limit); piece && !piece->empty(); piece = reader.next(limit)) out += *piece;
  return out;
}

TEST_F(BlobTest, SeveralFilesBecomeOneObject) {
  const std::vector<std::string> files{folder_.path() + "/1", folder_.path() + "/2", folder_.path() + "/3"};
  ASSERT_TRUE(os::write_file(files[0], "hello "));
  ASSERT_TRUE(os::write_file(files[1], ""));
  ASSERT_TRUE(os::write_file(files[2], "world"));
  const auto put = *store_->put_files(files, Keep::Yes);
  EXPECT_EQ(put.digest, Digest::of("hello world"));
  EXPECT_EQ(put.size, 11U);
  EXPECT_EQ(store_->get(put.digest), "hello world");
  EXPECT_EQ(read_all(**store_->read(put.digest, 4)), "o world");
  EXPECT_TRUE(os::exists(files[0]));
  EXPECT_EQ(store_->put_files(files, Keep::No)->digest, put.digest);
  EXPECT_EQ(store_->list()->size(), 1U);
}

TEST_F(BlobTest, AFileThatNeedNotBeKeptIsMovedIn) {
  const auto path = folder_.path() + "/file";
  ASSERT_TRUE(os::write_file(path, "mine"));
  const auto inode = os::stat_file(path)->inode;
  const auto put = *store_->put_files({&path, 1}, Keep::No);
  EXPECT_FALSE(os::exists(path));
  EXPECT_EQ(os::stat_file(store_->path_of(put.digest))->inode, inode);
}

TEST_F(BlobTest, OnlyWhatWasNotPutSinceIsRemoved) {
  const auto digest = *store_->put("old");
  const auto used = (*store_->find(digest))->used_ms;
  EXPECT_EQ(store_->remove(digest, used), false);
  EXPECT_EQ(store_->get(digest), "old");
  const std::array<timespec, 2> long_ago{timespec{1000, 0}, timespec{1000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, store_->path_of(digest).c_str(), long_ago.data(), 0), 0);
  ASSERT_TRUE(store_->put("old"));  // renews it
  EXPECT_EQ(store_->remove(digest, used), false);
  EXPECT_EQ(store_->remove(digest, used + 3'600'000), true);
  EXPECT_EQ(store_->remove(digest, used + 3'600'000), false);
  EXPECT_FALSE(store_->has(digest));
  EXPECT_EQ(*store_->find(digest), std::nullopt);
}

TEST_F(BlobTest, WhatIsPutWhileItIsRemovedStays) {
  std::atomic<bool> stop = false;
  std::jthread remover([&] {
    while (!stop) {
      const auto day_ms = 86'400'000;
      EXPECT_TRUE(store_->remove(Digest::of("wanted"), (os::stat_file("/proc/self")->mtime_ns / 1'000'000) - day_ms));
    }
  });
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(store_->put("wanted"));
    const std::array<timespec, 2> long_ago{timespec{1000, 0}, timespec{1000, 0}};
    ::utimensat(AT_FDCWD, store_->path_of(Digest::of("wanted")).c_str(), long_ago.data(), 0);
    ASSERT_TRUE(store_->put("wanted"));
    // Between the two renames of a removal that gives up it is nowhere; it must come back.
    bool there = false;
    for (int wait = 0; wait < 100'000 && !there; ++wait) there = store_->has(Digest::of("wanted"));
    ASSERT_TRUE(there) << i;
  }
  stop = true;
}

TEST_F(BlobTest, ARemovalThatWasCutIsUndone) {
  const auto digest = *store_->put("kept");
  ASSERT_TRUE(os::rename(store_->path_of(digest), folder_.path() + "/blobs/leaving-" + digest.hex()));
  ASSERT_TRUE(os::write_file(folder_.path() + "/blobs/incoming-1", "half"));
  ASSERT_TRUE(store_->remove_leftovers());
  EXPECT_EQ(store_->get(digest), "kept");
  EXPECT_FALSE(os::exists(folder_.path() + "/blobs/incoming-1"));
}

TEST_F(BlobTest, AVerifiedReaderKeepsTheLastPieceOfADamagedObject) {
  const auto digest = *store_->put("0123456789");
  EXPECT_EQ(read_all(*verified(*store_->read(digest, 0), digest, 10)), "0123456789");
  for (const auto* damage : {"0123456780", "012345678", "01234567890"}) {
    ASSERT_TRUE(os::write_file(store_->path_of(digest), damage));
    const auto reader = verified(*store_->read(digest, 0), digest, 10);
    std::string got;
    auto piece = reader->next(7);
    for (; piece && !piece->empty(); piece = reader->next(7)) got += *piece;
    ASSERT_FALSE(piece) << damage;
    EXPECT_EQ(piece.error().code, Code::DataLoss);
    EXPECT_LT(got.size(), 10U);
  }
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
