#include "options.h"

#include <algorithm>
#include <variant>

#include "base/text.h"

namespace fettle::serve {
namespace {

struct Option {
  std::string name;
  std::variant<std::string Options::*, std::int64_t Options::*, bool Options::*> member;
};

const std::vector<Option>& known() {
  static const std::vector<Option> options{{"--name", &Options::name},
                                           {"--http", &Options::http},
                                           {"--grpc", &Options::grpc},
                                           {"--tls-cert", &Options::certificate},
                                           {"--tls-key", &Options::key},
                                           {"--events", &Options::events},
                                           {"--ready-file", &Options::ready_file},
                                           {"--model-version", &Options::version},
                                           {"--loops", &Options::loops},
                                           {"--allow-unauthenticated", &Options::allow_unauthenticated},
                                           {"--help", &Options::help},
                                           {"--version", &Options::print_version}};
  return options;
}

std::unexpected<Error> unknown(const std::string& word) {
  std::vector<std::string> names;
  for (const auto& option : known()) names.push_back(option.name);
  const auto meant = text::closest(word, names);
  return fail(Code::InvalidArgument,
              text::format("there is no option '{}'; {}", word,
                           meant ? text::format("did you mean {}?", *meant) : "see fettle-serve --help"));
}

Result<void> set(Options& options, const Option& option, const std::string& value) {
  if (const auto* member = std::get_if<std::string Options::*>(&option.member)) {
    options.*(*member) = value;
    return {};
  }
  const auto number = text::parse_int(value);
  if (!number || *number < 0)
    return fail(Code::InvalidArgument, text::format("{} takes a whole number, not '{}'", option.name, value));
  options.*std::get<std::int64_t Options::*>(option.member) = *number;
  return {};
}

Result<void> check(const Options& options) {
  if (options.help || options.print_version) return {};
  if (options.bundle.empty())
    return fail(Code::InvalidArgument, "give the folder of a bundle: fettle-serve FOLDER; see fettle-serve --help");
  if (options.loops < 1 || options.loops > 256) return fail(Code::InvalidArgument, "--loops takes 1 to 256");
  return {};
}

}  // namespace

Result<Options> parse_options(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].starts_with("-")) {
      if (!options.bundle.empty())
        return fail(Code::InvalidArgument, text::format("'{}': one bundle's folder is enough", words[i]));
      options.bundle = words[i];
      continue;
    }
    const auto equals = words[i].find('=');
    const auto found = std::ranges::find(known(), words[i].substr(0, equals), &Option::name);
    if (found == known().end()) return unknown(words[i]);
    if (const auto* flag = std::get_if<bool Options::*>(&found->member)) {
      options.*(*flag) = true;
      continue;
    }
    if (equals == std::string::npos && i + 1 == words.size())
      return fail(Code::InvalidArgument, text::format("{} needs a value", words[i]));
    const auto value = equals == std::string::npos ? words[++i] : words[i].substr(equals + 1);
    FETTLE_TRY_(set(options, *found, value));
  }
  FETTLE_TRY_(check(options));
  return options;
}

std::string_view usage() noexcept {
  return R"(usage: fettle-serve FOLDER [option ...]

Serves the bundle in FOLDER over the Open Inference Protocol and MLflow's scoring protocol until SIGINT or SIGTERM.
Every file is checked against the bundle's manifest first.

  --http HOST:PORT      where to answer HTTP (127.0.0.1:8000)
  --grpc HOST:PORT      answer gRPC here, too
  --tls-cert F          PEM file: HTTP and gRPC speak TLS
  --tls-key F           PEM file: the certificate's key
  --name NAME           the model's name in requests (the bundle's)
  --model-version N     the version that answers say
  --events FOLDER       keep an event for every prediction and outcome here
  --loops N             threads that answer HTTP (1)
  --allow-unauthenticated
                        listen beyond this machine, where everyone who reaches the port may ask
  --ready-file FILE     write the real addresses here once every listener answers
  --version, --help

  fettle-serve ./bundle --http 127.0.0.1:8000 --grpc 127.0.0.1:8001 --events ./events
)";
}

}  // namespace fettle::serve
