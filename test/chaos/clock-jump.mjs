// Loaded into every service of a plant under test (NODE_OPTIONS=--import): the wall clock of the process follows the number
// of milliseconds in the file that PELLETLINE_TEST_CLOCK names, as if the machine's time had been set. Monotonic time goes on.
import { readFileSync } from 'node:fs'
import process from 'node:process'

const file = process.env.PELLETLINE_TEST_CLOCK
if (file !== undefined) {
  const now = Date.now
  let offsetMs = 0
  Date.now = () => now() + offsetMs
  const look = () => {
    try {
      offsetMs = Number(readFileSync(file, 'utf8')) || 0
    } catch {
      offsetMs = 0
    }
  }
  look()
  setInterval(look, 250).unref()
}
