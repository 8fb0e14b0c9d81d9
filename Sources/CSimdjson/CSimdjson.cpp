// The reader behind CSimdjson.h: one walk over simdjson's tape fills an item, a second writes its
// body. It knows the names of Traccar's members (forward/EventData.java, model/Event.java,
// Position.java, Device.java), not what their values mean.
#include "CSimdjson.h"

#include <vector>

#include "Writer.hpp"

using namespace simdjson;
using outcry::Output;

namespace {

/// What a rare large body left allocated is given back above this.
constexpr size_t kept_bytes = 256 << 10;

struct Field {
    std::string_view name;
    size_t offset;
};

constexpr Field event_fields[] = {
    {"id", offsetof(cj_event, id)},
    {"deviceId", offsetof(cj_event, device_id)},
    {"type", offsetof(cj_event, type)},
    {"eventTime", offsetof(cj_event, event_time)},
    {"serverTime", offsetof(cj_event, server_time)},
    {"positionId", offsetof(cj_event, position_id)},
    {"geofenceId", offsetof(cj_event, geofence_id)},
    {"maintenanceId", offsetof(cj_event, maintenance_id)},
};

constexpr Field position_fields[] = {
    {"id", offsetof(cj_position, id)},
    {"deviceId", offsetof(cj_position, device_id)},
    {"serverTime", offsetof(cj_position, server_time)},
    {"deviceTime", offsetof(cj_position, device_time)},
    {"fixTime", offsetof(cj_position, fix_time)},
    {"valid", offsetof(cj_position, valid)},
    {"latitude", offsetof(cj_position, latitude)},
    {"longitude", offsetof(cj_position, longitude)},
    {"altitude", offsetof(cj_position, altitude)},
    {"speed", offsetof(cj_position, speed)},
    {"course", offsetof(cj_position, course)},
    {"address", offsetof(cj_position, address)},
    {"accuracy", offsetof(cj_position, accuracy)},
    {"geofenceIds", offsetof(cj_position, geofence_ids)},
};

constexpr Field device_fields[] = {
    {"id", offsetof(cj_device, id)},
    {"uniqueId", offsetof(cj_device, unique_id)},
    {"name", offsetof(cj_device, name)},
    {"groupId", offsetof(cj_device, group_id)},
    {"geofenceIds", offsetof(cj_device, geofence_ids)},
    {"status", offsetof(cj_device, status)},
    {"lastUpdate", offsetof(cj_device, last_update)},
    {"positionId", offsetof(cj_device, position_id)},
    {"disabled", offsetof(cj_device, disabled)},
};

constexpr Field thing_fields[] = {
    {"id", offsetof(cj_thing, id)},
    {"name", offsetof(cj_thing, name)},
    {"groupId", offsetof(cj_thing, group_id)},
    {"calendarId", offsetof(cj_thing, calendar_id)},
    {"area", offsetof(cj_thing, area)},
    {"data", offsetof(cj_thing, data)},
    {"type", offsetof(cj_thing, type)},
    {"always", offsetof(cj_thing, always)},
    {"notificators", offsetof(cj_thing, notificators)},
    {"web", offsetof(cj_thing, web)},
    {"version", offsetof(cj_thing, version)},
    {"expirationTime", offsetof(cj_thing, expiration_time)},
    {"disableReports", offsetof(cj_thing, disable_reports)},
};

} // namespace

struct cj_reader {
    explicit cj_reader(size_t depth) : max_depth(depth) {}

    size_t max_depth;
    dom::parser parser;
    dom::element root;
    dom::array::iterator next, end;
    bool is_list = false, is_done = true;

    std::vector<cj_member> members;
    std::vector<cj_value> list;
    /// The document itself, padded as simdjson wants it, and what is made of it.
    Output input, nested, body;

