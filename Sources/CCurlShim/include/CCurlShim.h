// Swift cannot call C functions with a variable argument list, and libcurl's setopt and getinfo
// are such: here each argument type has a function of its own. `static inline`, so that a call
// costs nothing; `(curl_easy_setopt)` in parentheses goes round curl's type-checking macros.
#ifndef OUTCRY_CCURLSHIM_H
#define OUTCRY_CCURLSHIM_H
#include <curl/curl.h>
#include <stddef.h>

static inline CURLcode outcry_easy_setopt_long(CURL *easy, CURLoption option, long value) {
    return (curl_easy_setopt)(easy, option, value);
}
static inline CURLcode outcry_easy_setopt_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return (curl_easy_setopt)(easy, option, value);
}
static inline CURLcode outcry_easy_setopt_string(CURL *easy, CURLoption option, const char *value) {
    return (curl_easy_setopt)(easy, option, value);
}
static inline CURLcode outcry_easy_setopt_bytes(CURL *easy, CURLoption option, const void *value) {
    return (curl_easy_setopt)(easy, option, value);
}
static inline CURLcode outcry_easy_setopt_pointer(CURL *easy, CURLoption option, void *value) {
    return (curl_easy_setopt)(easy, option, value);
}
static inline CURLcode outcry_easy_setopt_url(CURL *easy, CURLU *url) {
    return (curl_easy_setopt)(easy, CURLOPT_CURLU, url);
}
static inline CURLcode outcry_easy_setopt_list(
    CURL *easy, CURLoption option, struct curl_slist *value) {
    return (curl_easy_setopt)(easy, option, value);
}

// One type for CURLOPT_WRITEFUNCTION and CURLOPT_READFUNCTION: they have the same shape.
typedef size_t (*outcry_data_callback)(char *bytes, size_t size, size_t count, void *context);
static inline CURLcode outcry_easy_setopt_data(
    CURL *easy, CURLoption option, outcry_data_callback callback) {
    return (curl_easy_setopt)(easy, option, callback);
}
static inline CURLcode outcry_easy_setopt_debug(CURL *easy, curl_debug_callback callback) {
    return (curl_easy_setopt)(easy, CURLOPT_DEBUGFUNCTION, callback);
}

static inline CURLcode outcry_easy_getinfo_long(CURL *easy, CURLINFO info, long *value) {
    return (curl_easy_getinfo)(easy, info, value);
}
static inline CURLcode outcry_easy_getinfo_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
    return (curl_easy_getinfo)(easy, info, value);
}
static inline CURLcode outcry_easy_getinfo_pointer(CURL *easy, CURLINFO info, void **value) {
    return (curl_easy_getinfo)(easy, info, value);
}
static inline CURLMcode outcry_multi_setopt_long(CURLM *multi, CURLMoption option, long value) {
    return (curl_multi_setopt)(multi, option, value);
}

// CURLMsg.data is a union.
static inline CURLcode outcry_message_result(const CURLMsg *message) {
    return message->data.result;
}
#endif
