/** The config of the app's logger, as pino sends it to its transports after their start (`PINO_CONFIG`). */
export interface PinoConfig {
  levels?: { labels: Record<number, string>, values: Record<string, number> }
  messageKey?: string
  errorKey?: string
}
