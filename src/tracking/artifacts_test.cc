#include "tracking/artifacts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>

#include "blob/store.h"
#include "os/file.h"
#include "sql/testing/postgres_server.h"
#include "tracking/artifact_roots.h"
#include "tracking/store.h"
#include "tracking/uploads.h"

namespace fettle::tracking {
namespace {

using testing::HasSubstr;

class ArtifactsTest : public testing::TestWithParam<sql::testing::Store> {
 protected:
  std::string file(std::string_view bytes) {
    auto path = folder_.path() + "/file" + std::to_string(++files_);
    EXPECT_TRUE(os::write_file(path, bytes));
    return path;
  }
  Result<Artifact> put(std::string_view path, std::string_view bytes) {
    const auto from = file(bytes);
    return artifacts_.put(path, {&from, 1}, blob::Keep::No);
  }
  [[nodiscard]] std::string get(std::string_view path) const {
    const auto found = artifacts_.find(path);
    return found && *found ? *blobs_->get((*found)->digest) : "(none)";
  }
  [[nodiscard]] std::int64_t later(std::int64_t ms = 3'600'000) const { return clock_.now_ms() + ms; }
  static bool unused(const Digest&) { return false; }
  Collection collect(std::int64_t since_ms, std::function<bool(const Digest&)> used, bool dry_run = false) {
    Collection out;
    EXPECT_TRUE(
        artifacts_.collect({.unused_since_ms = since_ms, .also_used = std::move(used), .dry_run = dry_run}, out));
    return out;
  }

  os::TempFolder folder_ = *os::TempFolder::create();
  std::unique_ptr<sql::Database> database_ =
      *sql::Database::open(sql::testing::new_store(GetParam(), folder_.path()), {Store::migrations()});
  std::unique_ptr<blob::Store> blobs_ = *blob::Store::open(folder_.path() + "/blobs");
  Artifacts artifacts_{*database_, *blobs_};
  ManualClock clock_{system_clock().now_ms()};
  int files_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Stores, ArtifactsTest, sql::testing::every_store(), sql::testing::name_of_store);

TEST_P(ArtifactsTest, ATreeOfObjects) {
  ASSERT_TRUE(put("a/b/x.txt", "one"));
  ASSERT_TRUE(put("a/b-c/y.txt", "one"));
  EXPECT_EQ(blobs_->list()->size(), 1U);
  const auto top = artifacts_.list("a");
  ASSERT_EQ(top->size(), 2U);
  EXPECT_TRUE(top->at(0).is_folder);
  EXPECT_EQ((*artifacts_.find("a/b/x.txt"))->size, 3U);
  EXPECT_FALSE(*artifacts_.find("a/b"));
  EXPECT_EQ(put("a/b", "x").error().code, Code::InvalidArgument);
  EXPECT_EQ(put("a/b/x.txt/z", "x").error().code, Code::InvalidArgument);
  ASSERT_TRUE(artifacts_.remove("a/b"));
  EXPECT_EQ(artifacts_.list("a")->size(), 1U);
  ASSERT_TRUE(artifacts_.remove("a/b-c/y.txt"));
  EXPECT_TRUE(artifacts_.list("")->empty());
}

TEST_P(ArtifactsTest, WhatNobodyRefersToIsCollected) {
  const auto kept = *put("a/kept", "kept");
  const auto shared = *put("a/one", "shared");
  ASSERT_TRUE(put("b/two", "shared"));
  const auto gone = *put("b/gone", "gone");
  const auto other = *blobs_->put("a bundle's");
  ASSERT_TRUE(artifacts_.remove("b"));
  const auto used = [&](const Digest& digest) { return digest == other; };
  EXPECT_EQ(collect(clock_.now_ms() - 3'600'000, used).objects, 0U) << "too young";
  const auto dry = collect(later(), used, true);
  EXPECT_EQ(dry.objects, 1U);
  EXPECT_EQ(dry.bytes, 4U);
  EXPECT_TRUE(blobs_->has(gone.digest));
  EXPECT_EQ(collect(later(), used).objects, 1U);
  EXPECT_FALSE(blobs_->has(gone.digest));
  for (const auto& digest : {kept.digest, shared.digest, other}) EXPECT_TRUE(blobs_->has(digest));
  ASSERT_TRUE(put("b/gone", "gone"));
  EXPECT_EQ(get("b/gone"), "gone");
}

TEST_P(ArtifactsTest, ADryRunTakesPathsForGoneAndAGuardEndsTheRest) {
  const auto both = *put("a/one", "both");
  ASSERT_TRUE(put("b/two", "both"));
  const auto gone = *put("b/gone", "gone");
  Collecting what{.unused_since_ms = later(), .also_used = unused, .dry_run = true};
  what.unlinked = {{both.digest.hex(), 1}, {gone.digest.hex(), 1}};
  Collection out;
  ASSERT_TRUE(artifacts_.collect(what, out));
  EXPECT_EQ(out.objects, 1U) << "a path still leads to the other";
  ASSERT_TRUE(artifacts_.remove("a"));
  ASSERT_TRUE(artifacts_.remove("b"));
  what.dry_run = false;
  what.guard = [](const auto&) { return Result<bool>(false); };
  out = {};
  ASSERT_TRUE(artifacts_.collect(what, out));
  EXPECT_TRUE(out.ended_early);
  EXPECT_EQ(out.objects, 0U);
  EXPECT_TRUE(blobs_->has(gone.digest));
  ASSERT_TRUE(put("again", "gone")) << "no mark is left";
}

TEST_P(ArtifactsTest, APutWaitsForARemovalOfItsObject) {
  const auto digest = Digest::of("back again").hex();
  const auto set = [&](const char* statement) {
    ASSERT_TRUE(database_->write([&](sql::Session& session) -> Result<void> {
      FETTLE_TRY_(session.execute(statement, {std::string_view(digest)}));
      return {};
    }));
  };
  set("INSERT INTO object_removals(digest) VALUES(?)");
  Result<Artifact> done = fail(Code::Internal, "not yet");
  std::jthread putter([&] { done = put("a", "back again"); });
  while (!blobs_->has(Digest::of("back again"))) std::this_thread::yield();
  EXPECT_EQ(get("a"), "(none)");
  set("DELETE FROM object_removals WHERE digest = ?");
  putter.join();
  ASSERT_TRUE(done);
  EXPECT_EQ(get("a"), "back again");
}

// As if a removal that had seen the object unused took its bytes just before the artifact referred to them.
class Robbed final : public blob::Objects {
 public:
  explicit Robbed(blob::Store& store) : store_(store) {}
  Result<blob::ObjectInfo> put_files(std::span<const std::string> files, blob::Keep) override {
    return store_.put_files(files, blob::Keep::Yes);
  }
  Result<std::optional<blob::ObjectInfo>> find(const Digest& digest) const override {
    if (!std::exchange(robbed_, true)) FETTLE_TRY_(os::remove_all(store_.path_of(digest)));
    return store_.find(digest);
  }
  Result<std::unique_ptr<blob::Reader>> read(const Digest& digest, std::uint64_t offset) const override {
    return store_.read(digest, offset);
  }
  Result<void> visit(const std::function<bool(const blob::ObjectInfo&)>& each) const override {
    return store_.visit(each);
  }
  Result<bool> remove(const Digest& digest, std::int64_t unused_since_ms) override {
    return store_.remove(digest, unused_since_ms);
  }

