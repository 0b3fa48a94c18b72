// Checks of the rows themselves: does the schema hold, and does the model know the categories that it is tested on?
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "gate/context.h"
#include "json/describe.h"

namespace fettle::gate {
namespace {

struct Findings {
  json::Value list = json::Value::array();
  std::vector<std::string> broken;  // for the message
  std::vector<std::string> absent;  // columns that these tables do not have
};

void look(const dataset::Schema& schema, const table::Table& rows, std::string_view which, Findings& to) {
  for (const auto& violation : schema.check(rows)) {
    if (violation.rule == "required") {
      if (!std::ranges::contains(to.absent, violation.column)) to.absent.push_back(violation.column);
      continue;
    }
    auto entry = json::to_value(violation);
    to.list.push(entry.set("rows_of", which));
    if (!violation.tolerated)
      to.broken.push_back(text::format("{} of {} breaks '{}' in {} rows ({})", violation.column, which, violation.rule,
                                       text::human_count(violation.rows), violation.example));
  }
}

// Held-out rows whose text the model's input has no category for.
std::size_t unseen_rows(const Context& context, std::size_t input, const table::Column& column) {
  const auto width = context.inputs.model.signature.inputs().size();
  std::size_t count = 0;
  for (std::size_t row = 0; row < column.rows(); ++row)
    count += column.is_valid(row) && std::isnan(context.inputs.valid_rows[row * width + input]) ? 1U : 0U;
  return count;
}

}  // namespace

Result<Check> check_schema(const Context& context) {
  const Question question{"data.schema", "training and held-out rows obey the schema",
                          "every rule of the schema on every row, for the columns that the tables have",
                          "rules broken"};
  if (context.inputs.schema == nullptr) return found(question, Status::Pass, "the suite names no schema");
  Findings findings;
  look(*context.inputs.schema, context.inputs.train, "training rows", findings);
  look(*context.inputs.schema, context.inputs.valid, "held-out rows", findings);
  const auto columns = context.inputs.schema->columns().size() - findings.absent.size();
  auto check = findings.broken.empty()
                   ? found(question, Status::Pass, text::format("{} columns obey the schema", columns))
                   : found(question, Status::Fail,
                           text::format("{}; mend the data or its filter in the prepare step, or the schema",
                                        text::join(findings.broken, "; ")));
  check.value = static_cast<double>(findings.broken.size());
  check.threshold = 0;
  check.details.set("violations", std::move(findings.list)).set("absent_columns", json::to_value(findings.absent));
  return check;
}

Result<Check> check_unseen(const Context& context) {
  const Question question{"data.unseen", "held-out rows hold the categories that the model was trained on",
                          "share of held-out rows whose text is no category of the model, per input; the highest",
                          "share of rows"};
  const auto& inputs = context.inputs.model.signature.inputs();
  double worst_share = 0;
  std::string worst_name;
  auto check = found(question, Status::Pass, "");
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].kind != model::ColumnKind::Category) continue;
    FETTLE_TRY(const auto* column, context.inputs.valid.get(inputs[i].name));
    const double share =
        static_cast<double>(unseen_rows(context, i, *column)) / static_cast<double>(context.labels.size());
    check.details.set(inputs[i].name, share);
    if (share <= worst_share) continue;
    worst_share = share;
    worst_name = inputs[i].name;
  }
  check.value = worst_share;
  check.threshold = context.suite.max_unseen_share;
  check.message = worst_share == 0 ? "every category of the held-out rows is known"
                                   : text::format("{} is of no known category in {:.2f} % of the held-out rows",
                                                  worst_name, worst_share * 100);
  if (worst_share <= context.suite.max_unseen_share) return check;
  check.status = Status::Fail;
  check.message += "; train on rows that have them, or group rare ones";
  return check;
}

}  // namespace fettle::gate