    cj_status parse(const void *bytes, size_t count, const char **reason);
    cj_entry enter(const char *key);
    bool take(bool with_body, cj_item &item);
    bool take(cj_sort sort, bool with_body, cj_item &item, bool &is_object);

private:
    bool advance(dom::element &element);
    void settle(cj_item &item);
    bool may_hold_secrets() const;
    void write_body(dom::element element);
    void read_item(dom::element element, cj_item &item);
    void read_attributes(dom::element element, cj_range &range);
    cj_value read_value(dom::element element);
    void read_list(dom::element element, cj_value &value);

    template <typename Target, size_t count>
    bool read_field(
        dom::key_value_pair member, const Field (&fields)[count], Target &target) {
        for (const Field &field : fields) {
            if (field.name.size() != member.key.size()
                || std::memcmp(field.name.data(), member.key.data(), member.key.size()) != 0)
                continue;
            auto *place = reinterpret_cast<char *>(&target) + field.offset;
            auto &value = *reinterpret_cast<cj_value *>(place);
            value = read_value(member.value);
            if (value.kind == CJ_NESTED && field.name == "geofenceIds")
                read_list(member.value, value);
            return true;
        }
        return false;
    }

    /// False where the element is no object. Of a member that comes twice the last one counts, as
    /// with Jackson, which writes these payloads.
    template <typename Target, size_t count>
    bool read_object(dom::element element, const Field (&fields)[count], Target &target) {
        dom::object object;
        if (element.get(object)) return false;
        target = Target{};
        for (auto member : object) {
            if (member.key == "attributes")
                read_attributes(member.value, target.attributes);
            else
                read_field(member, fields, target);
        }
        return true;
    }
};

cj_status cj_reader::parse(const void *bytes, size_t count, const char **reason) {
    is_done = true;
    if (parser.capacity() > kept_bytes && count <= kept_bytes) {
        parser = dom::parser();
        input.release();
    }
    input.clear();
    char *copy = input.room(count + SIMDJSON_PADDING);
    if (count > 0) std::memcpy(copy, bytes, count);
    std::memset(copy + count, 0, SIMDJSON_PADDING);
    input.advance(copy + count);
    if (parser.capacity() < count) {
        // simdjson takes the depth only here; what it grows by itself would forget it.
        if (parser.allocate(count < 4096 ? 4096 : count, max_depth)) return CJ_NO_MEMORY;
    }
    auto error = parser.parse(input.data(), count, false).get(root);
    *reason = error ? error_message(error) : nullptr;
    switch (error) {
    case SUCCESS: break;
    case EMPTY: return CJ_EMPTY;
    case DEPTH_ERROR: return CJ_TOO_DEEP;
    case UTF8_ERROR: return CJ_BAD_UTF8;
    case NUMBER_ERROR: return CJ_BAD_NUMBER;
    case STRING_ERROR: return CJ_BAD_STRING;
    case MEMALLOC:
    case CAPACITY: return CJ_NO_MEMORY;
    default: return CJ_MALFORMED;
    }
    is_done = false;
    dom::array array;
    is_list = !root.get(array);
    if (is_list) {
        next = array.begin();
        end = array.end();
    }
    return CJ_OK;
}

cj_entry cj_reader::enter(const char *key) {
    is_done = true;
    dom::element element;
    dom::array array;
    if (!root.is_object()) return CJ_UNFIT;
    // Of a key that comes twice the first one counts here; no server sends one twice.
    if (root.at_key(key).get(element) || element.is_null()) return CJ_ABSENT;
    if (element.get(array)) return CJ_UNFIT;
    is_list = true;
    is_done = false;
    next = array.begin();
    end = array.end();
    return CJ_ENTERED;
}

/// To the next element; what the last one left behind is forgotten.
bool cj_reader::advance(dom::element &element) {
    if (is_done) return false;
    element = root;
    if (is_list) {
        if (!(next != end)) {
            is_done = true;
            return false;
        }
        element = *next;
        ++next;
    } else {
        is_done = true;
    }
    members.clear();
    list.clear();
    nested.clear();
    body.clear();
    if (body.capacity() > kept_bytes) body.release();
    if (nested.capacity() > kept_bytes) nested.release();
    return true;
}

