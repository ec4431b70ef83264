// The questions that `verify` asks of a table, in the words of each database.
//
// Values go both ways as text, bytes in hexadecimal. What a database makes of a text when it stores it (a fraction
// that it cuts, another spelling) is its own to say: see Spelling.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "writebehind/row.h"
#include "writebehind/sink.h"

namespace writebehind {

struct ReadDialect {
  char mark;        // around names
  bool numbered;    // parameters are $1, $2, …; else ?
  bool takes_hex;   // parameters of bytes come in hexadecimal; else as they are
  // The column's value as text; bytes in hexadecimal.
  std::string (*shown)(const Column& column, const std::string& name);
  // A text parameter, as a value to compare the column with.
  std::string (*given)(const Column& column, const std::string& parameter);
  // What key columns are sorted by, as `given` compares them.
  std::string (*sorted)(const Column& column, const std::string& name);
  // The text of what the column would hold of a text parameter; empty: the text itself.
  std::string (*spelled)(const Column& column, const std::string& parameter);
};

namespace postgres_sql {
extern const ReadDialect kReading;
}
namespace mysql_sql {
extern const ReadDialect kReading;
}
namespace sqlite_sql {
extern const ReadDialect kReading;
}

// The rows that have these rows' keys, in no order: every cell of the plan.
ReadQuery RowsByKey(const ReadDialect& dialect, const TablePlan& plan, std::span<const Row> rows);
// The keys of at most `most` rows behind the key `after` (empty: from the first on), in the database's order.
ReadQuery KeysBehind(const ReadDialect& dialect, const TablePlan& plan, const RowTexts& after, std::size_t most);
// What the column would hold of `text`: a row of one value; an empty statement: the text itself.
ReadQuery Spelling(const ReadDialect& dialect, const Column& column, std::string_view text);

// The bytes that a hexadecimal text stands for.
std::string FromHex(std::string_view text);

}  // namespace writebehind
