#include "writebehind/table_check.h"

#include <algorithm>
#include <unordered_map>

#include "pipeline/target.h"
#include "sink/reading.h"
#include "transform/cast.h"
#include "transform/mapping.h"
#include "transform/same_value.h"
#include "util/printable.h"

namespace writebehind {
namespace {

constexpr std::size_t kRowsOfAQuestion = 200;

// One text for the cells of a row's key, whatever bytes they hold.
std::string Joined(std::span<const std::string_view> cells) {
  std::string joined;
  for (const std::string_view cell : cells) joined.append(std::to_string(cell.size())).append(":").append(cell);
  return joined;
}

}  // namespace

class TableCheck::Impl {
 public:
  explicit Impl(PipelineOptions options) : options_(std::move(options)) {}

  Status Open();
  Status Compare(std::span<const HashState> hashes, std::vector<Finding>* findings);
  Status NextPage(std::size_t most, std::vector<std::string>* keys);

 private:
  // What the table says of some keys, by Joined key.
  struct Made {
    std::unordered_map<std::string, RowTexts> rows;
    std::unordered_map<std::string, std::string> refused;  // why the database can't look for it
  };

  // What a transform makes of the records; one for each of them, if there is one at all.
  Status Transform(std::span<const Record> records, std::vector<Transformed>* made);
  // False: there is no row to compare, and `finding` says why.
  bool Map(const Record& record, const Transformed* transformed, Row* row, Finding* finding);
  [[nodiscard]] std::string KeyOf(const Row& row) const;
  Status ReadRows(std::span<const Row> rows, Made* found);
  Status CompareRow(const Row& row, const Made& found, Finding* finding);
  Status CompareCell(const Column& column, const Cell& cell, const std::optional<std::string>& there, Finding* finding);
  // The column's own text of a value; as it is where the database says nothing.
  Status Spell(const Column& column, std::string_view text, std::string* spelled);
  // A text of the database as the cast makes it.
  std::string_view Canonical(const Column& column, std::string_view text);

  const PipelineOptions options_;
  std::unique_ptr<Sink> sink_;
  Plan plan_;
  RowArena arena_;
  std::vector<std::vector<Field>> fields_;  // what a transform made, while rows are mapped
  RowTexts last_;  // key of the last row of a page
};

Status TableCheck::Impl::Open() {
  auto definition = std::make_shared<Definition>();
  if (Status status = Definition::Parse(options_.definition, 0, definition.get()); !status.ok()) return status;
  if (Status status = OpenSink(options_, &sink_); !status.ok()) return status;
  std::vector<std::string> warnings;  // `run` gives them
  return MakePlanOf(std::move(definition), sink_.get(), &plan_, &warnings);
}

Status TableCheck::Impl::Transform(std::span<const Record> records, std::vector<Transformed>* made) {
  if (!options_.transformer) return Status::Ok();
  std::vector<const Record*> pointers;
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].op == Op::kDelete) continue;
    pointers.push_back(&records[i]);
    which.push_back(i);
  }
  std::vector<Transformed> answers;
  if (Status status = options_.transformer(*plan_.definition, pointers, &answers); !status.ok()) return status;
  made->resize(records.size());
  for (std::size_t i = 0; i < which.size(); ++i) (*made)[which[i]] = std::move(answers[i]);
  return Status::Ok();
}

bool TableCheck::Impl::Map(const Record& record, const Transformed* transformed, Row* row, Finding* finding) {
  std::span<const Field> fields = record.fields;
  if (transformed != nullptr && record.op != Op::kDelete) {
    if (transformed->verdict == Transformed::Verdict::kDropped) finding->kind = Finding::Kind::kDropped;
    if (transformed->verdict == Transformed::Verdict::kRefused) {
      finding->kind = Finding::Kind::kRefused;
      finding->redis = transformed->reason;
    }
    if (transformed->verdict != Transformed::Verdict::kKept) return false;
    std::vector<Field>& own = fields_.emplace_back();
    for (const auto& [name, value] : transformed->fields) {
      own.push_back({name, value ? std::string_view(*value) : std::string_view(), value.has_value()});
    }
    fields = own;
  }
  Refusal refusal;
  if (MapRecord(*plan_.output, plan_.table, record, fields, &arena_, row, &refusal)) return !row->cells.empty();
  if (record.op == Op::kDelete) return false;  // no row can be of such a key
  finding->kind = Finding::Kind::kRefused;
  finding->column = refusal.column;
  finding->redis = refusal.reason;
  return false;
}

std::string_view TableCheck::Impl::Canonical(const Column& column, std::string_view text) {
  std::string_view canonical;
  const std::string refused = Cast(column.type, text, &arena_, &canonical);
  return arena_.Keep(refused.empty() ? canonical : text);
}

std::string TableCheck::Impl::KeyOf(const Row& row) const {
  std::vector<std::string_view> key;
  for (std::size_t i = 0; i < plan_.table.keys.size(); ++i) key.push_back(row.cells[i].text);
  return Joined(key);
}

Status TableCheck::Impl::ReadRows(std::span<const Row> rows, Made* found) {
  const auto question = [&](const ReadDialect& dialect) { return RowsByKey(dialect, plan_.table, rows); };
  std::vector<RowTexts> texts;
  const Status status = sink_->Read(question, &texts);
  if (status.code() == Code::kRefused) {
    if (rows.size() == 1) {
      found->refused.emplace(KeyOf(rows.front()), status.message());
      return Status::Ok();
    }
    const std::size_t half = rows.size() / 2;
    if (Status first = ReadRows(rows.first(half), found); !first.ok()) return first;
    return ReadRows(rows.subspan(half), found);
  }
  if (!status.ok()) return status;
  for (RowTexts& row : texts) {
    std::vector<std::string_view> key;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Column& column = plan_.table.column(i);
      if (row[i] && column.type.kind == TypeKind::kBytes) row[i] = FromHex(*row[i]);
      if (i < plan_.table.keys.size()) key.push_back(Canonical(column, row[i].value_or("")));
    }
    found->rows.emplace(Joined(key), std::move(row));
  }
  return Status::Ok();
}

