// Where a webhook may point to: by default https and public addresses only, so that nobody can make the server ask
// what only the server can reach. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fettle::notify {

struct Reach {  // what the server's owner allows beyond that
  bool http = false;
  bool private_addresses = false;
};

struct Url {
  std::string base;    // "https://host:443"
  std::string target;  // "/path?query"
};
// InvalidArgument unless it is an absolute URL without user and fragment, within `reach` as far as the text tells: an
// address written as such must be public, "localhost" is not. What a name resolves to is checked when connecting.
[[nodiscard]] Result<Url> parse_url(std::string_view url, const Reach& reach);

// Globally reachable unicast (IANA's special-purpose registries); an IPv4 address inside an IPv6 one counts as itself.
[[nodiscard]] bool is_public(std::string_view ip) noexcept;

}  // namespace fettle::notify
