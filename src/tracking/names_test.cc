#include "tracking/names.h"

#include <gtest/gtest.h>

#include "tracking/artifacts.h"

namespace fettle::tracking {
namespace {

TEST(CheckKey, TakesNamesThatAreTheirOwnPaths) {
  for (const auto* key : {"a", "a/b", "a.b-c d:e_f", "größe", "0", "mlflow.runName"})
    EXPECT_TRUE(check_key("key", key)) << key;
  for (const auto* key : {"", ".", "..", "../a", "a/..", "a//b", "/a", "a/", "./a", "a\\b", "a;b", "a\nb", "a\xff"})
    EXPECT_EQ(check_key("key", key).error().code, Code::InvalidArgument) << key;
  EXPECT_TRUE(check_key("key", std::string(kMaxKey, 'x')));
  EXPECT_FALSE(check_key("key", std::string(kMaxKey + 1, 'x')));
}

TEST(CheckKey, NamesTheParameterAndTheNormalisedPath) {
  EXPECT_EQ(check_key("metrics[3].key", "a//b").error().message,
            "Invalid value \"a//b\" for parameter 'metrics[3].key' supplied: Names may be treated as files in certain "
            "cases, and must not resolve to other names when treated as such. This name would resolve to 'a/b'");
}

TEST(Cut, NeverSplitsACharacter) {
  EXPECT_EQ(cut("abc", 2), "ab");
  EXPECT_EQ(cut("aä", 2), "a");
  EXPECT_EQ(cut("äö", 2), "ä");
  EXPECT_EQ(cut("ä", 1), "");
}

TEST(CleanArtifactPath, KeepsHonestPaths) {
  EXPECT_EQ(*clean_artifact_path("a/b.txt"), "a/b.txt");
  EXPECT_EQ(*clean_artifact_path("a//./b/"), "a/b");
  EXPECT_EQ(*clean_artifact_path("a..b/..c/c.."), "a..b/..c/c..");
  EXPECT_EQ(*clean_artifact_path("100%/ä ö"), "100%/ä ö");
  EXPECT_EQ(*clean_artifact_path("a%20b"), "a%20b");
}

TEST(CleanArtifactPath, RefusesWhatCouldClimbOut) {
  using std::string_view_literals::operator""sv;
  for (const auto path : {""sv,
                          "."sv,
                          "/"sv,
                          ".."sv,
                          "a/.."sv,
                          "../a"sv,
                          "/etc/passwd"sv,
                          "%2fetc"sv,
                          "%2e%2e/a"sv,
                          "%252e%252e/a"sv,
                          "%25252e%25252e/a"sv,
                          "a%2f..%2fb"sv,
                          "a\\b"sv,
                          "a%5cb"sv,
                          "C:/a"sv,
                          "c:a"sv,
                          "file:a"sv,
                          "FILE:///a"sv,
                          "a#b"sv,
                          "a%23b"sv,
                          "a\nb"sv,
                          "a\0b"sv,
                          "a%00b"sv,
                          "\xff"sv})
    EXPECT_EQ(clean_artifact_path(path).error().code, Code::InvalidArgument) << path;
}

TEST(ArtifactPathOf, FindsOurOwnTree) {
  EXPECT_EQ(artifact_path_of("mlflow-artifacts:/0/r/artifacts"), "0/r/artifacts");
  EXPECT_EQ(artifact_path_of("mlflow-artifacts:///0/r"), "0/r");
  EXPECT_EQ(artifact_path_of("mlflow-artifacts://host:5000/0/r"), "0/r");
  EXPECT_EQ(artifact_path_of("mlflow-artifacts://host/api/2.0/mlflow-artifacts/artifacts/0/r"), "0/r");
  EXPECT_EQ(artifact_path_of("s3://bucket/0/r"), std::nullopt);
}

}  // namespace
}  // namespace fettle::tracking
