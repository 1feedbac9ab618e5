import { z } from 'zod'
import { loadConfig } from '../shared/config/load-config.ts'

/** Settings of a line or of a training: those who use them know the keys and check the values. */
const settingsSchema = z.record(z.string(), z.unknown())

/** Loads a file of settings, YAML or JSON; errors as for `loadConfig`, naming the command that wants it. */
export function loadSettings(file: string, command: string): Readonly<Record<string, unknown>> {
  return loadConfig(settingsSchema, file, { service: command })
}
