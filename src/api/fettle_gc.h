// Clean-ups of the server (control/cleaner.h) over REST, under /api/fettle/v1/gc: docs/reference/rest.md. For admins.
#pragma once

#include "api/access.h"
#include "control/cleaner.h"
#include "http/server.h"

namespace fettle::api {

// All outlive the server that the routes are mounted on.
void add_gc_routes(http::Router& router, control::Cleaner& cleaner, const Access& access);

}  // namespace fettle::api
