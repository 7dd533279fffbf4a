import { redacted } from './config.js'
import type { Events } from './events.js'
import { handlerOf, type HostedPlugin } from './hosted.js'
import type { Instance, Instances } from './instances.js'
import { RpcError, type Dispatch, type RpcCall } from './rpc.js'

export interface ServerState {
  /** By name. */
  readonly hosted: ReadonlyMap<unknown, HostedPlugin>
  readonly instances: Instances
  readonly events: Events
  /** Unix seconds. */
  readonly startTime: number
}

type Fields = Record<string, unknown>
/** Answers with what it returns. */
type Method = (state: ServerState, argument: unknown) => unknown

/** What Kong, or somebody who looks after the server, may ask and gets answered at once. Shapes are kong-pdk's. */
const METHODS: Readonly<Record<string, Method>> = {
  StartInstance(state, argument) {
    const { Name, Config } = fields(argument)
    const instance = state.instances.start(Name, Config)
    return { ...described(instance), StartTime: instance.startTime }
  },
  CloseInstance: (state, id) => described(state.instances.close(id)),
  InstanceStatus: (state, id) => status(state.instances.get(id)),
  GetPluginNames: (state) => names(state),
  GetPluginInfo(state, name) {
    const hosted = state.hosted.get(name)
    if (hosted === undefined) throw new RpcError(`plugin "${String(name)}" is not served here`)
    return hosted.schema.dump()
  },
  GetStatus(state) {
    const plugins = names(state).map((name) => [name, pluginStatus(state, name)] as const)
    return { Pid: process.pid, Plugins: Object.fromEntries(plugins) }
  },
}

/** Every `Step...` carries the value of a PDK call; the names tell kinds of values apart that need no telling here. */
const STEP = 'Step'
const STEP_ERROR = 'StepError'

export function dispatcher(state: ServerState): Dispatch {
  return (name, argument, call) => {
    if (name === 'HandleEvent') handleEvent(state, fields(argument), call)
    else if (name.startsWith(STEP)) step(state, fields(argument), name === STEP_ERROR, call)
    else if (Object.hasOwn(METHODS, name)) call.answer(METHODS[name]!(state, argument))
    else throw new RpcError(`method ${name} not implemented`)
  }
}

function handleEvent(state: ServerState, event: Fields, call: RpcCall): void {
  const instance = state.instances.use(event.InstanceId)
  const phase = String(event.EventName)
  state.events.start(instance, phase, handlerOf(instance.hosted, instance.plugin, phase), call)
}

function step(state: ServerState, { EventId, Data }: Fields, failed: boolean, call: RpcCall): void {
  if (failed) state.events.step(EventId, undefined, Data, call)
  else state.events.step(EventId, Data, undefined, call)
}

function described(instance: Instance): Fields {
  return { Name: instance.name, Id: instance.id, Config: instance.sent }
}

function status(instance: Instance): Fields {
  const Config = redacted(instance.config, instance.hosted.schema.referenceable)
  return { ...described(instance), Config, StartTime: instance.startTime }
}

function pluginStatus(state: ServerState, name: string): Fields {
  const { lastStart, lastClose } = state.instances.times(name)
  return {
    Name: name,
    Modtime: state.startTime,
    LoadTime: state.startTime,
    Instances: state.instances.of(name).map((instance) => status(instance)),
    LastStartInstance: lastStart,
    LastCloseInstance: lastClose,
  }
}

function names(state: ServerState): string[] {
  return [...state.hosted.values()].map((hosted) => hosted.schema.name)
}

function fields(argument: unknown): Fields {
  return typeof argument === 'object' && argument !== null ? (argument as Fields) : {}
}
