#include "base/text.h"
#include "blob/tree.h"
#include "os/file.h"

namespace fettle::blob {
namespace {

std::string key_of(const Digest& digest) {
  const auto hex = digest.hex();
  return hex.substr(0, 2) + "/" + hex.substr(2);
}

ObjectInfo info_of(const Digest& digest, const TreeEntry& entry) { return {digest, entry.size, entry.modified_ms}; }

}  // namespace

// Bytes that are there already are sent again: only so does the store renew their time.
Result<ObjectInfo> TreeObjects::put_files(std::span<const std::string> files, Keep) {
  FETTLE_TRY(const auto content, os::digest_files(files));
  FETTLE_TRY_(tree_->write(key_of(content.digest), files));
  FETTLE_TRY(const auto found, find(content.digest));
  if (!found || found->size != content.size)
    return fail(Code::Unavailable, text::format("object {} was stored, but the store does not have it whole; try again",
                                                content.digest.hex()));
  return *found;
}

Result<std::optional<ObjectInfo>> TreeObjects::find(const Digest& digest) const {
  FETTLE_TRY(const auto found, tree_->find(key_of(digest)));
  return found && !found->is_folder ? std::optional(info_of(digest, *found)) : std::nullopt;
}

Result<std::unique_ptr<Reader>> TreeObjects::read(const Digest& digest, std::uint64_t offset) const {
  return tree_->read(key_of(digest), offset);
}

Result<void> TreeObjects::visit(const std::function<bool(const ObjectInfo&)>& each) const {
  FETTLE_TRY(const auto folders, tree_->list(""));
  for (const auto& folder : folders) {
    if (!folder.is_folder || folder.name.size() != 2) continue;
    FETTLE_TRY(const auto entries, tree_->list(folder.name));
    for (const auto& entry : entries) {
      const auto digest = Digest::parse(folder.name + entry.name);
      if (digest && !entry.is_folder && !each(info_of(*digest, entry))) return {};
    }
  }
  return {};
}

Result<bool> TreeObjects::remove(const Digest& digest, std::int64_t unused_since_ms) {
  FETTLE_TRY(const auto found, find(digest));
  if (!found || found->used_ms >= unused_since_ms) return false;
  FETTLE_TRY_(tree_->remove(key_of(digest)));
  return true;
}

}  // namespace fettle::blob
