// Roles and what they are granted on. Each role may do all that the ones before it may.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fettle::auth {

// Predictor: call a deployed model, see nothing else. Reader: see. Writer: create and change. Approver: also approve
// what others changed, and promote. Admin: also delete for good and grant. NoRole hides an object.
enum class Role : std::uint8_t { NoRole, Predictor, Reader, Writer, Approver, Admin };

enum class Kind : std::uint8_t { Experiment, Model };  // Model: a registered model, with its versions and endpoints

struct Object {  // One experiment or registered model, as grants name it.
  Kind kind = Kind::Experiment;
  std::string id;  // of an experiment; empty for models, and for an experiment that is about to be made
  std::string name;
};

[[nodiscard]] std::string_view name(Role role) noexcept;  // "none", "predictor", "reader", ...
[[nodiscard]] std::optional<Role> parse_role(std::string_view text) noexcept;
[[nodiscard]] std::string_view name(Kind kind) noexcept;  // "experiment", "model"
[[nodiscard]] std::optional<Kind> parse_kind(std::string_view text) noexcept;

}  // namespace fettle::auth
