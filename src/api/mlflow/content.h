// Artifacts as answers, and routes whose bodies are not JSON.
#pragma once

#include <string>
#include <string_view>

#include "api/mlflow/wire.h"

namespace fettle::api::mlflow {

// The bytes with length, ETag and range, to be saved as `name` (empty: without a name), with a guessed type.
[[nodiscard]] Result<http::Response> content_answer(const http::Request& request,
                                                    const tracking::ArtifactContent& content, const std::string& name);

// The caller must be signed in, if options do not say Public; what he may do is checked by the handler.
using RawHandler = Result<http::Response> (*)(const Service&, const http::Request&);
void add_raw(http::Router& router, const Service& service, http::Method method, const std::string& path,
             RawHandler handler, http::RouteOptions options = {});

}  // namespace fettle::api::mlflow
