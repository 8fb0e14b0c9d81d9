// Writes a simdjson element back as minified JSON, leaving out the members that hold secrets: what
// is kept of a payload for the record where it holds any. Numbers keep their value (doubles by
// their shortest spelling that reads back the same), not their spelling: `5.0E7` becomes `5e+07`.
#pragma once
#include <simdjson.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

namespace outcry {

/// Members that are never kept, at any depth: people's addresses (old servers send `users`), the
/// webhook's own key, and BikeTrax' insurance papers. The key is compared as unescaped.
inline bool is_secret(std::string_view key) {
    switch (key.size()) {
    case 5: return std::memcmp(key.data(), "users", 5) == 0;
    case 8: return std::memcmp(key.data(), "passport", 8) == 0;
    case 10: return std::memcmp(key.data(), "webhookPsk", 10) == 0;
    default: return false;
    }
}

/// Bytes that grow, and stay allocated for the next document.
class Output {
public:
    Output() = default;
    Output(const Output &) = delete;
    Output &operator=(const Output &) = delete;
    ~Output() { std::free(bytes_); }

    size_t size() const { return size_; }
    const char *data() const { return bytes_; }
    void clear() { size_ = 0; }
    void release() {
        std::free(bytes_);
        bytes_ = nullptr;
        size_ = capacity_ = 0;
    }
    size_t capacity() const { return capacity_; }

    /// Room for `more` bytes, to be taken by `advance`.
    char *room(size_t more) {
        if (capacity_ - size_ < more) grow(more);
        return bytes_ + size_;
    }
    void advance(char *end) { size_ = size_t(end - bytes_); }
    void put(char byte) {
        *room(1) = byte;
        size_ += 1;
    }
    void put(std::string_view text) {
        std::memcpy(room(text.size()), text.data(), text.size());
        size_ += text.size();
    }

private:
    void grow(size_t more) {
        size_t wanted = capacity_ * 2 > size_ + more ? capacity_ * 2 : size_ + more + 1024;
        void *grown = std::realloc(bytes_, wanted);
        if (grown == nullptr) throw std::bad_alloc();
        bytes_ = static_cast<char *>(grown);
        capacity_ = wanted;
    }

    char *bytes_ = nullptr;
    size_t size_ = 0, capacity_ = 0;
};

inline void write_text(std::string_view text, Output &out) {
    static const char digits[] = "0123456789abcdef";
    // The worst case is \u00XX for each byte; asking for it once keeps the loop free of checks.
    char *to = out.room(text.size() * 6 + 2);
    *to++ = '"';
    for (char each : text) {
        auto byte = static_cast<unsigned char>(each);
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            *to++ = each;
            continue;
        }
        *to++ = '\\';
        switch (byte) {
        case '"': *to++ = '"'; break;
        case '\\': *to++ = '\\'; break;
        case '\n': *to++ = 'n'; break;
        case '\r': *to++ = 'r'; break;
        case '\t': *to++ = 't'; break;
        default:
            std::memcpy(to, "u00", 3);
            to[3] = digits[byte >> 4];
            to[4] = digits[byte & 15];
            to += 5;
        }
    }
    *to++ = '"';
    out.advance(to);
}

template <typename Number> void write_number(Number number, Output &out) {
    char *to = out.room(32);
    out.advance(std::to_chars(to, to + 32, number).ptr);
}

/// The reader's bound on depth bounds this recursion.
inline void write(simdjson::dom::element element, Output &out) {
    using simdjson::dom::element_type;
    switch (element.type()) {
    case element_type::OBJECT: {
        char before = '{';
        for (auto member : simdjson::dom::object(element)) {
            if (is_secret(member.key)) continue;
            out.put(before);
            before = ',';
            write_text(member.key, out);
            out.put(':');
            write(member.value, out);
        }
        if (before == '{') out.put('{');
        out.put('}');
        break;
    }
    case element_type::ARRAY: {
        char before = '[';
        for (auto each : simdjson::dom::array(element)) {
            out.put(before);
            before = ',';
            write(each, out);
        }
        if (before == '[') out.put('[');
        out.put(']');
        break;
    }
    case element_type::STRING: write_text(std::string_view(element), out); break;
    case element_type::INT64: write_number(int64_t(element), out); break;
    case element_type::UINT64: write_number(uint64_t(element), out); break;
    case element_type::DOUBLE: write_number(double(element), out); break;
    case element_type::BOOL: out.put(bool(element) ? "true" : "false"); break;
    case element_type::NULL_VALUE: out.put("null"); break;
    }
}

} // namespace outcry
