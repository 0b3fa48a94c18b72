// Where artifacts lie in the source, and where they are to lie here.
//
// What Fettle stores itself is "mlflow-artifacts:/<path>". Locations that only the source's machine can reach (file:,
// plain paths) become such ones; other schemes (s3:, gs: ...) stay, since clients reach them by themselves, unless s3:
// is to be copied too. Pure, except for LocalFiles.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "transfer/source.h"

namespace fettle::transfer {

enum class Place : std::uint8_t { Proxied, Local, Elsewhere };
[[nodiscard]] Place place_of(std::string_view uri);
// The path of a file: URI or a plain path; percent-decoded.
[[nodiscard]] std::string local_path(std::string_view uri);
// The part below mlflow-artifacts:/ (a host is dropped); nullopt for other schemes.
[[nodiscard]] std::optional<std::string> proxied_path(std::string_view uri);

// Which artifacts come here. Own: those that only the source's machine or server can reach. WithS3: those of s3: too.
enum class Copying : std::uint8_t { None, Own, WithS3 };

class Locations {  // Remembers what it has changed, so that what refers to it changes too.
 public:
  explicit Locations(Copying copying) noexcept : copying_(copying) {}
  void map(ExperimentRecord& record);
  void map(RunRecord& record);
  void map(ModelRecord& record);
  void map(RegisteredRecord& record);

 private:
  [[nodiscard]] std::string moved(const std::string& uri, const std::string& to);
  [[nodiscard]] std::string follow(const std::string& uri) const;
  [[nodiscard]] bool stays(const std::string& uri) const;
  Copying copying_;
  std::map<std::string, std::string> prefixes_;  // "file:///x/mlruns/1" -> "mlflow-artifacts:/1"
};

// Artifacts on this machine. `proxied`: the folder behind mlflow-artifacts:/, empty if unknown (then its files are an
// error that says so). `root`: an mlruns folder, which may have been moved since the URIs in it were written; or empty.
[[nodiscard]] std::unique_ptr<Files> local_files(std::string proxied, std::string root);

}  // namespace fettle::transfer
