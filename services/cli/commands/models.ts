import type { Command } from 'commander'
import { type ModelAssignment, ModelService } from '../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { CallOptions, ServiceClient } from '../../shared/rpc/types.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import {
  assignmentJson,
  assignmentLine,
  changeColumns,
  changeJson,
  changeRow,
  leftOutLines,
  modelColumns,
  modelJson,
  modelLines,
  modelRow,
} from '../models/describe-models.ts'
import { collectText, parseInteger, parseNumber } from '../parse-option.ts'
import { callPlant, withAddress } from '../remote/connect-plant.ts'
import { nameAuthor } from '../remote/name-author.ts'
import { resolveModel } from '../resolve-model.ts'

interface ChangeOptions {
  readonly address: string
  readonly by?: string
  readonly why?: string
}

type Client = ServiceClient<typeof ModelService>
interface Author {
  readonly by: string
  readonly why: string
}

const parseShare = parseNumber({ min: 0, max: 1 })

/** `models list | log | load | shadow | canary | promote | rollback | unload | keygen | sign | verify`. */
export const addModelsCommand: AddCommand = (program, context) => {
  const models = program
    .command('models')
    .description('which models judge in a running plant: load, try, promote and roll back; sign and verify model files')

  withAddress(models.command('list'))
    .description('models in memory and in the store of each student')
    .addHelpText('after', exampleText(['npx pelletline models list']))
    .action(async (options: { address: string }, command: Command) => {
      const terminal = context.terminal(command)
      const signal = context.interrupt()
      const answer = await callPlant(ModelService, options.address, (client) => client.listModels({}, { signal }))
      const lines = modelLines(answer.assignment, answer.students)
      for (const line of lines) terminal.printJson(modelJson(line))
      for (const line of leftOutLines(answer.students)) terminal.note(line)
      if (terminal.json) return
      if (lines.length === 0) terminal.print('No student reports; start one, and look at its log.')
      else {
        terminal.printTable(modelColumns, lines.map(modelRow))
        terminal.print(assignmentLine(answer.assignment))
      }
    })

  withAddress(models.command('log'))
    .description('changes of the models, newest first: who, when, from what to what, why')
    .option('--limit <n>', 'most changes to list', parseInteger({ min: 1, max: 1000 }), 50)
    .addHelpText('after', exampleText(['npx pelletline models log --limit 10']))
    .action(async (options: { address: string; limit: number }, command: Command) => {
      const terminal = context.terminal(command)
      const signal = context.interrupt()
      const { changes } = await callPlant(ModelService, options.address, (client) =>
        client.listModelChanges({ pageSize: options.limit }, { signal }),
      )
      for (const change of changes) terminal.printJson(changeJson(change))
      if (terminal.json) return
      if (changes.length === 0) terminal.print('No change yet; the configured model judges.')
      else terminal.printTable(changeColumns, changes.map(changeRow))
    })

  /** A command that changes what is assigned, and says what is assigned then. */
  const changing = (name: string, description: string, example: string) =>
    withAddress(models.command(name))
      .description(description)
      .option('--by <name>', 'who changes it; default: the user of this computer')
      .option('--why <text>', 'why, for the change log')
      .addHelpText('after', exampleText([`npx pelletline models ${example}`]))

  async function change(
    options: ChangeOptions,
    command: Command,
    call: (
      client: Client,
      author: Author,
      how: CallOptions,
    ) => Promise<{ readonly assignment?: ModelAssignment | undefined }>,
  ): Promise<void> {
    const terminal = context.terminal(command)
    const author = { by: nameAuthor(options.by), why: options.why ?? '' }
    const how = { signal: context.interrupt() }
    const { assignment } = await callPlant(ModelService, options.address, (client) => call(client, author, how))
    terminal.printJson(assignmentJson(assignment))
    if (!terminal.json) terminal.print(assignmentLine(assignment))
  }

  changing(
    'load',
    'load a model beside the one that judges, in every student; it is checked and warmed',
    'load student-2',
  )
    .argument('<model>', 'id of a model in the store')
    .action((model: string, options: ChangeOptions, command: Command) =>
      change(options, command, (client, author, how) => client.loadModel({ model, ...author }, how)),
    )

  changing('unload', 'let go of a model that has no role', 'unload student-2')
    .argument('<model>', 'id of the model')
    .action((model: string, options: ChangeOptions, command: Command) =>
      change(options, command, (client, author, how) => client.unloadModel({ model, ...author }, how)),
    )

  changing('shadow', 'let a model score what is judged, compared and not used', 'shadow student-2 --share 0.2')
    .argument('[model]', 'id of the model')
    .option('--share <share>', 'share of the strip parts that it scores, above 0 to 1', parseShare)
    .option('--off', 'end the shadow')
    .action(
      (model: string | undefined, options: ChangeOptions & { share?: number; off?: boolean }, command: Command) => {
        const { share } = options
        const request = { model: nameOrOff(model, options.off), ...(share === undefined ? {} : { share }) }
        return change(options, command, (client, author, how) => client.setShadow({ ...request, ...author }, how))
      },
    )

  changing('canary', 'let a model judge a share of the product, or some lines', 'canary student-2 --share 0.05')
    .argument('[model]', 'id of the model')
    .option('--share <share>', 'share of the strip parts that it judges, above 0 to 1', parseShare)
    .option('--line <line>', 'a line that it judges; may be repeated', collectText)
    .option('--off', 'end the canary')
    .action(
      (
        model: string | undefined,
        options: ChangeOptions & { share?: number; line?: readonly string[]; off?: boolean },
        command: Command,
      ) => {
        const request = {
          model: nameOrOff(model, options.off),
          share: options.share ?? 0,
          lines: [...(options.line ?? [])],
        }
        return change(options, command, (client, author, how) => client.setCanary({ ...request, ...author }, how))
      },
    )

  changing('promote', 'let a model judge everything', 'promote student-2 --why "fewer false rejects in shadow"')
    .argument('<model>', 'id of the model')
    .action((model: string, options: ChangeOptions, command: Command) =>
      change(options, command, (client, author, how) => client.promote({ model, ...author }, how)),
    )

  changing(
    'rollback',
    'go back to the model that judged before the last promotion',
    'rollback --why "overkill rose"',
  ).action((options: ChangeOptions, command: Command) =>
    change(options, command, (client, author, how) => client.rollback(author, how)),
  )

  models
    .command('keygen')
    .description('make a key pair to sign models with: NAME.key, which is secret, and NAME.pub')
    .argument('<name>', 'path of the keys without ending')
    .addHelpText('after', exampleText(['npx pelletline models keygen ~/keys/plant-models']))
    .action(async (name: string, _options: object, command: Command) => {
      const terminal = context.terminal(command)
      const { writeKeyPair } = await import('../models/sign-models.ts')
      const keys = await writeKeyPair(name)
      terminal.printJson(keys)
      if (terminal.json) return
      terminal.print(`Key ${keys.id}: ${keys.privateFile} signs models; keep it secret. ${keys.publicFile} is for all.`)
      terminal.print(`For student.models.trustedKeys of a configuration, or --trust-key: ${keys.publicKey}`)
    })

  models
    .command('sign')
    .description('sign a model file with its manifest; the signature lies beside it as ID.sig')
    .argument('<model>', 'id of a released model, or path of an ONNX file')
    .requiredOption('--key <file>', 'private key, as `models keygen` makes it')
    .addHelpText(
      'after',
      exampleText(['npx pelletline models sign store/student-2.onnx --key ~/keys/plant-models.key']),
    )
    .action(async (model: string, options: { key: string }, command: Command) => {
      const terminal = context.terminal(command)
      const { signModelFile } = await import('../models/sign-models.ts')
      const signature = await signModelFile(await resolveModel(model), options.key)
      terminal.printJson({ model, signature })
      if (!terminal.json) terminal.print(`Signed: ${signature}.`)
    })

  models
    .command('verify')
    .description('check a model file: its digest, and who vouches for it')
    .argument('<model>', 'id of a released model, or path of an ONNX file')
    .option('--trust-key <key>', 'public key, as a file or as text; may be repeated', collectText)
    .addHelpText('after', exampleText(['npx pelletline models verify student-2 --trust-key ~/keys/plant-models.pub']))
    .action(async (model: string, options: { trustKey?: readonly string[] }, command: Command) => {
      const terminal = context.terminal(command)
      const { verifyModelFile } = await import('../models/sign-models.ts')
      const trust = await verifyModelFile(await resolveModel(model), options.trustKey ?? [])
      terminal.printJson({ model, trust })
      if (!terminal.json) terminal.print(`${model} is ${trust}, and its file is the one that the manifest pins.`)
    })
}

/** The model's id, empty with `--off`; `invalid_argument` where it is neither. */
function nameOrOff(model: string | undefined, off: boolean | undefined): string {
  if ((model === undefined) !== (off === true)) {
    throw new PelletlineError('invalid_argument', 'Name a model, or give --off to end the role: one of both.')
  }
  return model ?? ''
}
