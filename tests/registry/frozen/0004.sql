BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE cluster_events (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	task VARCHAR NOT NULL, 
	recipe_digest VARCHAR NOT NULL, 
	sequence INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	payload TEXT NOT NULL, 
	created_at VARCHAR NOT NULL, 
	CONSTRAINT fk_cluster_events_recipe_digest FOREIGN KEY(recipe_digest) REFERENCES recipes (digest), 
	CONSTRAINT uq_cluster_events_task_recipe_digest_sequence UNIQUE (task, recipe_digest, sequence)
);
INSERT INTO "cluster_events" VALUES(1,'text-classification','d30ee994d0d75544',1,'joined','{"model": "org/b"}','2024-05-02T00:00:00.000000+00:00');
CREATE TABLE clusterings (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	task VARCHAR NOT NULL, 
	recipe_digest VARCHAR NOT NULL, 
	threshold FLOAT, 
	top_k INTEGER NOT NULL, 
	method VARCHAR NOT NULL, 
	silhouette FLOAT, 
	silhouette_paper FLOAT, 
	created_at VARCHAR NOT NULL, 
	CONSTRAINT ck_clusterings_method_known CHECK (method IN ('average', 'kmeans')), 
	CONSTRAINT fk_clusterings_recipe_digest FOREIGN KEY(recipe_digest) REFERENCES recipes (digest), 
	CONSTRAINT uq_clusterings_task_recipe_digest UNIQUE (task, recipe_digest)
);
INSERT INTO "clusterings" VALUES(1,'text-classification','d30ee994d0d75544',0.05,5,'average',0.5,0.6,'2026-11-26T09:39:30.627832+00:00');
CREATE TABLE clusters (
	clustering_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	representative_id INTEGER NOT NULL, 
	CONSTRAINT pk_clusters PRIMARY KEY (clustering_id, number), 
	CONSTRAINT fk_clusters_clustering_id FOREIGN KEY(clustering_id) REFERENCES clusterings (id) ON DELETE CASCADE, 
	CONSTRAINT fk_clusters_representative_id FOREIGN KEY(representative_id) REFERENCES models (id)
);
INSERT INTO "clusters" VALUES(1,4,1);
CREATE TABLE curve_points (
	run_id INTEGER NOT NULL, 
	stage INTEGER NOT NULL, 
	epochs FLOAT NOT NULL, 
	val FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, 
	CONSTRAINT pk_curve_points PRIMARY KEY (run_id, stage), 
	CONSTRAINT ck_curve_points_epochs_positive CHECK (epochs > 0), 
	CONSTRAINT ck_curve_points_stage_positive CHECK (stage >= 1), 
	CONSTRAINT ck_curve_points_val_finite CHECK (val BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308), 
	CONSTRAINT fk_curve_points_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "curve_points" VALUES(1,1,1.0,0.3,1.5);
INSERT INTO "curve_points" VALUES(1,2,2.0,0.6,1.5);
INSERT INTO "curve_points" VALUES(1,3,3.0,0.9,1.5);
INSERT INTO "curve_points" VALUES(2,1,1.0,2.66666666666666662965e-01,1.5);
INSERT INTO "curve_points" VALUES(2,2,2.0,5.33333333333333325931e-01,1.5);
INSERT INTO "curve_points" VALUES(2,3,3.0,8.00000000000000155431e-01,1.5);
INSERT INTO "curve_points" VALUES(3,1,1.0,2.33333333333333309278e-01,1.5);
INSERT INTO "curve_points" VALUES(3,2,2.0,4.66666666666666618557e-01,1.5);
INSERT INTO "curve_points" VALUES(3,3,3.0,6.99999999999999844568e-01,1.5);
INSERT INTO "curve_points" VALUES(5,1,1.0,1.99999999999999983346e-01,1.5);
INSERT INTO "curve_points" VALUES(5,2,2.0,3.99999999999999966693e-01,1.5);
INSERT INTO "curve_points" VALUES(5,3,3.0,0.6,1.5);
CREATE TABLE datasets (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR NOT NULL, 
	repo_id VARCHAR NOT NULL, 
	config VARCHAR, 
	revision VARCHAR, 
	data_revision VARCHAR, 
	task VARCHAR NOT NULL, 
	text_columns TEXT NOT NULL, 
	image_column VARCHAR, 
	label_column VARCHAR, 
	label_names TEXT NOT NULL, 
	splits TEXT NOT NULL, 
	role VARCHAR NOT NULL, 
	created_at VARCHAR NOT NULL, downloads BIGINT, likes BIGINT, tags TEXT DEFAULT '[]' NOT NULL, gated VARCHAR, indexed_only BOOLEAN DEFAULT 0 NOT NULL, license VARCHAR, last_modified VARCHAR, choice_columns TEXT DEFAULT '[]' NOT NULL, audio_column VARCHAR, path VARCHAR, problem_type VARCHAR DEFAULT 'single_label_classification' NOT NULL, 
	CONSTRAINT ck_datasets_role_known CHECK (role IN ('benchmark', 'target')), 
	CONSTRAINT uq_datasets_name UNIQUE (name)
);
INSERT INTO "datasets" VALUES(1,'org/d:c','org/d','c','dddddddddddddddddddddddddddddddddddddddd',NULL,'text-classification','[]',NULL,NULL,'[]','{"train": 9, "test": null}','benchmark','2026-11-26T09:39:30.491979+00:00',NULL,NULL,'[]',NULL,0,NULL,NULL,'[]',NULL,NULL,'single_label_classification');
INSERT INTO "datasets" VALUES(2,'org/e','org/e',NULL,'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee',NULL,'text-classification','["one", "two"]',NULL,NULL,'[]','{}','benchmark','2026-11-26T09:39:30.500384+00:00',NULL,NULL,'[]',NULL,0,NULL,NULL,'[]',NULL,NULL,'single_label_classification');
INSERT INTO "datasets" VALUES(3,'org/target','org/target',NULL,NULL,NULL,'text-classification','[]',NULL,NULL,'[]','{}','target','2026-11-26T09:39:30.503629+00:00',NULL,NULL,'[]',NULL,0,NULL,NULL,'[]',NULL,NULL,'single_label_classification');
CREATE TABLE hub_results (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	model_id INTEGER NOT NULL, 
	repo_id VARCHAR NOT NULL, 
	revision VARCHAR NOT NULL, 
	dataset VARCHAR NOT NULL, 
	config VARCHAR NOT NULL, 
	split VARCHAR NOT NULL, 
	metric VARCHAR NOT NULL, 
	value FLOAT NOT NULL, 
	created_at VARCHAR NOT NULL, 
	CONSTRAINT ck_hub_results_value_finite CHECK (value BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308), 
	CONSTRAINT fk_hub_results_model_id FOREIGN KEY(model_id) REFERENCES models (id), 
	CONSTRAINT uq_hub_results_model_id_dataset_config_split_metric UNIQUE (model_id, dataset, config, split, metric)
);
INSERT INTO "hub_results" VALUES(1,1,'org/a','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','glue','sst2','validation','accuracy',0.93,'2026-11-26T09:39:30.616946+00:00');
CREATE TABLE index_cursors (
	digest VARCHAR NOT NULL, 
	"query" TEXT NOT NULL, 
	next_page VARCHAR, 
	walk_newest VARCHAR, 
	walk_seen BIGINT NOT NULL, 
	seen_until VARCHAR, 
	started_at VARCHAR NOT NULL, 
	updated_at VARCHAR NOT NULL, 
	finished_at VARCHAR, 
	CONSTRAINT pk_index_cursors PRIMARY KEY (digest)
);
INSERT INTO "index_cursors" VALUES('cdb33661ad5a40c8','{"kind": "models", "tag": "image-classification"}',NULL,NULL,0,'2024-05-01T00:00:00+00:00','2026-11-26T09:39:30.718332+00:00','2026-11-26T09:39:30.730732+00:00',NULL);
CREATE TABLE memberships (
	clustering_id INTEGER NOT NULL, 
	model_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	CONSTRAINT pk_memberships PRIMARY KEY (clustering_id, model_id), 
	CONSTRAINT fk_memberships_clustering_id_number FOREIGN KEY(clustering_id, number) REFERENCES clusters (clustering_id, number) ON DELETE CASCADE, 
	CONSTRAINT fk_memberships_model_id FOREIGN KEY(model_id) REFERENCES models (id)
);
INSERT INTO "memberships" VALUES(1,1,4);
INSERT INTO "memberships" VALUES(1,2,4);
CREATE TABLE models (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	repo_id VARCHAR NOT NULL, 
	revision VARCHAR, 
	task VARCHAR NOT NULL, 
	architecture VARCHAR, 
	model_type VARCHAR, 
	parameters BIGINT, 
	weights_format VARCHAR, 
	weights_files TEXT NOT NULL, 
	weights_bytes BIGINT, 
	weights_digest VARCHAR, 
	labels TEXT NOT NULL, 
	license VARCHAR, 
	base_model VARCHAR, 
	last_modified VARCHAR, 
	created_at VARCHAR NOT NULL, downloads BIGINT, likes BIGINT, tags TEXT DEFAULT '[]' NOT NULL, gated VARCHAR, indexed_only BOOLEAN DEFAULT 0 NOT NULL, pipeline_tag VARCHAR, library VARCHAR, hub_created_at VARCHAR, 
	CONSTRAINT uq_models_repo_id UNIQUE (repo_id)
);
INSERT INTO "models" VALUES(1,'org/a','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','text-classification',NULL,NULL,NULL,NULL,'[]',NULL,'a','["no", "yes"]',NULL,NULL,NULL,'2026-11-26T09:39:30.379235+00:00',NULL,NULL,'[]',NULL,0,NULL,NULL,NULL);
INSERT INTO "models" VALUES(2,'org/b','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','text-classification',NULL,NULL,NULL,NULL,'[]',NULL,'b','["no", "yes"]',NULL,NULL,NULL,'2026-11-26T09:39:30.386767+00:00',NULL,NULL,'[]',NULL,0,NULL,NULL,NULL);
INSERT INTO "models" VALUES(3,'org/vit','ffffffffffffffffffffffffffffffffffffffff','image-classification',NULL,NULL,7,NULL,'[]',NULL,NULL,'[]',NULL,NULL,NULL,'2026-11-26T09:39:30.720757+00:00',5000000000,3,'["vision"]','auto',1,'image-classification','transformers','2024-01-01T00:00:00+00:00');
CREATE TABLE placements (
	model_id INTEGER NOT NULL, 
	recipe_digest VARCHAR NOT NULL, 
	task VARCHAR NOT NULL, 
	cluster_id INTEGER NOT NULL, 
	how VARCHAR NOT NULL, 
	score FLOAT, 
	created_at VARCHAR NOT NULL, 
	CONSTRAINT pk_placements PRIMARY KEY (model_id, recipe_digest), 
	CONSTRAINT ck_placements_score_finite CHECK (score BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308), 
	CONSTRAINT fk_placements_model_id FOREIGN KEY(model_id) REFERENCES models (id), 
	CONSTRAINT fk_placements_recipe_digest FOREIGN KEY(recipe_digest) REFERENCES recipes (digest)
);
INSERT INTO "placements" VALUES(3,'d30ee994d0d75544','text-classification',4,'lineage',0.5,'2024-05-02T00:00:00.000000+00:00');
CREATE TABLE proxy_scores (
	dataset_id INTEGER NOT NULL, 
	proxy VARCHAR NOT NULL, 
	model_id INTEGER NOT NULL, 
	score FLOAT NOT NULL, 
	origin VARCHAR NOT NULL, 
	model_revision VARCHAR, 
	dataset_revision VARCHAR, 
	created_at VARCHAR NOT NULL, source VARCHAR DEFAULT 'measured' NOT NULL, submitted VARCHAR, 
	CONSTRAINT pk_proxy_scores PRIMARY KEY (dataset_id, proxy, model_id), 
	CONSTRAINT ck_proxy_scores_score_finite CHECK (score BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308), 
	CONSTRAINT fk_proxy_scores_dataset_id FOREIGN KEY(dataset_id) REFERENCES datasets (id), 
	CONSTRAINT fk_proxy_scores_model_id FOREIGN KEY(model_id) REFERENCES models (id)
);
INSERT INTO "proxy_scores" VALUES(1,'leep',1,-0.5,'head','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','dddddddddddddddddddddddddddddddddddddddd','2026-11-26T09:39:30.610102+00:00','measured',NULL);
INSERT INTO "proxy_scores" VALUES(1,'logme',2,0.5,'imported',NULL,NULL,'2026-11-26T09:39:30.801248+00:00','imported:proxies','2024-05-03');
CREATE TABLE recipes (
	digest VARCHAR NOT NULL, 
	task VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	epochs INTEGER NOT NULL, 
	stages INTEGER NOT NULL, 
	content TEXT NOT NULL, 
	origin VARCHAR NOT NULL, 
	created_at VARCHAR NOT NULL, 
	CONSTRAINT pk_recipes PRIMARY KEY (digest), 
	CONSTRAINT ck_recipes_origin_known CHECK (origin IN ('measured', 'imported')), 
	CONSTRAINT ck_recipes_stages_positive CHECK (stages >= 1)
);
INSERT INTO "recipes" VALUES('d30ee994d0d75544','text-classification','full-finetune',3,3,'{"task": "text-classification", "name": "full-finetune", "metric": "accuracy", "epochs": 3, "stages_per_epoch": 1, "optimizer": "adamw", "learning_rate": null, "weight_decay": 0.01, "warmup_ratio": 0.06, "batch_size": 32, "max_length": 128, "max_train_samples": null, "max_eval_samples": null, "seed": 0}','measured','2026-11-26T09:39:30.509144+00:00');
INSERT INTO "recipes" VALUES('a80ac8bde841e941','text-classification','imported:table',1,1,'{"task": "text-classification", "name": "imported:table", "metric": "accuracy", "epochs": 1, "stages_per_epoch": 1, "optimizer": "unknown", "learning_rate": null, "weight_decay": 0.01, "warmup_ratio": 0.06, "batch_size": 32, "max_length": 128, "max_train_samples": null, "max_eval_samples": null, "seed": 0}','imported','2026-11-26T09:39:30.859838+00:00');
CREATE TABLE runs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	model_id INTEGER NOT NULL, 
	dataset_id INTEGER NOT NULL, 
	recipe_digest VARCHAR NOT NULL, 
	seed BIGINT NOT NULL, 
	selection_id INTEGER, 
	status VARCHAR NOT NULL, 
	test FLOAT, 
	reason VARCHAR, 
	source VARCHAR NOT NULL, 
	seconds FLOAT, 
	model_revision VARCHAR, 
	dataset_revision VARCHAR, 
	created_at VARCHAR NOT NULL, submitted VARCHAR, 
	CONSTRAINT ck_runs_done_has_test CHECK (status <> 'done' OR test IS NOT NULL), 
	CONSTRAINT ck_runs_status_known CHECK (status IN ('running', 'done', 'failed', 'stopped')), 
	CONSTRAINT ck_runs_test_finite CHECK (test BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308), 
	CONSTRAINT fk_runs_dataset_id FOREIGN KEY(dataset_id) REFERENCES datasets (id), 
	CONSTRAINT fk_runs_model_id FOREIGN KEY(model_id) REFERENCES models (id), 
	CONSTRAINT fk_runs_recipe_digest FOREIGN KEY(recipe_digest) REFERENCES recipes (digest), 
	CONSTRAINT fk_runs_selection_id FOREIGN KEY(selection_id) REFERENCES selections (id)
);
INSERT INTO "runs" VALUES(1,1,1,'d30ee994d0d75544',0,NULL,'done',0.9,NULL,'measured',4.5,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','dddddddddddddddddddddddddddddddddddddddd','2026-11-26T09:39:30.514102+00:00',NULL);
INSERT INTO "runs" VALUES(2,2,1,'d30ee994d0d75544',0,NULL,'done',0.8,NULL,'measured',4.5,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','dddddddddddddddddddddddddddddddddddddddd','2026-11-26T09:39:30.546405+00:00',NULL);
INSERT INTO "runs" VALUES(3,1,2,'d30ee994d0d75544',0,NULL,'done',0.7,NULL,'measured',4.5,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','2026-11-26T09:39:30.577117+00:00',NULL);
INSERT INTO "runs" VALUES(4,2,2,'d30ee994d0d75544',0,NULL,'failed',NULL,'out of memory','measured',NULL,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','2026-11-26T09:39:30.600266+00:00',NULL);
INSERT INTO "runs" VALUES(5,1,3,'d30ee994d0d75544',0,1,'done',0.6,NULL,'measured',4.5,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL,'2026-11-26T09:39:30.658894+00:00',NULL);
INSERT INTO "runs" VALUES(6,2,2,'a80ac8bde841e941',0,NULL,'done',0.5,NULL,'imported:table',NULL,NULL,NULL,'2026-11-26T09:39:30.886271+00:00','May 2024');
CREATE TABLE selection_events (
	selection_id INTEGER NOT NULL, 
	sequence INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	payload TEXT NOT NULL, 
	created_at VARCHAR NOT NULL, 
	CONSTRAINT pk_selection_events PRIMARY KEY (selection_id, sequence), 
	CONSTRAINT fk_selection_events_selection_id FOREIGN KEY(selection_id) REFERENCES selections (id) ON DELETE CASCADE
);
INSERT INTO "selection_events" VALUES(1,1,'verdict','{"stage": 1, "epochs": 1.0, "model": "org/a", "val": 0.2, "predicted": 0.6, "kept": true, "reason": "best"}','2026-11-26T09:39:30.695251+00:00');
INSERT INTO "selection_events" VALUES(1,2,'verdict','{"stage": 1, "epochs": 1.0, "model": "org/b", "val": 0.1, "predicted": null, "kept": false, "reason": "worse"}','2026-11-26T09:39:30.695613+00:00');
INSERT INTO "selection_events" VALUES(1,3,'note','{"text": "sp\u00e4te Nachricht"}','2026-11-26T09:39:30.700671+00:00');
CREATE TABLE selections (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	request_digest VARCHAR NOT NULL, 
	knowledge_digest VARCHAR, 
	dataset_id INTEGER NOT NULL, 
	dataset_revision VARCHAR, 
	recipe_digest VARCHAR NOT NULL, 
	policy VARCHAR NOT NULL, 
	proxy VARCHAR NOT NULL, 
	k INTEGER NOT NULL, 
	options TEXT NOT NULL, 
	status VARCHAR NOT NULL, 
	reason VARCHAR, 
	recalled TEXT, 
	knowledge TEXT, 
	winner_id INTEGER, 
	val FLOAT, 
	test FLOAT, 
	path VARCHAR, 
	training_epochs FLOAT NOT NULL, 
	recall_epochs FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, 
	bytes_downloaded BIGINT NOT NULL, 
	created_at VARCHAR NOT NULL, 
	finished_at VARCHAR, 
	CONSTRAINT ck_selections_done_has_winner CHECK (status <> 'done' OR (winner_id IS NOT NULL AND val IS NOT NULL)), 
	CONSTRAINT ck_selections_status_known CHECK (status IN ('running', 'done', 'failed')), 
	CONSTRAINT ck_selections_k_positive CHECK (k >= 1), 
	CONSTRAINT fk_selections_dataset_id FOREIGN KEY(dataset_id) REFERENCES datasets (id), 
	CONSTRAINT fk_selections_recipe_digest FOREIGN KEY(recipe_digest) REFERENCES recipes (digest), 
	CONSTRAINT fk_selections_winner_id FOREIGN KEY(winner_id) REFERENCES models (id)
);
INSERT INTO "selections" VALUES(1,'e323046c863ca819','k1',3,NULL,'d30ee994d0d75544','fine-selection','leep',2,'{"threshold": 0.0}','done',NULL,'[{"model": "org/a", "recall_score": 0.8, "prior": 0.8, "proxy_score": -0.5, "cluster": 4, "representative": "org/a", "proxy_origin": "head", "predicted": null, "low": null, "high": null, "sd": null}, {"model": "org/b", "recall_score": 0.7, "prior": 0.8, "proxy_score": null, "cluster": 4, "representative": null, "proxy_origin": null, "predicted": null, "low": null, "high": null, "sd": null}]','{"matrix": [[0.9, NaN]]}',1,0.61,0.6,'/somewhere/out',3.0,0.1,7.5,150,'2026-11-26T09:39:30.635991+00:00','2026-11-26T09:39:30.715462+00:00');
CREATE INDEX ix_datasets_task ON datasets (task);
CREATE INDEX ix_recipes_task ON recipes (task);
CREATE INDEX ix_proxy_scores_model_id ON proxy_scores (model_id);
CREATE INDEX ix_selections_request_digest ON selections (request_digest);
CREATE INDEX ix_runs_model_id ON runs (model_id);
CREATE UNIQUE INDEX uq_runs_benchmark ON runs (recipe_digest, dataset_id, model_id, seed) WHERE selection_id IS NULL;
CREATE UNIQUE INDEX uq_runs_selection ON runs (selection_id, recipe_digest, dataset_id, model_id, seed) WHERE selection_id IS NOT NULL;
CREATE INDEX ix_models_task_downloads_parameters_license ON models (task, downloads, parameters, license);
CREATE INDEX ix_models_task_parameters ON models (task, parameters);
CREATE INDEX ix_models_task_last_modified ON models (task, last_modified);
CREATE INDEX ix_placements_task_recipe_digest_cluster_id ON placements (task, recipe_digest, cluster_id);
CREATE INDEX ix_memberships_clustering_id_number ON memberships (clustering_id, number);
CREATE VIEW v_models AS
        SELECT m.id AS model_id, m.repo_id AS model, m.task, m.revision, m.architecture, m.model_type,
               m.parameters, m.weights_format, m.weights_bytes, m.license, m.base_model, m.downloads,
               m.likes, m.tags, m.gated, m.pipeline_tag, m.library, m.last_modified, m.hub_created_at,
               m.indexed_only,
               (SELECT count(*) FROM runs r WHERE r.model_id = m.id AND r.selection_id IS NULL
                   AND r.status = 'done') AS finished_runs
        FROM models m;
CREATE VIEW v_curves AS
        SELECT r.id AS run_id, m.repo_id AS model, d.name AS dataset, r.recipe_digest AS recipe, r.seed,
               r.selection_id, p.stage, p.epochs, p.val, p.seconds
        FROM curve_points p
        JOIN runs r ON r.id = p.run_id
        JOIN models m ON m.id = r.model_id
        JOIN datasets d ON d.id = r.dataset_id;
CREATE VIEW v_matrix_cells AS
        SELECT c.task, r.recipe_digest AS recipe, c.name AS recipe_name, m.repo_id AS model,
               d.name AS dataset, avg(r.test) AS score, count(*) AS seeds
        FROM runs r
        JOIN models m ON m.id = r.model_id
        JOIN datasets d ON d.id = r.dataset_id
        JOIN recipes c ON c.digest = r.recipe_digest
        WHERE r.status = 'done' AND r.selection_id IS NULL AND d.role = 'benchmark'
            AND (r.model_revision IS NULL OR r.model_revision = m.revision)
        GROUP BY c.task, r.recipe_digest, c.name, m.repo_id, d.name;
CREATE VIEW v_claims AS
        SELECT h.repo_id AS model, h.dataset, h.config, h.split, h.metric, h.value, h.revision
        FROM hub_results h;
CREATE VIEW v_clusters AS
        SELECT g.task, g.recipe_digest AS recipe, c.number AS cluster_id, m.repo_id AS representative,
               (SELECT count(*) FROM memberships s WHERE s.clustering_id = c.clustering_id
                   AND s.number = c.number) AS size
        FROM clusters c
        JOIN clusterings g ON g.id = c.clustering_id
        JOIN models m ON m.id = c.representative_id;
CREATE VIEW v_memberships AS
        SELECT g.task, g.recipe_digest AS recipe, s.number AS cluster_id, m.repo_id AS model,
               CASE WHEN c.representative_id = s.model_id THEN 1 ELSE 0 END AS is_representative
        FROM memberships s
        JOIN clusterings g ON g.id = s.clustering_id
        JOIN clusters c ON c.clustering_id = s.clustering_id AND c.number = s.number
        JOIN models m ON m.id = s.model_id;
CREATE VIEW v_placements AS
        SELECT p.task, p.recipe_digest AS recipe, m.repo_id AS model, p.cluster_id, p.how, p.score
        FROM placements p
        JOIN models m ON m.id = p.model_id;
CREATE VIEW v_selections AS
        SELECT s.id AS selection_id, d.name AS dataset, s.status, s.policy, s.proxy, s.k,
               m.repo_id AS model, s.val, s.test, s.training_epochs + s.recall_epochs AS epochs,
               s.seconds, s.bytes_downloaded, s.path, s.created_at, s.finished_at
        FROM selections s
        JOIN datasets d ON d.id = s.dataset_id
        LEFT JOIN models m ON m.id = s.winner_id;
CREATE VIEW v_runs AS
        SELECT r.id AS run_id, m.repo_id AS model, d.name AS dataset, d.role AS dataset_role, c.task,
               r.recipe_digest AS recipe, c.name AS recipe_name, r.seed, r.selection_id, r.status, r.test,
               r.reason, r.source, r.submitted, r.seconds, r.model_revision, r.dataset_revision,
               CASE WHEN r.model_revision IS NULL OR r.model_revision = m.revision
                   THEN 1 ELSE 0 END AS of_pinned_revision,
               r.created_at
        FROM runs r
        JOIN models m ON m.id = r.model_id
        JOIN datasets d ON d.id = r.dataset_id
        JOIN recipes c ON c.digest = r.recipe_digest;
CREATE VIEW v_proxies AS
        SELECT d.name AS dataset, s.proxy, m.repo_id AS model, s.score, s.origin, s.source, s.submitted
        FROM proxy_scores s
        JOIN models m ON m.id = s.model_id
        JOIN datasets d ON d.id = s.dataset_id
        WHERE s.model_revision IS NULL OR s.model_revision = m.revision;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('models',3);
INSERT INTO "sqlite_sequence" VALUES('datasets',3);
INSERT INTO "sqlite_sequence" VALUES('runs',6);
INSERT INTO "sqlite_sequence" VALUES('hub_results',1);
INSERT INTO "sqlite_sequence" VALUES('clusterings',1);
INSERT INTO "sqlite_sequence" VALUES('selections',1);
INSERT INTO "sqlite_sequence" VALUES('cluster_events',1);
COMMIT;
