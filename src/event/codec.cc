#include "event/codec.h"

#include <xxhash.h>

#include <bit>
#include <cstring>

namespace fettle::event {
namespace {

static_assert(std::endian::native == std::endian::little,
              "segments are little-endian; add byte swaps for this machine");

constexpr std::uint8_t kName = 1, kPrediction = 2, kOutcome = 3;
constexpr std::size_t kHead = sizeof(std::uint32_t) + 1;
constexpr std::size_t kChecksum = sizeof(std::uint64_t);

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

void put_frame(std::string& out, std::uint8_t type, std::string_view payload) {
  const auto begin = out.size();
  put(out, static_cast<std::uint32_t>(payload.size()));
  put(out, type);
  out += payload;
  put(out, XXH3_64bits(out.data() + begin, out.size() - begin));
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  T get() {
    T value{};
    if (bytes_.size() < sizeof value) ok_ = false;
    if (!ok_) return value;
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }
  std::string text() {
    const auto size = get<std::uint32_t>();
    if (size > bytes_.size()) ok_ = false;
    if (!ok_) return {};
    std::string out(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return out;
  }
  std::string name(const std::vector<std::string>& names) {
    const auto index = get<std::uint32_t>();
    if (index >= names.size()) ok_ = false;
    return ok_ ? names[index] : std::string();
  }
  // Number of elements of at least `size` bytes each that follow.
  std::uint32_t count(std::size_t size) {
    const auto n = get<std::uint32_t>();
    if (n > bytes_.size() / size) ok_ = false;
    return ok_ ? n : 0;
  }
  [[nodiscard]] bool done() const { return ok_ && bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace

std::uint32_t Encoder::name(std::string& out, const std::string& text) {
  const auto [found, is_new] = names_.try_emplace(text, static_cast<std::uint32_t>(names_.size()));
  if (is_new) put_frame(out, kName, text);
  return found->second;
}

void Encoder::append(std::string& out, const Event& event) {
  std::string payload;
  if (const auto* outcome = std::get_if<Outcome>(&event)) {
    put_text(payload, outcome->id);
    put(payload, outcome->time_ms);
    put(payload, outcome->label);
    return put_frame(out, kOutcome, payload);
  }
  const auto& p = std::get<Prediction>(event);
  put_text(payload, p.id);
  put(payload, p.time_ms);
  for (const auto* text : {&p.endpoint, &p.variant, &p.bundle}) put(payload, name(out, *text));
  put_text(payload, p.unit);
  put(payload, static_cast<std::uint32_t>(p.inputs.size()));
  for (const float input : p.inputs) put(payload, input);
  put(payload, static_cast<std::uint32_t>(p.texts.size()));
  for (const auto& text : p.texts) put_text(payload, text);
  put(payload, p.output);
  put(payload, p.latency_us);
  put_frame(out, kPrediction, payload);
}

std::optional<Frame> read_frame(std::string_view bytes) {
  if (bytes.size() < kHead + kChecksum) return std::nullopt;
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > kMaxFrame || bytes.size() < kHead + length + kChecksum) return std::nullopt;
  std::uint64_t checksum = 0;
  std::memcpy(&checksum, bytes.data() + kHead + length, sizeof checksum);
  if (checksum != XXH3_64bits(bytes.data(), kHead + length)) return std::nullopt;
  return Frame{static_cast<std::uint8_t>(bytes[4]), bytes.substr(kHead, length), kHead + length + kChecksum};
}

bool has_id(const Frame& frame, std::string_view id) noexcept {
  std::uint32_t length = 0;  // both kinds begin with the id
  if (is_definition(frame) || frame.payload.size() < sizeof length + id.size()) return false;
  std::memcpy(&length, frame.payload.data(), sizeof length);
  return length == id.size() && frame.payload.substr(sizeof length, length) == id;
}

bool is_definition(const Frame& frame) noexcept { return frame.type == kName; }

std::optional<Event> decode(const Frame& frame, std::vector<std::string>& names) {
  Reader reader(frame.payload);
  if (frame.type == kName) {
    names.emplace_back(frame.payload);
    return std::nullopt;
  }
  if (frame.type == kOutcome) {
    Outcome outcome{reader.text(), reader.get<std::int64_t>(), 0};
    outcome.label = reader.get<double>();
    return reader.done() ? std::optional<Event>(std::move(outcome)) : std::nullopt;
  }
  if (frame.type != kPrediction) return std::nullopt;
  Prediction p;
  p.id = reader.text();
  p.time_ms = reader.get<std::int64_t>();
  for (auto* text : {&p.endpoint, &p.variant, &p.bundle}) *text = reader.name(names);
  p.unit = reader.text();
  p.inputs.resize(reader.count(sizeof(float)));
  for (auto& input : p.inputs) input = reader.get<float>();
  p.texts.resize(reader.count(sizeof(std::uint32_t)));
  for (auto& text : p.texts) text = reader.text();
  p.output = reader.get<float>();
  p.latency_us = reader.get<float>();
  return reader.done() ? std::optional<Event>(std::move(p)) : std::nullopt;
}

}  // namespace fettle::event
