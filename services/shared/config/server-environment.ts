import process from 'node:process'

/** Variable that names the folder of another installation's `postgres` and `initdb`. */
export const postgresBinVariable = 'PELLETLINE_POSTGRES_BIN'

/** Folder of PostgreSQL's programs that the environment names; undefined where it names none. */
export function readPostgresBin(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = environment[postgresBinVariable]
  return named === '' ? undefined : named
}

/** Where programs are looked for by their names. */
export function readProgramPath(environment: NodeJS.ProcessEnv = process.env): string {
  return environment['PATH'] ?? '/usr/bin:/bin'
}
