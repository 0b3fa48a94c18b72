#include "config/yaml.h"

#include <yaml-cpp/yaml.h>

#include <set>

#include "base/text.h"
#include "os/file.h"

namespace fettle::config {
namespace {

constexpr int kMaxNodes = 200'000;
constexpr int kMaxDepth = 64;

std::string at(const std::string& name, const YAML::Mark& mark) {
  return text::format("{}:{}:{}", name, mark.line + 1, mark.column + 1);
}

// A plain scalar by its form, as YAML 1.2's core schema has it. Quoted text stays text.
json::Value scalar(const YAML::Node& node) {
  const auto& text = node.Scalar();
  if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return text;
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return {};
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const std::string_view unsigned_text =
      text.starts_with('+') ? std::string_view(text).substr(1) : std::string_view(text);
  if (const auto whole = text::parse_int(unsigned_text)) return *whole;
  // Only digits begin a number here: from_chars would take "inf" and "nan", which are words in YAML.
  const auto first = unsigned_text.find_first_not_of("-.");
  if (first != std::string_view::npos && unsigned_text[first] >= '0' && unsigned_text[first] <= '9')
    if (const auto number = text::parse_double(unsigned_text)) return *number;
  return text;
}

class Converter {
 public:
  explicit Converter(Document& document) : document_(document) {}

  Result<json::Value> convert(const YAML::Node& node, const std::string& path, int depth) {
    if (++nodes_ > kMaxNodes || depth > kMaxDepth)
      return fail(Code::InvalidArgument, text::format("{}: too large or too deep; at most {} values, {} levels",
                                                      at(document_.name, node.Mark()), kMaxNodes, kMaxDepth));
    if (!path.empty()) document_.lines.emplace(path, node.Mark().line + 1);
    if (node.IsMap()) return map(node, path, depth);
    if (node.IsSequence()) return list(node, path, depth);
    return node.IsScalar() ? scalar(node) : json::Value();
  }

 private:
  Result<json::Value> map(const YAML::Node& node, const std::string& path, int depth) {
    json::Object out;
    std::set<std::string> seen;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar())
        return fail(Code::InvalidArgument,
                    text::format("{}: a key must be text", at(document_.name, entry.first.Mark())));
      const auto& key = entry.first.Scalar();
      if (!seen.insert(key).second)
        return fail(Code::InvalidArgument,
                    text::format("{}: key '{}' is there twice", at(document_.name, entry.first.Mark()), key));
      const auto below = path.empty() ? key : path + "." + key;
      document_.lines.emplace(below, entry.first.Mark().line + 1);
      FETTLE_TRY(auto value, convert(entry.second, below, depth + 1));
      out.emplace_back(key, std::move(value));
    }
    return json::Value(std::move(out));
  }

  Result<json::Value> list(const YAML::Node& node, const std::string& path, int depth) {
    json::Array out;
    for (const auto& entry : node) {
      FETTLE_TRY(auto value, convert(entry, text::format("{}[{}]", path, out.size()), depth + 1));
      out.push_back(std::move(value));
    }
    return json::Value(std::move(out));
  }

  Document& document_;
  int nodes_ = 0;
};

// Plain if it reads back as the same text, else quoted.
std::string quoted(const std::string& text) {
  const bool plain = !text.empty() &&
                     text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./@+ ") ==
                         std::string::npos &&
                     text.front() != ' ' && text.back() != ' ' && text.front() != '-' && text.front() != '@';
  if (plain && scalar(YAML::Node(text)).is_string()) return text;
  return json::dump(json::Value(text));
}

void write(std::string& out, const json::Value& value, int indent) {
  const std::string pad(static_cast<std::size_t>(indent), ' ');
  const auto nested = [&](const json::Value& child) {
    const bool block =
        (child.is_object() && !child.as_object().empty()) || (child.is_array() && !child.as_array().empty());
    out += block ? "\n" : " ";
    write(out, child, indent + 2);
    if (!block) out += "\n";
  };
  if (value.is_object() && !value.as_object().empty()) {
    for (const auto& [key, child] : value.as_object()) {
      out += pad + quoted(key) + ":";
      nested(child);
    }
  } else if (value.is_array() && !value.as_array().empty()) {
    for (const auto& child : value.as_array()) {
      out += pad + "-";
      nested(child);
    }
  } else {
    out += value.is_string() ? quoted(value.as_string()) : json::dump(value);
  }
}

}  // namespace

Result<Document> parse_yaml(std::string_view text, std::string_view name) {
  Document document{std::string(name), {}, {}};
  try {
    const auto root = YAML::Load(std::string(text));
    FETTLE_TRY(document.root, Converter(document).convert(root, "", 0));
  } catch (const YAML::Exception& error) {
    return fail(Code::InvalidArgument, text::format("{}: {}", at(document.name, error.mark), error.msg));
  }
  return document;
}

Result<Document> load_yaml(const std::string& path) {
  FETTLE_TRY(const auto text, os::read_file(path));
  return parse_yaml(text, path);
}

Error with_line(const Document& document, const std::string& path, Error error) {
  // A key that is not there has no line: take the nearest one above it.
  for (std::string here = path; !here.empty();) {
    if (const auto found = document.lines.find(here); found != document.lines.end())
      return error.within(text::format("{}:{}", document.name, found->second));
    const auto cut = here.find_last_of(".[");
    here = cut == std::string::npos ? "" : here.substr(0, cut);
  }
  return error.within(document.name);
}

Error located(const Document& document, const Error& error) {
  constexpr std::string_view kUnknown = "unknown key '";
  const auto& message = error.message;
  const auto colon = message.find(": ");
  auto path = message.starts_with(kUnknown) || colon == std::string::npos ? "" : message.substr(0, colon);
  const auto unknown = path.empty() ? 0 : colon + 2;
  if (message.substr(unknown).starts_with(kUnknown)) {  // its own line says more than that of what holds it
    const auto key = unknown + kUnknown.size();
    path += (path.empty() ? "" : ".") + message.substr(key, message.find('\'', key) - key);
  }
  return with_line(document, path, error);
}

std::string dump_yaml(const json::Value& value) {
  std::string out;
  write(out, value, 0);
  if (!out.ends_with('\n')) out += '\n';
  return out;
}

}  // namespace fettle::config
