export { monitor, type MonitoredTransport } from './app-monitor/monitor.js'
export type { Monitor, MonitorEvents, MonitorOptions } from './app-monitor/types.js'
export type { Meter } from './app-monitor/meter.js'
export type { PrometheusRegistry } from './monitor/prometheus.js'
