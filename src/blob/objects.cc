#include "blob/objects.h"

#include "base/text.h"

namespace fettle::blob {
namespace {

class VerifiedReader final : public Reader {
 public:
  VerifiedReader(std::unique_ptr<Reader> reader, const Digest& digest, std::uint64_t size)
      : reader_(std::move(reader)), digest_(digest), left_(size) {}

  Result<std::string> next(std::size_t limit) override {
    if (left_ == 0) return std::string();
    FETTLE_TRY(auto piece, reader_->next(limit));
    if (piece.empty() || piece.size() > left_) return damaged();
    hasher_.add(piece);
    left_ -= piece.size();
    if (left_ == 0 && hasher_.finish() != digest_) return damaged();
    return piece;
  }

 private:
  [[nodiscard]] std::unexpected<Error> damaged() const {
    return fail(
        Code::DataLoss,
        text::format("object {} is damaged: its bytes have another digest; restore it from a copy", digest_.hex()));
  }

  std::unique_ptr<Reader> reader_;
  Digest digest_;
  std::uint64_t left_;
  Hasher hasher_;
};

}  // namespace

std::unique_ptr<Reader> verified(std::unique_ptr<Reader> reader, const Digest& digest, std::uint64_t size) {
  return std::make_unique<VerifiedReader>(std::move(reader), digest, size);
}

}  // namespace fettle::blob
