// `fettle completion bash|zsh` prints a script that asks this program what may follow.
#include <memory>

#include "base/text.h"
#include "cli.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kBash = R"sh(_fettle() {
  local words; words=$(fettle _complete -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _fettle fettle)sh";
constexpr std::string_view kZsh = "autoload -U +X bashcompinit && bashcompinit\n";

}  // namespace

void add_completion_verb(Program& program) {
  auto shell = std::make_shared<std::string>();
  auto verb = program.verb("completion", "Print a script that completes fettle's words in a shell");
  verb.argument("SHELL", *shell, "bash or zsh").examples("  source <(fettle completion bash)");
  verb.action([shell](Output& output) -> Result<void> {
    if (*shell != "bash" && *shell != "zsh")
      return fail(Code::InvalidArgument, text::format("no completion for '{}'; there is one for bash and zsh", *shell));
    output.line((*shell == "zsh" ? std::string(kZsh) : "") + std::string(kBash));
    return {};
  });

  auto words = std::make_shared<std::vector<std::string>>();
  auto helper = program.verb("_complete", "");
  helper.arguments("WORDS", *words, "");
  helper.action([words, &program](Output& output) -> Result<void> {
    output.line(text::join(program.complete(*words), "\n"));
    return {};
  });
}

}  // namespace fettle::cli
