// Open event streams: every change is sent to all of them; those that are gone are dropped. Who may not read everything
// hears that there was a change, not which: asking again shows what he may see. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace fettle::api {

class Streams {
 public:
  void add(std::shared_ptr<http::Responder> responder, bool sees_all) {
    responder->start_events();
    const std::lock_guard lock(mutex_);
    open_.push_back({std::move(responder), sees_all});
  }
  void send(std::string_view name, std::string_view data) {
    const std::lock_guard lock(mutex_);
    std::erase_if(open_, [&](const Open& one) { return !one.responder->event(name, one.sees_all ? data : "{}"); });
  }

 private:
  struct Open {
    std::shared_ptr<http::Responder> responder;
    bool sees_all = false;
  };
  std::mutex mutex_;
  std::vector<Open> open_;
};

}  // namespace fettle::api
