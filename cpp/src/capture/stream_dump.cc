#include "capture/stream_dump.h"

#include <array>
#include <cstdint>

namespace writebehind {
namespace {

constexpr char kTypeStream = 15;  // RDB_TYPE_STREAM_LISTPACKS
constexpr std::uint16_t kRdbVersion = 9;
constexpr char kSameFields = 2;  // the entry has the fields of the listpack's first, the master entry

template <typename Number>
void AppendLittle(Number number, std::size_t bytes, std::string* out) {
  for (std::size_t i = 0; i < bytes; ++i, number >>= 8U) out->push_back(static_cast<char>(number & 0xFFU));
}

void AppendBig64(std::uint64_t number, std::string* out) {
  for (unsigned shift = 64; shift > 0; shift -= 8) {
    out->push_back(static_cast<char>(number >> (shift - 8) & 0xFFU));
  }
}

// A length of the RDB format; lengths of 32 and 64 bits are spelled alike here.
void AppendLength(std::uint64_t length, std::string* out) {
  if (length < 64) {
    out->push_back(static_cast<char>(length));
    return;
  }
  out->push_back(static_cast<char>(0x81));
  AppendBig64(length, out);
}

void AppendText(std::string_view text, std::string* out) {
  AppendLength(text.size(), out);
  out->append(text);
}

// The elements of one listpack.
class Listpack {
 public:
  void Add(std::uint8_t number) {  // below 128
    body_.push_back(static_cast<char>(number));
    EndElement(1);
  }

  void Add(std::string_view text) {
    const std::size_t before = body_.size();
    if (text.size() < 64) {
      body_.push_back(static_cast<char>(0x80U | text.size()));
    } else if (text.size() < 4096) {
      body_.push_back(static_cast<char>(0xE0U | text.size() >> 8U));
      body_.push_back(static_cast<char>(text.size() & 0xFFU));
    } else {
      body_.push_back(static_cast<char>(0xF0));
      AppendLittle(text.size(), 4, &body_);
    }
    body_.append(text);
    EndElement(body_.size() - before);
  }

  [[nodiscard]] std::string Finish() const {
    std::string packed;
    AppendLittle(body_.size() + 7, 4, &packed);
    AppendLittle(count_, 2, &packed);
    packed.append(body_).push_back(static_cast<char>(0xFF));
    return packed;
  }

 private:
  // Each element ends with its length, to be read backwards: 7 bits a byte, the last byte without the high
  // bit being the first that is written.
  void EndElement(std::size_t length) {
    unsigned shift = 0;
    while (length >> shift > 127) shift += 7;
    body_.push_back(static_cast<char>(length >> shift));
    while (shift > 0) {
      shift -= 7;
      body_.push_back(static_cast<char>((length >> shift & 0x7FU) | 0x80U));
    }
    ++count_;
  }

  std::string body_;
  std::uint16_t count_ = 0;
};

std::array<std::uint64_t, 256> MakeCrcTable() {
  std::array<std::uint64_t, 256> table{};
  for (std::uint64_t i = 0; i < table.size(); ++i) {
    std::uint64_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? crc >> 1U ^ 0x95AC9329AC4BC9B5ULL : crc >> 1U;
    table[i] = crc;
  }
  return table;
}

// CRC-64 with Jones' polynomial, as Redis has it.
std::uint64_t Crc64(std::string_view bytes) {
  static const std::array<std::uint64_t, 256> table = MakeCrcTable();
  std::uint64_t crc = 0;
  for (const char byte : bytes) crc = table[(crc ^ static_cast<std::uint8_t>(byte)) & 0xFFU] ^ crc >> 8U;
  return crc;
}

std::string PackEntries(const std::vector<std::string_view>& words) {
  const auto fields = static_cast<std::uint8_t>(words.size() / 2);
  Listpack list;
  list.Add(std::uint8_t{1});  // entries
  list.Add(std::uint8_t{0});  // deleted ones
  list.Add(fields);
  for (std::size_t i = 0; i < words.size(); i += 2) list.Add(words[i]);
  list.Add(std::uint8_t{0});  // the end of the master entry
  list.Add(std::uint8_t{kSameFields});
  list.Add(std::uint8_t{0});  // its ID is the listpack's: no milliseconds more,
  list.Add(std::uint8_t{0});  // and no sequence
  for (std::size_t i = 1; i < words.size(); i += 2) list.Add(words[i]);
  list.Add(static_cast<std::uint8_t>(fields + 3));  // the elements of this entry
  return list.Finish();
}

}  // namespace

std::string DumpStream(redis::StreamId id, const std::vector<std::string_view>& words) {
  std::string dump(1, kTypeStream);
  AppendLength(1, &dump);  // listpacks
  std::string name;
  AppendBig64(id.ms, &name);
  AppendBig64(id.seq, &name);
  AppendText(name, &dump);
  AppendText(PackEntries(words), &dump);
  AppendLength(1, &dump);  // entries
  AppendLength(id.ms, &dump);
  AppendLength(id.seq, &dump);
  AppendLength(0, &dump);  // consumer groups
  AppendLittle(kRdbVersion, 2, &dump);
  AppendLittle(Crc64(dump), 8, &dump);
  return dump;
}

}  // namespace writebehind
