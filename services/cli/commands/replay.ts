import type { Command } from 'commander'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { parseInteger, parseNumber } from '../parse-option.ts'
import { withAddress } from '../remote/connect-plant.ts'
import type { ReplayOptions } from '../replay/options.ts'

/** `replay FILE`: a recording into a camera gateway. */
export const addReplayCommand: AddCommand = (program, context) => {
  withAddress(program.command('replay'))
    .summary('send a recording to a running plant, as its camera would')
    .description(
      'Sends the strips of a recording to the camera gateway of a running plant. A slow plant slows the replay down;\n' +
        'nothing is lost. Every replay is a run of its own, marked as simulated.',
    )
    .argument('<file>', 'recording, e.g. of `pelletline simulate --out`')
    .option('--line <line>', "line to send to; the recording's own where not given")
    .option('--run <name>', "name of the run; the recording's and the time of day where not given")
    .option('--speed <x>', 'times real time; 0 is as fast as the plant takes it', parseNumber({ min: 0, max: 1000 }), 1)
    .option('--from-row <n>', 'begin with the strip that holds this row', parseInteger({ min: 0 }))
    .option('--skip-damaged', 'leave damaged strips out and send their rows as lost rows, instead of stopping at one')
    .addHelpText('after', exampleText(['npx pelletline replay line.plr --line line-9 --speed 2']))
    .action(async (file: string, options: ReplayOptions, command: Command) => {
      const { runReplay } = await import('../replay/run-replay.ts')
      await runReplay(file, options, context.terminal(command), context.interrupt())
    })
}
