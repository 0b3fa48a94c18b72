// Open event streams: every change is sent to all of them; those that are gone are dropped. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace fettle::api {

class Streams {
 public:
  void add(std::shared_ptr<http::Responder> responder) {
    responder->start_events();
    const std::lock_guard lock(mutex_);
    open_.push_back(std::move(responder));
  }
  void send(std::string_view name, std::string_view data) {
    const std::lock_guard lock(mutex_);
    std::erase_if(open_, [&](const auto& responder) { return !responder->event(name, data); });
  }

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<http::Responder>> open_;
};

}  // namespace fettle::api
