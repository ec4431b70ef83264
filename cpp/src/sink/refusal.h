// What a person is told about a row that a database refused.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "writebehind/row.h"
#include "writebehind/sink.h"

namespace writebehind {

// `message` is the driver's, `cause` the part of it that no value of the row is in. The column is the first of
// the plan that they name in quotes, the cause before the message.
Refusal MakeRefusal(const TablePlan& plan, const Row& row, std::string_view message, Constraint constraint,
                    std::string_view cause = {});

// Says that this cell of the row is to blame.
void Blame(const TablePlan& plan, const Row& row, std::size_t cell, Refusal* refusal);

// In the order of the rows, one for each: a row that replaces another may be refused twice.
void OnePerRow(std::vector<Refusal>* refused);

// Takes out the rows that foreign keys refused, ascending: they may be written behind others. Not those that take
// several statements, of which some may be done.
std::vector<std::uint32_t> TakeForeignKeys(const WriteRequest& request, std::vector<Refusal>* refused);

// A driver's message on one line, without its "ERROR:" and at most 500 bytes.
std::string OneLine(std::string_view message);

}  // namespace writebehind
