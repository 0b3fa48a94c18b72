#include "dataset/snapshot.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

namespace fettle::dataset {
namespace {

constexpr std::int64_t kLater = 4'102'444'800'000;  // 2100: after any file's time stamp

class Snapshots : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(os::make_folders(project_ + "/data/flights/sub"));
    put("a.csv", "x\n1\n");
    put("sub/b.csv", "x\n2\n");
  }

  void put(const std::string& path, const std::string& bytes) const {
    ASSERT_TRUE(os::write_file(project_ + "/data/flights/" + path, bytes));
  }

  AddReport add(Datasets& datasets) const {
    auto report = datasets.add("flights", "data/flights");
    EXPECT_TRUE(report) << report.error().message;
    return report ? *report : AddReport{};
  }

  // Flips one bit in place, so that size, time and inode stay as they are.
  static void flip(const std::string& path) {
    struct stat before{};
    ASSERT_EQ(::stat(path.c_str(), &before), 0);
    ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
    std::FILE* file = std::fopen(path.c_str(), "r+b");
    ASSERT_NE(file, nullptr);
    const int byte = std::fgetc(file);
    std::rewind(file);
    std::fputc(byte ^ 1, file);
    std::fclose(file);
    const timespec times[2] = {before.st_atim, before.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  os::TempFolder folder_ = *os::TempFolder::create();
  std::string project_ = folder_.path();
  ManualClock clock_{kLater};
  Datasets datasets_ = *Datasets::open(project_, clock_);
};

TEST_F(Snapshots, TheDigestIsThatOfTheCanonicalManifest) {
  const auto report = add(datasets_);
  EXPECT_EQ(report.new_files, 2U);
  EXPECT_EQ(report.hashed, 2U);
  EXPECT_FALSE(report.unchanged);
  EXPECT_EQ(report.snapshot.bytes, 8U);
  EXPECT_EQ(report.snapshot.added_ms, kLater);
  const auto a = Digest::of("x\n1\n").hex(), b = Digest::of("x\n2\n").hex();
  const auto manifest = R"({"files": [{"digest": ")" + a + R"(", "path": "a.csv", "size": 4}, {"digest": ")" + b +
                        R"(", "path": "sub/b.csv", "size": 4}], "format": 1})";
  EXPECT_EQ(report.snapshot.digest, Digest::of(manifest).hex());
}

TEST_F(Snapshots, AddingAgainReadsNothing) {
  const auto first = add(datasets_);
  const auto again = add(datasets_);
  EXPECT_TRUE(again.unchanged);
  EXPECT_EQ(again.hashed, 0U);
  EXPECT_EQ(again.new_files, 0U);
  EXPECT_EQ(again.snapshot.digest, first.snapshot.digest);
  EXPECT_EQ(datasets_.history("flights")->size(), 1U);
}

TEST_F(Snapshots, AFileWrittenJustBeforeItWasReadIsReadAgain) {
  ManualClock early(0);
  auto datasets = *Datasets::open(project_, early);
  add(datasets);
  EXPECT_EQ(add(datasets).hashed, 2U);
}

TEST_F(Snapshots, OnlyWhatChangedIsReadAndGoingBackIsANewEntry) {
  const auto first = add(datasets_);
  put("a.csv", "x\n9\n");
  put("c.csv", "x\n1\n");  // content that is known
  const auto second = add(datasets_);
  EXPECT_EQ(second.hashed, 2U);
  EXPECT_EQ(second.new_files, 1U);
  EXPECT_NE(second.snapshot.digest, first.snapshot.digest);
  ASSERT_TRUE(os::remove_all(project_ + "/data/flights/c.csv"));
  put("a.csv", "x\n1\n");
  EXPECT_EQ(add(datasets_).snapshot.digest, first.snapshot.digest);
  EXPECT_EQ(datasets_.history("flights")->size(), 3U);
  EXPECT_EQ(datasets_.get("flights")->digest, first.snapshot.digest);
  EXPECT_EQ(datasets_.get("flights", second.snapshot.digest.substr(0, 8))->digest, second.snapshot.digest);
  EXPECT_EQ(datasets_.get("flights", first.snapshot.digest)->digest, first.snapshot.digest);
}

TEST_F(Snapshots, VerifyNamesTheFileWithOneFlippedBit) {
  add(datasets_);
  EXPECT_EQ(datasets_.verify("flights")->size(), 0U);
  flip(project_ + "/data/flights/sub/b.csv");
  EXPECT_TRUE(add(datasets_).unchanged);  // size and time are as they were: only verify reads the bytes
  const auto damages = *datasets_.verify("flights");
  ASSERT_EQ(damages.size(), 1U);
  EXPECT_EQ(damages[0].path, "sub/b.csv");
  EXPECT_TRUE(damages[0].problem.contains("size and time did not")) << damages[0].problem;
  ASSERT_TRUE(datasets_.checkout(*datasets_.get("flights"), project_ + "/data/flights"));
  EXPECT_EQ(datasets_.verify("flights")->size(), 0U);
}

