// Bundles: the immutable unit of deployment, named by the digest of its manifest.
//
// A bundle is a set of files in a blob store (model.ubj, signature.json, profile.json, verdict.json, ...) and a
// manifest that names each by path, size and digest, beside where the model came from. The manifest is canonical JSON
// without a clock, so equal content has an equal digest on every machine. The grammar is docs/formats/bundle.md.
//
// Invariants: (1) a manifest's paths are relative, sorted, unique and stay inside the folder; (2) the manifest is
// stored after all of its files, so a bundle that can be read is whole.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "blob/store.h"
#include "json/value.h"

namespace fettle::bundle {

struct File {
  std::string path;    // relative, '/' between parts
  std::string digest;  // SHA-256, 64 hex digits
  std::uint64_t size = 0;
};
BOOST_DESCRIBE_STRUCT(File, (), (path, digest, size))

struct Named {
  std::string name, digest;
};
BOOST_DESCRIBE_STRUCT(Named, (), (name, digest))

struct Provenance {                     // Where a model came from. Empty members are not known.
  std::string project, run_id, commit;  // commit: of the project's git repository
  bool dirty = false;                   // the working tree differed from the commit
  std::vector<Named> snapshots, steps;  // data snapshots and pipeline steps by digest
  json::Value params;                   // an object, or null
};
BOOST_DESCRIBE_STRUCT(Provenance, (), (project, run_id, commit, dirty, snapshots, steps, params))

struct Manifest {
  int format = 1;
  std::string model;
  std::vector<File> files;
  Provenance provenance;
};
BOOST_DESCRIBE_STRUCT(Manifest, (), (format, model, files, provenance))

inline constexpr std::string_view kManifestFile = "bundle.json";  // the manifest's name in an unpacked folder

// The manifest's canonical bytes: keys sorted, one space after ',' and ':'. Their SHA-256 is the bundle's digest.
[[nodiscard]] std::string canonical(const Manifest& manifest);
// DataLoss if the bytes are no manifest, or break invariant (1).
[[nodiscard]] Result<Manifest> parse(std::string_view bytes);

// Stores every file below `folder` (but an old manifest) and the manifest; returns the bundle's digest.
// InvalidArgument if the folder is empty, holds a symbolic link, or `model` is empty.
[[nodiscard]] Result<Digest> create(blob::Store& store, const std::string& folder, const std::string& model,
                                    const Provenance& provenance);
[[nodiscard]] Result<Manifest> read(const blob::Store& store, const Digest& digest);
// Writes the files and bundle.json below `folder`, which is made; all or nothing when it did not exist before.
[[nodiscard]] Result<void> unpack(const blob::Store& store, const Digest& digest, const std::string& folder);
// Checks an unpacked folder against its bundle.json. DataLoss names the file that is changed, missing or extra.
[[nodiscard]] Result<Manifest> verify_folder(const std::string& folder);
// Digest of an unpacked folder's bundle.json.
[[nodiscard]] Result<Digest> folder_digest(const std::string& folder);

}  // namespace fettle::bundle
