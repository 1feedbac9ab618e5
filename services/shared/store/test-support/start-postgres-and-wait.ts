import { readFileSync } from 'node:fs'
import process from 'node:process'
import pg from 'pg'
import { silentLogger } from '../../telemetry/logger.ts'
import { startPostgres } from '../server/start-postgres.ts'

// Run by start-postgres.test.ts as a process of its own; ends by SIGKILL.
const directory = process.argv[2] ?? ''
const server = await startPostgres({ directory, logger: silentLogger, durable: false })
const client = new pg.Client({
  host: server.socketDirectory,
  port: Number(server.address.split(':')[1]),
  user: server.user,
  database: server.database,
  password: readFileSync(server.passwordFile, 'utf8').trim(),
})
await client.connect()
await client.query('create table kept as select 5 as n')
process.send?.(server.pid)
setInterval(() => undefined, 1_000)
