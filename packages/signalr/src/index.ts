/**
 * A SignalR hub client on Kharbranth's connections. Each module is an entry
 * point of its own, such as `@kharbranth/signalr/Hub`;
 * `@kharbranth/signalr/MessagePackHubProtocol` is deliberately not among the
 * names here, so that programs that speak JSON do not contain MessagePack.
 *
 * @since 0.1.0
 */
export * as Handshake from "./Handshake.ts"
export * as Hub from "./Hub.ts"
export * as HubCodec from "./HubCodec.ts"
export * as HubConnection from "./HubConnection.ts"
export * as HubCredentials from "./HubCredentials.ts"
export * as HubError from "./HubError.ts"
export * as HubMessage from "./HubMessage.ts"
export * as HubProtocol from "./HubProtocol.ts"
export * as JsonHubProtocol from "./JsonHubProtocol.ts"
export * as LongPollingTransport from "./LongPollingTransport.ts"
export * as Negotiate from "./Negotiate.ts"
export * as ServerSentEventsTransport from "./ServerSentEventsTransport.ts"
export * as TransportChoice from "./TransportChoice.ts"
