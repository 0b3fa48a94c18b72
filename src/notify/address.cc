#include "notify/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace fettle::notify {
namespace {

constexpr std::size_t kMaxUrl = 2048;

struct Network4 {
  std::uint32_t address;
  int bits;
};
constexpr std::uint32_t ip4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24U | b << 16U | c << 8U | d;
}
constexpr std::array<Network4, 17> kNotPublic4{{{ip4(0, 0, 0, 0), 8},
                                                {ip4(10, 0, 0, 0), 8},
                                                {ip4(100, 64, 0, 0), 10},
                                                {ip4(127, 0, 0, 0), 8},
                                                {ip4(169, 254, 0, 0), 16},
                                                {ip4(172, 16, 0, 0), 12},
                                                {ip4(192, 0, 0, 0), 24},
                                                {ip4(192, 0, 2, 0), 24},
                                                {ip4(192, 88, 99, 0), 24},
                                                {ip4(192, 168, 0, 0), 16},
                                                {ip4(198, 18, 0, 0), 15},
                                                {ip4(198, 51, 100, 0), 24},
                                                {ip4(203, 0, 113, 0), 24},
                                                {ip4(224, 0, 0, 0), 4},
                                                {ip4(240, 0, 0, 0), 4},
                                                {ip4(255, 255, 255, 255), 32},
                                                {ip4(168, 63, 129, 16), 32}}};  // a cloud's own services

bool is_public4(std::uint32_t address) {
  return std::ranges::none_of(kNotPublic4, [&](const Network4& network) {
    const auto mask = ~std::uint32_t{0} << static_cast<unsigned>(32 - network.bits);
    return (address & mask) == network.address;
  });
}

using Bytes = std::array<std::uint8_t, 16>;
std::uint32_t four(const Bytes& ip, std::size_t at) { return ip4(ip[at], ip[at + 1], ip[at + 2], ip[at + 3]); }

std::optional<std::uint32_t> embedded(const Bytes& ip) {
  const bool zeros = std::all_of(ip.begin(), ip.begin() + 10, [](std::uint8_t byte) { return byte == 0; });
  if (zeros && four(ip, 8) == 0xFFFF) return four(ip, 12);                                     // ::ffff:a.b.c.d
  if (ip[0] == 0x20 && ip[1] == 0x02) return four(ip, 2);                                      // 6to4
  if (four(ip, 0) == 0x0064FF9B && four(ip, 4) == 0 && four(ip, 8) == 0) return four(ip, 12);  // NAT64
  return std::nullopt;
}

bool is_public6(const Bytes& ip) {
  if (const auto inner = embedded(ip)) return is_public4(*inner);
  if ((ip[0] & 0xE0U) != 0x20) return false;  // only 2000::/3 is global unicast
  const auto head = four(ip, 0);
  if (head == 0x20010DB8 || (head & 0xFFFFFE00U) == 0x20010000) return false;  // examples; protocols, Teredo
  return (head & 0xFFFFF000U) != 0x3FFF0000;                                   // examples
}

bool is_word(char c) {
  return c != ' ' && static_cast<unsigned char>(c) > 0x20 && c != '\x7f' && c != '\\' && c != '"';
}

std::unexpected<Error> bad(std::string_view url, std::string_view why) {
  return fail(Code::InvalidArgument, text::format("Invalid webhook URL '{}': {}", url, why));
}

struct Authority {
  std::string host, port;
};
std::optional<Authority> split_authority(std::string_view text) {
  const auto bracket = text.starts_with('[') ? text.find(']') : std::string_view::npos;
  if (text.starts_with('[') && bracket == std::string_view::npos) return std::nullopt;
  const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const auto host = text.substr(0, colon);
  const auto port = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  const auto number = text::parse_int(port);
  if (host.empty() || (!port.empty() && (!number || *number < 1 || *number > 65535))) return std::nullopt;
  return Authority{std::string(host), std::string(port)};
}

// Digits and dots that are no address in the usual form ("127.1", "0177.0.0.1") would still reach one.
bool is_numeric(std::string_view host) {
  return host.starts_with("0x") || std::ranges::all_of(host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}
bool is_ip(std::string_view host) {
  Bytes buffer{};
  const std::string text(host);
  return inet_pton(AF_INET, text.c_str(), buffer.data()) == 1 || inet_pton(AF_INET6, text.c_str(), buffer.data()) == 1;
}

Result<void> check_host(std::string_view url, std::string_view host, const Reach& reach) {
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  if ((is_numeric(host) || host.find(':') != std::string_view::npos) && !is_ip(host))
    return bad(url, text::format("host '{}' is no IP address in its usual form", host));
  if (reach.private_addresses) return {};
  auto lower = text::lower(host);
  if (lower.ends_with('.')) lower.pop_back();
  if (lower == "localhost" || lower.ends_with(".localhost") || (is_ip(host) && !is_public(host)))
    return bad(
        url,
        text::format("'{}' is not a public address; a server that runs with --webhook-allow-private takes it", host));
  return {};
}

}  // namespace

bool is_public(std::string_view ip) noexcept {
  Bytes bytes{};
  const std::string text(ip.substr(0, ip.find('%')));
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return is_public4(four(bytes, 0));
  return inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1 && is_public6(bytes);
}

Result<Url> parse_url(std::string_view url, const Reach& reach) {
  if (text::trim(url).empty()) return fail(Code::InvalidArgument, "Webhook URL cannot be empty or just whitespace");
  if (url.size() > kMaxUrl || !std::ranges::all_of(url, is_word))
    return bad(url.substr(0, 100), "at most 2048 printable characters without blanks");
  const auto colon = url.find("://");
  const auto scheme = text::lower(url.substr(0, colon == std::string_view::npos ? url.find(':') : colon));
  if (colon == std::string_view::npos || (scheme != "https" && !(scheme == "http" && reach.http)))
    return fail(Code::InvalidArgument, text::format("Invalid webhook URL scheme: '{}'. Allowed schemes are: {}.",
                                                    scheme, reach.http ? "http, https" : "https"));
  const auto rest = url.substr(colon + 3);
  const auto end = std::min(rest.find_first_of("/?#"), rest.size());
  const auto authority = split_authority(rest.substr(0, end));
  if (rest.substr(0, end).find('@') != std::string_view::npos) return bad(url, "it must not hold a user or password");
  if (!authority) return bad(url, "write https://HOST[:PORT]/PATH");
  if (rest.find('#') != std::string_view::npos) return bad(url, "it must not have a fragment");
  FETTLE_TRY_(check_host(url, authority->host, reach));
  const auto port = authority->port.empty() ? (scheme == "https" ? "443" : "80") : authority->port;
  const auto target = rest.substr(end);
  return Url{text::format("{}://{}:{}", scheme, authority->host, port),
             text::format("{}{}", target.starts_with('/') ? "" : "/", target)};
}

}  // namespace fettle::notify
