import { createElasticsearchFormat } from './formats/elasticsearch.js'
import type { Format } from './formats/format.js'
import { createJsonFormat } from './formats/json.js'
import { createLokiFormat } from './formats/loki.js'
import { createNdjsonFormat } from './formats/ndjson.js'
import { createOtlpFormat } from './formats/otlp.js'
import { createSplunkFormat } from './formats/splunk.js'
import type { FormatName, HttpSettings } from './options.js'

const makers: Readonly<Record<FormatName, (settings: HttpSettings, now: () => number) => Format>> = {
  ndjson: createNdjsonFormat,
  json: createJsonFormat,
  loki: createLokiFormat,
  elasticsearch: createElasticsearchFormat,
  splunk: createSplunkFormat,
  otlp: createOtlpFormat
}

/**
 * Creates the format that the settings name.
 *
 * @param now - The wall-clock time in milliseconds since the epoch, for lines without a time.
 */
export function createFormat (settings: HttpSettings, now: () => number): Format {
  return makers[settings.format](settings, now)
}
