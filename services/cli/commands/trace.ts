import type { Command } from 'commander'
import { TraceService } from '../../gen/pelletline/trace/v1/trace_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { parsePelletName } from '../../shared/telemetry/pellet-name.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { callPlant, withAddress } from '../remote/connect-plant.ts'
import { describeTrace, traceJson } from '../remote/describe-trace.ts'

/** `trace PELLET`. */
export const addTraceCommand: AddCommand = (program, context) => {
  withAddress(program.command('trace'))
    .description('the way of one pellet through the plant: when each stage had it in hand, and what became of it')
    .argument('<pellet>', 'plant/line/camera/run/strip/index')
    .addHelpText(
      'after',
      exampleText([
        'npx pelletline trace plant-1/line-1/camera-1/RUN/42/7',
        'npx pelletline trace plant-1/line-1/camera-1/RUN/42/7 --json',
      ]),
    )
    .action(async (pellet: string, { address }: { readonly address: string }, command: Command) => {
      const terminal = context.terminal(command)
      const signal = context.interrupt()
      const key = parsePelletName(pellet)
      const { trace } = await callPlant(TraceService, address, (client) => client.getPelletTrace({ key }, { signal }))
      if (trace === undefined)
        throw new PelletlineError('internal', `The plant at ${address} answered without a trace.`)
      terminal.printJson(traceJson(trace))
      if (!terminal.json) for (const line of describeTrace(trace)) terminal.print(line)
    })
}
