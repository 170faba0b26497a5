/**
 * A fleet of named connections over many machines: each name is owned by one
 * process at a time, and moves when that process dies or leaves.
 *
 * @since 0.1.0
 */
export * as Cluster from "./Cluster.ts"
export * as ClusterManager from "./ClusterManager.ts"
export * as Fleet from "./Fleet.ts"
export * as FleetBus from "./FleetBus.ts"
export * as FleetError from "./FleetError.ts"
export * as FleetEvent from "./FleetEvent.ts"
export * as FleetKind from "./FleetKind.ts"
export * as FleetStore from "./FleetStore.ts"
export * as Lease from "./Lease.ts"
export * as SqlFleetStore from "./SqlFleetStore.ts"
export * as Watchdog from "./Watchdog.ts"