bool cj_reader::take(bool with_body, cj_item &item) {
    dom::element element;
    if (!advance(element)) return false;
    item = cj_item{};
    read_item(element, item);
    if (with_body && item.shape == CJ_EVENT) write_body(element);
    settle(item);
    return true;
}

bool cj_reader::take(cj_sort sort, bool with_body, cj_item &item, bool &is_object) {
    dom::element element;
    if (!advance(element)) return false;
    item = cj_item{};
    item.shape = CJ_OTHER;
    is_object = true;
    switch (sort) {
    case CJ_EVENTS:
        is_object = element.is_object();
        read_item(element, item);
        if (with_body && item.shape == CJ_EVENT) write_body(element);
        break;
    case CJ_POSITIONS: is_object = read_object(element, position_fields, item.position); break;
    case CJ_DEVICES: is_object = read_object(element, device_fields, item.device); break;
    case CJ_THINGS: {
        is_object = read_object(element, thing_fields, item.thing);
        dom::element key;
        if (!element.at_pointer("/attributes/webhookPsk").get(key))
            item.thing.webhook_key = read_value(key);
        break;
    }
    }
    settle(item);
    return true;
}

/// Only now, as nothing grows any more, do addresses hold.
void cj_reader::settle(cj_item &item) {
    for (auto &member : members)
        if (member.value.kind == CJ_NESTED)
            member.value.text.bytes = nested.data() + member.value.integer;
    item.members = members.data();
    item.list = list.data();
    item.body = {body.data(), body.size()};
}

/// Whether any string, a key or not, has the name of a secret: one pass over simdjson's tape, of
/// which a word's first byte is its kind, the rest of a string's the offset of its length and bytes
/// (simdjson, doc/tape.md).
bool cj_reader::may_hold_secrets() const {
    const uint64_t *tape = parser.doc.tape.get();
    const uint8_t *strings = parser.doc.string_buf.get();
    constexpr uint64_t payload = (uint64_t(1) << 56) - 1;
    size_t end = size_t(tape[0] & payload);
    for (size_t index = 1; index < end; index += 1) {
        switch (tape[index] >> 56) {
        case '"': {
            const uint8_t *text = strings + (tape[index] & payload);
            uint32_t length;
            std::memcpy(&length, text, sizeof length);
            if (outcry::is_secret({reinterpret_cast<const char *>(text) + sizeof length, length}))
                return true;
            break;
        }
        case 'l':
        case 'u':
        case 'd': index += 1; break;
        default: break;
        }
    }
    return false;
}

/// Without a secret in it a document is kept as it was spelled: most of them are one line. Of what
/// is spread over lines the white space goes, which costs as much as to read it.
void cj_reader::write_body(dom::element element) {
    if (is_list || may_hold_secrets()) {
        outcry::write(element, body);
        return;
    }
    size_t size = input.size();
    char *place = body.room(size + SIMDJSON_PADDING);
    if (std::memchr(input.data(), '\n', size) == nullptr
        && std::memchr(input.data(), '\r', size) == nullptr) {
        std::memcpy(place, input.data(), size);
    } else if (minify(input.data(), input.size(), place, size)) {
        // Cannot be: the document has just been parsed.
        outcry::write(element, body);
        return;
    }
    body.advance(body.room(0) + size);
}

