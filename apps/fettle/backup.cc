// `fettle backup create|verify|list`: copies of a live server in a folder.
#include "transfer/backup.h"

#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "http/client.h"
#include "json/describe.h"
#include "os/file.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kNounHelp = "Copies of a live server, to restore it from";
constexpr std::string_view kBackupsRoute = "/api/fettle/v1/backups";

struct BackupOptions {
  std::string folder, server, name;
  bool no_artifacts = false;
};

// One backup on its way from the server into a folder.
class Fetch {
 public:
  Fetch(Output& output, http::Client client, std::string server, std::string folder)
      : output_(output), client_(std::move(client)), server_(std::move(server)), folder_(std::move(folder)) {}

  Result<void> run(bool artifacts) {
    FETTLE_TRY_(os::make_folders(folder_ + "/events"));
    FETTLE_TRY(const auto alone, os::FileLock::acquire(folder_ + "/lock"));
    FETTLE_TRY_(remove_leftovers());
    FETTLE_TRY(objects_, blob::Store::open(folder_ + "/objects"));
    FETTLE_TRY_(objects_->remove_leftovers());
    FETTLE_TRY(const auto begun,
               client::post(client_, server_, kBackupsRoute, json::dump(json::Value().set("artifacts", artifacts))));
    id_ = begun.text_or("id");
    FETTLE_TRY(manifest_, json::from_value<transfer::Manifest>(*begun.find("manifest"), "answer"));
    name_ = text::rfc3339(manifest_.created_ms);
    std::erase(name_, ':');
    const auto done = fetch_all();
    static_cast<void>(client::remove(server_, text::format("{}/{}", kBackupsRoute, id_)));
    FETTLE_TRY_(done);
    return transfer::write_manifest(folder_, name_, manifest_);
  }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const transfer::Manifest& manifest() const { return manifest_; }
  std::uint64_t copied = 0, copied_bytes = 0;

 private:
  // Of backups that were cut off: they have no manifest. Objects that came stay.
  Result<void> remove_leftovers() {
    FETTLE_TRY(const auto names, os::list_names(folder_));
    FETTLE_TRY(const auto whole, transfer::list_backups(folder_));
    for (const auto& name : names) {
      const bool part = name.contains(".dump") || std::ranges::any_of(transfer::kKeyFiles, [&](std::string_view key) {
                          return name.contains("." + std::string(key));
                        });
      const bool of_whole = std::ranges::any_of(whole, [&](const auto& each) { return name.starts_with(each + "."); });
      if (part && !of_whole) FETTLE_TRY_(os::remove_all(folder_ + "/" + name));
    }
    return os::remove_all(folder_ + "/incoming");
  }

  Result<void> fetch_all() {
    manifest_.dump.path = name_ + ".dump";
    FETTLE_TRY_(os::make_folders(folder_ + "/incoming"));
    FETTLE_TRY_(fetch("dump", folder_ + "/" + manifest_.dump.path, manifest_.dump));
    for (const auto& key : manifest_.keys)
      FETTLE_TRY_(fetch("keys/" + key.path, transfer::key_path(folder_, manifest_, key.path), key));
    for (const auto& object : manifest_.objects) FETTLE_TRY_(fetch_object(object));
    for (const auto& file : manifest_.events) {
      const auto to = folder_ + "/events/" + file.path;
      const auto there = transfer::digest_of_start(to, file.size);
      if (there && *there == file.sha256) continue;
      FETTLE_TRY_(os::make_folders(to.substr(0, to.rfind('/'))));
      FETTLE_TRY_(fetch("events/" + file.path, to, file));
    }
    output_.progress_done();
    return os::remove_all(folder_ + "/incoming");
  }

  Result<void> fetch_object(const transfer::BackupObject& object) {
    output_.progress("objects", static_cast<double>(++seen_) / static_cast<double>(manifest_.objects.size()),
                     text::format("{} new, {}", text::human_count(copied), text::human_bytes(copied_bytes)));
    const auto digest = Digest::parse(object.sha256);
    if (!digest) return fail(Code::DataLoss, "the server named an object without a digest");
    if (objects_->has(*digest)) return {};
    const auto incoming = folder_ + "/incoming/object";
    FETTLE_TRY_(fetch("objects/" + object.sha256, incoming, {"", object.size, object.sha256}));
    const std::vector<std::string> files{incoming};
    FETTLE_TRY_(objects_->put_files(files, blob::Keep::No));
    ++copied;
    copied_bytes += object.size;
    return os::remove_all(incoming);
  }

  // Verified by what the manifest says of it, and durable.
  Result<void> fetch(const std::string& what, const std::string& to, const transfer::BackupFile& expected) {
    const auto part = folder_ + "/incoming/part";
    FETTLE_TRY(const auto response, client_.download(text::format("{}/{}/{}", kBackupsRoute, id_, what), part));
    if (response.status != 200)
      return fail(Code::Unavailable,
                  text::format("the server answered {} to {}; run the same command again", response.status, what));
    FETTLE_TRY(const auto digest, transfer::digest_of_start(part, expected.size));
    if (digest == expected.sha256) return os::move_file(part, to);
    return fail(Code::DataLoss,
                text::format("{} came with other bytes than its digest says; run the same command again", what));
  }

