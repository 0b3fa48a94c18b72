// The log: one line an event on standard error, "time level message key=value ...". Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace fettle::log {

enum class Level : std::uint8_t { Debug, Info, Warn, Error, Off };

void set_level(Level level);
void debug(std::string_view message);
void info(std::string_view message);
void warn(std::string_view message);
void error(std::string_view message);

}  // namespace fettle::log
