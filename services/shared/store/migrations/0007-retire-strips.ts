import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const statements = [
  // Strips of the lot from `first_strip` on that were stamped, booked whole, and never reported.
  'alter table lot_segments add column unreported bigint not null default 0',
  // Strips below the first have been looked at for that, those below the second count; both end at `durable_below`.
  'alter table runs add column scanned_below bigint not null default 0',
  'alter table runs add column settled_below bigint not null default 0',
  'create index runs_to_scan on runs (run_id) where scanned_below < durable_below',
  // Strips that were booked whole and whose parts have been deleted.
  `create table retired_strips (
    run_id integer not null references runs, first_strip bigint not null, strips bigint not null,
    primary key (run_id, first_strip))`,
  // What was counted anew at every reading until now: runs that are booked whole up to where another gateway took them up.
  `with whole as (
    select p.run_id, p.strip, min(p.lot_id) as lot_id, max(n.durable_below) as durable_below
    from strip_parts p join runs n using (run_id)
    where p.strip < n.durable_below
    group by p.run_id, p.strip
    having count(*) = max(p.part_count)
  ), settled as (
    update runs set scanned_below = durable_below, settled_below = durable_below
    where run_id in (select run_id from whole group by run_id having count(*) = max(durable_below))
    returning run_id
  ), unreported as (
    select run_id, lot_id, strip, strip - row_number() over (partition by run_id, lot_id order by strip) as stretch
    from whole w
    where run_id in (select run_id from settled) and not exists (
      select 1 from lot_segments g
      where g.run_id = w.run_id and w.strip >= g.first_strip and w.strip < g.first_strip + g.strips)
  )
  insert into lot_segments (run_id, first_strip, lot_id, strips, reported_unix_ns, unreported)
  select run_id, min(strip), lot_id, 0, 0, count(*) from unreported group by run_id, lot_id, stretch
  on conflict (run_id, first_strip, lot_id) do update set unreported = excluded.unreported`,
]

/** Unreported strips as numbers of their lots, and the names of strips whose parts were deleted, so that parts may be. */
export const retireStrips: Migration = {
  version: 7,
  name: 'retire-strips',
  async up(transaction) {
    for (const statement of statements) await sql.raw(statement).execute(transaction)
  },
}