void cj_reader::read_item(dom::element element, cj_item &item) {
    item.shape = CJ_OTHER;
    dom::object object;
    if (element.get(object)) return;
    bool has_event = false, has_place = false;
    cj_event bare{};
    struct Named {
        cj_value id, name;
        cj_range attributes;
    } geofence{}, maintenance{};
    constexpr Field named_fields[] = {
        {"id", offsetof(Named, id)}, {"name", offsetof(Named, name)}};

    for (auto member : object) {
        if (member.key == "event")
            has_event = read_object(member.value, event_fields, item.event) || has_event;
        else if (member.key == "position")
            item.has_position = read_object(member.value, position_fields, item.position);
        else if (member.key == "device")
            item.has_device = read_object(member.value, device_fields, item.device);
        else if (member.key == "geofence")
            read_object(member.value, named_fields, geofence);
        else if (member.key == "maintenance")
            read_object(member.value, named_fields, maintenance);
        else if (member.key == "attributes")
            read_attributes(member.value, bare.attributes);
        else if (member.key == "latitude")
            has_place = true;
        else
            read_field(member, event_fields, bare);
    }
    item.geofence_id = geofence.id;
    item.geofence_name = geofence.name;
    item.maintenance_id = maintenance.id;
    if (!has_event && !has_place) item.event = bare;

    // A bare position, too, has a `type` (null), a `deviceId` and a `serverTime`; so has a device
    // none of these. An event without a type could match no rule.
    const cj_event &event = item.event;
    bool has_type = event.type.kind == CJ_TEXT && event.type.text.count > 0;
    bool is_placed = event.device_id.kind != CJ_MISSING || event.event_time.kind != CJ_MISSING
        || event.server_time.kind != CJ_MISSING || item.has_device;
    if (has_type && (has_event || is_placed))
        item.shape = CJ_EVENT;
    else if (!has_event && (item.has_position || has_place))
        item.shape = CJ_REPORT;
}

void cj_reader::read_attributes(dom::element element, cj_range &range) {
    range = {members.size(), 0};
    dom::object object;
    // PHP re-encoders write an empty object as []: no attributes.
    if (element.get(object)) return;
    for (auto member : object) {
        if (outcry::is_secret(member.key)) continue;
        cj_member entry{};
        entry.name = {member.key.data(), member.key.size()};
        entry.value = read_value(member.value);
        if (entry.value.kind == CJ_NESTED) {
            size_t start = nested.size();
            outcry::write(member.value, nested);
            entry.value.integer = int64_t(start);
            entry.value.text = {nullptr, nested.size() - start};
        }
        members.push_back(entry);
    }
    range.count = members.size() - range.first;
}

cj_value cj_reader::read_value(dom::element element) {
    cj_value value{};
    switch (element.type()) {
    case dom::element_type::STRING: {
        std::string_view text(element);
        value.kind = CJ_TEXT;
        value.text = {text.data(), text.size()};
        break;
    }
    case dom::element_type::INT64:
        value.kind = CJ_INTEGER;
        value.integer = int64_t(element);
        value.number = double(value.integer);
        break;
    case dom::element_type::UINT64:
        value.kind = CJ_NUMBER;
        value.number = double(uint64_t(element));
        break;
    case dom::element_type::DOUBLE:
        value.kind = CJ_NUMBER;
        value.number = double(element);
        break;
    case dom::element_type::BOOL:
        value.kind = CJ_FLAG;
        value.integer = bool(element);
        break;
    case dom::element_type::NULL_VALUE: value.kind = CJ_NULL; break;
    case dom::element_type::ARRAY:
    case dom::element_type::OBJECT: value.kind = CJ_NESTED; break;
    }
    return value;
}

void cj_reader::read_list(dom::element element, cj_value &value) {
    dom::array array;
    if (element.get(array)) return;
    size_t first = list.size();
    for (auto each : array) list.push_back(read_value(each));
    value.kind = CJ_LIST;
    value.integer = int64_t(first);
    value.count = list.size() - first;
}

// Memory that runs out (std::bad_alloc) ends the process here, as it does in Swift: nothing was
// answered yet, so nothing is lost.
cj_reader *cj_reader_new(size_t max_depth) { return new (std::nothrow) cj_reader(max_depth); }

void cj_reader_free(cj_reader *reader) { delete reader; }

cj_status cj_parse(cj_reader *reader, const void *bytes, size_t count, const char **reason) {
    return reader->parse(bytes, count, reason);
}

bool cj_next(cj_reader *reader, bool with_body, cj_item *item) {
    return reader->take(with_body, *item);
}

bool cj_is_list(const cj_reader *reader) { return reader->is_list; }

cj_entry cj_enter(cj_reader *reader, const char *key) { return reader->enter(key); }

bool cj_next_of(
    cj_reader *reader, cj_sort sort, bool with_body, cj_item *item, bool *is_object) {
    return reader->take(sort, with_body, *item, *is_object);
}
