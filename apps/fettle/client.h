// Asking a Fettle server from the command line: one call a request, JSON in and out, its errors as ours.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/client.h"
#include "json/value.h"

namespace fettle::client {

// `option` (what --server was given), else FETTLE_SERVER, else MLFLOW_TRACKING_URI if it is an http address, else
// http://127.0.0.1:5000. No '/' at the end.
[[nodiscard]] std::string server_url(const std::string& option);
constexpr std::string_view kServerHelp = "Server's address; else FETTLE_SERVER, MLFLOW_TRACKING_URI or port 5000 here";

// A connection of one's own, for many requests. It says who asks by FETTLE_TOKEN, else MLFLOW_TRACKING_TOKEN, else
// MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD. https:// servers are trusted by the certificates in
// FETTLE_CA_FILE (PEM), or by the system's.
[[nodiscard]] Result<http::Client> connect(const std::string& server);

// `path` begins with '/' and may have a query; parts must be http::percent_encode'd. A status of 400 or more is an
// Error with the server's message and the code that fits the status; Unavailable when there is no server. An empty
// answer is null.
[[nodiscard]] Result<json::Value> get(const std::string& server, std::string_view path);
[[nodiscard]] Result<json::Value> post(const std::string& server, std::string_view path, const json::Value& body);
[[nodiscard]] Result<json::Value> put(const std::string& server, std::string_view path, const json::Value& body);
[[nodiscard]] Result<json::Value> patch(const std::string& server, std::string_view path, const json::Value& body);
[[nodiscard]] Result<json::Value> remove(const std::string& server, std::string_view path);
[[nodiscard]] Result<json::Value> remove(const std::string& server, std::string_view path, const json::Value& body);

// The same on a connection of one's own; `body` is sent as it is.
[[nodiscard]] Result<json::Value> post(http::Client& client, const std::string& server, std::string_view path,
                                       std::string_view body);
[[nodiscard]] Result<void> upload(http::Client& client, const std::string& server, std::string_view path,
                                  const std::string& file);

[[nodiscard]] Result<void> download(http::Client& client, const std::string& server, std::string_view path,
                                    const std::string& file);

[[nodiscard]] Result<bool> exists(const std::string& server, std::string_view path);  // HEAD: 2xx or 404
[[nodiscard]] Result<json::Value> upload(const std::string& server, std::string_view path, const std::string& file);
[[nodiscard]] Result<void> download(const std::string& server, std::string_view path, const std::string& file);

}  // namespace fettle::client
