// The casts of one kind each, as Cast's contract says (cast.h). Only cast*.cc include this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transform/row_arena.h"
#include "writebehind/catalog.h"

namespace writebehind {

std::string CastBoolean(std::string_view text, std::string_view* out);
std::string CastInteger(const ColumnType& type, std::string_view text, RowArena* arena,
                        std::string_view* out);
std::string CastNumeric(const ColumnType& type, std::string_view text, RowArena* arena,
                        std::string_view* out);
std::string CastFloat(const ColumnType& type, std::string_view text, RowArena* arena, std::string_view* out);
std::string CastDate(const ColumnType& type, std::string_view text, RowArena* arena, std::string_view* out);
std::string CastTime(const ColumnType& type, std::string_view text, RowArena* arena, std::string_view* out);
std::string CastTimestamp(const ColumnType& type, std::string_view text, RowArena* arena,
                          std::string_view* out);
std::string CastText(const ColumnType& type, std::string_view text, std::string_view* out);
std::string CastBytes(const ColumnType& type, std::string_view text, std::string_view* out);
std::string CastUuid(std::string_view text, RowArena* arena, std::string_view* out);
std::string CastJson(const ColumnType& type, std::string_view text, std::string_view* out);
std::string CastEnum(const ColumnType& type, std::string_view text, RowArena* arena, std::string_view* out);
std::string CastOther(const ColumnType& type, std::string_view text, std::string_view* out);

// The characters in `text`; nothing where it is not UTF-8 (surrogates and overlong forms are not).
std::optional<std::uint64_t> CountUtf8(std::string_view text);

// Without the white space around it, as databases read numbers and times.
std::string_view TrimSpaces(std::string_view text);

bool EqualIgnoringCase(std::string_view a, std::string_view b);  // ASCII letters only

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace writebehind
