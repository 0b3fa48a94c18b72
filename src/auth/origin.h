// Whether a request may come from where a browser says it comes from. Pure.
//
// Two attacks of web pages on servers that trust their network: DNS rebinding, where a page's own name is made to point
// here, and forged requests from another site. So the Host must be an address, a name of this machine, or one that the
// operator allows; and a request that changes something must not come from another origin.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace fettle::auth {

struct OriginRules {
  std::vector<std::string> hosts;    // names beside addresses and localhost; '*' as in patterns; "*" allows any
  std::vector<std::string> origins;  // "https://portal.example.org"; "*" allows any
};

// PermissionDenied that says which option would allow it.
[[nodiscard]] Result<void> check_origin(const http::Request& request, const OriginRules& rules);
// A browser that is on this server's own page: for requests that a cookie speaks for.
[[nodiscard]] bool is_same_origin(const http::Request& request);

}  // namespace fettle::auth
