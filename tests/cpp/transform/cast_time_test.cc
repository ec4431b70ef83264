// Dates, times and timestamps: what is taken, and how it is written.
#include "casting.h"

namespace writebehind::test {
namespace {

TEST(Cast, Date) {
  const ColumnType type = Of(TypeKind::kDate);
  Check(type, {{"2024-02-29", "2024-02-29"},
               {"2023-02-29", kRefused},
               {"20240229", "2024-02-29"},
               {"2024-2-9", "2024-02-09"},
               {" 2024-01-01 ", "2024-01-01"},
               {"2024-01-01T10:00:00Z", "2024-01-01"},
               {"2024-13-01", kRefused},
               {"2024-00-10", kRefused},
               {"0000-01-01", kRefused},
               {"", kRefused},
               {"01/02/2024", kRefused},
               {"1700000000", kRefused},
               {"2024-01-01x", kRefused},
               {"infinity", kRefused},
               {"10000-01-01", kRefused},
               {"1900-02-29", kRefused},
               {"2000-02-29", "2000-02-29"}});
}

TEST(Cast, Time) {
  ColumnType type = Of(TypeKind::kTime);
  Check(type, {{"10:20:30", "10:20:30"},
               {"10:20", "10:20:00"},
               {"1:02:03.5", "01:02:03.5"},
               {"24:00:00", "24:00:00"},
               {"24:00:01", kRefused},
               {"10:60:00", kRefused},
               {"10:00:60", kRefused},
               {"-01:00:00", kRefused},
               {"", kRefused},
               {"10:00:00.", kRefused},
               {"1000", kRefused}});
  type.max_hours = 838;
  Check(type, {{"-838:59:59", "-838:59:59"}, {"839:00:00", kRefused}, {"100:00:00", "100:00:00"}});
}

TEST(Cast, TimestampGoesToUtc) {
  ColumnType type = Of(TypeKind::kTimestamp);
  Check(type, {{"2024-01-01", "2024-01-01 00:00:00"},
               {"2024-01-01T10:20:30", "2024-01-01 10:20:30"},
               {"2024-01-01 10:20", "2024-01-01 10:20:00"},
               {"2024-01-01T10:20:30.123456Z", "2024-01-01 10:20:30.123456"},
               {"2024-01-01T00:30:00+02:00", "2023-12-31 22:30:00"},
               {"2024-02-28T23:30:00-0130", "2024-02-29 01:00:00"},
               {"2024-01-01 10:00:00 +02", "2024-01-01 08:00:00"},
               {"2024-01-01T24:00:00", kRefused},
               {"2024-01-01T10:20:30+25:00", kRefused},
               {"2024-01-01T", kRefused},
               {"", kRefused},
               {"2024-01-01T10:20:30Zx", kRefused},
               {"2024-01-01 10:20:30 Europe/Rome", kRefused}});
  type.with_zone = true;
  Check(type, {{"2024-01-01T10:20:30Z", "2024-01-01 10:20:30+00:00"},
               {"2024-01-01 10:20:30", "2024-01-01 10:20:30"}});
  type.refuses_zone = true;
  Check(type, {{"2024-01-01T10:20:30Z", kRefused}, {"2024-01-01 10:20:30", "2024-01-01 10:20:30"}});
  type.allows_infinity = true;
  Check(type, {{"Infinity", "infinity"}, {"-infinity", "-infinity"}});
}

}  // namespace
}  // namespace writebehind::test
