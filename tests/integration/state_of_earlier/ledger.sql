-- The ledger of the same gantryd.
PRAGMA application_id = 1734438516;
PRAGMA user_version = 1;
CREATE TABLE state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL,
    compacted INTEGER NOT NULL
) STRICT;
INSERT INTO state VALUES (1, 16, 0);
CREATE TABLE pairs (
    key BLOB NOT NULL UNIQUE,
    value BLOB NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    lease INTEGER NOT NULL
) STRICT;
CREATE INDEX pairs_of_lease ON pairs (lease) WHERE lease <> 0;
CREATE TABLE changes (
    id INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    erased INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    created INTEGER NOT NULL,
    lease INTEGER NOT NULL
) STRICT;
CREATE INDEX changes_by_revision ON changes (revision);
CREATE TABLE leases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ttl_ms INTEGER NOT NULL,
    ends_ms INTEGER NOT NULL,
    boot TEXT NOT NULL
) STRICT;
INSERT INTO pairs VALUES (CAST('boot' AS BLOB), CAST('@BOOT@' AS BLOB),
    2, 2, 0);
INSERT INTO pairs VALUES (CAST('instance/@OLD_CONTAINER@' AS BLOB), CAST('{"startedAt":@STARTED@,"readyAt":@STARTED@,"drainSince":@DRAIN_BEGAN@,"drainReason":"release 2 takes its place"}' AS BLOB),
    4, 13, 0);
INSERT INTO pairs VALUES (CAST('instance/@CONTAINER@' AS BLOB), CAST('{"startedAt":@STARTED@,"readyAt":@STARTED@}' AS BLOB),
    11, 12, 0);
