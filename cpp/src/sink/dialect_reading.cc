#include "sink/dialect.h"
#include "sink/reading.h"

namespace writebehind {
namespace {

bool IsBytes(const Column& column) { return column.type.kind == TypeKind::kBytes; }

std::string ToHex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += "0123456789abcdef"[byte >> 4U];
    text += "0123456789abcdef"[byte & 0xFU];
  }
  return text;
}

int Digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return (c | 0x20) - 'a' + 10;
}

std::string AsItIs(const Column& /*column*/, const std::string& name) { return name; }

// A statement with its parameters, as it grows.
class Asking {
 public:
  Asking(const ReadDialect& dialect, const TablePlan* plan) : dialect_(dialect), plan_(plan) {}

  std::string Name(const Column& column) const { return Quote(column.name, dialect_.mark); }

  std::string Parameter(const Column& column, std::string_view value) {
    query_.parameters.push_back(IsBytes(column) && dialect_.takes_hex ? ToHex(value) : std::string(value));
    return dialect_.numbered ? "$" + std::to_string(query_.parameters.size()) : "?";
  }
  std::string Given(const Column& column, std::string_view value) {
    return dialect_.given(column, Parameter(column, value));
  }

  // The first `columns` cells of the plan.
  std::string Select(std::size_t columns) const {
    std::string list;
    for (std::size_t i = 0; i < columns; ++i) {
      const Column& column = plan_->column(i);
      list += (i == 0 ? "" : ", ") + dialect_.shown(column, Name(column));
    }
    return "SELECT " + list + " FROM " + Quote(plan_->table, dialect_.mark);
  }

  ReadQuery Done(std::string sql) {
    query_.sql = std::move(sql);
    return std::move(query_);
  }

 private:
  const ReadDialect& dialect_;
  const TablePlan* plan_;
  ReadQuery query_;
};

}  // namespace

ReadQuery RowsByKey(const ReadDialect& dialect, const TablePlan& plan, std::span<const Row> rows) {
  Asking asking(dialect, &plan);
  std::string where;
  for (const Row& row : rows) {
    std::string same;
    for (std::size_t i = 0; i < plan.keys.size(); ++i) {
      if (plan.keys.size() > 1) same += (i == 0 ? "(" : " AND ") + asking.Name(plan.keys[i]) + " = ";
      same += asking.Given(plan.keys[i], row.cells[i].text);
    }
    const bool single = plan.keys.size() == 1;
    where += (where.empty() ? "" : single ? ", " : " OR ") + same + (single ? "" : ")");
  }
  if (plan.keys.size() == 1) where = asking.Name(plan.keys.front()) + " IN (" + where + ")";
  return asking.Done(asking.Select(plan.width()) + " WHERE " + where);
}

ReadQuery KeysBehind(const ReadDialect& dialect, const TablePlan& plan, const RowTexts& after, std::size_t most) {
  Asking asking(dialect, &plan);
  std::string names;
  const auto sorted = [&](const Column& key) { return dialect.sorted(key, asking.Name(key)); };
  for (const Column& key : plan.keys) names += (names.empty() ? "" : ", ") + sorted(key);
  std::string where;
  // (a > x) OR (a = x AND b > y): a comparison of whole rows is beyond the index of some databases.
  for (std::size_t i = 0; i < after.size(); ++i) {
    where += i == 0 ? " WHERE (" : " OR (";
    for (std::size_t j = 0; j <= i; ++j) {
      where += (j == 0 ? "" : " AND ") + sorted(plan.keys[j]) + (j == i ? " > " : " = ");
      where += asking.Given(plan.keys[j], after[j].value_or(""));
    }
    where += ")";
  }
  return asking.Done(asking.Select(plan.keys.size()) + where + " ORDER BY " + names + " LIMIT " +
                     std::to_string(most));
}

ReadQuery Spelling(const ReadDialect& dialect, const Column& column, std::string_view text) {
  Asking asking(dialect, nullptr);
  const std::string spelled = dialect.spelled(column, asking.Parameter(column, text));
  return spelled.empty() ? ReadQuery{} : asking.Done("SELECT " + spelled);
}

