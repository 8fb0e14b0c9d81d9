// Tracker payloads read by simdjson and handed over as flat structs: what Swift needs to build an
// event without walking JSON. It promises the values as they were sent, by kind (what a text "97"
// means as an id is decided in Swift, Sources/Intake), and the event's own body in one line, without
// the members that hold secrets, at any depth.
//
// Everything an item points to lives in the reader, until its next `cj_parse` or `cj_next`.
// A reader is used by one thread at a time and reused: its buffers are what makes it fast.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const char *_Nullable bytes;
    size_t count;
} cj_text;

typedef enum {
    CJ_MISSING = 0,
    CJ_NULL,
    CJ_TEXT,
    CJ_INTEGER,
    /// A number that is no int64: written with a fraction or an exponent, or beyond 2^63 - 1.
    CJ_NUMBER,
    /// `integer` is 0 or 1.
    CJ_FLAG,
    /// An object or a list; in attributes `text` is its JSON without secrets.
    CJ_NESTED,
    /// Of `geofenceIds` only: `count` values from the index `integer` in the item's `list`.
    CJ_LIST,
} cj_kind;

typedef struct {
    cj_kind kind;
    int64_t integer;
    /// Of CJ_NUMBER, and of CJ_INTEGER too.
    double number;
    cj_text text;
    size_t count;
} cj_value;

typedef struct {
    cj_text name;
    cj_value value;
} cj_member;

/// A run of the item's `members`.
typedef struct {
    size_t first, count;
} cj_range;

typedef struct {
    cj_value id, device_id, type, event_time, server_time, position_id, geofence_id,
        maintenance_id;
    cj_range attributes;
} cj_event;

typedef struct {
    cj_value id, device_id, server_time, device_time, fix_time, valid, latitude, longitude,
        altitude, speed, course, address, accuracy, geofence_ids;
    cj_range attributes;
} cj_position;

typedef struct {
    cj_value id, unique_id, name, group_id, geofence_ids, status, last_update, position_id,
        disabled;
    cj_range attributes;
} cj_device;

/// What a server keeps beside devices: a geofence, group, calendar or notification, and the objects
/// that describe an account and the server itself. They share most of their members.
typedef struct {
    cj_value id, name, group_id, calendar_id, area, data, type, always, notificators, web, version,
        expiration_time, disable_reports;
    /// The attribute `webhookPsk` of an account, which as a secret is not among `attributes`.
    cj_value webhook_key;
    cj_range attributes;
} cj_thing;

typedef enum {
    /// An envelope, or a bare event.
    CJ_EVENT = 0,
    /// A position without an event: what `forward.url` posts.
    CJ_REPORT,
    /// JSON, but neither.
    CJ_OTHER,
} cj_shape;

/// What the elements of a list are said to be.
typedef enum { CJ_EVENTS = 0, CJ_POSITIONS, CJ_DEVICES, CJ_THINGS } cj_sort;

typedef struct {
    cj_shape shape;
    bool has_position, has_device;
    cj_event event;
    cj_position position;
    cj_device device;
    cj_thing thing;
    cj_value geofence_id, geofence_name, maintenance_id;
    const cj_member *_Nullable members;
    const cj_value *_Nullable list;
    /// The item's own JSON in one line, without secrets; empty unless it was asked for. As it came
    /// where it came so; in a list or beside a secret it is written anew, and numbers keep their
    /// value only.
    cj_text body;
} cj_item;

typedef enum {
    CJ_OK = 0,
    CJ_EMPTY,
    CJ_TOO_DEEP,
    CJ_BAD_UTF8,
    /// Malformed, or beyond what 64 bits hold.
    CJ_BAD_NUMBER,
    /// A bad escape, or half of a surrogate pair.
    CJ_BAD_STRING,
    CJ_MALFORMED,
    CJ_NO_MEMORY,
} cj_status;

typedef struct cj_reader cj_reader;

/// NULL where memory is short.
cj_reader *_Nullable cj_reader_new(size_t max_depth);
void cj_reader_free(cj_reader *_Nullable reader);

/// Parses `count` bytes (which need no padding). `reason`: in plain words, never the input's own.
cj_status cj_parse(
    cj_reader *_Nonnull reader, const void *_Nullable bytes, size_t count,
    const char *_Nullable *_Nonnull reason);

/// The next item of the document: the elements of a list, or the one object. False: no more.
bool cj_next(cj_reader *_Nonnull reader, bool with_body, cj_item *_Nonnull item);

/// Whether what was parsed is a list.
bool cj_is_list(const cj_reader *_Nonnull reader);

typedef enum { CJ_ENTERED = 0, CJ_ABSENT, CJ_UNFIT } cj_entry;

/// Turns to the list under a key of the document, which is an object: its elements are what comes
/// next. CJ_ABSENT: there is none, or null; CJ_UNFIT: something else stands there.
cj_entry cj_enter(cj_reader *_Nonnull reader, const char *_Nonnull key);

/// As `cj_next`, for elements whose sort is known: of positions `position` is filled in, of devices
/// `device`, of things `thing`. `is_object` is false for what cannot be one at all.
bool cj_next_of(
    cj_reader *_Nonnull reader, cj_sort sort, bool with_body, cj_item *_Nonnull item,
    bool *_Nonnull is_object);

#ifdef __cplusplus
}
#endif
