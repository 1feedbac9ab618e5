import type pg from 'pg'
import type { Lead } from '../lead.ts'

/**
 * Takes the lead of that number where no other connection holds it: a lock of a session, which the server takes back when
 * the connection goes, however it goes. One connection of the pool is kept for it.
 */
export async function takeLead(pool: pg.Pool, lock: number): Promise<Lead | undefined> {
  const client = await pool.connect()
  let held = false
  try {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [lock])
    held = rows[0]?.taken === true
  } catch (reason) {
    // The lock may have been taken and the answer lost: it goes with the connection.
    client.release(true)
    throw reason
  }
  if (!held) {
    client.release()
    return undefined
  }
  const drop = () => {
    if (!held) return
    held = false
    // The connection is closed, not given back: the lock goes with it.
    client.release(true)
  }
  client.on('end', drop)
  client.on('error', drop)
  return {
    get held() {
      return held
    },
    async confirm() {
      if (!held) return false
      try {
        await client.query('select 1')
      } catch {
        drop()
      }
      return held
    },
    async release() {
      drop()
    },
  }
}
