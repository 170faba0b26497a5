/**
 * A hub's contract: one value, built from Schema, that declares what the server
 * offers (methods, streams, uploads) and what it calls on its clients (events).
 * Client code and the test server get their types from it, so both ends are
 * checked against the same declaration.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import * as HubCodec from "./HubCodec.ts"
import type { TransferFormat } from "./HubProtocol.ts"

/**
 * A schema that needs no services: values are encoded and decoded on the spot.
 *
 * @category models
 * @since 0.1.0
 */
export type ValueSchema = Schema.ConstraintCodec<unknown, unknown, never, never>

/**
 * An argument that is a stream of items, from caller to server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Upload<S extends ValueSchema = ValueSchema> {
  readonly _tag: "Upload"
  readonly item: S
}

/**
 * What an argument may be declared as.
 *
 * @category models
 * @since 0.1.0
 */
export type Argument = ValueSchema | Upload

/**
 * The declared arguments of a method, stream or event, in order.
 *
 * @category models
 * @since 0.1.0
 */
export type Arguments = ReadonlyArray<Argument>

/**
 * A method that answers once, or with nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Method<
  Args extends Arguments = Arguments,
  Result extends ValueSchema | undefined = ValueSchema | undefined
> {
  readonly _tag: "Method"
  readonly args: Args
  readonly result: Result
  /** Whether running it twice does no harm: only then may a call be replayed after a loss. */
  readonly idempotent: boolean
}

/**
 * A method that answers with a stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamMethod<Args extends Arguments = Arguments, Item extends ValueSchema = ValueSchema> {
  readonly _tag: "StreamMethod"
  readonly args: Args
  readonly item: Item
}

/**
 * What the server calls on its clients. With a `result`, it waits for the
 * client's answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Event<
  Args extends ReadonlyArray<ValueSchema> = ReadonlyArray<ValueSchema>,
  Result extends ValueSchema | undefined = ValueSchema | undefined
> {
  readonly _tag: "Event"
  readonly args: Args
  readonly result: Result
}

/**
 * A hub's contract.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hub<
  Methods extends Readonly<Record<string, Method>> = Readonly<Record<string, Method>>,
  Streams extends Readonly<Record<string, StreamMethod>> = Readonly<Record<string, StreamMethod>>,
  Events extends Readonly<Record<string, Event>> = Readonly<Record<string, Event>>
> {
  readonly methods: Methods
  readonly streams: Streams
  readonly events: Events
  /** How values look on the wire. Part of the contract, so that programs without one do not contain Schema. */
  readonly codec: (format: TransferFormat) => HubCodec.HubCodec
}

/**
 * Any contract.
 *
 * @category models
 * @since 0.1.0
 */
export type Any = Hub

/**
 * What a caller gives for one declared argument.
 *
 * @category type-level
 * @since 0.1.0
 */
export type TypeOf<A> =
  A extends Upload<infer S> ? Stream.Stream<S["Type"], unknown> : A extends ValueSchema ? A["Type"] : never

/**
 * What a declared result is to a caller: nothing, if none is declared.
 *
 * @category type-level
 * @since 0.1.0
 */
export type ResultOf<R extends ValueSchema | undefined> = R extends ValueSchema ? R["Type"] : void

/**
 * Declared arguments, as a caller gives them: values as values,
 * uploads as streams.
 *
 * @category type-level
 * @since 0.1.0
 */
export type ArgumentsOf<Args extends Arguments> = { readonly [I in keyof Args]: TypeOf<Args[I]> }

/**
 * The names of a hub's methods.
 *
 * @category type-level
 * @since 0.1.0
 */
export type MethodName<H extends Any> = keyof H["methods"] & string

/**
 * The names of a hub's streams.
 *
 * @category type-level
 * @since 0.1.0
 */
export type StreamName<H extends Any> = keyof H["streams"] & string

/**
 * The names of a hub's events.
 *
 * @category type-level
 * @since 0.1.0
 */
export type EventName<H extends Any> = keyof H["events"] & string

/**
 * What `invoke` takes for a method.
 *
 * @category type-level
 * @since 0.1.0
 */
export type MethodArguments<H extends Any, N extends MethodName<H>> = ArgumentsOf<H["methods"][N]["args"]>

/**
 * What `invoke` gives for a method.
 *
 * @category type-level
 * @since 0.1.0
 */
export type MethodResult<H extends Any, N extends MethodName<H>> = ResultOf<H["methods"][N]["result"]>

/**
 * What `stream` takes for a stream.
 *
 * @category type-level
 * @since 0.1.0
 */
export type StreamArguments<H extends Any, N extends StreamName<H>> = ArgumentsOf<H["streams"][N]["args"]>

/**
 * What the elements of a stream are.
 *
 * @category type-level
 * @since 0.1.0
 */
