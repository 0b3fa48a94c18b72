// fettle-server: what `fettle server` becomes. Its own program, so that a server carries no trainer and no Arrow, and
// the command line no server.
#include "restore.h"
#include "serve.h"
#include "version.h"
#include "wiring.h"

int main(int argc, char** argv) {
  fettle::cli::Program program("Fettle's server: tracking, registry, rollouts, monitors, predictions and the page.",
                               kFettleVersion);
  fettle::cli::add_server_verb(program, fettle::cli::serve);
  fettle::cli::add_restore_verb(program, fettle::cli::restore);
  fettle::cli::add_user_reset_verb(program, fettle::cli::reset_user);
  return program.run(argc, argv);
}
