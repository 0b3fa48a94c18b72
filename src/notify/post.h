// One request to a receiver, signed as MLflow signs, and what came of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "notify/webhooks.h"

namespace fettle::notify {

struct Message {
  std::string webhook, url;
  std::string id;  // of the delivery
  std::string body;
};

struct Answer {
  std::optional<int> status;  // none: no answer, see `error`
  std::string body;           // of the answer, its beginning
  std::string error;          // why there is none, in words
  bool forbidden = false;     // the address may not be asked
  std::int64_t retry_after_ms = 0;
};

// Waits ten seconds at most. A name is resolved once, and what it resolves to must be within the webhooks' reach.
[[nodiscard]] Answer post(const Webhooks& webhooks, const Message& message, std::int64_t now_ms);

// "v1,<base64 of HMAC-SHA256 of "id.timestamp.body">"
[[nodiscard]] std::string signature(std::string_view secret, std::string_view id, std::string_view timestamp,
                                    std::string_view body);
// Seconds or a date, as HTTP has it; 0 if it is neither.
[[nodiscard]] std::int64_t parse_retry_after(std::string_view value, std::int64_t now_ms);

}  // namespace fettle::notify