 private:
  blob::Store& store_;
  mutable bool robbed_ = false;
};

TEST_P(ArtifactsTest, APutWhoseBytesWereRemovedStoresThemAgain) {
  Robbed robbed(*blobs_);
  Artifacts artifacts(*database_, robbed);
  const auto from = file("back again");
  ASSERT_TRUE(artifacts.put("a", {&from, 1}, blob::Keep::Yes));
  EXPECT_EQ(get("a"), "back again");
}

TEST_P(ArtifactsTest, PutsBesideCollectionsLoseNothing) {
  std::atomic<bool> stop = false;
  std::jthread collector([&] {
    while (!stop) collect(clock_.now_ms() - 3'600'000, unused);
  });
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(put("a/file", "one of two: " + std::to_string(i % 2)));
    EXPECT_EQ(get("a/file"), "one of two: " + std::to_string(i % 2));
  }
  stop = true;
}

TEST_P(ArtifactsTest, MarksOfADeadServerAreCleared) {
  ASSERT_TRUE(database_->write([&](sql::Session& session) -> Result<void> {
    FETTLE_TRY_(
        session.execute("INSERT INTO object_removals(digest) VALUES(?)", {std::string_view(Digest::of("x").hex())}));
    return {};
  }));
  ASSERT_TRUE(artifacts_.finish_removals());
  EXPECT_TRUE(put("a", "x"));
}

TEST_P(ArtifactsTest, UploadsAreGivenUpAfterADay) {
  const auto uploads = *Uploads::open(folder_.path() + "/uploads", artifacts_, clock_);
  const auto old = *uploads->create("a/old", 2);
  ASSERT_TRUE(uploads->put_part(old, 1, file("one")));
  clock_.advance_ms(Uploads::kLifetimeMs - 60'000);
  ASSERT_TRUE(uploads->expire());
  EXPECT_TRUE(uploads->put_part(old, 2, file("two")));
  clock_.advance_ms(120'000);
  const auto fresh =
      *uploads->create("a/new", 1);  // gives up the old one as well; its own folder is older than the clock
  EXPECT_EQ(uploads->put_part(old, 2, file("two")).error().code, Code::NotFound);
  EXPECT_THAT(*os::list_names(folder_.path() + "/uploads"), testing::ElementsAre(fresh));
}

TEST_P(ArtifactsTest, TheSamePartTwiceAtOnceIsNeverLost) {
  const auto uploads = *Uploads::open(folder_.path() + "/uploads", artifacts_, clock_);
  const auto id = *uploads->create("a/b", 1);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::jthread> senders;
    for (int i = 0; i < 4; ++i)
      senders.emplace_back(
          [&, from = file("bytes " + std::to_string(i % 2))] { EXPECT_TRUE(uploads->put_part(id, 1, from)); });
    senders.clear();
    EXPECT_EQ(os::list_names(folder_.path() + "/uploads/" + id)->size(), 2U);
  }
}

TEST(ArtifactLocation, OneSpelling) {
  const auto clean = [](std::string_view location) {
    const auto out = clean_location(location);
    return out ? *out : "refused";
  };
  EXPECT_EQ(clean("/a/b/"), "file:///a/b");
  EXPECT_EQ(clean("file:/a/b"), "file:///a/b");
  EXPECT_EQ(clean("FILE://localhost/a%20b"), "file:///a b");
  EXPECT_EQ(clean("s3://bucket/a/b/"), "s3://bucket/a/b");
  EXPECT_EQ(clean("mlflow-artifacts:/"), "mlflow-artifacts:");
  EXPECT_EQ(clean("mlflow-artifacts:/7"), "mlflow-artifacts:/7");
  EXPECT_EQ(clean("mlflow-artifacts://host:5000/7"), "mlflow-artifacts://host:5000/7");
  for (const auto* bad : {"",
                          "a",
                          "./a",
                          "../a",
                          "file:a",
                          "file://host/a",
                          "file:///",
                          "/",
                          "/a/../b",
                          "file:///a/%2e%2e/b",
                          "/a/..",
                          "/a\\b",
                          "file:///a/%252e%252e/b",
                          "s3://bucket/../b",
                          "s3://bucket/%2e%2e/b",
                          "s3://b/a?x",
                          "s3://b/a#x",
                          "/a?x",
                          "/a#/../b",
                          "C:/a",
                          "C:\\a",
                          "runs:/x",
                          "models:/m/1",
                          "s3://b/a\nb",
                          "file:///a%00b",
                          "http://h/a/..%2f..%2fb"})
    EXPECT_EQ(clean(bad), "refused") << bad;
}

class ArtifactRootsTest : public ArtifactsTest {
 protected:
  std::string root_ = "file://" + folder_.path() + "/root";
  std::unique_ptr<ArtifactRoots> roots_ =
      *ArtifactRoots::open(artifacts_, root_, {"mlflow-artifacts:/", "file://" + folder_.path() + "/more/deep"});
};
INSTANTIATE_TEST_SUITE_P(NoStore, ArtifactRootsTest, testing::Values(sql::testing::Store::Sqlite),
                         sql::testing::name_of_store);  // they are folders

TEST_P(ArtifactRootsTest, LocalLocationsLieInsideOfARoot) {
  EXPECT_EQ(roots_->root(), root_);
  for (const auto& good : {root_, root_ + "/1", folder_.path() + "/root/x", "file:" + folder_.path() + "/more/deep/y",
                           std::string("s3://any/where"), std::string("mlflow-artifacts:/9"), std::string("gs://b/x")})
    EXPECT_TRUE(roots_->check(good)) << good;
  for (const auto& bad : {folder_.path(), root_ + "er", root_ + "/../x", folder_.path() + "/more", std::string("/etc")})
    EXPECT_EQ(roots_->check(bad).error().code, Code::InvalidArgument) << bad;
}

TEST_P(ArtifactRootsTest, FilesOfARootAreListedAndReadAndNoOthers) {
  const auto run = root_ + "/1/run/artifacts";
  ASSERT_TRUE(roots_->put(run, "model/MLmodel", file("hello")));
  EXPECT_EQ(os::read_file(folder_.path() + "/root/1/run/artifacts/model/MLmodel"), "hello");
  EXPECT_EQ(roots_->list(run, "model")->at(0).path, "MLmodel");
  const auto found = roots_->find(run, "model/MLmodel");
  EXPECT_EQ((*found)->size, 5U);
  EXPECT_EQ((*(*found)->open(1, 4))->next(100), "ello");
  EXPECT_FALSE(*roots_->find(run, "model"));
  ASSERT_TRUE(os::write_file(folder_.path() + "/canary", "secret"));
  for (const auto& [uri, path] :
       std::vector<std::pair<std::string, std::string>>{{"file://" + folder_.path(), "canary"},
                                                        {root_, "../canary"},
                                                        {root_ + "/..", "canary"},
                                                        {"s3://bucket/x", "y"},
                                                        {root_, "%2e%2e/canary"},
                                                        {root_, folder_.path() + "/canary"},
                                                        {folder_.path(), "canary"}}) {
    EXPECT_EQ(roots_->find(uri, path).error().code, Code::InvalidArgument) << uri << " " << path;
    EXPECT_FALSE(roots_->list(uri, path));
    EXPECT_FALSE(roots_->put(uri, path, file("evil")));
  }
  EXPECT_EQ(os::read_file(folder_.path() + "/canary"), "secret");
}

TEST_P(ArtifactRootsTest, WhatIsNoRootIsSaidAtStart) {
  for (const auto* bad : {"http://host/x", "relative", "file:///a/../b", "hdfs://x/y"}) {
    const auto opened = ArtifactRoots::open(artifacts_, bad, {});
    ASSERT_FALSE(opened) << bad;
    EXPECT_THAT(opened.error().message, HasSubstr("--artifact-root"));
  }
}

}  // namespace
}  // namespace fettle::tracking
