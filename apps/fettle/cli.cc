#include "cli.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "os/process.h"

namespace fettle::cli {
namespace {

constexpr int kBarWidth = 24;

bool is_numeric(const std::string& cell) { return text::parse_double(cell).has_value() || cell == "-"; }

// Columns that a terminal needs for UTF-8 text (every code point counted as one).
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

// What another wrote stays on its line and moves no cursor.
std::string one_line(const std::string& cell) {
  auto out = cell;
  for (auto& c : out)
    if ((c >= 0 && c < 0x20) || c == 0x7f) c = ' ';
  return out;
}

std::string cut_to(const std::string& cell, std::size_t width) {
  if (width_of(cell) <= width) return cell;
  std::size_t bytes = 0, columns = 0;
  while (bytes < cell.size() && (columns + 1 < width || (cell[bytes] & 0xC0) == 0x80))
    columns += (cell[bytes++] & 0xC0) != 0x80 ? 1 : 0;
  while (bytes < cell.size() && (cell[bytes] & 0xC0) == 0x80) ++bytes;
  return cell.substr(0, bytes) + "…";
}

constexpr std::size_t kGap = 2, kNarrowest = 8;

// Narrows the widest columns until a row fits the terminal.
void fit(std::vector<std::size_t>& widths, std::size_t most) {
  const auto total = [&] {
    std::size_t out = 0;
    for (const auto width : widths) out += width + kGap;
    return out - kGap;
  };
  while (!widths.empty() && total() > most) {
    const auto widest = std::ranges::max_element(widths);
    if (*widest <= kNarrowest) return;
    --*widest;
  }
}

std::optional<std::size_t> terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return std::nullopt;
  return size.ws_col;
}

std::string pad(const std::string& cell, std::size_t width, bool right) {
  const std::string space(width - std::min(width, width_of(cell)), ' ');
  return right ? space + cell : cell + space;
}

void print_error(const Error& error) {
  std::fflush(stdout);
  std::fprintf(stderr, "fettle: %s\n", error.message.c_str());
}

json::Value error_body(const Error& error) {
  return json::Value::object().set("code", info(error.code).name).set("message", error.message);
}

const CLI::App* find_subcommand(const CLI::App& app, std::string_view name) {
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    if (sub->get_name() == name) return sub;
  return nullptr;
}

// Where CLI11 says only that a verb is missing: the word that is none, and what was perhaps meant.
std::optional<Error> unknown_verb(const CLI::App& program, int argc, char** argv) {
  const CLI::App* app = &program;
  std::string said = app->get_name();
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    std::vector<std::string> verbs;
    for (const auto* sub : app->get_subcommands([](const CLI::App*) { return true; }))
      if (!sub->get_name().starts_with('_')) verbs.push_back(sub->get_name());
    if (verbs.empty() || word.starts_with('-')) return std::nullopt;
    if (const auto* next = find_subcommand(*app, word)) {
      app = next;
      said += " " + app->get_name();
      continue;
    }
    const auto meant = text::closest(word, verbs);
    return Error{Code::InvalidArgument,
                 text::format("there is no '{} {}'{}; there are: {}", said, word,
                              meant ? text::format(" (did you mean '{}'?)", *meant) : "", text::join(verbs, ", "))};
  }
  return std::nullopt;
}

bool wants_json(int argc, char** argv) {
  return std::any_of(argv, argv + argc, [](const char* word) { return std::string_view(word) == "--json"; });
}

}  // namespace

Output::Output(bool json)
    : json_(json),
      terminal_(::isatty(STDERR_FILENO) == 1),
      colours_(::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr) {}

void Output::document(const json::Value& value) const { document_ = value; }

void Output::finish(const Result<void>& result) const {
  if (!json_) return;
  if (!result && !document_.is_array()) document_.set("error", error_body(result.error()));
  if (!document_.is_null()) std::printf("%s\n", json::dump_pretty(document_).c_str());
}

void Output::line(std::string_view text) const {
  if (!json_) std::printf("%.*s\n", static_cast<int>(text.size()), text.data());
}

void Output::table(const std::vector<std::string>& headers, const std::vector<std::vector<std::string>>& rows) const {
  if (json_) return;
  std::vector<std::size_t> widths;
  std::vector<bool> right(headers.size(), !rows.empty());
  for (std::size_t c = 0; c < headers.size(); ++c) {
    widths.push_back(width_of(headers[c]));
    for (const auto& row : rows) {
      widths[c] = std::max(widths[c], width_of(row[c]));
      right[c] = right[c] && is_numeric(row[c]);
    }
  }
  if (const auto most = terminal_width()) fit(widths, *most);
  const auto print = [&](const std::vector<std::string>& row) {
    std::string out;
    for (std::size_t c = 0; c < row.size(); ++c)
      out += (c == 0 ? "" : "  ") + pad(cut_to(one_line(row[c]), widths[c]), widths[c], right[c]);
    line(out.substr(0, out.find_last_not_of(' ') + 1));
  };
  print(headers);
  for (const auto& row : rows) print(row);
}

