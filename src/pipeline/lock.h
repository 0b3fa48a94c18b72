// What a step's result depends on, and fettle.lock, which remembers it for every step with the digests of its outs.
//
// A step's key is the SHA-256 of the canonical JSON (keys sorted) of all that its result may depend on: what it runs,
// its `with`, the settings it reads, the digests of data and deps, the names of its outs, and the server if it talks to
// one. Content decides, never times or names of snapshots.
// A content digest is 64 hex digits; that of a folder (over its files' paths and digests) has a '/' at the end.
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "json/value.h"
#include "pipeline/graph.h"

namespace fettle::pipeline {

using Digests = std::map<std::string, std::string>;  // path or name -> digest

struct Inputs {
  std::string run;     // "train_xgboost 1" (built-in, version) or the command's words as JSON
  json::Value with;    // an object
  Digests settings;    // section of fettle.yaml -> digest of what it says
  Digests data;        // snapshot's name -> digest
  Digests deps;        // path -> digest
  std::string server;  // of a step that talks to one
  bool operator==(const Inputs&) const = default;
};
BOOST_DESCRIBE_STRUCT(Inputs, (), (run, with, settings, data, deps, server))

[[nodiscard]] std::string key_of(const Inputs& inputs, const std::vector<std::string>& outs);
[[nodiscard]] std::string canonical(const json::Value& value);  // keys of objects sorted, no white space between

struct Record {  // one step in the lock
  std::string key;
  Inputs inputs;
  Digests outs;
  bool operator==(const Record&) const = default;
};
BOOST_DESCRIBE_STRUCT(Record, (), (key, inputs, outs))

struct Lock {
  int format = 1;
  std::map<std::string, Record> steps;
  bool operator==(const Lock&) const = default;
};
BOOST_DESCRIBE_STRUCT(Lock, (), (format, steps))

// fettle.lock of a project. A memo beside the cache holds the same in a form that is read ten times as fast; it counts
// only while it names the digest of the lock file's bytes.
class LockFile {
 public:
  explicit LockFile(const std::string& project);
  // A missing file is an empty lock. InvalidArgument for a broken one, with line and what to do.
  [[nodiscard]] Result<Lock> load();
  // Writes the records of `pipeline`'s steps, in its order, and no others; nothing if that is what was loaded.
  [[nodiscard]] Result<void> save(const Lock& lock, const Pipeline& pipeline);

 private:
  [[nodiscard]] bool load_memo(const std::string& digest);
  [[nodiscard]] Result<void> save_memo(const std::string& digest) const;

  std::string path_, memo_;
  Lock loaded_;
};

}  // namespace fettle::pipeline
