BEGIN TRANSACTION;
CREATE TABLE download_records (
        number INTEGER PRIMARY KEY REFERENCES downloads (number),
        record TEXT NOT NULL
    );
INSERT INTO "download_records" VALUES(1,'{"version":{"id":1180591620717411303424,"nested":[1,2.0,{"x":null}]},"model":{}}');
CREATE TABLE downloads (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        status TEXT NOT NULL,
        priority INTEGER NOT NULL,
        root TEXT NOT NULL,
        place TEXT NOT NULL,
        not_before INTEGER,
        more TEXT NOT NULL
    );
INSERT INTO "downloads" VALUES(1,'9a2b620b-6d5d-4d74-9bf8-7c8bdc81e592',1747190088985,1,'queued',-3,'/models/Lora','räv/ü/狐.safetensors',1747276488985,'{"version_id":691639,"file_id":606066,"kind":"lora","root":"/models/Lora","filename":"狐.safetensors","updated_at":"2025-05-14T02:34:48.985Z","folder":"räv/ü","status":"queued","model_id":618692,"title":"Räv 🦊","version":"v1.0","size":9223372036854775808,"hashes":{"sha256":"abababababababababababababababababababababababababababababababab","autov1":null,"autov3":"cdcdcdcdcdcd","told":null,"source":null},"priority":-3,"started_at":null,"ended_at":null,"bytes_done":12,"total":6938078334,"etag":"\"5e3b-a\"","failures":2,"not_before":"2025-05-15T02:34:48.985Z","wrong_sha256":"efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef","waiting_reason":"The connection was lost.","failure":null,"notes":[],"servers":{}}');
CREATE TABLE events (
        sequence INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        at INTEGER NOT NULL,
        job_id TEXT,
        server TEXT,
        data TEXT NOT NULL
    );
INSERT INTO "events" VALUES(1,'server.added',1747190088985,NULL,'Laptop','{}');
INSERT INTO "events" VALUES(2,'job.submitted',1747190088985,'done','Laptop','{"status":"pending"}');
INSERT INTO "events" VALUES(3,'job.started',1747190089985,'done','Laptop','{"status":"processing"}');
INSERT INTO "events" VALUES(4,'job.completed',1747276488985,'done','Laptop','{"status":"completed","images":["a_0.png","a_1.png"]}');
INSERT INTO "events" VALUES(5,'job.submitted',1747190089985,'gone','Laptop','{"status":"pending"}');
INSERT INTO "events" VALUES(6,'job.submitted',1747190089985,'later','auto','{"status":"pending"}');
INSERT INTO "events" VALUES(7,'job.cancelled',1747276488985,'gone','Laptop','{"status":"cancelled"}');
INSERT INTO "events" VALUES(8,'job.deleted',1747276488985,'gone','Laptop','{"status":"cancelled"}');
INSERT INTO "events" VALUES(9,'job.started',1747190090985,'later','Laptop','{"status":"processing"}');
INSERT INTO "events" VALUES(10,'job.requeued',1747276488985,'later','Laptop','{"status":"pending","reason":"It broke — 狐."}');
INSERT INTO "events" VALUES(11,'job.submitted',1747190090985,'running','Laptop','{"status":"pending"}');
INSERT INTO "events" VALUES(12,'job.started',1747190091985,'running','Laptop','{"status":"processing"}');
INSERT INTO "events" VALUES(13,'job.submitted',1747190091985,'lacking','Laptop','{"status":"pending"}');
INSERT INTO "events" VALUES(14,'job.started',1747190092985,'lacking','Laptop','{"status":"processing"}');
INSERT INTO "events" VALUES(15,'job.requeued',1747276488985,'lacking','Laptop','{"status":"pending","reason":"A model is being fetched.","waits_for":["download-1"]}');
INSERT INTO "events" VALUES(16,'job.submitted',1747190092985,'waiting','Laptop','{"status":"pending"}');
INSERT INTO "events" VALUES(17,'download.added',1747190088985,NULL,NULL,'{"download_id":"9a2b620b-6d5d-4d74-9bf8-7c8bdc81e592","status":"queued","filename":"狐.safetensors","title":"Räv 🦊","version":"v1.0","version_id":691639,"reason":"The connection was lost."}');
CREATE TABLE idempotency_keys (
        first INTEGER PRIMARY KEY,
        last INTEGER NOT NULL,
        key TEXT NOT NULL UNIQUE,
        digest TEXT NOT NULL
    );