void Output::progress(std::string_view what, double fraction, std::string_view detail) {
  if (json_) return;
  std::fflush(stdout);  // what was said before stands before
  const bool known = fraction >= 0;
  const double shown = std::clamp(fraction, 0.0, 1.0);
  if (terminal_) {
    std::string bar(kBarWidth, ' ');
    if (known) std::fill_n(bar.begin(), std::lround(shown * kBarWidth), '#');
    std::fprintf(stderr, "\r\033[K%.*s [%s] %s%.*s", static_cast<int>(what.size()), what.data(), bar.c_str(),
                 known ? text::format("{:3.0f} % ", shown * 100).c_str() : "", static_cast<int>(detail.size()),
                 detail.data());
    open_bar_ = true;
    return;
  }
  const int tenth = known ? static_cast<int>(shown * 10) : -1;
  if (last_what_ == what && tenth == last_tenth_) return;
  last_what_ = what;
  last_tenth_ = tenth;
  std::fprintf(stderr, "%.*s%s%s%.*s\n", static_cast<int>(what.size()), what.data(),
               known ? text::format(" {:.0f} %", shown * 100).c_str() : "", detail.empty() ? "" : " ",
               static_cast<int>(detail.size()), detail.data());
}

void Output::progress_done() {
  if (open_bar_) std::fputc('\n', stderr);
  open_bar_ = false;
  last_what_.clear();
}

std::string Output::colour(std::string_view text, std::string_view state) const {
  if (!colours_) return std::string(text);
  const auto code = state == "good" ? "32" : state == "watch" ? "33" : state == "bad" ? "31" : "2";
  return text::format("\033[{}m{}\033[0m", code, text);
}

Verb& Verb::option(std::string_view flag, std::string& target, std::string_view help) {
  last_ = app_->add_option(std::string(flag), target, std::string(help))->capture_default_str();
  return *this;
}
Verb& Verb::option(std::string_view flag, std::int64_t& target, std::string_view help) {
  last_ = app_->add_option(std::string(flag), target, std::string(help))->capture_default_str();
  return *this;
}
Verb& Verb::option(std::string_view flag, double& target, std::string_view help) {
  last_ = app_->add_option(std::string(flag), target, std::string(help))->capture_default_str();
  return *this;
}
Verb& Verb::option(std::string_view flag, std::vector<std::string>& target, std::string_view help) {
  last_ = app_->add_option(std::string(flag), target, std::string(help))->allow_extra_args(false);
  return *this;
}
Verb& Verb::flag(std::string_view flag, bool& target, std::string_view help) {
  last_ = app_->add_flag(std::string(flag), target, std::string(help));
  return *this;
}
Verb& Verb::argument(std::string_view name, std::string& target, std::string_view help, bool required) {
  last_ = app_->add_option(std::string(name), target, std::string(help))->required(required);
  return *this;
}
Verb& Verb::arguments(std::string_view name, std::vector<std::string>& target, std::string_view help, bool required) {
  last_ = app_->add_option(std::string(name), target, std::string(help))->required(required);
  return *this;
}
Verb& Verb::required() {
  static_cast<CLI::Option*>(last_)->required();
  return *this;
}
Verb& Verb::examples(std::string_view text) {
  app_->footer("Examples:\n" + std::string(text));
  return *this;
}

void Verb::action(std::function<Result<void>(Output&)> action) {
  auto json = std::make_shared<bool>(false);
  app_->add_flag("--json", *json, "Print one JSON document, for programs");
  app_->callback([json, action = std::move(action), result = result_] {
    Output output(*json);
    *result = action(output);
    output.progress_done();
    output.finish(*result);
  });
}

Program::Program(std::string_view description, std::string_view version)
    : app_(std::make_unique<CLI::App>(std::string(description), "fettle")), result_(std::make_unique<Result<void>>()) {
  app_->set_version_flag("--version", "fettle " + std::string(version));
  app_->require_subcommand(1);
}
Program::~Program() = default;

Verb Program::verb(std::string_view noun, std::string_view noun_help, std::string_view name, std::string_view help) {
  auto* parent = app_.get();
  for (const auto& word : text::split(noun, ' ')) {
    auto* next = const_cast<CLI::App*>(find_subcommand(*parent, word));
    if (next == nullptr) {
      next = parent->add_subcommand(word, std::string(noun_help));
      next->require_subcommand(1);
    }
    parent = next;
  }
  return {parent->add_subcommand(std::string(name), std::string(help)), result_.get()};
}

Verb Program::verb(std::string_view name, std::string_view help) {
  auto* app = app_->add_subcommand(std::string(name), std::string(help));
  if (name.starts_with('_')) app->group("");  // for programs: not in the help
  return {app, result_.get()};
}

std::vector<std::string> Program::complete(const std::vector<std::string>& words) const {
  const CLI::App* app = app_.get();
  for (const auto& word : words)
    if (const auto* next = find_subcommand(*app, word)) app = next;
  std::vector<std::string> out;
  for (const auto* sub : app->get_subcommands([](const CLI::App*) { return true; }))
    if (!sub->get_name().starts_with("_")) out.push_back(sub->get_name());
  for (const auto* option : app->get_options())
    for (const auto& name : option->get_lnames()) out.push_back("--" + name);
  return out;
}

int Program::run(int argc, char** argv) {
  os::fail_oversized_writes();
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (const auto unknown = unknown_verb(*app_, argc, argv)) {
      print_error(*unknown);
      return info(unknown->code).exit_code;
    }
    const int code = app_->exit(error);
    return code == 0 ? 0 : info(Code::InvalidArgument).exit_code;
  }
  if (*result_) return 0;
  if (!wants_json(argc, argv)) print_error(result_->error());
  return info(result_->error().code).exit_code;
}

}  // namespace fettle::cli
