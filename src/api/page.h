// The web page as routes: the built page lies inside the program, so that a server needs no files beside it.
//
// Any GET path that no other route takes and that is not an interface's (/api, /ajax-api, /v2, ...) gets the page,
// which routes by itself, so that every screen has an address that can be shared. Hashed assets are cached for ever,
// the page itself is checked by ETag. Without a built page (web/dist was missing at configure time) the answer says how
// to build one. Thread-safe: everything is constant data.
#pragma once

#include "http/server.h"

namespace fettle::api {

// Adds GET / and GET /assets/*, and sets the router's fallback. Call it after the other routes of the control plane.
void add_page_routes(http::Router& router);

}  // namespace fettle::api
