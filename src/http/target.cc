#include "http/target.h"

#include <optional>

#include "base/text.h"
#include "http/client.h"

namespace fettle::http {
namespace {

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') return (c | 0x20) - 'a' + 10;
  return -1;
}

std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = nibble(text[i + 1]);
    const int low = nibble(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool escapes(std::string_view path) {
  if (path.find('\0') != std::string_view::npos || path.find('\\') != std::string_view::npos) return true;
  for (const auto& segment : text::split(path, '/'))
    if (segment == "..") return true;
  return false;
}

}  // namespace

Result<Target> parse_target(std::string_view target) {
  const auto question = target.find('?');
  auto path = decode(target.substr(0, question), false);
  if (!path || !path->starts_with('/')) return fail(Code::InvalidArgument, "the request's path is not well encoded");
  if (escapes(*path)) return fail(Code::InvalidArgument, "Invalid path: '..', backslash and NUL are not allowed in it");
  Target out{*std::move(path), {}};
  if (question == std::string_view::npos) return out;
  for (const auto& part : text::split(target.substr(question + 1), '&')) {
    if (part.empty()) continue;
    const auto equals = part.find('=');
    auto key = decode(std::string_view(part).substr(0, equals), true);
    auto value = equals == std::string::npos ? std::optional(std::string())
                                             : decode(std::string_view(part).substr(equals + 1), true);
    if (!key || !value) return fail(Code::InvalidArgument, "the request's query is not well encoded");
    out.query.emplace_back(*std::move(key), *std::move(value));
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos)
      out += c;
    else
      out += text::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return out;
}

}  // namespace fettle::http
