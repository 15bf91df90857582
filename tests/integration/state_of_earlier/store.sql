-- The store as gantryd wrote it on 2026-11-21, before rollouts of several machines: format 1, with an update under way.
PRAGMA application_id = 1734438516;
PRAGMA user_version = 1;
CREATE TABLE state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL,
    compacted INTEGER NOT NULL
) STRICT;
INSERT INTO state VALUES (1, 55, 0);
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
INSERT INTO leases VALUES (1, 15000, 63958947, '@BOOT@');
INSERT INTO pairs VALUES (CAST('/gantryd/projects/@PROJECT@/config' AS BLOB), CAST('{"components":[{"name":"web","repo":"@PROJECT@/demo","tag":"live","ports":[{"external":@PORT@,"container":8080,"kind":"http"}],"readyChecks":[{"kind":"http","port":8080,"path":"/health","interval":"100ms"}],"healthChecks":[{"kind":"http","port":8080,"path":"/health"}],"drain":{"timeout":"300s"}}]}' AS BLOB),
    2, 2, 0);
INSERT INTO pairs VALUES (CAST('/gantryd/events/@PROJECT@/@MACHINE@/0000000000000000001' AS BLOB), CAST('{"sequence":1,"at":"2026-11-21T16:30:29.111Z","machine":"@MACHINE@","code":"daemon_started","text":"gantryd 0.1.0, pid 18542"}' AS BLOB),
    3, 3, 0);
INSERT INTO pairs VALUES (CAST('/gantryd/projects/@PROJECT@/machines/@MACHINE@/state' AS BLOB), CAST('{"status":"running","id":"@MACHINE@","host":"vm","pid":18542,"version":"0.1.0","components":[],"startedAt":"2026-11-21T16:30:29.154Z"}' AS BLOB),
    4, 4, 1);
INSERT INTO pairs VALUES (CAST('/gantryd/projects/@PROJECT@/components/web/releases/1' AS BLOB), CAST('{"release":1,"imageid":"@OLD_IMAGE@","specHash":"7b1e73b29c4059862d827cdb14056c325e6358d545cf459e94db40489cb7b52b","createdBy":"root@vm","createdAt":"2026-11-21T16:30:29.970Z","outcome":"live","outcomeAt":"2026-11-21T16:30:34.268Z","spec":{"name":"web","repo":"@PROJECT@/demo","tag":"live","command":[],"user":"","instances":1,"ports":[{"external":@PORT@,"container":8080,"kind":"http","bind":"0.0.0.0"}],"bindings":[],"volumesFrom":[],"readyChecks":[{"kind":"http","id":"http","port":8080,"path":"/health","interval":"100ms","timeout":"2s","rise":1,"fall":3,"grace":"0s"}],"healthChecks":[{"kind":"http","id":"http","port":8080,"path":"/health","interval":"10s","timeout":"2s","rise":1,"fall":3,"grace":"0s"}],"readyTimeout":"10s","terminationSignals":[],"terminationChecks":[{"kind":"connection","id":"connection","interval":"1s","timeout":"2s","rise":1,"fall":3,"grace":"0s"}],"drain":{"timeout":"5m","onTimeout":"kill"},"stopSignal":"","stopTimeout":"10s","privileged":false,"resources":{},"defineComponentLinks":[],"requireComponentLinks":[],"environmentVariables":[],"labels":{}}}' AS BLOB),
    5, 28, 0);
INSERT INTO pairs VALUES (CAST('/gantryd/projects/@PROJECT@/components/web/releases/2' AS BLOB), CAST('{"release":2,"imageid":"@IMAGE@","specHash":"7b1e73b29c4059862d827cdb14056c325e6358d545cf459e94db40489cb7b52b","createdBy":"root@vm","createdAt":"2026-11-21T16:30:37.698Z","outcome":"live","outcomeAt":"2026-11-21T16:30:40.294Z","spec":{"name":"web","repo":"@PROJECT@/demo","tag":"live","command":[],"user":"","instances":1,"ports":[{"external":@PORT@,"container":8080,"kind":"http","bind":"0.0.0.0"}],"bindings":[],"volumesFrom":[],"readyChecks":[{"kind":"http","id":"http","port":8080,"path":"/health","interval":"100ms","timeout":"2s","rise":1,"fall":3,"grace":"0s"}],"healthChecks":[{"kind":"http","id":"http","port":8080,"path":"/health","interval":"10s","timeout":"2s","rise":1,"fall":3,"grace":"0s"}],"readyTimeout":"10s","terminationSignals":[],"terminationChecks":[{"kind":"connection","id":"connection","interval":"1s","timeout":"2s","rise":1,"fall":3,"grace":"0s"}],"drain":{"timeout":"5m","onTimeout":"kill"},"stopSignal":"","stopTimeout":"10s","privileged":false,"resources":{},"defineComponentLinks":[],"requireComponentLinks":[],"environmentVariables":[],"labels":{}}}' AS BLOB),
    36, 51, 0);
INSERT INTO pairs VALUES (CAST('/gantryd/projects/@PROJECT@/components/web/state' AS BLOB), CAST('{"status":"ready","imageid":"@IMAGE@","release":2}' AS BLOB),
    5, 36, 0);
INSERT INTO pairs VALUES (CAST('/gantryd/projects/@PROJECT@/machines/@MACHINE@/components/web' AS BLOB), CAST('{"machine":"@MACHINE@","component":"web","state":"updating","instances":[{"name":"@PROJECT@-web-1-1","container":"@OLD_CONTAINER@","release":1,"imageid":"@OLD_IMAGE@","state":"draining","health":"passing","address":"@OLD_ADDRESS@","since":"2026-11-21T16:30:39.000Z","connections":1,"draining":{"http":0,"tunnels":1,"viaOldWorker":0,"direct":0}},{"name":"@PROJECT@-web-2-1","container":"@CONTAINER@","release":2,"imageid":"@IMAGE@","state":"serving","health":"passing","address":"@ADDRESS@","since":"2026-11-21T16:30:39.000Z","connections":0}],"conditions":[{"code":"draining","text":"release 2 takes its place: draining 1: 0 http, 1 tunnels, 0 via old worker, 0 direct","since":"2026-11-21T16:30:39.000Z","instance":"@PROJECT@-web-1-1","until":"2026-11-21T16:35:39.000Z","then":"it is stopped, and connections that are left are cut","command":"gantryd kill @PROJECT@ -c web"}],"reportedAt":"2026-11-21T16:30:40.563Z","running":1,"wanted":1}' AS BLOB),
    7, 54, 0);
INSERT INTO pairs VALUES (CAST('/gantryd/events/@PROJECT@/@MACHINE@/0000000000000000002' AS BLOB), CAST('{"sequence":2,"at":"2026-11-21T16:30:40.299Z","machine":"@MACHINE@","code":"release_settled","component":"web","release":2,"text":"release 2 is live"}' AS BLOB),
    53, 53, 0);