export type StreamElement<H extends Any, N extends StreamName<H>> = H["streams"][N]["item"]["Type"]

/**
 * What a handler given to `on` receives.
 *
 * @category type-level
 * @since 0.1.0
 */
export type EventArguments<H extends Any, N extends EventName<H>> = ArgumentsOf<H["events"][N]["args"]>

/**
 * What a handler given to `on` answers.
 *
 * @category type-level
 * @since 0.1.0
 */
export type EventResult<H extends Any, N extends EventName<H>> = ResultOf<H["events"][N]["result"]>

// Read off the options as a whole: where a declaration stands inside `make`, inferring its parts one by one would
// take them from the expected type instead.

/**
 * The arguments that a method or stream declares.
 *
 * @category type-level
 * @since 0.1.0
 */
export type ArgsIn<O> = O extends { readonly args: infer Args extends Arguments } ? Args : readonly []

/**
 * The arguments that an event declares.
 *
 * @category type-level
 * @since 0.1.0
 */
export type EventArgsIn<O> = O extends { readonly args: infer Args extends ReadonlyArray<ValueSchema> }
  ? Args
  : readonly []

/**
 * The result that a method or event declares.
 *
 * @category type-level
 * @since 0.1.0
 */
export type ResultIn<O> = O extends { readonly result: infer Result extends ValueSchema } ? Result : undefined

/**
 * Options of `method`.
 *
 * @category models
 * @since 0.1.0
 */
export interface MethodOptions {
  /** Default: none. */
  readonly args?: Arguments | undefined
  /** Default: the method answers with nothing. */
  readonly result?: ValueSchema | undefined
  /** Default: `false`. */
  readonly idempotent?: boolean | undefined
}

/**
 * Options of `event`.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventOptions {
  /** Default: none. */
  readonly args?: ReadonlyArray<ValueSchema> | undefined
  /** Default: the server expects no answer. */
  readonly result?: ValueSchema | undefined
}

/**
 * Declares a method. Default: no arguments, no result, not idempotent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const method = <const O extends MethodOptions = {}>(options?: O): Method<ArgsIn<O>, ResultIn<O>> => ({
  _tag: "Method",
  args: (options?.args ?? []) as ArgsIn<O>,
  result: options?.result as ResultIn<O>,
  idempotent: options?.idempotent ?? false
})

/**
 * Declares a method that answers with a stream. Default: no arguments.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = <const O extends { readonly args?: Arguments | undefined; readonly item: ValueSchema }>(
  options: O
): StreamMethod<ArgsIn<O>, O["item"]> => ({
  _tag: "StreamMethod",
  args: (options.args ?? []) as ArgsIn<O>,
  item: options.item
})

/**
 * Declares an argument that is a stream. It may stand anywhere among the
 * arguments, and there may be several.
 *
 * @category constructors
 * @since 0.1.0
 */
export const upload = <S extends ValueSchema>(item: S): Upload<S> => ({ _tag: "Upload", item })

/**
 * Declares what the server calls on its clients. Default: no arguments, no
 * answer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const event = <const O extends EventOptions = {}>(options?: O): Event<EventArgsIn<O>, ResultIn<O>> => ({
  _tag: "Event",
  args: (options?.args ?? []) as EventArgsIn<O>,
  result: options?.result as ResultIn<O>
})

/**
 * Makes a hub's contract.
 *
 * @example
 * ```ts
 * import * as Hub from "@kharbranth/signalr/Hub"
 * import * as Schema from "effect/Schema"
 * import { deepStrictEqual } from "node:assert"
 *
 * const Chat = Hub.make({
 *   methods: {
 *     Send: Hub.method({ args: [Schema.String] }),
 *     Add: Hub.method({ args: [Schema.Int, Schema.Int], result: Schema.Int, idempotent: true })
 *   },
 *   streams: { History: Hub.stream({ args: [Schema.DateTimeUtcFromString], item: Schema.String }) },
 *   events: { message: Hub.event({ args: [Schema.String, Schema.String] }) }
 * })
 * deepStrictEqual(Object.keys(Chat.methods), ["Send", "Add"])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  const Methods extends Readonly<Record<string, Method>> = {},
  const Streams extends Readonly<Record<string, StreamMethod>> = {},
  const Events extends Readonly<Record<string, Event>> = {}
>(options: {
  readonly methods?: Methods | undefined
  readonly streams?: Streams | undefined
  readonly events?: Events | undefined
}): Hub<Methods, Streams, Events> => {
  const hub: Hub<Methods, Streams, Events> = {
    methods: (options.methods ?? {}) as Methods,
    streams: (options.streams ?? {}) as Streams,
    events: (options.events ?? {}) as Events,
    codec: (format) => HubCodec.make(hub, format)
  }
  return hub
}
