import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const counts = ['found', 'classified', 'screened', 'shed', 'not_judged', 'cluster', 'oversize', 'image_edge']
const allCounts = [...counts, 'cut_by_lost_rows', 'ng', 'dust']

const statements = [
  `create table runs (
    run_id integer generated always as identity primary key,
    plant text not null, line text not null, camera text not null, run text not null,
    unique (plant, line, camera, run))`,
  `create table models (
    model_id integer generated always as identity primary key,
    manifest_id text not null, sha256 text not null,
    unique (manifest_id, sha256))`,
  `create table recipes (
    id text not null, version integer not null, body text not null, stored_unix_ns bigint not null,
    primary key (id, version))`,
  `create table lots (
    lot_id bigint generated always as identity primary key,
    name text not null unique, line text not null, state smallint not null, unassigned boolean not null,
    recipe text not null, recipe_version integer not null, material text not null, external_job_id text not null,
    opened_unix_ns bigint not null, closing_unix_ns bigint not null, closed_unix_ns bigint not null,
    simulated boolean not null, note text not null)`,
  'create index lots_by_line on lots (line, lot_id)',
  'create index lots_in_closing on lots (lot_id) where state = 2',
  `create table lines (
    id text primary key, recipe text not null, recipe_version integer not null,
    unassigned_lot_id bigint not null references lots, open_lot_id bigint references lots)`,
  // The hot rows: room on the page keeps their updates from touching the index.
  `create table lot_counts (
    lot_id bigint primary key references lots, rows_acquired bigint not null, rows_lost bigint not null,
    strips bigint not null, audited bigint not null,
    ${allCounts.map((name) => `${name} bigint not null`).join(', ')}) with (fillfactor = 50)`,
  `create table lot_runs (
    lot_id bigint not null references lots, run_id integer not null references runs,
    strips_seen bigint not null, strips_complete bigint not null,
    primary key (lot_id, run_id)) with (fillfactor = 50)`,
  `create table lot_segments (
    run_id integer not null references runs, first_strip bigint not null, lot_id bigint not null references lots,
    strips bigint not null, reported_unix_ns bigint not null,
    primary key (run_id, first_strip, lot_id))`,
  'create index lot_segments_by_lot on lot_segments (lot_id)',
  `create table lot_models (
    lot_id bigint not null references lots, model_id integer not null references models, threshold real not null,
    classified bigint not null, ng bigint not null,
    primary key (lot_id, model_id, threshold)) with (fillfactor = 50)`,
  `create table lot_audits (
    lot_id bigint not null references lots, stratum smallint not null, inclusion_probability double precision not null,
    audited bigint not null, disagreed bigint not null,
    primary key (lot_id, stratum, inclusion_probability)) with (fillfactor = 50)`,
  `create table strip_parts (
    run_id integer not null references runs, strip bigint not null, part integer not null, part_count integer not null,
    position bigint generated always as identity, lot_id bigint not null references lots,
    first_index integer not null, first_row bigint not null, model_id integer references models,
    threshold real not null, simulated boolean not null,
    exposed_unix_ns bigint not null, booked_unix_ns bigint not null,
    rows_acquired bigint not null, rows_lost bigint not null, strips integer not null,
    ${allCounts.map((name) => `${name} integer not null`).join(', ')}, columns bytea not null,
    primary key (run_id, strip, part))`,
  'create unique index strip_parts_by_position on strip_parts (position)',
  'create index strip_parts_by_lot on strip_parts (lot_id, position)',
  `create table pellets (
    run_id integer not null references runs, strip bigint not null, index integer not null, position bigint not null,
    lot_id bigint not null references lots, ng boolean not null, gallery boolean not null,
    x integer not null, y bigint not null, width integer not null, height integer not null,
    margin real not null, crop bytea,
    primary key (run_id, strip, index))`,
  'create index pellets_by_position on pellets (position)',
  `create table audits (
    run_id integer not null references runs, strip bigint not null, index integer not null,
    position bigint generated always as identity, lot_id bigint not null references lots,
    student_id integer references models, stratum smallint not null, inclusion_probability double precision not null,
    student_margin real not null, student_verdict smallint not null, teacher_verdict smallint not null,
    ensemble_score_ng real not null, teacher_margins bytea not null, crop bytea, booked_unix_ns bigint not null,
    primary key (run_id, strip, index))`,
  'create unique index audits_by_position on audits (position)',
  `create table alerts (
    alert_id bigint generated always as identity primary key,
    kind smallint not null, state smallint not null, plant text not null, line text not null, lot text not null,
    value double precision not null, value_lower double precision not null, value_upper double precision not null,
    confidence double precision not null, threshold double precision not null, window_audited integer not null,
    message text not null, raised_unix_ns bigint not null, acknowledged_unix_ns bigint not null,
    resolved_unix_ns bigint not null, acknowledged_by text not null)`,
  'create unique index alerts_unresolved on alerts (line, kind) where state <> 3',
  `create table alert_changes (
    change_id bigint generated always as identity primary key, alert_id bigint not null references alerts,
    body bytea not null, published boolean not null)`,
  'create index alert_changes_to_publish on alert_changes (change_id) where not published',
]

/** Lots, lines, recipes, strip parts, kept pellets, audits and alerts. */
export const keepBooks: Migration = {
  version: 1,
  name: 'keep-books',
  async up(transaction) {
    for (const statement of statements) await sql.raw(statement).execute(transaction)
  },
}