std::string FromHex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes += static_cast<char>(Digit(text[i]) * 16 + Digit(text[i + 1]));
  }
  return bytes;
}

namespace postgres_sql {

const ReadDialect kReading{
    '"', true, true,
    [](const Column& column, const std::string& name) {
      return IsBytes(column) ? "encode(" + name + ", 'hex')" : name + "::text";
    },
    [](const Column& column, const std::string& parameter) {
      if (IsBytes(column)) return "decode(" + parameter + "::text, 'hex')";
      return parameter + "::text::" + column.type.cast_name;
    },
    &AsItIs,
    [](const Column& column, const std::string& parameter) {
      if (IsBytes(column)) return std::string();
      return parameter + "::text::" + column.type.cast_name + "::" + column.type.name + "::text";
    },
};

}  // namespace postgres_sql

namespace mysql_sql {
namespace {

// "(3)" of "datetime(3)".
std::string Length(const ColumnType& type) {
  const std::size_t open = type.name.find('(');
  return open == std::string::npos ? "" : type.name.substr(open, type.name.find(')') + 1 - open);
}

bool IsTime(const Column& column) {
  const TypeKind kind = column.type.kind;
  return kind == TypeKind::kDate || kind == TypeKind::kTime || kind == TypeKind::kTimestamp;
}

std::string Given(const Column& column, const std::string& parameter) {
  const ColumnType& type = column.type;
  if (IsBytes(column)) return "UNHEX(" + parameter + ")";
  // A text beside a number would be compared as floating point.
  if (type.kind == TypeKind::kInteger) return "CAST(" + parameter + (type.is_unsigned ? " AS UNSIGNED)" : " AS SIGNED)");
  if (type.kind != TypeKind::kNumeric || type.precision == 0) return parameter;
  return "CAST(" + parameter + " AS DECIMAL(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + "))";
}

std::string Spelled(const Column& column, const std::string& parameter) {
  switch (column.type.kind) {
    case TypeKind::kTime:
      return "CAST(CAST(" + parameter + " AS TIME" + Length(column.type) + ") AS CHAR)";
    case TypeKind::kTimestamp:
      return "CAST(CAST(" + parameter + " AS DATETIME" + Length(column.type) + ") AS CHAR)";
    case TypeKind::kOther:
      return "CAST(CAST(" + parameter + " AS " + column.type.name + ") AS CHAR)";
    default:
      return {};
  }
}

}  // namespace

const ReadDialect kReading{
    '`', false, true,
    [](const Column& column, const std::string& name) {
      if (IsBytes(column)) return "HEX(" + name + ")";
      // The text of a float has six digits only, and a bit is no digit at all.
      if (column.type.kind == TypeKind::kFloat) return "CAST(" + name + " + 0e0 AS CHAR)";
      if (column.type.name.starts_with("bit")) return name + " + 0";
      // The driver writes dates and times in its own way.
      return IsTime(column) ? "CAST(" + name + " AS CHAR)" : name;
    },
    &Given,
    // Beside a text they are texts, but by themselves numbers.
    [](const Column& column, const std::string& name) {
      return column.type.kind == TypeKind::kEnum ? "CAST(" + name + " AS CHAR)" : name;
    },
    &Spelled,
};

}  // namespace mysql_sql

namespace sqlite_sql {

const ReadDialect kReading{
    '"', false, false,
    [](const Column& column, const std::string& name) {
      // hex(NULL) is the empty text.
      if (IsBytes(column)) return "CASE WHEN " + name + " IS NOT NULL THEN hex(" + name + ") END";
      if (column.type.kind == TypeKind::kText) return name;
      // The text of a double has fifteen digits, which are another number.
      return "CASE typeof(" + name + ") WHEN 'real' THEN printf('%!.17g', " + name + ") ELSE " + name + " END";
    },
    [](const Column& column, const std::string& parameter) {
      return IsBytes(column) ? "CAST(" + parameter + " AS BLOB)" : parameter;
    },
    &AsItIs,
    [](const Column& /*column*/, const std::string& /*parameter*/) { return std::string(); },
};

}  // namespace sqlite_sql

}  // namespace writebehind
