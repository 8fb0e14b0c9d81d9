// Swift cannot call C functions with a variable argument list, and sqlite3_config is one.
#ifndef OUTCRY_CSQLITESHIM_H
#define OUTCRY_CSQLITESHIM_H

/// Lets SQLite allocate without keeping account of it, which takes a lock each time. Before the
/// first database is opened (SQLITE_CONFIG_MEMSTATUS, sqlite.org/c3ref). Returns an SQLite result code.
int outcry_sqlite_without_memory_statistics(void);
#endif
