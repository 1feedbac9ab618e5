// The program of a child of the plant: `node service-process.ts NAME CONFIG`. It is the service as `pelletline serve`
// runs it, and drains as well where the plant's own process is gone, however that died.
import process from 'node:process'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { type ProcessName, processStarts } from './service-starts.ts'

const [name = '', configFile = ''] = process.argv.slice(2)
const load = processStarts[name as ProcessName]
if (load === undefined) throw new PelletlineError('invalid_argument', `There is no service "${name}".`)
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
// Ctrl-C at the terminal, and its end, reach every process that was started from there; only the plant's own process heeds
// them, and drains its services in their order.
const ignore = () => undefined
const heedNoTerminal = () => {
  for (const signal of ['SIGINT', 'SIGHUP'] as const) {
    process.removeAllListeners(signal)
    process.on(signal, ignore)
  }
}
heedNoTerminal()
const start = await load()
const ended = start(configFile)
heedNoTerminal()
await ended
