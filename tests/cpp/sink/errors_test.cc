#include <gtest/gtest.h>

#include "sink/mysql_errors.h"
#include "sink/postgres_errors.h"

namespace writebehind {
namespace {

TEST(PostgresErrors, ByTheirClass) {
  const std::pair<const char*, Code> cases[] = {
      {"22001", Code::kRefused},      {"22P02", Code::kRefused},      {"23505", Code::kRefused},
      {"23514", Code::kRefused},      {"54000", Code::kRefused},      {"P0001", Code::kRefused},
      {"21000", Code::kRefused},      {"54001", Code::kTransient},    {"40001", Code::kTransient},
      {"40P01", Code::kTransient},    {"55P03", Code::kTransient},    {"57014", Code::kTransient},
      {"42703", Code::kTransient},    {"42501", Code::kTransient},    {"53100", Code::kTransient},
      {"XX000", Code::kTransient},    {"08006", Code::kNotConnected}, {"57P01", Code::kNotConnected},
      {"57P03", Code::kNotConnected}, {"25006", Code::kNotConnected}, {"28P01", Code::kConfig},
      {"3D000", Code::kConfig},       {"", Code::kTransient},         {"P0002", Code::kTransient},
  };
  for (const auto& [state, code] : cases) EXPECT_EQ(code, PostgresCode(state)) << state;
  EXPECT_EQ(Constraint::kForeignKey, PostgresConstraint("23503"));
  EXPECT_EQ(Constraint::kOfRow, PostgresConstraint("23502"));
  EXPECT_EQ(Constraint::kOfRow, PostgresConstraint("23514"));
  EXPECT_EQ(Constraint::kOfRows, PostgresConstraint("23505"));
  EXPECT_EQ(Constraint::kOfRows, PostgresConstraint("23P01"));
  EXPECT_EQ(Constraint::kNone, PostgresConstraint("22001"));
}

TEST(Causes, AreTheSameForEveryRow) {
  EXPECT_EQ("ERROR:  violates check constraint \"c\"",
            PostgresCause("ERROR:  violates check constraint \"c\"\nDETAIL:  Failing row contains (1).\n"));
  EXPECT_EQ("key 'b'", MysqlCause(1062, "Duplicate entry 'it's' for key 'b'"));
  EXPECT_EQ("CONSTRAINT `c` failed for `wb`.`t`", MysqlCause(4025, "CONSTRAINT `c` failed for `wb`.`t`"));
}

TEST(PostgresErrors, OfAConnect) {
  const std::string begin = "connection to server at \"127.0.0.1\", port 1 failed: ";
  for (const char* state : {"28P01", "28000", "3D000", "42501", "22023"})
    EXPECT_EQ(Code::kConfig, PostgresConnectCode(begin + "FATAL:  " + state + "\n")) << state;
  for (const char* state : {"57P03", "53300", "57P01", "XX000"})
    EXPECT_EQ(Code::kNotConnected, PostgresConnectCode(begin + "FATAL:  " + state + "\n")) << state;
  EXPECT_EQ(Code::kConfig, PostgresConnectCode(begin + "SCHWERWIEGEND:  28P01\n"));
  EXPECT_EQ(Code::kConfig, PostgresConnectCode(begin + "SSL error: certificate verify failed\n"));
  EXPECT_EQ(Code::kConfig, PostgresConnectCode(begin + "server does not support SSL, but SSL was required\n"));
  EXPECT_EQ(Code::kConfig, PostgresConnectCode(begin + "SSL error: tlsv1 alert unknown ca\n"));
  EXPECT_EQ(Code::kNotConnected, PostgresConnectCode(begin + "SSL SYSCALL error: EOF detected\n"));
  EXPECT_EQ(Code::kNotConnected, PostgresConnectCode(begin + "Connection refused\n"));
  EXPECT_EQ(Code::kNotConnected, PostgresConnectCode(""));
}

TEST(MysqlErrors, ByNumber) {
  const std::pair<int, Code> cases[] = {
      {1062, Code::kRefused},      {1048, Code::kRefused},      {1264, Code::kRefused},
      {1265, Code::kRefused},      {1366, Code::kRefused},      {1406, Code::kRefused},
      {3819, Code::kRefused},      {4025, Code::kRefused},      {1451, Code::kRefused},
      {1452, Code::kRefused},      {1644, Code::kRefused},      {1292, Code::kRefused},
      {1690, Code::kRefused},      {1364, Code::kRefused},      {3140, Code::kRefused},
      {1205, Code::kTransient},    {1213, Code::kTransient},    {1142, Code::kTransient},
      {1146, Code::kTransient},    {1054, Code::kTransient},    {1317, Code::kTransient},
      {99999, Code::kTransient},   {2006, Code::kNotConnected}, {2013, Code::kNotConnected},
      {2002, Code::kNotConnected}, {2003, Code::kNotConnected}, {1927, Code::kNotConnected},
      {1290, Code::kNotConnected}, {1045, Code::kConfig},       {1044, Code::kConfig},
      {1049, Code::kConfig},
  };
  for (const auto& [number, code] : cases) EXPECT_EQ(code, MysqlCode(number, "HY000")) << number;
  // A session's; of a connect the message decides.
  EXPECT_EQ(Code::kNotConnected, MysqlCode(kMysqlTlsError, "HY000"));
  const auto connect = [](const char* message) { return MysqlConnectCode(kMysqlTlsError, "HY000", message); };
  EXPECT_EQ(Code::kConfig, connect("TLS/SSL error: self-signed certificate"));
  EXPECT_EQ(Code::kConfig, connect("TLS/SSL error: SSL is required, but the server does not support it"));
  EXPECT_EQ(Code::kNotConnected, connect("TLS/SSL error: Connection reset by peer (104)"));
  EXPECT_EQ(Code::kNotConnected, connect("TLS/SSL error: unexpected eof while reading"));
  EXPECT_EQ(Code::kConfig, MysqlConnectCode(1045, "28000", "Access denied (timed out)"));
  EXPECT_EQ(Code::kRefused, MysqlCode(99999, "22003"));
  EXPECT_EQ(Code::kRefused, MysqlCode(99999, "45000"));
  EXPECT_EQ(Constraint::kOfRows, MysqlConstraint(1062));
  EXPECT_EQ(Constraint::kOfRow, MysqlConstraint(1048));
  EXPECT_EQ(Constraint::kOfRow, MysqlConstraint(4025));
  EXPECT_EQ(Constraint::kForeignKey, MysqlConstraint(1452));
  EXPECT_EQ(Constraint::kNone, MysqlConstraint(1366));
  EXPECT_TRUE(IsMysqlSchemaError(1146));
}

}  // namespace
}  // namespace writebehind
