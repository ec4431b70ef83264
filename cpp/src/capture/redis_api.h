// The part of the module API of Redis and Valkey that writebehind uses, declared here and looked up by name
// when the module is loaded: nothing of a server's source is needed to build it.
//
// All functions but the optional ones are there after Resolve; an optional one may be null (see its use).
#pragma once

#include <cstddef>
#include <cstdint>

namespace writebehind::redis {

// Opaque to modules.
struct Context;
struct String;
struct Key;
struct Reply;
struct Command;
struct CommandFilter;
struct FilterContext;
struct InfoContext;
struct ScanCursor;

struct StreamId {
  std::uint64_t ms = 0;
  std::uint64_t seq = 0;
};

inline bool operator<(StreamId a, StreamId b) { return a.ms != b.ms ? a.ms < b.ms : a.seq < b.seq; }

struct Event {
  std::uint64_t id;
  std::uint64_t version;
};

// What a FLUSHALL or FLUSHDB event points to.
struct FlushInfo {
  std::uint64_t version;
  std::int32_t sync;
  std::int32_t db;  // -1: all
};

// What a SWAPDB event points to.
struct SwapInfo {
  std::uint64_t version;
  std::int32_t first;
  std::int32_t second;
};

struct CommandInfo;  // command_docs.cc

using CommandProc = int (*)(Context*, String**, int);
using KeyspaceProc = int (*)(Context*, int, const char*, String*);
using EventProc = void (*)(Context*, Event, std::uint64_t, void*);
using FilterProc = void (*)(FilterContext*);
using InfoProc = void (*)(InfoContext*, int);
using TimerProc = void (*)(Context*, void*);
using ScanKeyProc = void (*)(Key*, String*, String*, void*);

inline constexpr int kOk = 0;
inline constexpr int kErr = 1;
inline constexpr int kApiVersion = 1;
inline constexpr long kPostponedLength = -1;
inline constexpr long long kNoExpire = -1;

enum OpenMode : int {
  kRead = 1 << 0,
  kWrite = 1 << 1,
  kNoTouch = 1 << 16,
  kNoNotify = 1 << 17,
  kNoStats = 1 << 18
};

enum KeyType : int { kEmpty = 0, kString, kList, kHash, kSet, kZset, kModule, kStream };

enum Notify : int {
  kNotifyGeneric = 1 << 2,
  kNotifyString = 1 << 3,
  kNotifyList = 1 << 4,
  kNotifySet = 1 << 5,
  kNotifyHash = 1 << 6,
  kNotifyZset = 1 << 7,
  kNotifyExpired = 1 << 8,
  kNotifyEvicted = 1 << 9,
  kNotifyStream = 1 << 10,
  kNotifyModule = 1 << 13,
  kNotifyNew = 1 << 14,
};

enum ContextFlag : int {
  kContextMaster = 1 << 2,
  kContextCluster = 1 << 5,
  kContextLoading = 1 << 13,
};

inline constexpr int kHashExists = 1 << 3;
inline const auto kHashDelete = reinterpret_cast<String*>(1L);  // in a value's place: the field is removed
inline constexpr int kStreamAutoId = 1 << 0;
inline constexpr int kStreamExclusive = 1 << 0;
inline constexpr int kFilterNoSelf = 1 << 0;
inline constexpr int kReplyError = 1;
inline constexpr int kReplyInteger = 2;

enum EventId : std::uint64_t {
  kEventRole = 0,
  kEventPersistence = 1,
  kEventFlush = 2,
  kEventLoading = 3,
  kEventSwap = 11,
  kEventAsyncLoad = 14,
};

inline constexpr std::uint64_t kRoleNowMaster = 0;
inline constexpr std::uint64_t kFlushStart = 0;
inline constexpr std::uint64_t kPersistenceEnded = 3;
inline constexpr std::uint64_t kPersistenceFailed = 4;
inline constexpr std::uint64_t kLoadingEnded = 3;
inline constexpr std::uint64_t kLoadingFailed = 4;
inline constexpr std::uint64_t kAsyncLoadCompleted = 2;

enum KeySpecFlag : std::uint64_t {
  kKeyReadOnly = 1 << 0,
  kKeyReadWrite = 1 << 1,
  kKeyOverwrite = 1 << 2,
  kKeyAccess = 1 << 4,
  kKeyUpdate = 1 << 5,
};

// F(name, result, parameters)
#define WB_REDIS_FUNCTIONS(F)                                                             \
  F(SetModuleAttribs, void, (Context*, const char*, int, int))                            \
  F(IsModuleNameBusy, int, (const char*))                                                 \
  F(CreateCommand, int, (Context*, const char*, CommandProc, const char*, int, int, int)) \
  F(GetCommand, Command*, (Context*, const char*))                                        \
  F(SetCommandInfo, int, (Command*, const CommandInfo*))                                  \
  F(IsKeysPositionRequest, int, (Context*))                                               \
  F(KeyAtPosWithFlags, void, (Context*, int, int))                                        \
  F(GetContextFlags, int, (Context*))                                                     \
  F(GetClientId, unsigned long long, (Context*))                                          \
  F(GetClientInfoById, int, (void*, std::uint64_t))                                       \
  F(GetSelectedDb, int, (Context*))                                                       \
  F(SelectDb, int, (Context*, int))                                                       \
  F(Log, void, (Context*, const char*, const char*, ...))                                 \
  F(GetRandomBytes, void, (unsigned char*, std::size_t))                                  \
  F(Milliseconds, long long, ())                                                          \
  F(AvoidReplicaTraffic, int, ())                                                         \
  F(CreateString, String*, (Context*, const char*, std::size_t))                          \
  F(FreeString, void, (Context*, String*))                                                \
  F(StringPtrLen, const char*, (const String*, std::size_t*))                             \
  F(OpenKey, Key*, (Context*, String*, int))                                              \
  F(CloseKey, void, (Key*))                                                               \
  F(DeleteKey, int, (Key*))                                                               \
  F(KeyType, int, (Key*))                                                                 \
  F(ValueLength, std::size_t, (Key*))                                                     \
  F(SetAbsExpire, int, (Key*, long long))                                                 \
  F(GetExpire, long long, (Key*))                                                         \
  F(SetExpire, int, (Key*, long long))                                                    \
  F(HashGet, int, (Key*, int, ...))                                                       \
  F(HashSet, int, (Key*, int, ...))                                                       \
  F(ScanCursorCreate, ScanCursor*, ())                                                    \
  F(ScanCursorDestroy, void, (ScanCursor*))                                               \
  F(ScanKey, int, (Key*, ScanCursor*, ScanKeyProc, void*))                                \
  F(StreamAdd, int, (Key*, int, StreamId*, String**, long))                               \
  F(StreamDelete, int, (Key*, StreamId*))                                                 \
  F(StreamTrimByID, long long, (Key*, int, StreamId*))                                    \
  F(StreamIteratorStart, int, (Key*, int, StreamId*, StreamId*))                          \
  F(StreamIteratorStop, int, (Key*))                                                      \
  F(StreamIteratorNextID, int, (Key*, StreamId*, long*))                                  \
  F(StreamIteratorNextField, int, (Key*, String**, String**))                             \
  F(Call, Reply*, (Context*, const char*, const char*, ...))                              \
  F(CallReplyType, int, (Reply*))                                                         \
  F(CallReplyInteger, long long, (Reply*))                                                \
  F(CallReplyStringPtr, const char*, (Reply*, std::size_t*))                              \
  F(FreeCallReply, void, (Reply*))                                                        \
  F(Replicate, int, (Context*, const char*, const char*, ...))                            \
  F(WrongArity, int, (Context*))                                                          \
  F(ReplyWithError, int, (Context*, const char*))                                         \
  F(ReplyWithLongLong, int, (Context*, long long))                                        \
  F(ReplyWithSimpleString, int, (Context*, const char*))                                  \
  F(ReplyWithStringBuffer, int, (Context*, const char*, std::size_t))                     \
  F(ReplyWithString, int, (Context*, String*))                                            \
  F(ReplyWithNull, int, (Context*))                                                       \
  F(ReplyWithArray, int, (Context*, long))                                                \
  F(ReplySetArrayLength, void, (Context*, long))                                          \
  F(ReplyWithMap, int, (Context*, long))                                                  \
  F(ReplyWithCallReply, int, (Context*, Reply*))                                          \
  F(SubscribeToKeyspaceEvents, int, (Context*, int, KeyspaceProc))                        \
  F(SubscribeToServerEvent, int, (Context*, Event, EventProc))                            \
  F(RegisterCommandFilter, CommandFilter*, (Context*, FilterProc, int))                   \
  F(CommandFilterArgsCount, int, (FilterContext*))                                        \
  F(CommandFilterArgGet, const String*, (FilterContext*, int))                            \
  F(CommandFilterArgReplace, int, (FilterContext*, int, String*))                         \
  F(CommandFilterArgInsert, int, (FilterContext*, int, String*))                          \
  F(CreateTimer, std::uint64_t, (Context*, long long, TimerProc, void*))                  \
  F(GetDetachedThreadSafeContext, Context*, (Context*))                                   \
  F(FreeThreadSafeContext, void, (Context*))                                              \
  F(RegisterInfoFunc, int, (Context*, InfoProc))                                          \
  F(InfoAddSection, int, (InfoContext*, const char*))                                     \
  F(InfoBeginDictField, int, (InfoContext*, const char*))                                 \
  F(InfoEndDictField, int, (InfoContext*))                                                \
  F(InfoAddFieldULongLong, int, (InfoContext*, const char*, unsigned long long))          \
  F(InfoAddFieldCString, int, (InfoContext*, const char*, const char*))

// Null where the server is older than they are; both came with 7.2.
#define WB_REDIS_OPTIONAL_FUNCTIONS(F)                     \
  F(SetCommandACLCategories, int, (Command*, const char*)) \
  F(AddPostNotificationJob, int, (Context*, TimerProc, void*, void (*)(void*)))

#define WB_DECLARE_FUNCTION(name, result, parameters) inline result(*name) parameters = nullptr;
WB_REDIS_FUNCTIONS(WB_DECLARE_FUNCTION)
WB_REDIS_OPTIONAL_FUNCTIONS(WB_DECLARE_FUNCTION)
#undef WB_DECLARE_FUNCTION

// Looks all functions up; the name of the first that this server lacks, or null.
const char* Resolve(Context* ctx);

}  // namespace writebehind::redis
