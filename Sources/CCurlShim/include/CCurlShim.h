#ifndef OUTCRY_CCURLSHIM_H
#define OUTCRY_CCURLSHIM_H
#include <curl/curl.h>
#include <stddef.h>
/* Variadic libcurl entry points, one wrapper per argument type.
   static inline, so Swift's clang importer can inline them. The (curl_easy_setopt)
   parentheses disable curl's typecheck-gcc macros. */
static inline CURLcode outcry_easy_setopt_long(CURL *h, CURLoption o, long v) { return (curl_easy_setopt)(h, o, v); }
static inline CURLcode outcry_easy_setopt_off(CURL *h, CURLoption o, curl_off_t v) { return (curl_easy_setopt)(h, o, v); }
static inline CURLcode outcry_easy_setopt_str(CURL *h, CURLoption o, const char *v) { return (curl_easy_setopt)(h, o, v); }
static inline CURLcode outcry_easy_setopt_ptr(CURL *h, CURLoption o, void *v) { return (curl_easy_setopt)(h, o, v); }
typedef size_t (*outcry_data_cb)(char *p, size_t size, size_t n, void *ud);
static inline CURLcode outcry_easy_setopt_datacb(CURL *h, CURLoption o, outcry_data_cb cb) { return (curl_easy_setopt)(h, o, cb); }
static inline CURLcode outcry_easy_getinfo_long(CURL *h, CURLINFO i, long *v) { return (curl_easy_getinfo)(h, i, v); }
static inline CURLcode outcry_easy_getinfo_off(CURL *h, CURLINFO i, curl_off_t *v) { return (curl_easy_getinfo)(h, i, v); }
static inline CURLcode outcry_easy_getinfo_str(CURL *h, CURLINFO i, char **v) { return (curl_easy_getinfo)(h, i, v); }
static inline CURLcode outcry_easy_getinfo_ptr(CURL *h, CURLINFO i, void **v) { return (curl_easy_getinfo)(h, i, v); }
static inline CURLMcode outcry_multi_setopt_long(CURLM *m, CURLMoption o, long v) { return (curl_multi_setopt)(m, o, v); }
static inline CURLMcode outcry_multi_setopt_ptr(CURLM *m, CURLMoption o, void *v) { return (curl_multi_setopt)(m, o, v); }
static inline CURLMcode outcry_multi_setopt_socketcb(CURLM *m, curl_socket_callback cb) { return (curl_multi_setopt)(m, CURLMOPT_SOCKETFUNCTION, cb); }
static inline CURLMcode outcry_multi_setopt_timercb(CURLM *m, curl_multi_timer_callback cb) { return (curl_multi_setopt)(m, CURLMOPT_TIMERFUNCTION, cb); }
/* CURLMsg.data is a union: Swift imports it, but a getter keeps it tidy */
static inline CURLcode outcry_msg_result(CURLMsg *m) { return m->data.result; }
#endif