  Output& output_;
  http::Client client_;
  std::string server_, folder_, id_, name_;
  std::unique_ptr<blob::Store> objects_;
  transfer::Manifest manifest_;
  std::uint64_t seen_ = 0;
};

Result<void> create(Output& output, const BackupOptions& options) {
  const auto server = client::server_url(options.server);
  FETTLE_TRY(auto client, client::connect(server));
  ::umask(0077);  // dump and keys are secret, artifacts may be: what is made here is its owner's alone, objects by
                  // their folder
  Fetch fetch(output, std::move(client), server, options.folder);
  FETTLE_TRY_(fetch.run(!options.no_artifacts));
  const auto& manifest = fetch.manifest();
  json::Value document;
  document.set("name", fetch.name()).set("rows", manifest.rows).set("objects", manifest.objects.size());
  document.set("new_objects", fetch.copied).set("new_bytes", fetch.copied_bytes);
  document.set("artifacts", manifest.artifacts).set("left_out", manifest.left_out);
  output.document(document);
  output.line(text::format("backup {} in '{}': {} rows, {} objects, of which {} new ({})", fetch.name(), options.folder,
                           text::human_count(manifest.rows), text::human_count(manifest.objects.size()),
                           text::human_count(fetch.copied), text::human_bytes(fetch.copied_bytes)));
  if (!manifest.artifacts)
    output.line(text::format("without artifacts: {} objects were left out, keep the artifact store yourself",
                             text::human_count(manifest.left_out)));
  return {};
}

Result<void> list(Output& output, const BackupOptions& options) {
  FETTLE_TRY(const auto names, transfer::list_backups(options.folder));
  json::Value document = json::Value::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& name : names) {
    FETTLE_TRY(const auto manifest, transfer::read_manifest(options.folder, name));
    document.push(json::Value()
                      .set("name", name)
                      .set("rows", manifest.rows)
                      .set("objects", manifest.objects.size())
                      .set("artifacts", manifest.artifacts)
                      .set("left_out", manifest.left_out));
    rows.push_back({name, manifest.program, std::to_string(manifest.rows), std::to_string(manifest.objects.size()),
                    manifest.artifacts ? "yes" : text::format("{} left out", manifest.left_out)});
  }
  output.document(document);
  if (rows.empty())
    output.line("no backups");
  else
    output.table({"backup", "program", "rows", "objects", "artifacts"}, rows);
  return {};
}

Result<void> verify(Output& output, const BackupOptions& options) {
  FETTLE_TRY(const auto manifest, transfer::read_manifest(options.folder, options.name));
  const auto wrong = transfer::verify_backup(options.folder, manifest, [&](std::uint64_t done, std::uint64_t total) {
    output.progress("verified", static_cast<double>(done) / static_cast<double>(total), "");
  });
  output.progress_done();
  if (!wrong) return fail(wrong.error());
  json::Value document;
  document.set("rows", manifest.rows).set("objects", manifest.objects.size()).set("wrong", json::to_value(*wrong));
  output.document(document);
  for (const auto& words : *wrong) output.line(words);
  if (!wrong->empty())
    return fail(Code::DataLoss, text::format("{} parts of the backup are damaged; make a new one", wrong->size()));
  output.line(text::format("whole: {} rows, {} objects, {} event segments", text::human_count(manifest.rows),
                           text::human_count(manifest.objects.size()), manifest.events.size()));
  return {};
}

}  // namespace

void add_backup_verbs(Program& program) {
  auto options = std::make_shared<BackupOptions>();
  auto make = program.verb("backup", kNounHelp, "create", "Back up a live server; later backups copy only what is new");
  make.argument("FOLDER", options->folder, "Where backups are kept; made if missing");
  make.option("--server", options->server, client::kServerHelp);
  make.flag("--no-artifacts", options->no_artifacts, "Leave the artifacts' bytes out; the manifest says so");
  make.examples("  fettle backup create /backups/fettle");
  make.action([options](Output& output) { return create(output, *options); });
  auto check = program.verb("backup", kNounHelp, "verify", "Read all of a backup and compare it with its manifest");
  check.argument("FOLDER", options->folder, "Where backups are kept");
  check.argument("NAME", options->name, "Which one; by default the newest", false);
  check.examples("  fettle backup verify /backups/fettle");
  check.action([options](Output& output) { return verify(output, *options); });
  auto all = program.verb("backup", kNounHelp, "list", "The backups in a folder, oldest first");
  all.argument("FOLDER", options->folder, "Where backups are kept");
  all.examples("  fettle backup list /backups/fettle");
  all.action([options](Output& output) { return list(output, *options); });
}

}  // namespace fettle::cli
