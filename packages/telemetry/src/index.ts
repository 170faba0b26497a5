/**
 * Metrics and traces of Kharbranth's connections. Each module is an entry point
 * of its own, such as `@kharbranth/telemetry/Telemetry`.
 *
 * @since 0.1.0
 */
export * as Instruments from "./Instruments.ts"
export * as Otlp from "./Otlp.ts"
export * as Prometheus from "./Prometheus.ts"
export * as Telemetry from "./Telemetry.ts"
