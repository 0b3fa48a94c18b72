// Moves what SQLite's write-ahead log has gathered into the database file, beside the writer. Private to the module.
//
// SQLite would do it inside of every thousandth page's commit, which then takes many times as long as the others. Here
// a thread with a connection of its own does the bulk. It cannot finish while the writer goes on, and only a finished
// log is begun again from its start; so when it is nearly done, the writer is asked for the rest, a few pages.
#pragma once

#include <memory>
#include <string>

struct sqlite3;

namespace fettle::sql {

class Checkpointer {
 public:
  explicit Checkpointer(const std::string& path);
  ~Checkpointer();
  // The log has `pages` now. Cheap, does not block.
  void log_grew(int pages);
  // Whether the bulk is done: the writer, between two transactions, then finishes with finish().
  [[nodiscard]] bool is_nearly_done() const noexcept;
  void finish(sqlite3* writer);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fettle::sql
