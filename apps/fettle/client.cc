#include "client.h"

#include <array>
#include <optional>
#include <utility>

#include "base/text.h"
#include "http/client.h"
#include "os/process.h"

namespace fettle::client {
namespace {

constexpr std::string_view kDefault = "http://127.0.0.1:5000";

std::optional<Code> code_named(std::string_view name) {
  for (int c = 0; c <= static_cast<int>(Code::Internal); ++c) {
    const auto& known = info(static_cast<Code>(c));
    if (name == known.name || name == known.mlflow_code) return static_cast<Code>(c);
  }
  return std::nullopt;
}

Code code_of_status(int status) {
  constexpr std::array<std::pair<int, Code>, 9> kCodes = {{{400, Code::InvalidArgument},
                                                           {401, Code::Unauthenticated},
                                                           {403, Code::PermissionDenied},
                                                           {404, Code::NotFound},
                                                           {409, Code::FailedPrecondition},
                                                           {429, Code::ResourceExhausted},
                                                           {501, Code::Unimplemented},
                                                           {503, Code::Unavailable},
                                                           {504, Code::DeadlineExceeded}}};
  for (const auto& [known, code] : kCodes)
    if (status == known) return code;
  return status < 500 ? Code::InvalidArgument : Code::Internal;
}

// Two shapes: {"error": {"code", "message"}} of Fettle's own API (or "error" as text), MLflow's {"error_code",
// "message"}.
Error error_of(const http::Response& response, const std::string& server, std::string_view path) {
  const auto body = json::parse(response.body);
  const json::Value nothing;
  const auto& whole = body ? *body : nothing;
  const auto* error = whole.find("error");
  const auto& told = error != nullptr && error->is_object() ? *error : whole;
  auto message = told.text_or("message", error != nullptr && error->is_string() ? error->as_string() : "");
  if (message.empty()) message = text::format("the server at {} answered {} to {}", server, response.status, path);
  const auto code = code_named(told.text_or("code", whole.text_or("error_code")));
  return {code.value_or(code_of_status(response.status)), std::move(message)};
}

std::string authorization() {
  for (const auto* name : {"FETTLE_TOKEN", "MLFLOW_TRACKING_TOKEN"})
    if (const auto token = os::environment(name); token && !token->empty()) return "Bearer " + *token;
  const auto user = os::environment("MLFLOW_TRACKING_USERNAME").value_or("");
  if (user.empty()) return "";
  return "Basic " + text::base64(user + ":" + os::environment("MLFLOW_TRACKING_PASSWORD").value_or(""));
}

Result<json::Value> read(const Result<http::Response>& response, const std::string& server, std::string_view path) {
  if (!response) return fail(response.error());
  if (response->status >= 400) return fail(error_of(*response, server, path));
  if (text::trim(response->body).empty()) return json::Value();
  auto value = json::parse(response->body, "answer");
  if (!value) return fail(value.error().within(text::format("server at {}, {}", server, path)));
  return value;
}

Result<json::Value> send(const std::string& server, http::Method method, std::string_view path,
                         const json::Value* body) {
  FETTLE_TRY(auto client, connect(server));
  return read(client.send(method, path, body == nullptr ? "" : json::dump(*body)), server, path);
}

}  // namespace

Result<http::Client> connect(const std::string& server) {
  return http::Client::create(
      server, {.authorization = authorization(), .ca_file = os::environment("FETTLE_CA_FILE").value_or("")});
}

std::string server_url(const std::string& option) {
  auto url = option;
  if (url.empty()) url = os::environment("FETTLE_SERVER").value_or("");
  if (url.empty()) url = os::environment("MLFLOW_TRACKING_URI").value_or("");
  if (option.empty() && !url.starts_with("http://") && !url.starts_with("https://")) url = kDefault;
  while (url.ends_with('/')) url.pop_back();
  return url;
}

Result<json::Value> get(const std::string& server, std::string_view path) {
  return send(server, http::Method::Get, path, nullptr);
}
Result<json::Value> post(const std::string& server, std::string_view path, const json::Value& body) {
  return send(server, http::Method::Post, path, &body);
}
Result<json::Value> put(const std::string& server, std::string_view path, const json::Value& body) {
  return send(server, http::Method::Put, path, &body);
}
Result<json::Value> patch(const std::string& server, std::string_view path, const json::Value& body) {
  return send(server, http::Method::Patch, path, &body);
}
Result<json::Value> remove(const std::string& server, std::string_view path) {
  return send(server, http::Method::Delete, path, nullptr);
}

Result<json::Value> post(http::Client& client, const std::string& server, std::string_view path,
                         std::string_view body) {
  return read(client.send(http::Method::Post, path, body), server, path);
}
Result<void> upload(http::Client& client, const std::string& server, std::string_view path, const std::string& file) {
  FETTLE_TRY_(read(client.upload(http::Method::Put, path, file), server, path));
  return {};
}
Result<json::Value> remove(const std::string& server, std::string_view path, const json::Value& body) {
  return send(server, http::Method::Delete, path, &body);
}

Result<bool> exists(const std::string& server, std::string_view path) {
  FETTLE_TRY(auto client, connect(server));
  FETTLE_TRY(const auto response, client.send(http::Method::Head, path));
  if (response.status < 400 || response.status == 404) return response.status != 404;
  return fail(error_of(response, server, path));
}

Result<json::Value> upload(const std::string& server, std::string_view path, const std::string& file) {
  FETTLE_TRY(auto client, connect(server));
  return read(client.upload(http::Method::Put, path, file), server, path);
}

Result<void> download(const std::string& server, std::string_view path, const std::string& file) {
  FETTLE_TRY(auto client, connect(server));
  return download(client, server, path, file);
}
Result<void> download(http::Client& client, const std::string& server, std::string_view path, const std::string& file) {
  FETTLE_TRY(const auto response, client.download(path, file));
  if (response.status >= 400) return fail(error_of(response, server, path));
  return {};
}

}  // namespace fettle::client
