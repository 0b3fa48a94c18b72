// The command line: parses, runs one verb, prints an error once, exits with its code.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "server.h"
#include "version.h"

int main(int argc, char** argv) {
  CLI::App app{"Fettle versions, builds, tests, deploys, watches and retrains machine-learning models."};
  app.set_version_flag("--version", std::string("fettle ") + kFettleVersion);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n  fettle server --data ./data\n  fettle server --data ./data --control 127.0.0.1:0 --ready-file "
      "ready.json");
  fettle::Result<void> result;
  fettle::cli::add_server_verb(app, result);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : fettle::info(fettle::Code::InvalidArgument).exit_code;
  }
  if (result) return 0;
  std::fprintf(stderr, "fettle: %s\n", result.error().message.c_str());
  return fettle::info(result.error().code).exit_code;
}
