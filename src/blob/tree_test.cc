#include "blob/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

namespace fettle::blob {
namespace {

class FolderTreeTest : public testing::Test {
 protected:
  FolderTreeTest() { EXPECT_TRUE(os::write_file(folder_.path() + "/canary", "secret")); }
  Result<void> put(const std::string& path, std::string_view bytes) {
    const std::vector<std::string> files{folder_.path() + "/source"};
    EXPECT_TRUE(os::write_file(files[0], bytes));
    return tree_->write(path, files);
  }
  [[nodiscard]] Result<std::string> get(const std::string& path, std::uint64_t offset = 0) const {
    FETTLE_TRY(const auto reader, tree_->read(path, offset));
    std::string out;
    for (;;) {
      FETTLE_TRY(const auto piece, reader->next(3));
      if (piece.empty()) return out;
      out += piece;
    }
  }
  [[nodiscard]] std::string names(const std::string& folder) const {
    std::string out;
    const auto entries = *tree_->list(folder);
    for (const auto& entry : entries) out += entry.name + (entry.is_folder ? "/ " : " ");
    return out;
  }
  void link(const std::string& to, const std::string& name) const {
    ASSERT_EQ(::symlink(to.c_str(), (folder_.path() + "/root/" + name).c_str()), 0);
  }
  os::TempFolder folder_ = *os::TempFolder::create();
  std::unique_ptr<Tree> tree_ = *open_folder(folder_.path() + "/root");
};

TEST_F(FolderTreeTest, WritesReadsListsAndRemoves) {
  ASSERT_TRUE(put("a/b/c.txt", "hello world"));
  ASSERT_TRUE(put("a/x", ""));
  ASSERT_TRUE(put("a/b/c.txt", "hello again"));
  EXPECT_EQ(get("a/b/c.txt"), "hello again");
  EXPECT_EQ(get("a/b/c.txt", 6), "again");
  EXPECT_EQ(names(""), "a/ ");
  EXPECT_EQ(names("a"), "b/ x ");
  EXPECT_EQ(names("a/x"), "");
  EXPECT_EQ(names("none/at/all"), "");
  EXPECT_EQ((*tree_->find("a/b/c.txt"))->size, 11U);
  EXPECT_TRUE((*tree_->find("a"))->is_folder);
  EXPECT_EQ(tree_->find("a/none")->has_value(), false);
  EXPECT_EQ(get("a").error().code, Code::NotFound);
  EXPECT_EQ(get("none").error().code, Code::NotFound);
  ASSERT_TRUE(tree_->remove("a/b"));
  ASSERT_TRUE(tree_->remove("a/b"));
  EXPECT_EQ(names("a"), "x ");
  EXPECT_FALSE(tree_->remove(""));
}

TEST_F(FolderTreeTest, NothingHalfWrittenIsLeft) {
  const std::vector<std::string> files{folder_.path() + "/canary", folder_.path() + "/none"};
  EXPECT_FALSE(tree_->write("a/b", files));
  EXPECT_EQ(names("a"), "");
  ASSERT_TRUE(put("file", "x"));
  EXPECT_EQ(put("file/below", "y").error().code, Code::InvalidArgument);
  EXPECT_FALSE(put("a", "a folder"));
  EXPECT_EQ(names(""), "a/ file ");
}

TEST_F(FolderTreeTest, NoPathLeadsOut) {
  for (const auto* path : {"..", "../canary", "a/../../canary", "a/./b/..", "/canary", "a//b", "."}) {
    EXPECT_FALSE(put(path, "evil")) << path;
    EXPECT_FALSE(get(path)) << path;
    EXPECT_FALSE(tree_->remove(path)) << path;
  }
  EXPECT_EQ(os::read_file(folder_.path() + "/canary"), "secret");
}

TEST_F(FolderTreeTest, NoSymbolicLinkIsFollowed) {
  ASSERT_TRUE(put("a/file", "mine"));
  link("../canary", "link");
  link("..", "up");
  link(folder_.path(), "a/absolute");
  link("a", "inside");
  for (const auto* path : {"link", "up/canary", "a/absolute/canary", "inside/file"}) {
    EXPECT_EQ(get(path).error().code, Code::InvalidArgument) << path;
    EXPECT_FALSE(tree_->find(path)) << path;
  }
  EXPECT_FALSE(put("up/evil", "x"));
  EXPECT_FALSE(put("a/absolute/evil", "x"));
  EXPECT_FALSE(os::exists(folder_.path() + "/evil"));
  EXPECT_EQ(names(""), "a/ ");
  ASSERT_TRUE(put("link", "replaces the link, not what it points to"));
  EXPECT_EQ(os::read_file(folder_.path() + "/canary"), "secret");
  ASSERT_TRUE(tree_->remove("a"));  // with the link in it
  EXPECT_EQ(os::read_file(folder_.path() + "/canary"), "secret");
}

TEST_F(FolderTreeTest, APipeIsNoFile) {
  ASSERT_EQ(::mkfifo((folder_.path() + "/root/pipe").c_str(), 0600), 0);
  EXPECT_FALSE(get("pipe"));
  EXPECT_EQ(names(""), "");
}

TEST_F(FolderTreeTest, ObjectsInATreeAreNamedByTheirDigest) {
  TreeObjects objects(*open_folder(folder_.path() + "/objects"));
  const std::vector<std::string> files{folder_.path() + "/canary", folder_.path() + "/canary"};
  const auto put = *objects.put_files(files, Keep::No);
  EXPECT_EQ(put.digest, Digest::of("secretsecret"));
  EXPECT_EQ(put.size, 12U);
  EXPECT_TRUE(os::exists(files[0]));
  EXPECT_EQ((*objects.find(put.digest))->size, 12U);
  EXPECT_EQ((*objects.read(put.digest, 6))->next(100), "secret");
  std::vector<Digest> all;
  ASSERT_TRUE(objects.visit([&](const ObjectInfo& info) {
    all.push_back(info.digest);
    return true;
  }));
  EXPECT_EQ(all, std::vector{put.digest});
  EXPECT_EQ(objects.remove(put.digest, put.used_ms), false);
  EXPECT_EQ(objects.remove(put.digest, put.used_ms + 1), true);
  EXPECT_EQ(objects.find(put.digest)->has_value(), false);
  EXPECT_EQ(objects.remove(put.digest, put.used_ms + 1), false);
}

}  // namespace
}  // namespace fettle::blob