INSERT INTO "idempotency_keys" VALUES(6,6,'key','digest');
CREATE TABLE identities (
        sha256 TEXT PRIMARY KEY,
        asked_at INTEGER,
        refreshed_at INTEGER,
        candidates TEXT,
        pinned TEXT
    ) WITHOUT ROWID
    ;
INSERT INTO "identities" VALUES('a18b869b2e81c0c529552a3c4fa5c92ed08b98a4e146aed778d71d27517f83ac',1747190088985,1747276488985,'[[1099511627776,1],[7,null]]','[7,2]');
CREATE TABLE jobs (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        revision INTEGER NOT NULL,
        status TEXT NOT NULL,
        target TEXT NOT NULL,
        priority INTEGER NOT NULL,
        checkpoint TEXT,
        requirements TEXT,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        ended_at INTEGER,
        seed INTEGER,
        subseed INTEGER,
        not_before INTEGER,
        cancel_requested INTEGER NOT NULL,
        failures INTEGER NOT NULL,
        worker TEXT,
        leased_until INTEGER,
        waiting_reason TEXT,
        params TEXT NOT NULL,
        attempts TEXT,
        result TEXT,
        failure TEXT
    , waits_for TEXT, supplied_by TEXT);
INSERT INTO "jobs" VALUES(1,'done',3,'completed','Laptop',0,NULL,NULL,1747190088985,1747276488985,1747276488985,9223372036854775807,7,NULL,0,0,NULL,NULL,NULL,'{"positive_prompt":"a lighthouse at dawn"}','[{"number":1,"server":"Laptop","task_id":"task-done-1","started_at":"2025-05-14T02:34:49.985Z","ended_at":"2025-05-15T02:34:48.985Z","outcome":"completed","counted":false,"error":null,"message":null,"sent":{"prompt":"a","steps":5}}]','{"images":["a_0.png","a_1.png"],"info":"2 pictures.","generation_info":{"all_seeds":[9223372036854775807],"infotexts":["a räv\nSteps: 5"],"x":{"y":1.0}},"proof":{"checkpoint":{"asked":"a","got":"a"}},"ignored_params":["style_preset"]}',NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(3,'later',3,'pending','auto',0,'sd.safetensors','{"checkpoints":["sd.safetensors"]}',1747190089985,1747276488985,NULL,9223372036854775807,7,1747276488985,0,1,NULL,NULL,'It broke — 狐.','{"positive_prompt":"a lighthouse at dawn"}','[{"number":1,"server":"Laptop","task_id":"task-later-1","started_at":"2025-05-14T02:34:50.985Z","ended_at":"2025-05-15T02:34:48.985Z","outcome":"failed","counted":true,"error":"server_fault","message":"It broke — 狐.","sent":null}]',NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(4,'running',2,'processing','Laptop',0,NULL,NULL,1747190090985,1747190091985,NULL,9223372036854775807,7,NULL,0,0,'worker',1747190121985,NULL,'{"positive_prompt":"a lighthouse at dawn"}','[{"number":1,"server":"Laptop","task_id":"task-running-1","started_at":"2025-05-14T02:34:51.985Z","ended_at":null,"outcome":null,"counted":false,"error":null,"message":null,"sent":null}]',NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(5,'lacking',3,'pending','Laptop',0,NULL,NULL,1747190091985,1747276488985,NULL,9223372036854775807,7,NULL,0,0,NULL,NULL,'A model is being fetched.','{"positive_prompt":"a lighthouse at dawn"}',NULL,NULL,NULL,'["download-1"]',NULL);
INSERT INTO "jobs" VALUES(6,'waiting',1,'pending','Laptop',1,NULL,NULL,1747190092985,1747190092985,NULL,NULL,NULL,NULL,0,0,NULL,NULL,NULL,'{"positive_prompt":"a räv at “dawn”"}',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE model_folders (
        root TEXT NOT NULL,
        folder TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        PRIMARY KEY (root, folder)
    ) WITHOUT ROWID
    ;
INSERT INTO "model_folders" VALUES('/models/Stable-diffusion','räv','as it was');
CREATE TABLE models (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        root TEXT NOT NULL,
        path TEXT NOT NULL,
        missing INTEGER NOT NULL,
        folder TEXT NOT NULL,
        name TEXT NOT NULL,
        stem TEXT NOT NULL,
        family TEXT NOT NULL,
        base_name TEXT,
        card_base TEXT,
        size NOT NULL,
        mtime_ns NOT NULL,
        created_at INTEGER NOT NULL,
        format TEXT NOT NULL,
        sha256 TEXT,
        autov1 TEXT,
        autov3 TEXT,
        told TEXT,
        hash_source TEXT,
        version_id,
        base_model TEXT,
        words TEXT NOT NULL,
        more TEXT
    );
INSERT INTO "models" VALUES(1,'checkpoint','/models/Stable-diffusion','räv/x.safetensors',0,'räv','x.safetensors','x','unknown',NULL,NULL,6938078334,1715654088985000001,1747190088985000,'unknown','abababababababababababababababababababababababababababababababab',NULL,NULL,NULL,NULL,NULL,NULL,'räv/x.safetensors
unknown',NULL);
CREATE TABLE queue (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "queue" VALUES('cancelled',0);
INSERT INTO "queue" VALUES('completed',1);
INSERT INTO "queue" VALUES('failed',0);
INSERT INTO "queue" VALUES('gaps',1);
INSERT INTO "queue" VALUES('paused',0);
CREATE TABLE servers (
        position INTEGER PRIMARY KEY,
        alias TEXT NOT NULL UNIQUE,
        api_url TEXT NOT NULL,
        username TEXT,
        password TEXT,
        enabled INTEGER NOT NULL,
        paused INTEGER NOT NULL,
        description TEXT
    );
INSERT INTO "servers" VALUES(1,'Laptop','http://127.0.0.1:7860','me','geh:eim',1,0,NULL);
CREATE INDEX jobs_by_age ON jobs (created_at, id);
CREATE INDEX jobs_by_status_and_age ON jobs (status, created_at, id);
CREATE TRIGGER job_submitted AFTER INSERT ON jobs WHEN NEW.status = 'pending' BEGIN
        INSERT INTO events (kind, at, job_id, server, data)
        VALUES ('job.submitted', NEW.updated_at, NEW.id, NEW.target, '{"status":"pending"}');
    END;
CREATE TRIGGER ended_job_added AFTER INSERT ON jobs
    WHEN NEW.status NOT IN ('pending', 'processing') BEGIN
        UPDATE queue SET value = value + 1 WHERE name = NEW.status;
    END;
CREATE TRIGGER job_moved AFTER UPDATE OF status ON jobs WHEN NEW.status <> OLD.status BEGIN
        UPDATE queue SET value = value - 1 WHERE name = OLD.status;
        UPDATE queue SET value = value + 1 WHERE name = NEW.status;
    END;
CREATE TRIGGER job_removed AFTER DELETE ON jobs BEGIN
        UPDATE queue SET value = value - 1 WHERE name = OLD.status;
        UPDATE queue SET value = CASE
            WHEN OLD.number < (SELECT max(number) FROM jobs) THEN value + 1
            ELSE value - (OLD.number - 1 - (SELECT coalesce(max(number), 0) FROM jobs))
        END WHERE name = 'gaps';
    END;
CREATE UNIQUE INDEX models_by_place ON models (root, path);
CREATE INDEX models_by_folder ON models (root, folder);
CREATE INDEX models_in_order ON models (name, path, root, kind, missing);
CREATE INDEX models_by_stem ON models (stem);
CREATE INDEX models_by_sha256 ON models (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX models_by_autov1 ON models (autov1) WHERE autov1 IS NOT NULL;
CREATE INDEX models_by_autov3 ON models (autov3) WHERE autov3 IS NOT NULL;
CREATE INDEX models_by_told ON models (told) WHERE told IS NOT NULL;
CREATE INDEX models_by_version ON models (version_id) WHERE version_id IS NOT NULL;
CREATE INDEX models_lost ON models (size, mtime_ns) WHERE missing = 1;
CREATE INDEX models_to_hash ON models (size) WHERE sha256 IS NULL AND missing = 0;
CREATE INDEX jobs_to_claim ON jobs (target, priority DESC, number)
    WHERE status = 'pending' AND waits_for IS NULL
    ;
CREATE INDEX jobs_due_later ON jobs (target, not_before)
    WHERE status = 'pending' AND waits_for IS NULL AND not_before IS NOT NULL
    ;
CREATE INDEX jobs_unsupplied ON jobs (target)
    WHERE status = 'pending' AND waits_for IS NOT NULL
    ;
CREATE INDEX downloads_by_status ON downloads (status, number);
CREATE INDEX downloads_to_claim ON downloads (priority DESC, number) WHERE status = 'queued'
    ;
CREATE INDEX downloads_open ON downloads (root, place)
    WHERE status IN ('queued', 'downloading', 'paused')
    ;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('models',1);
COMMIT;
PRAGMA application_id = 1400131957;
PRAGMA user_version = 3;