Status TableCheck::Impl::Spell(const Column& column, std::string_view text, std::string* spelled) {
  *spelled = text;
  bool asks = false;
  const auto question = [&](const ReadDialect& dialect) {
    ReadQuery query = Spelling(dialect, column, text);
    asks = !query.sql.empty();
    return asks ? query : ReadQuery{"SELECT 1", {}};
  };
  std::vector<RowTexts> rows;
  const Status status = sink_->Read(question, &rows);
  // What can't be read as the type can't be in the column either.
  if (status.code() == Code::kRefused || status.code() == Code::kConfig) return Status::Ok();
  if (status.ok() && asks && rows.size() == 1 && rows[0][0]) *spelled = *rows[0][0];
  return status;
}

Status TableCheck::Impl::CompareCell(const Column& column, const Cell& cell, const std::optional<std::string>& there,
                                     Finding* finding) {
  if (cell.state == Cell::State::kKeep) return Status::Ok();
  const bool is_null = cell.state == Cell::State::kNull;
  bool same = is_null && !there;
  if (!is_null && there) {
    const std::string_view now = Canonical(column, *there);
    same = SameValue(column.type, cell.text, now);
    if (!same) {
      std::string spelled;
      if (Status status = Spell(column, cell.text, &spelled); !status.ok()) return status;
      same = SameValue(column.type, Canonical(column, spelled), now);
    }
  }
  if (same) return Status::Ok();
  finding->kind = Finding::Kind::kDiffers;
  finding->column = column.name;
  finding->redis = is_null ? "NULL" : Printable(cell.text);
  finding->table = there ? Printable(*there) : "NULL";
  return Status::Ok();
}

Status TableCheck::Impl::CompareRow(const Row& row, const Made& found, Finding* finding) {
  const std::string key = KeyOf(row);
  if (const auto refused = found.refused.find(key); refused != found.refused.end()) {
    // Nor can it be written.
    if (!row.is_delete) *finding = {Finding::Kind::kRefused, plan_.table.keys.front().name, refused->second, {}};
    return Status::Ok();
  }
  const auto there = found.rows.find(key);
  if (row.is_delete) {
    if (there != found.rows.end()) finding->kind = Finding::Kind::kExtra;
    return Status::Ok();
  }
  if (there == found.rows.end()) {
    finding->kind = Finding::Kind::kMissing;
    return Status::Ok();
  }
  for (std::size_t i = plan_.table.keys.size(); i < plan_.table.width(); ++i) {
    const Status status = CompareCell(plan_.table.column(i), row.cells[i], there->second[i], finding);
    if (!status.ok() || finding->kind != Finding::Kind::kEqual) return status;
  }
  return Status::Ok();
}

Status TableCheck::Impl::Compare(std::span<const HashState> hashes, std::vector<Finding>* findings) {
  findings->assign(hashes.size(), {});
  for (std::size_t first = 0; first < hashes.size(); first += kRowsOfAQuestion) {
    arena_.Clear();
    fields_.clear();
    const std::size_t count = std::min(kRowsOfAQuestion, hashes.size() - first);
    std::vector<Record> records(count);
    for (std::size_t i = 0; i < count; ++i) {
      records[i].key = hashes[first + i].key;
      records[i].fields = hashes[first + i].fields;
      records[i].op = hashes[first + i].is_absent ? Op::kDelete : Op::kUpdate;
    }
    std::vector<Transformed> made;
    if (Status status = Transform(records, &made); !status.ok()) return status;
    std::vector<Row> rows;
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < count; ++i) {
      Row row;
      if (!Map(records[i], made.empty() ? nullptr : &made[i], &row, &(*findings)[first + i])) continue;
      rows.push_back(row);
      which.push_back(first + i);
    }
    if (rows.empty()) continue;
    Made found;
    if (Status status = ReadRows(rows, &found); !status.ok()) return status;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (Status status = CompareRow(rows[i], found, &(*findings)[which[i]]); !status.ok()) return status;
    }
  }
  return Status::Ok();
}

Status TableCheck::Impl::NextPage(std::size_t most, std::vector<std::string>* keys) {
  keys->clear();
  const TablePlan& table = plan_.table;
  const auto question = [&](const ReadDialect& dialect) { return KeysBehind(dialect, table, last_, most); };
  std::vector<RowTexts> rows;
  if (Status status = sink_->Read(question, &rows); !status.ok()) return status;
  arena_.Clear();
  for (RowTexts& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i] && table.keys[i].type.kind == TypeKind::kBytes) row[i] = FromHex(*row[i]);
    }
    const std::string_view key = Canonical(table.keys.front(), row.front().value_or(""));
    keys->push_back(plan_.output->keys.front().key_prefix + std::string(key));
  }
  if (!rows.empty()) last_ = std::move(rows.back());
  return Status::Ok();
}

TableCheck::TableCheck(PipelineOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
TableCheck::~TableCheck() = default;

Status TableCheck::Open() { return impl_->Open(); }

Status TableCheck::Compare(std::span<const HashState> hashes, std::vector<Finding>* findings) {
  return impl_->Compare(hashes, findings);
}

Status TableCheck::NextPage(std::size_t most, std::vector<std::string>* keys) { return impl_->NextPage(most, keys); }

}  // namespace writebehind
