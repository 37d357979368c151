-- A history as its first schema kept it: three nights, one host that went silent. Never changed.
BEGIN TRANSACTION;
CREATE TABLE im_changes (
	seat_id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	causes TEXT NOT NULL, 
	"before" TEXT NOT NULL, 
	since_run INTEGER NOT NULL, 
	last_state TEXT, 
	seen_run INTEGER, 
	PRIMARY KEY (seat_id, run_id), 
	FOREIGN KEY(seat_id) REFERENCES im_seats (id), 
	FOREIGN KEY(run_id) REFERENCES im_runs (id), 
	FOREIGN KEY(since_run) REFERENCES im_runs (id), 
	FOREIGN KEY(seen_run) REFERENCES im_runs (id)
)
 WITHOUT ROWID

;
INSERT INTO "im_changes" VALUES(1,1,'compliant','','',1,NULL,NULL);
INSERT INTO "im_changes" VALUES(2,1,'drift','user','',1,NULL,NULL);
INSERT INTO "im_changes" VALUES(2,3,'unreachable','unreachable','drift',3,'drift',2);
CREATE TABLE im_history_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT im_history_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "im_history_version" VALUES('0001');
CREATE TABLE im_hosts (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "im_hosts" VALUES(1,'pc-1');
INSERT INTO "im_hosts" VALUES(2,'pc-2');
CREATE TABLE im_runs (
	id INTEGER NOT NULL, 
	at VARCHAR(20) NOT NULL, 
	mode TEXT NOT NULL, 
	scope_id INTEGER NOT NULL, 
	compliant INTEGER NOT NULL, 
	changed INTEGER NOT NULL, 
	drift INTEGER NOT NULL, 
	"deferred" INTEGER NOT NULL, 
	refused INTEGER NOT NULL, 
	failed INTEGER NOT NULL, 
	unreachable INTEGER NOT NULL, 
	waived INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(scope_id) REFERENCES im_scopes (id)
);
INSERT INTO "im_runs" VALUES(1,'2026-11-20T02:00:00Z','audit',1,1,0,1,0,0,0,0,0);
INSERT INTO "im_runs" VALUES(2,'2026-11-21T02:00:00Z','audit',1,1,0,1,0,0,0,0,0);
INSERT INTO "im_runs" VALUES(3,'2026-11-22T02:00:00Z','audit',1,1,0,0,0,0,0,1,0);
CREATE TABLE im_scopes (
	id INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	host_ids TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (digest)
);
INSERT INTO "im_scopes" VALUES(1,'412a4789b02cad19bacb029f5c8ec8e9b115375d82b97df1d6b15997a8e70e01','1-2');
CREATE TABLE im_seats (
	id INTEGER NOT NULL, 
	host_id INTEGER NOT NULL, 
	login TEXT NOT NULL, 
	client TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (host_id, login, client), 
	FOREIGN KEY(host_id) REFERENCES im_hosts (id)
);
INSERT INTO "im_seats" VALUES(1,1,'zobrien','pidgin');
INSERT INTO "im_seats" VALUES(2,2,'zobrien','pidgin');
CREATE INDEX ix_im_runs_at ON im_runs (at);
COMMIT;