TEST_F(Snapshots, VerifyNamesADamagedObjectAndAMeantChange) {
  const auto report = add(datasets_);
  const auto digest = report.snapshot.files[0].digest;
  flip(project_ + "/.fettle/blobs/" + digest.substr(0, 2) + "/" + digest.substr(2));
  put("sub/b.csv", "x\n3\n");
  const auto damages = *datasets_.verify("flights");
  ASSERT_EQ(damages.size(), 2U);
  EXPECT_EQ(damages[0].path, "a.csv");
  EXPECT_TRUE(damages[0].problem.contains("damaged")) << damages[0].problem;
  EXPECT_EQ(damages[1].path, "sub/b.csv");
  EXPECT_TRUE(damages[1].problem.contains("add it")) << damages[1].problem;
  EXPECT_FALSE(datasets_.checkout(*datasets_.get("flights"), project_ + "/copy"));
}

TEST_F(Snapshots, VerifyNamesADamagedManifestAndAFileThatIsGone) {
  const auto digest = add(datasets_).snapshot.digest;
  ASSERT_TRUE(os::remove_all(project_ + "/data/flights/a.csv"));
  EXPECT_EQ(datasets_.verify("flights")->at(0).path, "a.csv");
  flip(project_ + "/.fettle/blobs/" + digest.substr(0, 2) + "/" + digest.substr(2));
  const auto damages = *datasets_.verify("flights");
  ASSERT_EQ(damages.size(), 1U);
  EXPECT_EQ(damages[0].digest, digest);
  EXPECT_EQ(datasets_.get("flights").error().code, Code::DataLoss);
}

TEST_F(Snapshots, CheckoutWritesTheFilesAndLeavesOthers) {
  const auto snapshot = add(datasets_).snapshot;
  ASSERT_TRUE(os::make_folders(project_ + "/copy"));
  ASSERT_TRUE(os::write_file(project_ + "/copy/mine", "1"));
  ASSERT_TRUE(datasets_.checkout(snapshot, project_ + "/copy"));
  EXPECT_EQ(*os::read_file(project_ + "/copy/sub/b.csv"), "x\n2\n");
  EXPECT_EQ(*os::read_file(project_ + "/copy/mine"), "1");
  auto wild = snapshot;
  wild.files[0].path = "../outside";
  EXPECT_FALSE(datasets_.checkout(wild, project_ + "/copy"));
  EXPECT_FALSE(os::exists(project_ + "/outside"));
}

TEST_F(Snapshots, OneFileIsASnapshotToo) {
  const auto report = datasets_.add("one", "data/flights/a.csv");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->snapshot.files.at(0).path, "a.csv");
  flip(project_ + "/data/flights/a.csv");
  EXPECT_EQ(datasets_.verify("one")->size(), 1U);
  EXPECT_EQ(*datasets_.source("one"), "data/flights/a.csv");
  EXPECT_EQ(*datasets_.names(), std::vector<std::string>{"one"});
}

TEST_F(Snapshots, ProgressCountsBytes) {
  std::vector<std::uint64_t> told;
  ASSERT_TRUE(datasets_.add("flights", "data/flights", [&](std::uint64_t done, std::uint64_t total) {
    told.push_back(done);
    EXPECT_EQ(total, 8U);
  }));
  EXPECT_EQ(told, (std::vector<std::uint64_t>{4, 8}));
}

TEST_F(Snapshots, WrongUseIsNamed) {
  add(datasets_);
  EXPECT_TRUE(datasets_.get("flight").error().message.contains("did you mean 'flights'"));
  EXPECT_EQ(datasets_.get("flights", "zz").error().code, Code::NotFound);
  EXPECT_EQ(datasets_.add("flights", "data/nothing").error().code, Code::NotFound);
  ASSERT_TRUE(os::make_folders(project_ + "/empty"));
  EXPECT_TRUE(datasets_.add("flights", "empty").error().message.contains("no files"));
  EXPECT_EQ(datasets_.add("../evil", "data").error().code, Code::InvalidArgument);
  EXPECT_EQ(datasets_.add("", "data").error().code, Code::InvalidArgument);
  EXPECT_EQ(Datasets::open(project_ + "/none").error().code, Code::NotFound);
  ASSERT_EQ(::symlink("a.csv", (project_ + "/data/flights/link").c_str()), 0);
  EXPECT_FALSE(datasets_.add("flights", "data/flights"));
}

TEST_F(Snapshots, ADamagedRecordIsDataLoss) {
  add(datasets_);
  ASSERT_TRUE(os::write_file(project_ + "/.fettle/datasets/flights.json", "{\"history\": 3}"));
  EXPECT_EQ(datasets_.history("flights").error().code, Code::DataLoss);
  ASSERT_TRUE(os::write_file(project_ + "/.fettle/datasets/flights.json", "{"));
  EXPECT_EQ(datasets_.history("flights").error().code, Code::DataLoss);
}

TEST_F(Snapshots, OneProcessAddsAtATime) {
  ASSERT_TRUE(os::make_folders(project_ + "/.fettle/datasets"));
  const auto lock = os::FileLock::acquire(project_ + "/.fettle/datasets/lock");
  ASSERT_TRUE(lock);
  EXPECT_FALSE(datasets_.add("flights", "data/flights"));
  EXPECT_FALSE(os::exists(project_ + "/.fettle/datasets/flights.json"));
}

}  // namespace
}  // namespace fettle::dataset
