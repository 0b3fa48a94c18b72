#include "bundle/bundle.h"

#include <gtest/gtest.h>

#include <optional>

#include "base/text.h"
#include "os/file.h"

namespace fettle::bundle {
namespace {

class Bundle : public testing::Test {
 protected:
  void SetUp() override {
    auto temp = os::TempFolder::create();
    ASSERT_TRUE(temp);
    temp_.emplace(*std::move(temp));
    auto store = blob::Store::open(path("blobs"));
    ASSERT_TRUE(store);
    store_ = *std::move(store);
    write("model/model.ubj", "trees");
    write("model/signature.json", "{}");
    write("model/notes/why.txt", "because");
  }
  [[nodiscard]] std::string path(const std::string& name) const { return temp_->path() + "/" + name; }
  void write(const std::string& name, std::string_view bytes) const {
    ASSERT_TRUE(os::make_folders(path(name).substr(0, path(name).rfind('/'))));
    ASSERT_TRUE(os::write_file(path(name), bytes));
  }
  [[nodiscard]] Digest make() const {
    Provenance provenance{.project = "flights", .run_id = "r1", .commit = "c0ffee", .dirty = true};
    provenance.snapshots = {{"flights", std::string(64, 'a')}};
    provenance.steps = {{"train", std::string(64, 'b')}};
    provenance.params.set("rounds", 200).set("as_of", "2001-04-01");
    const auto digest = create(*store_, path("model"), "flights", provenance);
    EXPECT_TRUE(digest) << digest.error().message;
    return digest.value_or(Digest());
  }
  [[nodiscard]] std::string unpacked() const {
    EXPECT_TRUE(unpack(*store_, make(), path("out")));
    return path("out");
  }

  std::optional<os::TempFolder> temp_;
  std::unique_ptr<blob::Store> store_;
};

TEST_F(Bundle, HasTheDigestOfItsCanonicalManifestForEver) {
  const auto digest = make();
  const auto bytes = store_->get(digest);
  ASSERT_TRUE(bytes);
  const std::string as(64, 'a'), bs(64, 'b');
  EXPECT_EQ(
      *bytes,
      R"({"files": [)"
      R"({"digest": "29d807300a961b0cbdb4f22cc5db866a43d20d87b1e17b7f50c91bab25089940", "path": "model.ubj", )"
      R"("size": 5}, )"
      R"({"digest": "a511aeeeb8a119931a67038a63b7974faee48712de1c79391ebe2c9b929678e9", "path": "notes/why.txt", )"
      R"("size": 7}, )"
      R"({"digest": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "path": "signature.json", )"
      R"("size": 2}], "format": 1, "model": "flights", "provenance": {"commit": "c0ffee", "dirty": true, )"
      R"("params": {"as_of": "2001-04-01", "rounds": 200}, "project": "flights", "run_id": "r1", )"
      R"("snapshots": [{"digest": ")" +
          as + R"(", "name": "flights"}], "steps": [{"digest": ")" + bs + R"(", "name": "train"}]}})");
  EXPECT_EQ(digest.hex(), "26700800f7e408d3d43fd72404f0331dce22f65c4924692ff5336a6abcebc6e7");
}

TEST_F(Bundle, DoesNotDependOnTheOrderOfParametersOrAnOldManifest) {
  const auto digest = make();
  write("model/bundle.json", "an older manifest");
  EXPECT_EQ(make(), digest);
  const auto manifest = read(*store_, digest);
  ASSERT_TRUE(manifest);
  auto reversed = *manifest;
  reversed.provenance.params = json::Value();
  reversed.provenance.params.set("as_of", "2001-04-01").set("rounds", 200);
  EXPECT_EQ(Digest::of(canonical(reversed)), digest);
}

TEST_F(Bundle, UnpacksToAFolderThatVerifies) {
  const auto folder = unpacked();
  EXPECT_EQ(os::read_file(folder + "/notes/why.txt"), "because");
  const auto manifest = verify_folder(folder);
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->model, "flights");
  EXPECT_EQ(manifest->files.size(), 3U);
  EXPECT_EQ(manifest->provenance.run_id, "r1");
  EXPECT_TRUE(manifest->provenance.dirty);
  EXPECT_EQ(folder_digest(folder), make());
}

TEST_F(Bundle, NamesTheFileThatIsChangedMissingOrExtra) {
  const auto folder = unpacked();
  const auto expect = [&](std::string_view part, std::string_view file) {
    const auto verified = verify_folder(folder);
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().code, Code::DataLoss);
    EXPECT_NE(verified.error().message.find(part), std::string::npos) << verified.error().message;
    EXPECT_NE(verified.error().message.find(file), std::string::npos) << verified.error().message;
  };
  ASSERT_TRUE(os::write_file(folder + "/extra.txt", "x"));
  expect("extra", "extra.txt");
  ASSERT_TRUE(os::remove_all(folder + "/extra.txt"));
  ASSERT_TRUE(os::write_file(folder + "/signature.json", "[]"));
  expect("changed", "signature.json");
  ASSERT_TRUE(os::remove_all(folder + "/signature.json"));
  expect("missing", "signature.json");
  ASSERT_TRUE(os::write_file(folder + "/bundle.json", "{}"));
  expect("names no model", "bundle.json");
}

TEST_F(Bundle, FindsADamagedObject) {
  const auto digest = make();
  const auto object = store_->path_of(Digest::of("trees"));
  ASSERT_TRUE(os::remove_all(object));
  ASSERT_TRUE(os::write_file(object, "treez"));
  const auto unpacked = unpack(*store_, digest, path("out"));
  ASSERT_FALSE(unpacked);
  EXPECT_EQ(unpacked.error().code, Code::DataLoss);
  EXPECT_FALSE(os::exists(path("out")));
}

TEST_F(Bundle, RefusesPathsThatLeaveTheFolder) {
  for (const auto* bad : {"../a", "/a", "a//b", "a/./b", "a/../b", "", "bundle.json", "a\\b"}) {
    Manifest manifest{.model = "m", .files = {{bad, std::string(64, '0'), 1}}};
    const auto parsed = parse(canonical(manifest));
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, Code::DataLoss);
  }
  Manifest twice{.model = "m", .files = {{"a", std::string(64, '0'), 1}, {"a", std::string(64, '0'), 1}}};
  EXPECT_FALSE(parse(canonical(twice)));
  EXPECT_FALSE(parse("{"));
  EXPECT_FALSE(parse(R"({"format":1,"model":"m","filez":[]})"));
  EXPECT_EQ(parse(R"({"format":2,"model":"m","files":[],"provenance":{}})").error().code, Code::Unimplemented);
}

TEST_F(Bundle, RefusesAnEmptyFolderAndANamelessModel) {
  ASSERT_TRUE(os::make_folders(path("empty")));
  EXPECT_EQ(create(*store_, path("empty"), "m", {}).error().code, Code::InvalidArgument);
  EXPECT_EQ(create(*store_, path("model"), "", {}).error().code, Code::InvalidArgument);
  EXPECT_EQ(read(*store_, Digest::of("nothing")).error().code, Code::NotFound);
}

}  // namespace
}  // namespace fettle::bundle
